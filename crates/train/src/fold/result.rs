//! The result of a fold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::score::checkpoints::Candidate;
use crate::score::confusion::ClassScores;
use crate::score::interval::SubjectScore;
use crate::score::measures::Measures;

/// The result of a finished fold: `fold.json`. Accuracies lie in [0, 1].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldResult {
    /// The test fold.
    pub fold: usize,
    /// Whether the faces are synthetic.
    pub synthetic: bool,
    /// Whether the test part chose the checkpoint (`paper-2015`): the test accuracy is optimistic.
    pub optimistic: bool,
    /// The seed.
    pub seed: u64,
    /// Steps trained.
    pub steps: u64,
    /// Step of the chosen checkpoint: the highest validation accuracy, the first on ties.
    pub best_step: u64,
    /// Its validation accuracy.
    pub val_accuracy: f64,
    /// Its test accuracy: the fold's result.
    pub test_accuracy: f64,
    /// Test accuracy of the last checkpoint, which may be some steps before the last step.
    pub final_test_accuracy: f64,
    /// The highest test accuracy of all checkpoints; optimistic, since the test part chose it.
    pub best_test_accuracy_optimistic: f64,
    /// Test accuracy of always predicting the test part's most frequent class.
    pub majority_accuracy: f64,
    /// Whether the fold failed to leave chance level: its test accuracy is no better than always predicting the most frequent class.
    #[serde(default)]
    pub at_chance: bool,
    /// Images to train on, to validate on, to test on.
    pub images: [usize; 3],
    /// Classes without a test image, for which this fold has no result.
    #[serde(default)]
    pub absent_in_test: Vec<String>,
    /// Random choices of the initialisation, such as the paper's k.
    pub drawn: BTreeMap<String, f64>,
    /// Every checkpoint.
    pub checkpoints: Vec<Candidate>,
    /// Test confusion of the chosen checkpoint; rows are true classes.
    pub confusion: Vec<Vec<u64>>,
    /// Its scores per class.
    pub per_class: BTreeMap<String, ClassScores>,
    /// Its measures on the test part; `None` in folds of earlier versions.
    #[serde(default)]
    pub measures: Option<Measures>,
    /// The test part by person; empty if people are not known.
    #[serde(default)]
    pub subjects: Vec<SubjectScore>,
    /// Seconds of work, evaluation included.
    pub seconds: f64,
}
