//! `folds/<k>`: results, learning curves, predictions.

use serde::Deserialize;

use super::RERUN;
use super::summary::FoldResult;
use crate::files::{Part, RunFolder, damaged};

/// What `folds/<k>` and the summary say about one fold.
pub(crate) struct Fold {
    pub number: u64,
    pub result: Part<FoldResult>,
    pub metrics: Part<Vec<MetricsRow>>,
    pub predictions: Part<Predictions>,
}

/// One row of `metrics.csv`.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct MetricsRow {
    pub step: u64,
    pub train_loss: Option<f64>,
    pub val_accuracy: Option<f64>,
}

/// `predictions.csv`.
pub(crate) type Predictions = Vec<Prediction>;

/// What the network said of one test image.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prediction {
    /// Row of the data set.
    pub index: u64,
    pub label: usize,
    pub predicted: usize,
    /// Softmax of the logits at the predicted class, in [0, 1].
    pub confidence: f64,
    /// Softmax at the true class.
    pub of_truth: f64,
}

/// The folds of the summary and those that left a folder, by number; the summary has the last word.
pub(super) fn read(folder: &RunFolder, listed: &[FoldResult], classes: &[String]) -> Vec<Fold> {
    let folders = folder.folders("folds");
    let mut numbers: Vec<u64> = folders
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    numbers.extend(listed.iter().filter_map(|result| result.fold));
    numbers.sort_unstable();
    numbers.dedup();
    let read = |number: u64| {
        let of_summary = listed.iter().find(|result| result.fold == Some(number));
        let own = || folder.json(&format!("folds/{number}/fold.json"), RERUN);
        Fold {
            number,
            result: of_summary.cloned().map_or_else(own, Ok),
            metrics: folder.table(&format!("folds/{number}/metrics.csv"), RERUN),
            predictions: predictions(folder, number, classes.len()),
        }
    };
    numbers.into_iter().map(read).collect()
}

fn predictions(folder: &RunFolder, fold: u64, classes: usize) -> Part<Predictions> {
    let file = format!("folds/{fold}/predictions.csv");
    let rows: Vec<Vec<String>> = folder.table(&file, RERUN)?;
    let parsed: Option<Predictions> = rows.iter().map(|row| prediction(row, classes)).collect();
    let unlike = || "a row is not `index, label, predicted, logit …`".to_owned();
    parsed.ok_or_else(|| damaged(&file, unlike(), RERUN))
}

/// A row as `index, label, predicted`, then a logit a class.
fn prediction(row: &[String], classes: usize) -> Option<Prediction> {
    let [index, label, predicted, logits @ ..] = row else {
        return None;
    };
    let logits: Option<Vec<f64>> = logits.iter().map(|logit| logit.parse().ok()).collect();
    let (logits, label, predicted) = (logits?, label.parse().ok()?, predicted.parse().ok()?);
    let known = classes == 0 || logits.len() == classes;
    if !known || label >= logits.len() || predicted >= logits.len() {
        return None;
    }
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    Some(Prediction {
        index: index.parse().ok()?,
        label,
        predicted,
        confidence: exponentials[predicted] / sum,
        of_truth: exponentials[label] / sum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(row: &str) -> Vec<String> {
        row.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn confidence_is_the_softmax_of_the_logits() {
        let of = prediction(&words("7,0,1,1000,1001"), 2).unwrap();
        let share = 1.0 / (1.0 + (-1.0f64).exp());
        assert!((of.confidence - share).abs() < 1e-12 && (of.of_truth - 1.0 + share).abs() < 1e-12);
        assert_eq!((of.index, of.label, of.predicted), (7, 0, 1));
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        for row in ["7,0", "7,0,2,1,2", "7,-1,0,1,2", "7,0,1,1,x", "7,0,1,1,2,3"] {
            assert_eq!(prediction(&words(row), 2), None, "{row}");
        }
    }
}
