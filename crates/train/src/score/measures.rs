//! Summary measures of prediction quality.

use serde::{Deserialize, Serialize};

use crate::score::confusion::Scores;
use crate::score::predictions::Predictions;

/// Bins of the expected calibration error; Guo et al. 2017 use 15.
const BINS: usize = 15;

/// Summary measures of a network's predictions.
///
/// All are in [0, 1], except the negative log-likelihood, which is at least 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Share of images predicted correctly.
    pub accuracy: f64,
    /// Mean recall of the classes that have images: every class has the same weight, however rare.
    pub balanced_accuracy: f64,
    /// Mean F1 of the classes that have images or were predicted.
    pub macro_f1: f64,
    /// Share of images whose true class is one of the two with the largest logits.
    pub top2_accuracy: f64,
    /// Mean of −ln of the softmax probability of the true class.
    pub negative_log_likelihood: f64,
    /// Expected calibration error: the distance of the largest probability from the accuracy, over 15 bins of equal
    /// width weighed by their images (Guo et al. 2017, equation 3).
    pub expected_calibration_error: f64,
}

/// A measure's name in files, and its value.
type Named = (&'static str, fn(&Measures) -> f64);

impl Measures {
    /// Every measure by its name in files.
    pub const NAMED: [Named; 6] = [
        ("accuracy", |m| m.accuracy),
        ("balanced_accuracy", |m| m.balanced_accuracy),
        ("macro_f1", |m| m.macro_f1),
        ("top2_accuracy", |m| m.top2_accuracy),
        ("negative_log_likelihood", |m| m.negative_log_likelihood),
        ("expected_calibration_error", |m| {
            m.expected_calibration_error
        }),
    ];

    /// Every measure of these predictions; `None` without images.
    pub fn of(predictions: &Predictions) -> Option<Self> {
        if predictions.is_empty() {
            return None;
        }
        let scores = Scores::count(predictions);
        let rows = || (0..predictions.len()).map(|row| Row::new(predictions, row));
        let count = predictions.len() as f64;
        Some(Self {
            accuracy: scores.accuracy(),
            balanced_accuracy: scores.balanced_accuracy(),
            macro_f1: scores.macro_f1(),
            top2_accuracy: rows().filter(|row| row.larger < 2).count() as f64 / count,
            negative_log_likelihood: rows().map(|row| row.surprise).sum::<f64>() / count,
            expected_calibration_error: calibration_error(rows()),
        })
    }
}

/// One image.
struct Row {
    /// −ln of the true class's probability.
    surprise: f64,
    /// Probability of the predicted class.
    confidence: f64,
    right: bool,
    /// Number of classes ranked above the true one by logit, ties broken by number.
    larger: usize,
}

impl Row {
    fn new(predictions: &Predictions, row: usize) -> Self {
        let logits = predictions.row(row);
        let (label, predicted) = (predictions.labels[row] as usize, predictions.predicted(row));
        let largest = f64::from(logits[predicted]);
        // Shifted by the largest, to avoid overflow.
        let sum: f64 = logits.iter().map(|&l| (f64::from(l) - largest).exp()).sum();
        let before = |(class, &logit): (usize, &f32)| {
            logit > logits[label] || (logit == logits[label] && class < label)
        };
        Self {
            surprise: sum.ln() - (f64::from(logits[label]) - largest),
            confidence: 1.0 / sum,
            right: predicted == label,
            larger: logits.iter().enumerate().filter(|&l| before(l)).count(),
        }
    }
}

fn calibration_error(rows: impl Iterator<Item = Row>) -> f64 {
    let (mut gaps, mut count) = ([0.0; BINS], 0);
    for row in rows {
        // A bin includes its upper end: (0, 1/15], (1/15, 2/15] …
        let bin = (row.confidence * BINS as f64).ceil() as usize;
        gaps[bin.clamp(1, BINS) - 1] += f64::from(u8::from(row.right)) - row.confidence;
        count += 1;
    }
    gaps.iter().map(|gap| gap.abs()).sum::<f64>() / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_images_by_hand() {
        let predictions = Predictions {
            indices: vec![0, 1],
            labels: vec![0, 1],
            // Probabilities ¾ and ¼, ½ and ½ (the first on ties is predicted).
            logits: vec![3f32.ln(), 0.0, 1.0, 1.0],
            classes: 2,
        };
        let measures = Measures::of(&predictions).unwrap();
        assert_eq!((measures.accuracy, measures.top2_accuracy), (0.5, 1.0));
        assert_eq!(measures.balanced_accuracy, 0.5);
        assert!((measures.macro_f1 - (2.0 / 3.0 + 0.0) / 2.0).abs() < 1e-12);
        let expected = -(0.75f64.ln() + 0.5f64.ln()) / 2.0;
        assert!((measures.negative_log_likelihood - expected).abs() < 1e-7);
        assert!((measures.expected_calibration_error - (0.25 + 0.5) / 2.0).abs() < 1e-7);
    }

    #[test]
    fn huge_logits_stay_finite_and_no_images_have_no_measures() {
        let mut predictions = Predictions {
            indices: vec![0],
            labels: vec![1],
            logits: vec![3e38, -3e38],
            classes: 2,
        };
        assert!(
            Measures::of(&predictions)
                .unwrap()
                .negative_log_likelihood
                .is_finite()
        );
        predictions.indices.clear();
        assert_eq!(Measures::of(&predictions), None);
    }
}
