//! `network.json`: a network from a file, and its classification of the data set's images.

use serde_json::Value;

use super::folder::{ANALYSE, Gap, Part, RunFolder};
use super::folds::{self, Fold};
use super::summary::{FoldResult, Summary};

/// What the section about the network shows, and settings of a training that did not take place.
const ELSEWHERE: [&str; 6] = [
    "layers",
    "classified",
    "left_out",
    "input",
    "files",
    "inputs",
];
const TRAINING: [&str; 3] = ["name", "network", "train"];

/// What identifies the analysis.
pub(super) fn identity(record: &Value) -> Value {
    let mut record = record.clone();
    let mut remove = |path: &str, keys: &[&str]| {
        let part = record.pointer_mut(path).and_then(Value::as_object_mut);
        if let Some(part) = part {
            part.retain(|key, _| !keys.contains(&key.as_str()));
        }
    };
    remove("", &ELSEWHERE);
    remove("/config", &TRAINING);
    record
}

/// The scores on the data set's labelled images, with the keys of `summary.json`; missing where no class of the data set is one of
/// the network's.
pub(super) fn summary(record: &Value) -> Part<Summary> {
    let (file, found) = ("network.json, key `classified`", &record["classified"]);
    match found.is_null() {
        true => Err(Gap::missing(file, ANALYSE)),
        false => serde_json::from_value(found.clone())
            .map_err(|error| Gap::damaged(file, error, ANALYSE)),
    }
}

/// The predictions in place of those of a fold.
pub(super) fn predictions(folder: &RunFolder, summary: &Summary) -> Vec<Fold> {
    if summary.classes.is_empty() {
        return vec![];
    }
    let result = FoldResult {
        test_accuracy: summary.mean(),
        ..FoldResult::default()
    };
    let file = "predictions.csv";
    vec![Fold {
        number: 0,
        result: Ok(result).into(),
        metrics: Ok(vec![]).into(),
        predictions: folds::predictions(folder, file, summary.classes.len()).into(),
    }]
}
