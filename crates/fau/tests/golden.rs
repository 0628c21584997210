//! Every measure against scipy, scikit-learn and numpy (`tests/golden/fau_measures.py`).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::PathBuf;

use faus_base::order::{auroc, spearman};
use faus_fau::{
    Analysis, AnalysisOptions, Exchange, Logistic, Prior, Smoothing, analyse, average_precision,
    benjamini_hochberg, read_activations, read_samples, write_verdict,
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
        let read = read_activations(&golden(name)).unwrap();
        assert!(read.values().eq(single.values()), "{name}");
    }
}

fn agree(name: &str, got: f64, expected: &Value) {
    match expected.as_f64() {
        Some(expected) => assert!(
            (got - expected).abs() < 1e-9,
            "{name}: {got} instead of {expected}"
        ),
        None => assert!(got.is_nan(), "{name}: {got} instead of NaN"),
    }
}

#[test]
fn intensity_and_pairs_of_one_class_agree_with_scipy_and_scikit_learn() {
    let options = AnalysisOptions {
        permutations: 19,
        ..AnalysisOptions::default()
    };
    let analysis = run(&options);
    let pairs = &analysis.inference.pairs;
    let expected = expected();
    let beside = expected["beside"].as_array().unwrap();
    assert_eq!(pairs.len(), beside.len());
    for ((row, pair), expected) in analysis.associations.iter().zip(pairs).zip(beside) {
        assert_eq!(u64::from(row.count.au), expected["au"]);
        assert_eq!(pair.n_graded as u64, expected["n_graded"], "{row:?}");
        agree(
            "within class",
            pair.auroc_within_class,
            &expected["auroc_within_class"],
        );
        let inside = pair.auroc_within_person;
        agree("within person", inside, &expected["auroc_within_person"]);
        agree("intensity", pair.intensity_rho, &expected["intensity_rho"]);
    }
}

#[test]
fn z_and_d_prime_agree_with_numpy() {
    for exchange in [Exchange::Both, Exchange::Within, Exchange::Whole] {
        let analysis = run(&AnalysisOptions {
            exchange,
            permutations: 0,
            bootstrap: 0,
            ..AnalysisOptions::default()
        });
        let name = serde_json::to_value(exchange).unwrap();
        let expected = expected();
        let beside = expected["beside"].as_array().unwrap();
        for (pair, expected) in analysis.inference.pairs.iter().zip(beside) {
            agree("z", pair.z, &expected["z"][name.as_str().unwrap()]);
            agree("d'", pair.d_prime, &expected["d_prime"]);
        }
    }
}

#[test]
fn partial_correlations_intensities_and_detectable_aurocs_agree_with_statsmodels_and_scikit_learn()
{
    let analysis = run(&AnalysisOptions {
        // So that every live filter has a name.
        fdr: 0.999,
        ..AnalysisOptions::default()
    });
    let expected = expected();
    let beside = expected["beside"].as_array().unwrap();
    let units = analysis.aus_used.len();
    let mut graded = 0;
    for (name, partial, dose) in analysis.named() {
        let own = &beside[name.filter * units..][..units];
        let size = |row: &&Value| row["partial_r"].as_f64().unwrap().abs();
        let strongest = own
            .iter()
            .max_by(|a, b| size(a).total_cmp(&size(b)))
            .unwrap();
        assert_eq!(u64::from(partial.au.unwrap()), strongest["au"]);
        agree("partial r", partial.r, &strongest["partial_r"]);
        agree(
            "named partial r",
            partial.named,
            &own[name.unit]["partial_r"],
        );
        agree("rho", dose.rho, &own[name.unit]["intensity_rho"]);
        let expected = &own[name.unit]["dose"];
        // Both p are of 10,000 draws and more: four standard errors of their difference.
        let p = expected["p"].as_f64().unwrap();
        assert!((dose.p - p).abs() < 0.025, "{dose:?} {expected}");
        let fit = &expected["fits"][name.sign().to_string()];
        agree("isotonic", dose.r2, &fit["r2"]);
        assert_eq!(dose.monotone, fit["monotone"].as_bool());
        graded += 1;
    }
    assert_eq!(graded, 5);
    for (count, detectable) in analysis.aus_used.iter().zip(&analysis.inference.detectable) {
        agree(
            "detectable",
            *detectable,
            &expected["detectable"][count.au.to_string()],
        );
    }
}

#[test]
fn false_discovery_rates_agree_with_statsmodels() {
    let rates = &expected()["rates"];
    let numbers = |name: &str| -> Vec<f64> { serde_json::from_value(rates[name].clone()).unwrap() };
    for (got, expected) in benjamini_hochberg(&numbers("p")).iter().zip(numbers("q")) {
        assert!((got - expected).abs() < 1e-12);
    }
}

