//! Measures and paired tests against scikit-learn and scipy (`tests/golden/train_scores.py`).

#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::BTreeMap;

use faus_train::{Measures, PairedTest, Predictions};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    predictions: Vec<Case>,
    paired: Vec<Paired>,
}

#[derive(Deserialize)]
struct Case {
    classes: usize,
    labels: Vec<i64>,
    logits: Vec<f32>,
    measures: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Paired {
    first: Vec<f64>,
    second: Vec<f64>,
    test_share: f64,
    mean_difference: f64,
    p_sign_flip: f64,
    p_corrected_t: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/scores.json")).unwrap()
}

#[test]
fn every_measure_is_that_of_scikit_learn() {
    for case in golden().predictions {
        let predictions = Predictions {
            indices: (0..case.labels.len()).collect(),
            labels: case.labels,
            logits: case.logits,
            classes: case.classes,
        };
        let measures = Measures::of(&predictions).unwrap();
        assert_eq!(case.measures.len(), Measures::NAMED.len());
        for (name, value) in Measures::NAMED {
            let (got, want) = (value(&measures), case.measures[name]);
            assert!((got - want).abs() < 1e-9, "{name}: {got} {want}");
        }
    }
}

#[test]
fn paired_tests_are_those_of_scipy() {
    for case in golden().paired {
        let test = PairedTest::of(&case.first, &case.second, case.test_share).unwrap();
        assert!((test.mean_difference - case.mean_difference).abs() < 1e-12);
        assert!((test.p_sign_flip - case.p_sign_flip).abs() < 1e-12);
        assert!((test.p_corrected_t.unwrap() - case.p_corrected_t).abs() < 1e-9);
    }
}
