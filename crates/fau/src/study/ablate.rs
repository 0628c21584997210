//! Silences an action unit's filters and measures which expressions are no longer recognised.

use faus_base::au;
use faus_base::order::mean;
use serde::Serialize;
use serde_json::json;

use crate::analysis::Analysis;
use crate::analysis::names::ranked;
use crate::error::Error;
use crate::input::coded::grouped;
use crate::input::options::AnalysisOptions;
use crate::lens::{Lens, NetworkKind};
use crate::study::Study;
use crate::study::answer::Answer;
use crate::study::filter_sets::{comparison_sets, drop_against};
use crate::study::run::RunView;
use crate::write::words::listed;

/// Silences the filters of one action unit at a time and compares the loss with that of other sets of filters.
#[derive(Debug, Clone, Copy)]
pub struct Ablate {
    /// Maximum number of filters silenced for one action unit, those with the largest z.
    pub filters: usize,
    /// Number of random sets, and of equally active sets, of filters to compare with.
    pub sets: usize,
}

impl Default for Ablate {
    fn default() -> Self {
        Self {
            filters: 16,
            sets: 99,
        }
    }
}

/// p at which a loss counts.
const LEVEL: f64 = 0.05;

impl Study for Ablate {
    fn name(&self) -> &str {
        "ablate"
    }

    fn file(&self) -> &str {
        "causal"
    }

    fn check(&self) -> Result<(), Error> {
        Error::unless(self.sets >= 19, "sets", self.sets, "give at least 19")?;
        Error::unless(self.filters > 0, "filters", 0, "give at least one")
    }

    fn answer(&self, run: &RunView) -> Result<Answer, Error> {
        self.check()?;
        if run.test_rows.is_empty() {
            let why = "no labelled image has a class of the network; name its outputs with `classes` in the description of its input";
            return Err(Error::Unsuitable(why.to_owned()));
        }
        let lens = run.lens(NetworkKind::Trained)?;
        let test = Test::of(run);
        let before = test.recalls(&lens.predictions(test.rows, &[vec![]])?[0]);
        let (units, losses) = self.losses(run, lens.as_ref(), &test, &before)?;
        let facts = json!({
            "synthetic": run.synthetic,
            "fold": run.fold(),
            "layer": lens.layer(),
            "images": test.rows.len(),
            "sets": self.sets,
            "silenced": "set to 0 after the layer's ReLU and pooling",
            "p": "share of sets that cost at least as much, (b + 1) / (m + 1), not corrected for the number of units and classes",
            "aus": units.iter().map(|(au, filters)| json!({"au": au, "name": au::name(*au), "filters": filters})).collect::<Vec<_>>(),
        });
        let header = "au,label,label_name,images,filters,recall_before,recall_after,drop,drop_random,drop_active,p_random,p_active";
        let aus: Vec<u8> = units.iter().map(|(au, _)| *au).collect();
        let verdict = verdict(&test, before[0], &aus, &losses);
        Answer::new(header, &losses, facts, verdict)
    }
}

/// An action unit, and the filters named after it.
type Unit = (u8, Vec<usize>);

impl Ablate {
    /// The units whose filters were silenced, and what that cost.
    fn losses<'a>(
        &self,
        run: &RunView,
        lens: &dyn Lens,
        test: &Test<'a>,
        before: &Recalls,
    ) -> Result<(Vec<Unit>, Vec<Loss<'a>>), Error> {
        let coded = run.coded();
        let activations = lens.activations(&coded.rows)?;
        let options = AnalysisOptions {
            bootstrap: 0,
            ..run.options.clone()
        };
        let analysis = run.analyse("Exchanging codes", &activations, &coded, &options.check()?)?;
        let mut live: Vec<usize> = (0..analysis.filters).collect();
        live.retain(|filter| !analysis.dead_filters.contains(filter));
        let activity = (0..analysis.filters).map(|filter| mean(&activations.filter(filter)));
        let (activity, seed) = (activity.collect::<Vec<_>>(), run.options.seed);
        // Comparison sets are drawn from the other filters, of which there must be at least as many.
        let units = own_filters(&analysis, self.filters.min(live.len() / 2));
        let mut losses = Vec::new();
        for (done, (au, own)) in units.iter().enumerate() {
            run.step("Silencing filters", done, units.len())?;
            let mut sets = vec![own.clone()];
            sets.extend(comparison_sets(own, &live, &activity, self.sets, seed));
            let recalls = lens.predictions(test.rows, &sets)?;
            let recalls: Vec<Recalls> = recalls.iter().map(|set| test.recalls(set)).collect();
            let others = recalls[1..].split_at(self.sets);
            losses.extend(test.losses((*au, own.len()), before, &recalls[0], others));
        }
        Ok((units, losses))
    }
}

