//! Silences an action unit's filters and measures which expressions are no longer recognised.

use faus_base::au;
use serde::Serialize;
use serde_json::json;

use crate::analysis::Analysis;
use crate::error::Error;
use crate::input::options::AnalysisOptions;
use crate::lens::{Lens, NetworkKind};
use crate::study::Study;
use crate::study::answer::Answer;
use crate::study::filter_sets::{drop_against, equally_active_sets, random_sets};
use crate::study::run::RunView;
use crate::write::words::listed;

/// Silences the filters of one action unit at a time and compares the loss with that of other sets of filters.
#[derive(Debug, Clone, Copy)]
pub struct Ablate {
    /// Maximum number of filters silenced for one action unit, those with the largest KL.
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
        if self.sets < 19 {
            return Err(Error::bad_option("sets", self.sets, "give at least 19"));
        }
        match self.filters {
            0 => Err(Error::bad_option("filters", 0, "give at least one")),
            _ => Ok(()),
        }
    }

    fn answer(&self, run: &RunView) -> Result<Answer, Error> {
        self.check()?;
        let lens = run.lens(NetworkKind::Trained)?;
        let test = Test::of(run);
        let before = test.recalls(&lens.predictions(test.rows, &[vec![]])?[0]);
        let effects = self.effects(run, lens.as_ref(), &test)?;
        let of = |effect: &Effect| test.losses(effect, &before);
        let losses: Vec<Loss> = effects.iter().flat_map(of).collect();
        let facts = json!({
            "synthetic": run.synthetic,
            "fold": run.best_fold,
            "layer": lens.layer(),
            "images": test.rows.len(),
            "sets": self.sets,
            "silenced": "set to 0 after the layer's ReLU and pooling",
            "p": "share of sets that cost at least as much, (b + 1) / (m + 1), not corrected for the number of units and classes",
            "aus": effects.iter().map(|e| json!({"au": e.au, "name": au::name(e.au), "filters": e.filters})).collect::<Vec<_>>(),
        });
        let header = "au,label,label_name,images,filters,recall_before,recall_after,drop,drop_random,drop_active,p_random,p_active";
        let verdict = verdict(&test, before[0], &effects, &losses);
        Answer::new(header, &losses, facts, verdict)
    }
}

impl Ablate {
    fn effects(&self, run: &RunView, lens: &dyn Lens, test: &Test) -> Result<Vec<Effect>, Error> {
        let coded = run.coded();
        let activations = lens.activations(&coded.rows)?;
        let options = AnalysisOptions {
            bootstrap: 0,
            ..run.options.clone()
        };
        let analysis = run.analyse("Exchanging codes", &activations, &coded, &options.check()?)?;
        let live: Vec<usize> = (0..analysis.filters)
            .filter(|filter| !analysis.dead_filters.contains(filter))
            .collect();
        let activity = activations.means();
        // Comparison sets are drawn from the other filters, of which there must be at least as many.
        let units = own_filters(&analysis, self.filters.min(live.len() / 2));
        let seed = run.options.seed;
        let mut effects = Vec::new();
        for (done, (au, filters)) in units.iter().enumerate() {
            run.step("Silencing filters", done, units.len())?;
            let mut sets = vec![filters.clone()];
            sets.extend(random_sets(filters, &live, self.sets, seed));
            sets.extend(equally_active_sets(
                filters, &live, &activity, self.sets, seed,
            ));
            let mut recalls = lens.predictions(test.rows, &sets)?.into_iter();
            let mut recalls = recalls.by_ref().map(|predicted| test.recalls(&predicted));
            effects.push(Effect {
                au: *au,
                filters: filters.clone(),
                after: recalls.next().unwrap_or_default(),
                random: recalls.by_ref().take(self.sets).collect(),
                active: recalls.collect(),
            });
        }
        Ok(effects)
    }
}

