//! Chooses filter-AU pairs on each fold's training people and scores them on its test people.

use std::collections::BTreeSet;

use faus_base::au;
use faus_base::order::median;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::chance::bootstrap::Range95;
use crate::chance::rates::correct;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::CheckedOptions;
use crate::input::table::check_rows;
use crate::lens::NetworkKind;
use crate::study::answer::Answer;
use crate::study::compare::{SCORES, Scored};
use crate::study::gap::{Above, Resampled};
use crate::study::out_of_fold::{FoldActivations, OutOfFold, Replicated, out_of_fold};
use crate::study::run::{CodedRows, RunView};
use crate::study::stability::Stability;
use crate::study::starts::{Networks, STARTS, further_starts, score_starts, starts};
use crate::study::{Study, check_draws};
use crate::write::table::{csv, rows};
use crate::write::words::{counted, listed};

/// Chooses filters and action units on each fold's training people and scores them on its test people.
#[derive(Debug, Clone, Copy, Default)]
pub struct Replicate;

impl Study for Replicate {
    fn name(&self) -> &str {
        "replicate"
    }

    fn file(&self) -> &str {
        "replication"
    }

    fn answer(&self, run: &RunView) -> Result<Answer, Error> {
        let options = run.options.check()?;
        check_draws(&options)?;
        let coded = run.coded();
        let tests = test_people(run, &coded)?;
        let mut activations = Vec::new();
        for (done, &fold) in run.folds.iter().enumerate() {
            run.step("Activations of every fold", done, run.folds.len())?;
            let lens = run.networks.lens(NetworkKind::Trained, fold, None)?;
            activations.push(lens.activations(&coded.rows)?);
            check_rows(&activations[done], &coded.samples)?;
        }
        let starts = starts(run, &coded)?;
        let found = run.work("Untrained starts", |_| {
            Found::of(run.folds, &activations, &starts, &tests, &coded, &options)
        })?;
        let of_fold = |fold: &usize| {
            let own = found.pairs.iter().filter(|p| p.fold == *fold);
            Tally::of(*fold, own)
        };
        let name = |what: &str, networks: &[Activations]| {
            Stability::of(what, networks, run, &coded, &options)
        };
        // One network on the people of every fold is no second network.
        let networks = match run.trained_elsewhere {
            true => &activations[..1],
            false => &activations,
        };
        let stability = name("Filters of every fold", networks)?;
        let of_starts = name(
            "Filters of untrained starts",
            &starts[..networks.len().min(STARTS)],
        )?;
        let facts = json!({
            "synthetic": run.synthetic,
            "optimistic": run.optimistic.is_some(),
            "exchange": options.exchange,
            "rule": "the action unit with the filter's largest |z| on the people who are not tested; by_au: the filter with the largest |z| for the unit on them",
            "folds": run.folds.iter().map(of_fold).collect::<Vec<_>>(),
            "by_au": found.units.iter().map(Beyond::facts).collect::<Vec<_>>(),
            "people": tested_people(&tests, &coded),
            "starts": STARTS,
            "starts_same_direction": found.starts_same_direction,
            "stability": {"trained": stability, "untrained": of_starts},
        });
        let mut verdict = found.verdict(options.fdr, run.folds.len());
        let optimistic = run.optimistic.iter();
        verdict.extend(optimistic.map(|why| format!("This is optimistic: {why}.")));
        verdict.extend(stability.sentence(&of_starts));
        verdict.extend(found.coarse(&options));
        let mut answer = answer(&found.pairs, facts, verdict)?;
        let table = rows(
            "au,index,fold,person,shows,score",
            found.scored(run, &coded),
        )?;
        answer.files.push((SCORES.to_owned(), csv(&table)));
        Ok(answer)
    }
}

/// The networks of all folds on their test people, beside untrained starts.
struct Found {
    pairs: Vec<Replicated>,
    units: Vec<Beyond>,
    /// Share of the starts' pairs that keep their direction.
    starts_same_direction: f64,
}

/// An action unit's best filters, and how far they are above those of untrained starts.
struct Beyond {
    unit: OutOfFold,
    all: Above,
    /// Over pairs of images of the same expression.
    within: Above,
}