#[test]
fn probes_agree_with_scikit_learn() {
    let activations = read_activations(&golden("activations_f32.npy")).unwrap();
    let samples = read_samples(&golden("samples.csv")).unwrap();
    let coded: Vec<_> = samples.iter().filter(|s| s.coded.is_some()).collect();
    // Columns in standard deviations (over n, as numpy has it), constant ones left out.
    let columns: Vec<Vec<f64>> = (0..activations.filters())
        .map(|f| coded.iter().map(|s| activations.get(s.index, f)).collect())
        .filter(|column: &Vec<f64>| column.iter().any(|x| *x != column[0]))
        .map(|column| {
            let n = column.len() as f64;
            let mean = column.iter().sum::<f64>() / n;
            let spread = (column.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
            column.iter().map(|x| (x - mean) / spread).collect()
        })
        .collect();
    let row = |at: usize| columns.iter().map(move |column| column[at]);
    for case in expected()["probes"].as_array().unwrap() {
        let au = case["au"].as_u64().unwrap() as u8;
        let shows = |at: usize| {
            coded[at]
                .coded
                .as_ref()
                .unwrap()
                .iter()
                .any(|unit| unit.0 == au)
        };
        let train: Vec<usize> = (0..coded.len()).filter(|at| at % 3 > 0).collect();
        let rows: Vec<f64> = train.iter().flat_map(|&at| row(at)).collect();
        let labels: Vec<bool> = train.iter().map(|&at| shows(at)).collect();
        let penalty = case["penalty"].as_f64().unwrap();
        let fit = Logistic::fit(&rows, columns.len(), &labels, penalty).unwrap();
        let weights = case["weights"].as_array().unwrap();
        // scikit-learn's solver stops at a gradient of 1e-12 of the sum, or where its line search gives up.
        for (got, expected) in fit.weights.iter().zip(weights) {
            assert!(
                (got - expected.as_f64().unwrap()).abs() < 1e-6,
                "{fit:?} {case}"
            );
        }
        assert!((fit.intercept - case["intercept"].as_f64().unwrap()).abs() < 1e-6);
        let test: Vec<usize> = (0..coded.len()).filter(|at| at % 3 == 0).collect();
        let margins: Vec<f64> = test
            .iter()
            .map(|&at| fit.margin(&row(at).collect::<Vec<_>>()))
            .collect();
        let codes: Vec<bool> = test.iter().map(|&at| shows(at)).collect();
        agree("probe", auroc(&margins, &codes), &case["auroc"]);
    }
}

#[test]
fn rankings_agree_with_scikit_learn_and_scipy() {
    let rankings = &expected()["rankings"];
    let numbers =
        |name: &str| -> Vec<f64> { serde_json::from_value(rankings[name].clone()).unwrap() };
    let wanted: Vec<bool> = serde_json::from_value(rankings["wanted"].clone()).unwrap();
    let scores = numbers("scores");
    agree(
        "precision",
        average_precision(&scores, &wanted),
        &rankings["average_precision"],
    );
    agree("auroc", auroc(&scores, &wanted), &rankings["auroc"]);
    agree(
        "spearman",
        spearman(&numbers("a"), &numbers("b")),
        &rankings["spearman"],
    );
}

/// On evidence as `faus controls` and `faus replicate` write it.
#[test]
fn verdicts_agree_with_the_criteria() {
    let text = std::fs::read(golden("studies.json")).unwrap();
    let studies: Value = serde_json::from_slice(&text).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for case in studies["verdicts"].as_array().unwrap() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, value: &Value| {
            std::fs::write(dir.path().join(name), value.to_string()).unwrap();
        };
        write("fau.json", &serde_json::json!({"verdict": []}));
        write("controls.json", &case["controls"]);
        if !case["replication"].is_null() {
            write("replication.json", &case["replication"]);
        }
        let sentence = write_verdict(dir.path()).unwrap().unwrap();
        let written = std::fs::read(dir.path().join("fau.json")).unwrap();
        let answer = serde_json::from_slice::<Value>(&written).unwrap()["answer"].clone();
        let evidence = &answer["evidence"];
        assert_eq!(answer["verdict"], case["verdict"], "{case}");
        assert_eq!(evidence["units_above_untrained"], case["above"], "{case}");
        assert_eq!(
            evidence["units_above_untrained_within"], case["inside"],
            "{case}"
        );
        assert_eq!(
            case["controls"]["synthetic"] == true,
            sentence.contains("Exploratory")
        );
        seen.insert(answer["verdict"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen.len(), 5, "every verdict occurs");
}
