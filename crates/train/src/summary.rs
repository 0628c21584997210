//! The result of a cross-validation: `summary.json`.

use std::collections::BTreeMap;
use std::path::Path;

use faus_base::order;
use faus_data::Protocol;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fold::result::FoldResult;
use crate::recipe::settings::ChosenBy;
use crate::score::confusion::{ClassScores, Scores};
use crate::score::interval::Interval;
use crate::score::measures::Measures;

/// Mean and standard deviation over folds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanStd {
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1); 0 for a single value.
    pub std: f64,
}

impl MeanStd {
    /// Statistics of these values; `None` if empty.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values = &values.into_iter().collect::<Vec<_>>();
        let mean = order::mean(values);
        let std = if values.len() > 1 {
            order::deviation(values)
        } else {
            0.0
        };
        (!values.is_empty()).then_some(Self { mean, std })
    }

    /// ` ± 2.1` in percent; empty for one fold, which has no spread.
    pub(crate) fn spread(&self, folds: usize) -> String {
        match folds {
            0 | 1 => String::new(),
            _ => format!(" ± {:.1}", 100.0 * self.std),
        }
    }
}

/// A fold in the summary: its result, or why it has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryFold {
    /// The test fold.
    pub fold: usize,
    /// Step of the chosen checkpoint.
    pub best_step: Option<u64>,
    /// Its validation accuracy.
    pub val_accuracy: Option<f64>,
    /// Its test accuracy.
    pub test_accuracy: Option<f64>,
    /// Test accuracy of the last checkpoint.
    pub final_test_accuracy: Option<f64>,
    /// Highest test accuracy of any checkpoint: optimistic.
    pub best_test_accuracy_optimistic: Option<f64>,
    /// Seconds of work.
    pub seconds: f64,
    /// Whether it is no better than always predicting the most frequent class.
    #[serde(default)]
    pub at_chance: bool,
    /// Why the fold has no result.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed: Option<String>,
}

/// The whole cross-validation: `summary.json`. Accuracies lie in [0, 1]; rows of `confusion` are true classes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The experiment's name.
    pub experiment: String,
    /// The preset it ran under.
    pub preset: String,
    /// The network's name.
    pub network: String,
    /// Whether the faces are synthetic.
    pub synthetic: bool,
    /// The data set's name.
    pub dataset: String,
    /// Whether no person is in two parts.
    pub subject_independent: bool,
    /// The protocol.
    pub protocol: Protocol,
    /// Whether the test part chose the checkpoints (`paper-2015`): the accuracies are optimistic.
    #[serde(default)]
    pub optimistic: bool,
    /// Class names in label order.
    pub classes: Vec<String>,
    /// Each fold.
    pub folds: Vec<SummaryFold>,
    /// Accuracy over the folds that have a result; `None` if none has.
    pub test_accuracy: Option<MeanStd>,
    /// What chose the checkpoints that were tested.
    #[serde(default)]
    pub chosen_by: ChosenBy,
    /// Accuracy of the last checkpoints.
    pub final_test_accuracy: Option<MeanStd>,
    /// Accuracy of the checkpoints chosen by the test part: optimistic.
    pub best_test_accuracy_optimistic: Option<MeanStd>,
    /// Accuracy of always predicting the most frequent class, over all folds.
    pub majority_accuracy: f64,
    /// Interval of the test accuracy over people; `None` if people are not known.
    #[serde(default)]
    pub test_accuracy_interval: Option<Interval>,
    /// Every measure over the folds, by name ([`Measures`]); empty if a fold of an earlier version has none.
    #[serde(default)]
    pub measures: BTreeMap<String, MeanStd>,
    /// Confusion counts, summed over the folds.
    pub confusion: Vec<Vec<u64>>,
    /// Scores per class over all folds.
    pub per_class: BTreeMap<String, ClassScores>,
    /// The preset's abridgements of the paper's protocol, in plain words.
    pub shortened: Vec<String>,
    /// Seconds of the whole run.
    pub seconds: f64,
}

impl Summary {
    /// Gathers the folds' results; an `Err` holds why a fold has none. `head` names experiment, preset, network,
    /// protocol and abridgements.
    pub fn gather(
        head: Self,
        data: &faus_data::DatasetInfo,
        folds: &[(usize, Result<FoldResult, String>)],
        seconds: f64,
    ) -> Self {
        let results: Vec<&FoldResult> = folds.iter().filter_map(|(_, r)| r.as_ref().ok()).collect();
        let mut scores = Scores::default();
        results.iter().for_each(|r| scores.add(&r.confusion));
        let over = |f: fn(&FoldResult) -> f64| MeanStd::of(results.iter().map(|r| f(r)));
        Self {
            synthetic: data.synthetic,
            dataset: data.name.clone(),
            subject_independent: data.subject_independent,
            optimistic: head.protocol == Protocol::Paper2015,
            classes: data.classes.clone(),
            folds: folds.iter().map(SummaryFold::new).collect(),
            test_accuracy: over(|r| r.test_accuracy),
            final_test_accuracy: over(|r| r.final_test_accuracy),
            best_test_accuracy_optimistic: over(|r| r.best_test_accuracy_optimistic),
            majority_accuracy: scores.majority_accuracy(),
            test_accuracy_interval: interval(&results),
            measures: measures(&results),
            per_class: scores.per_class(&data.classes),
            confusion: scores.confusion,
            seconds,
            ..head
        }
    }

    /// Writes the summary as JSON, atomically.
    ///
    /// # Errors
    /// When a write fails.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        crate::files::write_json(path, self)
    }
}

/// The interval over the people of all test parts; `None` if the people of any part are unknown.
fn interval(results: &[&FoldResult]) -> Option<Interval> {
    let seed = results.first()?.seed;
    let known = results.iter().all(|r| !r.subjects.is_empty());
    let folds: Vec<_> = results.iter().map(|r| &r.subjects[..]).collect();
    known.then(|| Interval::of_accuracy(&folds, seed))?
}

/// The measures over the folds; empty unless all folds have them.
fn measures(results: &[&FoldResult]) -> BTreeMap<String, MeanStd> {
    let all: Option<Vec<Measures>> = results.iter().map(|r| r.measures).collect();
    let all = all.unwrap_or_default();
    let over = |(name, value): (&str, fn(&Measures) -> f64)| {
        Some((name.to_owned(), MeanStd::of(all.iter().map(value))?))
    };
    Measures::NAMED.into_iter().filter_map(over).collect()
}

impl SummaryFold {
    fn new((fold, result): &(usize, Result<FoldResult, String>)) -> Self {
        let r = result.as_ref().ok();
        Self {
            fold: *fold,
            best_step: r.map(|r| r.best_step),
            val_accuracy: r.map(|r| r.val_accuracy),
            test_accuracy: r.map(|r| r.test_accuracy),
            final_test_accuracy: r.map(|r| r.final_test_accuracy),
            best_test_accuracy_optimistic: r.map(|r| r.best_test_accuracy_optimistic),
            seconds: r.map_or(0.0, |r| r.seconds),
            at_chance: r.is_some_and(|r| r.at_chance || r.test_accuracy <= r.majority_accuracy),
            failed: result.as_ref().err().cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_sample_deviation() {
        let of = MeanStd::of([0.8, 0.9, 1.0]).unwrap();
        assert!((of.mean - 0.9).abs() < 1e-12 && (of.std - 0.1).abs() < 1e-12);
        assert_eq!(
            MeanStd::of([0.5]),
            Some(MeanStd {
                mean: 0.5,
                std: 0.0
            })
        );
        assert_eq!(MeanStd::of([]), None);
    }
}
