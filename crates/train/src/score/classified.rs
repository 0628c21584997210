//! How well a network that was trained elsewhere classifies labelled images.

use std::collections::BTreeMap;

use faus_data::Prepared;
use serde::Serialize;

use crate::score::confusion::{ClassScores, Scores};
use crate::score::interval::{Interval, SubjectScore};
use crate::score::measures::Measures;
use crate::score::predictions::Predictions;
use crate::summary::MeanStd;

/// The classification of a data set's labelled images by a network without folds; keys as in `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classified {
    /// Names of the network's outputs, in their order.
    pub classes: Vec<String>,
    /// Images classified.
    pub images: usize,
    /// Accuracy over them.
    pub test_accuracy: MeanStd,
    /// Accuracy of always predicting the most frequent class.
    pub majority_accuracy: f64,
    /// Interval of the accuracy over people; `None` if they are not known.
    pub test_accuracy_interval: Option<Interval>,
    /// Every measure by name ([`Measures`]).
    pub measures: BTreeMap<String, MeanStd>,
    /// Confusion counts.
    pub confusion: Vec<Vec<u64>>,
    /// Scores of the classes that have images.
    pub per_class: BTreeMap<String, ClassScores>,
}

impl Classified {
    /// Counts predictions, whose labels are numbers of outputs; `None` without images.
    pub fn of(predictions: &Predictions, names: &[String], prepared: &Prepared) -> Option<Self> {
        let (scores, measures) = (Scores::count(predictions), Measures::of(predictions)?);
        let people = SubjectScore::count(predictions, prepared);
        let mut per_class = scores.per_class(names);
        per_class.retain(|_, scores| scores.support > 0);
        let one = |mean| MeanStd { mean, std: 0.0 };
        let named = Measures::NAMED.into_iter();
        Some(Self {
            classes: names.to_vec(),
            images: predictions.len(),
            test_accuracy: one(scores.accuracy()),
            majority_accuracy: scores.majority_accuracy(),
            test_accuracy_interval: Interval::of_accuracy(&[&people], 0),
            measures: named
                .map(|(name, of)| (name.to_owned(), one(of(&measures))))
                .collect(),
            confusion: scores.confusion,
            per_class,
        })
    }
}
