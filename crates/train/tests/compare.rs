//! Run folders side by side, and the control of shuffled labels.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::prepare;
use faus_data::{DatasetInfo, Prepared, PreparedWriter, Protocol, Sample};
use faus_train::{Comparison, FoldResult, Summary, accuracy_line, shuffled_labels};
use serde_json::json;

/// A run folder with these test accuracies, one for each fold.
fn run(root: &Path, name: &str, accuracies: &[f64], info: &DatasetInfo) -> PathBuf {
    let folder = root.join(name);
    let folds: Vec<(usize, Result<FoldResult, String>)> = accuracies
        .iter()
        .enumerate()
        .map(|(fold, accuracy)| {
            let result = json!({
                "fold": fold, "synthetic": true, "optimistic": false, "seed": 3, "steps": 10, "best_step": 10,
                "val_accuracy": 0.5, "test_accuracy": accuracy, "final_test_accuracy": accuracy,
                "best_test_accuracy_optimistic": accuracy, "majority_accuracy": 0.3, "images": [80, 10, 10],
                "drawn": {}, "checkpoints": [], "confusion": [[4, 0, 0], [0, 4, 0], [0, 0, 2]], "per_class": {},
                "subjects": [{"subject": fold, "images": 10, "right": 5}], "seconds": 1.0,
            });
            let dir = folder.join(format!("folds/{fold}"));
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("fold.json"), result.to_string()).unwrap();
            (fold, Ok(serde_json::from_value(result).unwrap()))
        })
        .collect();
    let head = Summary {
        experiment: name.to_owned(),
        preset: "quick".to_owned(),
        network: "zero_bias_cnn".to_owned(),
        protocol: Protocol::Paper2017,
        shortened: vec!["fewer steps".to_owned()],
        ..Summary::default()
    };
    let summary = Summary::gather(head, info, &folds, 9.0);
    summary.write(&folder.join("summary.json")).unwrap();
    let config = json!({ "source_digest": "d", "seed": 3, "threads": 2 });
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    folder
}

fn info(root: &Path) -> DatasetInfo {
    prepare(&root.join("set"), 4, 16).info().clone()
}

#[test]
fn later_runs_are_tested_against_the_first() {
    let root = tempfile::tempdir().unwrap();
    let info = info(root.path());
    let first = run(root.path(), "first", &[0.5, 0.6, 0.7, 0.6], &info);
    let better = run(root.path(), "better", &[0.6, 0.7, 0.9, 0.8], &info);
    let short = run(root.path(), "short", &[0.6], &info);
    let comparison = Comparison::read(&first, &[better, short]).unwrap();
    let [against] = &comparison.tests[..] else {
        panic!("one test: {:?}", comparison.tests)
    };
    assert_eq!((against.test.better, against.test.folds), (4, 4));
    assert_eq!(against.p_sign_flip_holm, 2.0 / 16.0);
    assert!(comparison.not_tested[0].contains("results of 1 fold in common"));
    assert_eq!(comparison.shortened, ["fewer steps"]);
    let json = serde_json::to_value(&comparison).unwrap();
    assert_eq!(
        json["tests"][0]["mean_difference"],
        json!(against.test.mean_difference)
    );
    assert_eq!(json["variants"][1]["experiment"], "better");
    assert!(json["variants"][0].get("label").is_none());

    let table = root.path().join("table.csv");
    comparison.write_csv(&table).unwrap();
    let table = std::fs::read_to_string(table).unwrap();
    let mut lines = table.lines();
    assert_eq!(
        lines.next().unwrap(),
        "experiment,preset,seed,folds,failed,test_accuracy_mean,test_accuracy_std,interval_low,interval_high,\
         balanced_accuracy,macro_f1,top2_accuracy,negative_log_likelihood,expected_calibration_error,protocol,optimistic"
    );
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("first,quick,3,4,0,0.6,0.08")
    );
    assert_eq!(lines.count(), 2);
}