impl Found {
    fn of(
        numbers: &[usize],
        activations: &[Activations],
        starts: &[Activations],
        tests: &[Vec<bool>],
        coded: &CodedRows,
        options: &CheckedOptions,
    ) -> Result<Self, Error> {
        let coded = Coded::collect(&coded.samples);
        let folds = numbers.iter().zip(activations).zip(tests);
        let fold = |((&fold, activations), test): ((_, _), &Vec<bool>)| FoldActivations {
            fold,
            activations,
            test: test.clone(),
        };
        let folds: Vec<FoldActivations> = folds.map(fold).collect();
        let pairs = folds
            .iter()
            .flat_map(|fold| fold.replicate(&coded, options));
        let pairs: Vec<Replicated> = pairs.collect();
        let units = out_of_fold(&folds, &coded, options)?;
        let aus: Vec<AuCount> = units.iter().map(|unit| unit.count).collect();
        let scored = score_starts(&aus, starts, (Networks::OneEach, tests), &coded, options)?;
        let further = further_starts(&scored, |unit| &unit.score, options.seed);
        let inside = further_starts(&scored, |unit| &unit.within, options.seed);
        let of_unit = |(unit, (start, inside)): (OutOfFold, (Resampled, Resampled))| Beyond {
            all: Above::of(&unit.score, &start, true),
            within: Above::of(&unit.within, &inside, unit.testable_within),
            unit,
        };
        let further = further.into_iter().zip(inside);
        let mut units: Vec<Beyond> = units.into_iter().zip(further).map(of_unit).collect();
        correct(&mut units, |unit| unit.all.gap.p, |unit| &mut unit.all.q);
        correct(
            &mut units,
            |unit| unit.within.gap.p,
            |unit| &mut unit.within.q,
        );
        let kept = starts
            .par_iter()
            .enumerate()
            .flat_map_iter(|(start, activations)| {
                let at = start % folds.len();
                let fold = FoldActivations {
                    activations,
                    ..folds[at].clone()
                };
                fold.replicate(&coded, options)
            });
        let kept: Vec<Replicated> = kept.collect();
        let all = Tally::of(0, kept.iter());
        Ok(Self {
            pairs,
            units,
            starts_same_direction: all.same_direction as f64 / all.scored as f64,
        })
    }

    /// The out-of-fold score of every image and unit, by which two runs are compared.
    fn scored(&self, run: &RunView, coded: &CodedRows) -> Vec<Scored> {
        let people = Coded::collect(&coded.samples).subjects;
        let fold = |row: usize| run.test_fold.map_or(0, |folds| folds[row]);
        let of = |Beyond { unit, .. }: &Beyond| {
            let (au, scored) = (unit.count.au, unit.scored.clone());
            let image = |(place, score): (usize, f64)| Scored {
                au,
                index: coded.rows[place],
                fold: fold(coded.rows[place]),
                person: people[place],
                shows: u8::from(coded.samples[place].intensity(au).is_some()),
                score,
            };
            scored.into_iter().map(image).collect::<Vec<_>>()
        };
        self.units.iter().flat_map(of).collect()
    }

    fn verdict(&self, fdr: f64, folds: usize) -> Vec<String> {
        let all = Tally::of(0, self.pairs.iter());
        let units = |above: fn(&Beyond) -> &Above| -> Vec<u8> {
            let kept = self.units.iter().filter(|unit| above(unit).clear(fdr));
            kept.map(|unit| unit.unit.count.au).collect()
        };
        let (kept, inside) = (units(|unit| &unit.all), units(|unit| &unit.within));
        let testable = self.units.iter().filter(|unit| unit.unit.testable_within);
        let kept_direction = match all.scored {
            0 => "No filter has an action unit that can be scored on the people unknown to its network.".to_owned(),
            scored => format!(
                "Over {}, {} of {scored} filter-AU pairs chosen on other people ({:.0}%, in untrained networks {:.0}%) keep their direction on people unknown to the network; median AUROC {:.3}.",
                counted(folds, "fold"),
                all.same_direction,
                100.0 * all.same_direction as f64 / scored as f64,
                100.0 * self.starts_same_direction,
                all.median_test_auroc
            ),
        };
        vec![
            kept_direction,
            format!(
                "The best filter of an action unit, chosen on other people, detects {} of {} units on people unknown to the network better than in {STARTS} untrained starts (false-discovery rate {:.0}% over the units): {}.",
                kept.len(),
                self.units.len(),
                100.0 * fdr,
                listed(&kept)
            ),
            match testable.count() {
                0 => {
                    "No unit varies enough among images of the same expression to be tested there."
                        .to_owned()
                }
                testable => format!(
                    "Among images of the same expression it detects {} of {testable} testable units better than the untrained starts: {}.",
                    inside.len(),
                    listed(&inside)
                ),
            },
        ]
    }

