//! `folds/<k>`: results, learning curves, predictions.

use std::collections::BTreeSet;

use csv::StringRecord;
use serde::Deserialize;

use super::folder::{Contents, Gap, Part, RERUN, RunFolder};
use super::summary::FoldResult;

/// The files of `folds/<k>` and the fold's entry in the summary.
pub(crate) struct Fold {
    pub number: u64,
    pub result: Contents<FoldResult>,
    pub metrics: Contents<Vec<MetricsRow>>,
    pub predictions: Contents<Vec<Prediction>>,
}

/// One row of `metrics.csv`.
#[derive(Deserialize)]
pub(crate) struct MetricsRow {
    pub step: u64,
    pub train_loss: Option<f64>,
    pub val_accuracy: Option<f64>,
}

/// The network's output for one test image.
#[derive(Debug, PartialEq)]
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

impl Prediction {
    /// From a row `index, label, predicted`, then a logit per class.
    fn parse(row: &StringRecord, classes: usize) -> Option<Self> {
        let (index, label, predicted, logits): (_, _, _, Vec<f64>) = row.deserialize(None).ok()?;
        let known = classes == 0 || logits.len() == classes;
        if !known || label >= logits.len() || predicted >= logits.len() {
            return None;
        }
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exponentials: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        Some(Self {
            index,
            label,
            predicted,
            confidence: exponentials[predicted] / sum,
            of_truth: exponentials[label] / sum,
        })
    }
}

/// The folds of the summary and those with a folder, by number; the summary's result takes precedence.
pub(super) fn read(folder: &RunFolder, listed: &[FoldResult], classes: &[String]) -> Vec<Fold> {
    let folders = folder.names("folds");
    let numbers = folders.iter().filter_map(|name| name.parse().ok());
    let listed_numbers = listed.iter().filter_map(|result| result.fold);
    let numbers: BTreeSet<u64> = numbers.chain(listed_numbers).collect();
    let read = |number: u64| {
        let file = |name: &str| format!("folds/{number}/{name}");
        let of_summary = listed.iter().find(|result| result.fold == Some(number));
        let own = || folder.json(&file("fold.json"), RERUN);
        Fold {
            number,
            result: of_summary.cloned().map_or_else(own, Ok).into(),
            metrics: folder.table(&file("metrics.csv"), RERUN).into(),
            predictions: predictions(folder, &file("predictions.csv"), classes.len()).into(),
        }
    };
    numbers.into_iter().map(read).collect()
}

pub(super) fn predictions(folder: &RunFolder, file: &str, classes: usize) -> Part<Vec<Prediction>> {
    let (_, rows) = folder.records(file, RERUN)?;
    let parsed = rows.iter().map(|row| Prediction::parse(row, classes));
    let reason = "a row is not `index, label, predicted, logit …`";
    let parsed: Option<_> = parsed.collect();
    parsed.ok_or_else(|| Gap::damaged(file, reason, RERUN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(row: &str) -> Option<Prediction> {
        Prediction::parse(&row.split(',').collect(), 2)
    }

    #[test]
    fn confidence_is_the_softmax_of_the_logits() {
        let of = parse("7,0,1,1000,1001").unwrap();
        let share = 1.0 / (1.0 + (-1.0f64).exp());
        assert!((of.confidence - share).abs() < 1e-12 && (of.of_truth - 1.0 + share).abs() < 1e-12);
        assert_eq!((of.index, of.label, of.predicted), (7, 0, 1));
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        for row in ["7,0", "7,0,2,1,2", "7,-1,0,1,2", "7,0,1,1,x", "7,0,1,1,2,3"] {
            assert_eq!(parse(row), None, "{row}");
        }
    }
}
