//! `summary.json`, and a fold's `fold.json`, which has the same keys and more.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::value::ends;

/// `summary.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Summary {
    pub experiment: Option<String>,
    pub preset: Option<String>,
    pub synthetic: Option<bool>,
    pub classes: Vec<String>,
    pub folds: Vec<FoldResult>,
    pub test_accuracy: Option<MeanStd>,
    pub final_test_accuracy: Option<MeanStd>,
    pub best_test_accuracy_optimistic: Option<MeanStd>,
    pub test_accuracy_interval: Value,
    pub measures: BTreeMap<String, MeanStd>,
    pub confusion: Vec<Vec<u64>>,
    pub per_class: BTreeMap<String, Value>,
    pub seconds: Option<f64>,
    pub majority_accuracy: Option<f64>,
    pub shortened: Option<Vec<String>>,
    pub protocol: Option<String>,
    pub chosen_by: Option<String>,
    pub subject_independent: Option<bool>,
    pub dataset: Option<String>,
}

impl Summary {
    /// Whether the checkpoints were chosen by the reported accuracy, as in the code of 2015.
    pub fn chosen_on_test(&self) -> bool {
        self.protocol.as_deref() == Some("paper-2015")
    }

    /// Whether the last checkpoints were tested, without a choice.
    pub fn tests_the_last(&self) -> bool {
        self.chosen_by.as_deref() == Some("last")
    }

    /// Accuracy of always predicting the most frequent class: as recorded, else from the confusion matrix.
    pub fn majority(&self) -> Option<f64> {
        let rows = || self.confusion.iter().map(|row| row.iter().sum::<u64>());
        let from_counts = || Some(rows().max()? as f64 / rows().sum::<u64>().max(1) as f64);
        self.majority_accuracy.or_else(from_counts)
    }

    /// Number of classes: as listed, else the rows of the confusion matrix.
    pub fn class_count(&self) -> usize {
        self.classes.len().max(self.confusion.len())
    }

    /// The recorded bootstrap interval of the accuracy over all people tested.
    pub fn interval(&self) -> Option<(f64, f64)> {
        ends(&self.test_accuracy_interval, "low", "high")
    }

    /// Mean test accuracy over folds.
    pub fn mean(&self) -> Option<f64> {
        self.test_accuracy?.mean
    }
}

/// One fold's numbers. Accuracies lie in [0, 1].
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FoldResult {
    pub fold: Option<u64>,
    pub best_step: Option<u64>,
    pub val_accuracy: Option<f64>,
    pub test_accuracy: Option<f64>,
    pub final_test_accuracy: Option<f64>,
    pub best_test_accuracy_optimistic: Option<f64>,
    pub seconds: Option<f64>,
    pub at_chance: bool,
    pub failed: Option<String>,
}

/// Mean and sample standard deviation over folds.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MeanStd {
    pub mean: Option<f64>,
    pub std: Option<f64>,
}
