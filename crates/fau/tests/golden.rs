//! Every measure against scipy, scikit-learn and numpy (`tests/golden/fau_measures.py`).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::PathBuf;

use faus_fau::{
    Analysis, AnalysisOptions, Prior, Smoothing, analyse, read_activations, read_samples,
};
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(name)
}

fn expected() -> Value {
    let text = std::fs::read_to_string(golden("measures.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn run(options: &AnalysisOptions) -> Analysis {
    let activations = read_activations(&golden("activations_f32.npy")).unwrap();
    let samples = read_samples(&golden("samples.csv")).unwrap();
    analyse(&activations, &samples, &options.check().unwrap()).unwrap()
}

#[test]
fn measures_agree_with_scipy_and_scikit_learn() {
    for case in expected()["cases"].as_array().unwrap() {
        let prior: Prior = serde_json::from_value(case["prior"].clone()).unwrap();
        let options = AnalysisOptions {
            bins: case["bins"].as_u64().unwrap() as usize,
            smoothing: Smoothing {
                prior,
                pseudo_samples: case["pseudo_samples"].as_f64().unwrap(),
            },
            ..AnalysisOptions::default()
        };
        let analysis = run(&options);
        let scores = case["scores"].as_array().unwrap();
        assert_eq!(analysis.associations.len(), scores.len());
        for (row, expected) in analysis.associations.iter().zip(scores) {
            assert_eq!(row.filter as u64, expected["filter"]);
            assert_eq!(u64::from(row.count.au), expected["au"]);
            for (name, &score) in analysis.measures.iter().zip(&row.scores) {
                match expected[*name].as_f64() {
                    // Both sides compute in f64; 1e-9 leaves room for another order of summation.
                    Some(expected) => assert!(
                        (score - expected).abs() < 1e-9,
                        "{row:?} {name}: {score} instead of {expected}"
                    ),
                    None => assert!(score.is_nan(), "{row:?} {name}"),
                }
            }
        }
    }
}

#[test]
fn counts_dead_filters_and_rare_units_agree() {
    let expected = expected();
    let analysis = run(&AnalysisOptions::default());
    assert_eq!(analysis.rows_used as u64, expected["rows_used"]);
    assert_eq!(
        serde_json::json!(analysis.dead_filters),
        expected["dead_filters"]
    );
    let left_out: Vec<u8> = analysis.aus_left_out.iter().map(|c| c.au).collect();
    assert_eq!(serde_json::json!(left_out), expected["left_out"]);
    for count in &analysis.aus_used {
        assert_eq!(
            count.n_with as u64,
            expected["n_with"][count.au.to_string()]
        );
        assert_eq!(count.n_with + count.n_without, analysis.rows_used);
    }
    assert!(analysis.correspondences.iter().all(|c| c.filter != 4));
    let of = |filter| analysis.correspondences.iter().find(|c| c.filter == filter);
    assert_eq!(of(0).unwrap().au, 12);
    assert_eq!(of(3).unwrap().au, 4);
}

#[test]
fn all_spellings_of_the_array_are_read_alike() {
    let single = read_activations(&golden("activations_f32.npy")).unwrap();
    assert_eq!((single.rows(), single.filters()), (120, 6));
    for name in ["activations_f64.npy", "activations_fortran.npy"] {
        assert_eq!(read_activations(&golden(name)).unwrap(), single, "{name}");
    }
}