/// The filters named after each action unit that are more active with it, at most `most`, those with the largest z.
fn own_filters(analysis: &Analysis, most: usize) -> Vec<Unit> {
    let options = &analysis.options;
    let names = analysis.inference.names.iter();
    // Without permutations no name is tested, and every filter's strongest unit counts.
    let named = names.filter(|name| options.permutations == 0 || name.holds(options.fdr));
    let more = ranked(named.filter(|name| name.sign() > 0).copied());
    let mut units = grouped(more.into_iter().map(|name| (name.au, name.filter)));
    for filters in units.values_mut() {
        filters.truncate(most);
        filters.sort_unstable();
    }
    units.retain(|_, filters| !filters.is_empty());
    units.into_iter().collect()
}

/// Share of correct predictions: over all images first, then class by class; NaN for a class without images.
type Recalls = Vec<f64>;

/// The test images and their labels.
struct Test<'a> {
    rows: &'a [usize],
    labels: Vec<i64>,
    classes: &'a [String],
}

impl<'a> Test<'a> {
    fn of(run: &RunView<'a>) -> Self {
        let label = |&row: &usize| run.samples[row].label.unwrap_or(-1);
        Self {
            rows: run.test_rows,
            labels: run.test_rows.iter().map(label).collect(),
            classes: run.classes,
        }
    }

    /// All images, then those of each class.
    fn groups(&self) -> impl Iterator<Item = Option<i64>> {
        std::iter::once(None).chain((0..self.classes.len() as i64).map(Some))
    }

    fn recalls(&self, predicted: &[i64]) -> Recalls {
        let share = |class: Option<i64>| {
            let right = predicted.iter().zip(&self.labels).filter(|(p, l)| p == l);
            let right = right.filter(|(_, label)| class.is_none_or(|class| **label == class));
            right.count() as f64 / self.images(class) as f64
        };
        self.groups().map(share).collect()
    }

    /// The cost of silencing the filters of a unit, on all images, then on each class. `others` are the recalls with random
    /// and with equally active sets silenced.
    fn losses(
        &self,
        (au, filters): (u8, usize),
        before: &Recalls,
        after: &Recalls,
        others: (&[Recalls], &[Recalls]),
    ) -> Vec<Loss<'a>> {
        let loss = |(at, class): (usize, Option<i64>)| {
            let drop = before[at] - after[at];
            let against = |sets: &[Recalls]| {
                let others: Vec<f64> = sets.iter().map(|set| before[at] - set[at]).collect();
                drop_against(drop, &others)
            };
            let (p_random, drop_random) = against(others.0);
            let (p_active, drop_active) = against(others.1);
            Loss {
                au,
                label: class.map_or(String::new(), |class| class.to_string()),
                label_name: class.map_or("all", |class| &self.classes[class as usize]),
                images: self.images(class),
                filters,
                before: before[at],
                after: after[at],
                drop,
                drop_random,
                drop_active,
                p_random,
                p_active,
            }
        };
        self.groups().enumerate().map(loss).collect()
    }

    fn images(&self, class: Option<i64>) -> usize {
        let of = |label: &&i64| class.is_none_or(|class| **label == class);
        self.labels.iter().filter(of).count()
    }
}

/// The accuracy lost without one action unit's filters, for one class or for all images.
#[derive(Serialize)]
struct Loss<'a> {
    au: u8,
    /// Empty for all images.
    label: String,
    label_name: &'a str,
    images: usize,
    filters: usize,
    before: f64,
    after: f64,
    drop: f64,
    /// Mean cost of random and of equally active sets, and the shares of them that cost at least as much.
    drop_random: f64,
    drop_active: f64,
    p_random: f64,
    p_active: f64,
}

impl Loss<'_> {
    /// Whether an expression loses more than with other filters silenced.
    fn harms(&self) -> bool {
        !self.label.is_empty() && self.drop > 0.0 && self.p_random.max(self.p_active) <= LEVEL
    }
}

fn verdict(test: &Test, before: f64, aus: &[u8], losses: &[Loss]) -> Vec<String> {
    if aus.is_empty() {
        let none = "No filter is named after an action unit that it is more active with, so none was silenced.";
        return vec![none.to_owned()];
    }
    let shown = test.groups().flatten();
    let shown = shown.filter(|&class| test.images(Some(class)) > 0);
    let tests = aus.len() * shown.count();
    let harmed = losses.iter().filter(|loss| loss.harms());
    let harmed = harmed.map(|loss| format!("{} without AU {}", loss.label_name, loss.au));
    let harmed: Vec<String> = harmed.collect();
    let first = format!(
        "{:.1}% of {} test images are classified correctly with all filters; the filters of {} action units ({}) were silenced one unit at a time.",
        100.0 * before,
        test.rows.len(),
        aus.len(),
        listed(aus)
    );
    let second = match harmed.is_empty() {
        true => "No expression loses more than with as many random and equally active filters silenced (p ≤ 0.05 for both).".to_owned(),
        false => format!(
            "{} of {tests} pairs of unit and expression lose more than with as many random and equally active filters silenced: {} (p ≤ 0.05 for both, not corrected for the number of pairs; at most about {:.0} expected by chance).",
            harmed.len(),
            harmed.join(", "),
            LEVEL * tests as f64
        ),
    };
    vec![first, second]
}
