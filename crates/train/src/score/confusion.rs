//! Confusion counts and the scores of each class.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::score::predictions::Predictions;

/// Scores of one class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// Share of correct predictions among the predictions of the class; 0 without any.
    pub precision: f64,
    /// Share of correct predictions among the class's images; 0 without any.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Images of the class.
    pub support: u64,
}

/// Counts of predictions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scores {
    /// Square; rows are true classes, columns predicted ones.
    pub confusion: Vec<Vec<u64>>,
}

impl Scores {
    /// Counts predictions.
    pub fn count(predictions: &Predictions) -> Self {
        let mut confusion = vec![vec![0; predictions.classes]; predictions.classes];
        for row in 0..predictions.len() {
            confusion[predictions.labels[row] as usize][predictions.predicted(row)] += 1;
        }
        Self { confusion }
    }

    /// Adds the counts of another fold over the same classes.
    pub fn add(&mut self, other: &[Vec<u64>]) {
        if self.confusion.is_empty() {
            self.confusion = vec![vec![0; other.len()]; other.len()];
        }
        for (row, other) in self.confusion.iter_mut().zip(other) {
            row.iter_mut().zip(other).for_each(|(a, b)| *a += b);
        }
    }

    /// Share of images predicted correctly, in [0, 1]; 0 without images.
    pub fn accuracy(&self) -> f64 {
        let rows = self.confusion.iter().enumerate();
        let right = rows.map(|(class, row)| row[class]).sum();
        ratio(right, self.confusion.iter().flatten().sum())
    }

    /// Accuracy of always predicting the most frequent class.
    pub fn majority_accuracy(&self) -> f64 {
        let supports = self.confusion.iter().map(|row| row.iter().sum::<u64>());
        ratio(supports.clone().max().unwrap_or(0), supports.sum())
    }

    /// Mean recall of the classes that have images; 0 without images.
    pub fn balanced_accuracy(&self) -> f64 {
        let classes = (0..self.confusion.len()).map(|class| self.of_class(class));
        mean(classes.filter(|c| c.support > 0).map(|c| c.recall))
    }

    /// Mean F1 of the classes that have images or were predicted; 0 without images.
    pub fn macro_f1(&self) -> f64 {
        let classes = 0..self.confusion.len();
        let occurs = |class: &usize| {
            self.of_class(*class).support > 0 || self.confusion.iter().any(|row| row[*class] > 0)
        };
        mean(classes.filter(occurs).map(|class| self.of_class(class).f1))
    }

    /// Precision, recall and F1 of every class, by name.
    pub fn per_class(&self, names: &[String]) -> BTreeMap<String, ClassScores> {
        let named = names.iter().zip(0..self.confusion.len());
        let scores = named.map(|(name, class)| (name.clone(), self.of_class(class)));
        scores.collect()
    }

    /// Names of the classes without an image.
    pub(crate) fn absent(&self, names: &[String]) -> Vec<String> {
        let named = names.iter().zip(&self.confusion);
        let absent = named.filter(|(_, row)| row.iter().sum::<u64>() == 0);
        absent.map(|(name, _)| name.clone()).collect()
    }

    fn of_class(&self, class: usize) -> ClassScores {
        let right = self.confusion[class][class];
        let support = self.confusion[class].iter().sum();
        let predicted = self.confusion.iter().map(|row| row[class]).sum();
        ClassScores {
            precision: ratio(right, predicted),
            recall: ratio(right, support),
            f1: ratio(2 * right, support + predicted),
            support,
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count == 0.0 { 0.0 } else { sum / count }
}

/// 0 of nothing.
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_a_small_table_by_hand() {
        let scores = Scores {
            confusion: vec![vec![3, 1], vec![2, 4]],
        };
        assert_eq!(scores.accuracy(), 0.7);
        assert_eq!(scores.majority_accuracy(), 0.6);
        let per_class = scores.per_class(&["a".into(), "b".into()]);
        let a = per_class["a"];
        assert_eq!((a.precision, a.recall, a.support), (0.6, 0.75, 4));
        assert!((a.f1 - 2.0 * 0.6 * 0.75 / 1.35).abs() < 1e-12);
    }

    #[test]
    fn no_images_and_a_class_never_predicted_score_zero() {
        assert_eq!(Scores::default().accuracy(), 0.0);
        let scores = Scores {
            confusion: vec![vec![0, 2], vec![0, 0]],
        };
        let per_class = scores.per_class(&["a".into(), "b".into()]);
        assert_eq!(
            (
                per_class["a"].precision,
                per_class["b"].recall,
                per_class["b"].f1
            ),
            (0.0, 0.0, 0.0)
        );
    }
}