/// The filters that correspond to each action unit beyond chance, at most `most`, those with the largest KL.
fn own_filters(analysis: &Analysis, most: usize) -> Vec<(u8, Vec<usize>)> {
    let options = &analysis.options;
    // Without permutations every correspondence counts.
    let beyond = |filter: usize| {
        options.permutations == 0 || analysis.inference.filters[filter].q_max <= options.fdr
    };
    let of = |au: u8| {
        let ranked = analysis.ranked().into_iter();
        let own = ranked.filter(|c| c.au == au && beyond(c.filter));
        let mut filters: Vec<usize> = own.take(most).map(|c| c.filter).collect();
        filters.sort_unstable();
        (au, filters)
    };
    let all = analysis.aus_used.iter().map(|count| of(count.au));
    all.filter(|(_, filters)| !filters.is_empty()).collect()
}

/// Share of correct predictions: over all images first, then class by class; NaN for a class without images.
type Recalls = Vec<f64>;

/// Recalls with an action unit's filters silenced, and with other sets silenced.
struct Effect {
    au: u8,
    filters: Vec<usize>,
    after: Recalls,
    random: Vec<Recalls>,
    active: Vec<Recalls>,
}

/// The test images and their labels.
struct Test<'a> {
    rows: &'a [usize],
    labels: Vec<i64>,
    classes: &'a [String],
}

impl<'a> Test<'a> {
    fn of(run: &RunView<'a>) -> Self {
        Self {
            rows: run.test_rows,
            labels: run.test_rows.iter().map(|&row| run.label(row)).collect(),
            classes: run.classes,
        }
    }

    /// All images, then those of each class.
    fn groups(&self) -> impl Iterator<Item = Option<i64>> {
        std::iter::once(None).chain((0..self.classes.len() as i64).map(Some))
    }

    fn recalls(&self, predicted: &[i64]) -> Recalls {
        let share = |class: Option<i64>| {
            let pairs = predicted.iter().zip(&self.labels);
            let own = pairs.filter(|(_, label)| class.is_none_or(|class| **label == class));
            let (right, all) = own.fold((0, 0), |(right, all), (p, l)| {
                (right + usize::from(p == l), all + 1)
            });
            right as f64 / all as f64
        };
        self.groups().map(share).collect()
    }

    /// An effect on all images, then on each class.
    fn losses(&self, effect: &Effect, before: &Recalls) -> Vec<Loss<'a>> {
        let loss = |(at, class): (usize, Option<i64>)| {
            let drop = before[at] - effect.after[at];
            let against = |sets: &[Recalls]| {
                let others: Vec<f64> = sets.iter().map(|set| before[at] - set[at]).collect();
                drop_against(drop, &others)
            };
            let (p_random, drop_random) = against(&effect.random);
            let (p_active, drop_active) = against(&effect.active);
            Loss {
                au: effect.au,
                label: class.map_or(String::new(), |class| class.to_string()),
                label_name: class.map_or("all", |class| &self.classes[class as usize]),
                images: self.images(class),
                filters: effect.filters.len(),
                before: before[at],
                after: effect.after[at],
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

fn verdict(test: &Test, before: f64, effects: &[Effect], losses: &[Loss]) -> Vec<String> {
    if effects.is_empty() {
        return vec![
            "No filter corresponds to an action unit beyond chance, so none was silenced."
                .to_owned(),
        ];
    }
    let aus: Vec<u8> = effects.iter().map(|e| e.au).collect();
    let shown = test
        .groups()
        .skip(1)
        .filter(|&class| test.images(class) > 0);
    let tests = effects.len() * shown.count();
    let harmed: Vec<String> = losses
        .iter()
        .filter(|loss| loss.harms())
        .map(|loss| format!("{} without AU {}", loss.label_name, loss.au))
        .collect();
    let first = format!(
        "{:.1}% of {} test images are classified correctly with all filters; the filters of {} action units ({}) were silenced one unit at a time.",
        100.0 * before,
        test.rows.len(),
        aus.len(),
        listed(&aus)
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
