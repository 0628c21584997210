use faus_tests::shared::{TINY, copy_of_finished};
use faus_tests::{Place, Table, read_json};
use serde_json::Value;

/// Everything but the networks themselves, which are large.
fn no_tensors(path: &std::path::Path) -> bool {
    path.extension()
        .is_none_or(|extension| extension != "safetensors")
}

#[test]
fn two_variants_stand_in_one_table_with_paired_tests() {
    let place = copy_of_finished(no_tensors);
    place
        .faus(&format!(
            "run experiments/ck_plus/cnn.json --data ck --out other {TINY}"
        ))
        .done();
    let ran = place.faus("compare other out --csv table.csv --json compared.json");
    ran.done();
    for part in [
        "SYNTHETIC",
        "ck_plus-cnn ",
        "ck_plus-cnn_ad",
        "fold by fold",
        "shortened: ",
    ] {
        assert!(ran.stdout.contains(part), "no `{part}` in {}", ran.stdout);
    }

    let compared = read_json(&place.path("compared.json"));
    let accuracy = |run: &str, fold: usize| {
        let summary = read_json(&place.path(run).join("summary.json"));
        summary["folds"][fold]["test_accuracy"].as_f64().unwrap()
    };
    let differences: Vec<f64> = (0..4)
        .map(|f| accuracy("out", f) - accuracy("other", f))
        .collect();
    let test = &compared["tests"][0];
    let mean = test["mean_difference"].as_f64().unwrap();
    assert!((mean - differences.iter().sum::<f64>() / 4.0).abs() < 1e-12);
    assert_eq!(
        test["better"],
        differences.iter().filter(|d| **d > 0.0).count()
    );
    assert_eq!(
        test["p_sign_flip"], test["p_sign_flip_holm"],
        "one test needs no correction"
    );

    let units = &compared["action_units"][0];
    assert_eq!(units["run"], "out");
    let units = units["compared"]["units"].as_array().unwrap();
    assert!(!units.is_empty() && units.iter().all(|unit| unit["difference"].is_number()));
    let table = Table::read(&place.path("table.csv"));
    assert_eq!(table.text("experiment"), ["ck_plus-cnn", "ck_plus-cnn_ad"]);
    assert_eq!(compared["variants"][0]["experiment"], "ck_plus-cnn");
}

#[test]
fn the_summary_has_measures_and_an_interval_over_people() {
    let place = copy_of_finished(no_tensors);
    let summary = read_json(&place.path("out/summary.json"));
    let measure = |name: &str| summary["measures"][name]["mean"].as_f64().unwrap();
    assert!(
        (measure("accuracy") - summary["test_accuracy"]["mean"].as_f64().unwrap()).abs() < 1e-12
    );
    for name in [
        "balanced_accuracy",
        "macro_f1",
        "top2_accuracy",
        "expected_calibration_error",
    ] {
        assert!((0.0..=1.0).contains(&measure(name)), "{name}");
    }
    assert!(measure("top2_accuracy") >= measure("accuracy"));
    assert!(measure("negative_log_likelihood") > 0.0);
    let interval = &summary["test_accuracy_interval"];
    assert!(interval["low"].as_f64() < interval["high"].as_f64());
    // Each person who is tested counts once.
    let tested: usize = (0..4)
        .map(|fold| {
            let fold = read_json(&place.path(&format!("out/folds/{fold}/fold.json")));
            fold["subjects"].as_array().unwrap().len()
        })
        .sum();
    assert_eq!(interval["subjects"], tested);
}

/// Shows 5 of issue 4: what it is worth to choose checkpoints on the test fold.
#[test]
fn both_protocols_side_by_side_say_which_is_optimistic() {
    let place = Place::with_faces();
    let command = |protocol: &str| {
        format!("run experiments/ck_plus/cnn_ad.json --data ck {TINY} train.protocol={protocol}")
    };
    let (late, early) = (
        "runs/ck_plus-cnn_ad-quick",
        "runs/ck_plus-cnn_ad-quick-paper-2015",
    );
    for (protocol, out) in [("paper-2017", late), ("paper-2015", early)] {
        let ran = place.faus(&command(protocol));
        assert!(ran.done().last_path().starts_with(out));
    }
    let ran = place.faus(&format!(
        "compare {late} {early} --json compared.json --csv table.csv"
    ));
    ran.done().says(&[
        "ck_plus-cnn_ad paper-2017",
        "ck_plus-cnn_ad paper-2015 (optimistic)",
        "paper-2015 is optimistic: the test fold chose its checkpoints",
        "chosen on validation",
    ]);
    let compared = read_json(&place.path("compared.json"));
    assert_eq!(compared["optimistic"], true);
    assert_eq!(compared["variants"][0]["optimistic"], false);
    assert_eq!(compared["variants"][1]["protocol"], "paper-2015");
    assert_eq!(compared["tests"][0]["folds"], 4);
    let table = Table::read(&place.path("table.csv"));
    assert_eq!(table.text("protocol"), ["paper-2017", "paper-2015"]);
    // Chosen on the test fold, a run is never worse than chosen elsewhere.
    let variant = &compared["variants"][0];
    let mean = |key: &str| variant[key]["mean"].as_f64().unwrap();
    assert!(mean("best_test_accuracy_optimistic") >= mean("test_accuracy"));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let place = copy_of_finished(no_tensors);
    place.faus("compare out").ended(2);
    place
        .faus("compare out nowhere")
        .failed(&["nowhere/summary.json", "not there"]);
    let other = place.path("other");
    faus_tests::copy_tree(&place.path("out"), &other, |_| true);
    let path = other.join("summary.json");
    let mut summary = read_json(&path);
    summary["classes"][0] = Value::from("calm");
    std::fs::write(&path, summary.to_string()).unwrap();
    place
        .faus("compare out other")
        .failed(&["classes", "compared"]);
}
