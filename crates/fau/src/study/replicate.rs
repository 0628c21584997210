//! Chooses filter-AU pairs on each fold's training people and scores them on its test people.

use faus_base::au;
use faus_base::order::median;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::input::coded::Coded;
use crate::input::table::check_rows;
use crate::lens::NetworkKind;
use crate::study::answer::Answer;
use crate::study::out_of_fold::{FoldActivations, OutOfFold, Replicated, out_of_fold};
use crate::study::run::{CodedRows, RunView};
use crate::study::{Study, check_draws};
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
        let folds = run.folds.iter().zip(&activations).zip(tests);
        let fold = |((&fold, activations), test)| FoldActivations {
            fold,
            activations,
            test,
        };
        let folds: Vec<FoldActivations> = folds.map(fold).collect();
        let (pairs, units) = run.pool.install(|| {
            let coded = Coded::collect(&coded.samples);
            let pairs = folds
                .iter()
                .flat_map(|fold| fold.replicate(&coded, &options));
            let pairs: Vec<Replicated> = pairs.collect();
            Ok::<_, Error>((pairs, out_of_fold(&folds, &coded, &options)?))
        })?;
        let of_fold = |fold: &usize| Tally::of(*fold, pairs.iter().filter(|p| p.fold == *fold));
        let facts = json!({
            "synthetic": run.synthetic,
            "optimistic": run.optimistic.is_some(),
            "exchange": options.exchange,
            "rule": "the action unit with the filter's largest |z| on the people who are not tested; by_au: the filter with the largest |z| for the unit on them",
            "folds": run.folds.iter().map(of_fold).collect::<Vec<_>>(),
            "by_au": units.iter().map(of_unit).collect::<Vec<_>>(),
        });
        let mut verdict = verdict(&pairs, &units, options.fdr, run.folds.len());
        let optimistic = run.optimistic.iter();
        verdict.extend(optimistic.map(|why| format!("This is optimistic: {why}.")));
        answer(&pairs, facts, verdict)
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
        "out_of_fold_auroc": unit.auroc,
        "low": unit.range.low,
        "high": unit.range.high,
        "p": unit.p,
        "q": unit.q,
    })
}

fn verdict(pairs: &[Replicated], units: &[OutOfFold], fdr: f64, folds: usize) -> Vec<String> {
    let all = Tally::of(0, pairs.iter());
    let kept = units.iter().filter(|unit| unit.q <= fdr);
    let kept: Vec<u8> = kept.map(|unit| unit.count.au).collect();
    vec![
        format!(
            "Over {}, {} of {} filter-AU pairs chosen on other people ({:.0}%, chance 50%) keep their direction on people unknown to the network; median AUROC {:.3}.",
            counted(folds, "fold"),
            all.same_direction,
            all.scored,
            100.0 * all.same_direction as f64 / all.scored as f64,
            all.median_test_auroc
        ),
        format!(
            "The best filter of an action unit, chosen on other people, detects {} of {} units on people unknown to the network (false-discovery rate {:.0}%): {}.",
            kept.len(),
            units.len(),
            100.0 * fdr,
            listed(&kept)
        ),
    ]
}