    /// A caveat if resamplings are too few: with so many units, one at the smallest possible p passes only together with others.
    fn coarse(&self, options: &CheckedOptions) -> Option<String> {
        let (units, resamplings) = (self.units.len(), options.bootstrap);
        let lowest = 2.0 / (resamplings as f64 + 1.0);
        let needed = (lowest * units as f64 / options.fdr).ceil();
        (needed > 1.0).then(|| format!(
            "With {resamplings} resamplings no p of a difference is below {lowest:.3}, so of {units} units none can pass correction unless at least {needed:.0} reach it: fewer may have been missed."
        ))
    }
}

impl Beyond {
    fn facts(&self) -> Value {
        let mut facts = of_unit(&self.unit);
        let range = Range95::percentile(&self.unit.within.each);
        facts["untrained_auroc"] = json!(self.all.untrained);
        facts["untrained_low"] = json!(self.all.range.low);
        facts["untrained_high"] = json!(self.all.range.high);
        facts["above_untrained"] = json!(self.all);
        facts["n_rarer_within_class"] = self.unit.n_rarer_within_class.into();
        facts["within_testable"] = json!(self.unit.testable_within);
        facts["within_auroc"] = json!(self.unit.within);
        facts["within_low"] = json!(range.low);
        facts["within_high"] = json!(range.high);
        facts["within_untrained_auroc"] = json!(self.within.untrained);
        facts["within_untrained_low"] = json!(self.within.range.low);
        facts["within_untrained_high"] = json!(self.within.range.high);
        facts["within_above_untrained"] = json!(self.within);
        facts
    }
}

/// An answer whose table is the pairs.
pub(super) fn answer(
    pairs: &[Replicated],
    facts: Value,
    verdict: Vec<String>,
) -> Result<Answer, Error> {
    let header =
        "fold,filter,au,train_kl,train_auroc,test_n_with,test_n_without,test_auroc,same_direction";
    let row = |pair: &Replicated| (*pair, pair.same_direction().map(u8::from));
    Answer::new(header, pairs.iter().map(row), facts, verdict)
}

/// For every finished fold, whether each coded row shows a person of its test fold, sequences without a label included:
/// the network has seen none of them.
fn test_people(run: &RunView, coded: &CodedRows) -> Result<Vec<Vec<bool>>, Error> {
    let tested = |test_fold: &&[i64]| run.folds.iter().any(|&f| test_fold.contains(&(f as i64)));
    let why = "this data set has its own splits, so its people have no test fold; pairs cannot be replicated over folds";
    let test_fold = run.test_fold.filter(tested);
    let test_fold = test_fold.ok_or_else(|| Error::Unsuitable(why.to_owned()))?;
    let of = |fold: &usize| {
        let rows = coded.rows.iter();
        rows.map(|&row| test_fold[row] == *fold as i64).collect()
    };
    Ok(run.folds.iter().map(of).collect())
}

/// People of whom a coded image is tested.
fn tested_people(tests: &[Vec<bool>], coded: &CodedRows) -> usize {
    let people = Coded::collect(&coded.samples)
        .subjects
        .into_iter()
        .enumerate();
    let tested = people.filter(|(row, _)| tests.iter().any(|test| test[*row]));
    tested
        .map(|(_, person)| person)
        .collect::<BTreeSet<u32>>()
        .len()
}

/// AUROC turned so that more than 0.5 means the chosen direction.
fn turned(pair: &Replicated) -> f64 {
    0.5 + (pair.test_auroc - 0.5) * (pair.train_auroc - 0.5).signum()
}

/// Pairs of one fold.
#[derive(Serialize)]
pub(super) struct Tally {
    fold: usize,
    /// Pairs chosen.
    pub selected: usize,
    /// Pairs with an AUROC on the tested people.
    pub scored: usize,
    /// Pairs that keep their direction.
    pub same_direction: usize,
    /// Median of their turned AUROC.
    pub median_test_auroc: f64,
}

impl Tally {
    pub fn of<'a>(fold: usize, pairs: impl Iterator<Item = &'a Replicated>) -> Self {
        let pairs: Vec<&Replicated> = pairs.collect();
        let same = pairs.iter().filter_map(|pair| pair.same_direction());
        let turned: Vec<f64> = pairs.iter().map(|pair| turned(pair)).collect();
        Self {
            fold,
            selected: pairs.len(),
            scored: same.clone().count(),
            same_direction: same.filter(|same| *same).count(),
            median_test_auroc: median(&turned),
        }
    }
}

pub(super) fn of_unit(unit: &OutOfFold) -> Value {
    json!({
        "au": unit.count.au,
        "name": au::name(unit.count.au),
        "folds_scored": unit.filters.len(),
        "filters": unit.filters,
        "out_of_fold_auroc": unit.score.auroc,
        "low": unit.range.low,
        "high": unit.range.high,
        "p": unit.p,
        "q": unit.q,
    })
}