#[test]
fn one_fold_has_no_spread() {
    let root = tempfile::tempdir().unwrap();
    let info = info(root.path());
    let runs = ["a", "b"].map(|name| run(root.path(), name, &[0.625], &info));
    let table = Comparison::read(&runs[0], &runs[1..]).unwrap().to_string();
    assert!(table.contains("62.5%") && !table.contains('±'), "{table}");
    let two = ["c", "d"].map(|name| run(root.path(), name, &[0.5, 0.75], &info));
    let table = Comparison::read(&two[0], &two[1..]).unwrap().to_string();
    assert!(table.contains("62.5% ± 17.7"), "{table}");
    let line = |folder: &Path| {
        let text = std::fs::read(folder.join("summary.json")).unwrap();
        accuracy_line(&serde_json::from_slice(&text).unwrap()).unwrap()
    };
    assert!(line(&runs[0]).starts_with("Test accuracy 62.5% over 1 fold "));
    assert!(line(&two[0]).starts_with("Test accuracy 62.5% ± 17.7 over 2 folds "));
}

#[test]
fn runs_of_different_tasks_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let mut info = info(root.path());
    let first = run(root.path(), "first", &[0.5, 0.6], &info);
    info.classes[0] = "calm".to_owned();
    let other = run(root.path(), "other", &[0.5, 0.6], &info);
    let error = Comparison::read(&first, &[other]).unwrap_err().to_string();
    assert!(error.contains("differ in their classes"), "{error}");
    let nowhere = root.path().join("nowhere");
    let error = Comparison::read(&nowhere, &[first])
        .unwrap_err()
        .to_string();
    assert!(error.contains("summary.json: not there"), "{error}");
}

#[test]
fn shuffled_labels_move_with_their_event() {
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 4, 16);
    let shuffle = |name: &str| shuffled_labels(&prepared, 5, &root.path().join(name)).unwrap();
    let (shuffled, again) = (shuffle("a"), shuffle("b"));
    assert_eq!(shuffled.labels(), again.labels());
    assert_eq!(
        shuffled.len() + 1,
        prepared.len(),
        "without the held-out image"
    );
    assert_ne!(shuffled.labels(), &prepared.labels()[..shuffled.len()]);
    let mut events = BTreeMap::new();
    let (mut before, mut after) = ([0; 3], [0; 3]);
    for row in 0..shuffled.len() {
        assert_eq!(shuffled.image(row), prepared.image(row));
        let own = &prepared.samples()[row];
        let event = (own.sequence.clone(), own.label);
        let label = shuffled.labels()[row];
        assert_eq!(*events.entry(event).or_insert(label), label);
        before[own.label as usize] += 1;
        after[label as usize] += 1;
    }
    assert_eq!(before, after, "every class keeps its number of images");
    assert!(Prepared::open(&root.path().join("a")).is_ok());
}

/// As in CK+: of each sequence one neutral frame and three peak frames.
#[test]
fn small_events_get_other_labels_too_and_no_class_grows() {
    let root = tempfile::tempdir().unwrap();
    let source = prepare(&root.path().join("source"), 10, 16);
    let mut writer = PreparedWriter::create(&root.path().join("set"), 16).unwrap();
    for person in 0..20_usize {
        for frame in 0..4 {
            let label = if frame == 0 { 0 } else { 1 + person % 2 };
            let sample = Sample {
                frame: frame as u32,
                label: label as i64,
                label_name: source.info().classes[label].clone(),
                ..source.samples()[6 * person].clone()
            };
            writer.push(sample, source.image(6 * person)).unwrap();
        }
    }
    writer.finish(source.info().clone()).unwrap();
    let prepared = Prepared::open(&root.path().join("set")).unwrap();
    let shuffled = shuffled_labels(&prepared, 5, &root.path().join("shuffled")).unwrap();
    let count =
        |labels: &[i64]| [0, 1, 2].map(|class| labels.iter().filter(|l| **l == class).count());
    assert_eq!(count(shuffled.labels()), [20, 30, 30]);
    let neutral = (0..80).step_by(4).map(|row| shuffled.labels()[row]);
    let moved = neutral.filter(|label| *label > 0).count();
    assert!(
        (9..=18).contains(&moved),
        "{moved} neutral frames have another label"
    );
    for sequence in shuffled.labels().chunks(4) {
        assert!(sequence[1] == sequence[2] && sequence[2] == sequence[3]);
    }
}
