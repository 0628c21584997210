//! Pages made from run folders that these tests write: full, empty, damaged, hostile.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use faus_report::{Error, write_report};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A black PNG of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82";
const CLASSES: [&str; 3] = ["neutral", "happy", "<script>alert(1)</script>"];

fn write(run: &Path, file: &str, contents: impl AsRef<[u8]>) {
    let path = run.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, contents).unwrap();
}

fn page(run: &TempDir) -> String {
    let path = write_report(run.path()).unwrap();
    assert_eq!(path, run.path().join("report/index.html"));
    std::fs::read_to_string(path).unwrap()
}

fn summary() -> Value {
    json!({
        "experiment": "ck_plus_cnn_ad", "preset": "quick", "synthetic": true, "classes": CLASSES,
        "folds": [
            {"fold": 0, "best_step": 200, "val_accuracy": 0.95, "test_accuracy": 0.9, "seconds": 30.5,
             "final_test_accuracy": 0.88, "best_test_accuracy_optimistic": 0.925},
            {"fold": 1, "failed": "disk full while writing folds/1/best.safetensors"}
        ],
        "test_accuracy": {"mean": 0.9, "std": null},
        "confusion": [[8, 2, 0], [0, 10, 0], [1, 0, 9]],
        "per_class": {"happy": {"precision": 0.8333, "recall": 1.0, "f1": 0.909, "support": 10}},
        "seconds": 61.0, "majority_accuracy": 0.3334, "subject_independent": true, "protocol": "paper-2017",
        "shortened": ["250 steps instead of 31,000"],
    })
}

fn full() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path();
    write(run, "summary.json", summary().to_string());
    let config = json!({
        "experiment": "ck_plus_cnn_ad", "preset": "quick", "seed": 7, "device": "cpu",
        "versions": {"faus": "0.1.0", "libtorch": "2.11.0"}, "source_digest": "0123abcd",
        "recipe": {"steps": 250}, "command": ["faus", "run", "it's.json"],
    });
    write(run, "config.json", config.to_string());
    let dataset = json!({
        "name": "synthetic CK+", "synthetic": true, "classes": CLASSES, "counts": {"neutral": 10, "happy": 10},
        "subjects": 12, "image_size": [96, 96], "folds": 2,
        "skipped": [{"path": "S\"9/<b>.png", "reason": "not an image"}],
    });
    write(run, "dataset/dataset.json", dataset.to_string());
    let metrics = "step,train_loss,train_accuracy,val_accuracy,images_per_second\n50,1.5,0.4,0.5,300\n100,0.5,0.8,0.9,300\n";
    write(run, "folds/0/metrics.csv", metrics);
    write(run, "folds/1/metrics.csv", "step,train_loss\n50,oops\n");
    let filters = json!({"layer": "conv3", "method": "guided", "filters": [{"filter": 0, "patches": [{"w": 32, "h": 32}]}]});
    write(run, "viz/conv3/filters.json", filters.to_string());
    write(run, "viz/conv3/figure.png", PNG);
    write(run, "viz/conv3/filter-002.png", PNG);
    let fau = json!({
        "layer": "conv3", "synthetic": true, "rows_used": 300, "min_positives": 10,
        "histograms": {"bins": 32, "smoothing": {"prior": "pooled", "pseudo_samples": 16.0}},
        "dead_filters": {"count": 1}, "charts": ["filter-002.svg", "../../secret.svg"],
        "aus_left_out": [{"au": 43, "n_with": 3}],
    });
    write(run, "fau/fau.json", fau.to_string());
    write(
        run,
        "fau/correspondences.csv",
        "filter,au,kl,au_name\n0,12,0.5,Lip corner puller\n2,12,1.5,Lip corner puller\n3,4,1.0,Brow lowerer\n",
    );
    write(
        run,
        "fau/associations.csv",
        "filter,au,n_with,n_without,kl,js,auroc,r\n2,12,100,200,1.5,0.3,0.91,NaN\n2,4,90,210,0.1,0.01,0.5,0.1\n",
    );
    write(
        run,
        "fau/heatmap.svg",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
    );
    write(
        run,
        "fau/filter-002.svg",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
    );
    dir
}

#[test]
fn a_full_run_shows_all_its_parts() {
    let html = page(&full());
    for expected in [
        "Synthetic data.",
        "90.0%",
        "always naming the commonest class would be right on 33.3%",
        "of subjects it had never seen",
        "no null distribution",
        "250 steps instead of 31,000",
        "disk full while writing",
        "27 of 30 test images right (90.0%)",
        "aria-label=\"Fold 0: training loss falls to 0.50",
        "3 of 4 filters of conv3",
        "AU 12 lip corner puller (2 filters)",
        "without correspondence: 1 filter.",
        "AU 43 (present in 3)",
        "faus 0.1.0, libtorch 2.11.0",
        "recipe.steps",
        "guided back-propagation",
        "data:image/png;base64,",
        "data:image/svg+xml;base64,",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
}

#[test]
fn the_page_asks_nothing_of_the_network_and_runs_nothing() {
    let html = page(&full());
    let text = html.replace("http://www.w3.org", "");
    for forbidden in [
        "<script",
        "http://",
        "https://",
        "@import",
        "url(",
        "javascript:",
        "onload=",
    ] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
    assert!(html.len() < 15_000_000);
}

#[test]
fn names_are_text_wherever_they_stand() {
    let html = page(&full());
    assert!(html.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
    assert!(!html.contains("<b>.png"));
    let folder = full();
    let hostile = folder.path().join("\"><img src=x onerror=alert(1)>");
    std::fs::create_dir(&hostile).unwrap();
    let html = std::fs::read_to_string(write_report(&hostile).unwrap()).unwrap();
    assert!(!html.contains("<img src=x"));
}

#[test]
fn the_strongest_filter_comes_first() {
    let html = page(&full());
    let table = html.split("Strongest filters").nth(1).unwrap();
    assert!(table.find("#2").unwrap() < table.find("#0").unwrap());
    assert!(table.find("AU 12").unwrap() < table.find("AU 4 ").unwrap());
}

#[test]
fn an_empty_folder_still_gives_a_page_that_says_what_is_missing() {
    let run = tempfile::tempdir().unwrap();
    let html = page(&run);
    for file in [
        "summary.json",
        "config.json",
        "dataset/dataset.json",
        "viz/conv3/figure.png",
        "fau/correspondences.csv",
    ] {
        assert!(
            html.contains(&format!("<strong>Missing:</strong> <code>{file}</code>")),
            "{file}"
        );
    }
    assert!(html.contains("<code>faus run EXPERIMENT.json --resume</code>"));
    assert!(html.contains("No file of this run says whether"));
}

#[test]
fn damaged_files_are_named_with_the_reason() {
    let run = full();
    for file in [
        "summary.json",
        "config.json",
        "dataset/dataset.json",
        "fau/fau.json",
    ] {
        write(run.path(), file, "{\"synthetic\": true");
    }
    write(
        run.path(),
        "fau/correspondences.csv",
        "filter,au,kl,au_name\nx,12,0.5,a\n",
    );
    write(run.path(), "viz/conv3/figure.png", "<html>");
    let html = page(&run);
    for file in [
        "summary.json",
        "config.json",
        "dataset/dataset.json",
        "fau/correspondences.csv",
    ] {
        assert!(
            html.contains(&format!(
                "<strong>Cannot be read:</strong> <code>{file}</code>"
            )),
            "{file}"
        );
    }
    assert!(html.contains("EOF while parsing") && html.contains("it is not a PNG file"));
}

#[test]
fn a_confusion_matrix_that_is_not_square_is_no_panic() {
    let run = full();
    let mut summary = summary();
    summary["confusion"] = json!([[1, 2], [3]]);
    write(run.path(), "summary.json", summary.to_string());
    assert!(page(&run).contains("is not square"));
}

#[test]
fn folds_are_found_without_a_summary() {
    let run = full();
    std::fs::remove_file(run.path().join("summary.json")).unwrap();
    write(
        run.path(),
        "folds/0/fold.json",
        r#"{"fold": 0, "test_accuracy": 0.75}"#,
    );
    let html = page(&run);
    assert!(html.contains("75.0%") && html.contains("not finished"));
}

#[test]
fn published_numbers_stand_only_beside_their_task() {
    let run = full();
    assert!(!page(&run).contains("FN2EN"));
    let mut eight = summary();
    eight["classes"] = json!(["a", "b", "c", "d", "e", "f", "g", "h"]);
    write(run.path(), "summary.json", eight.to_string());
    let html = page(&run);
    assert!(html.contains("FN2EN") && html.contains("nothing here may be compared with them"));
    eight["experiment"] = "swap_model".into();
    write(run.path(), "summary.json", eight.to_string());
    assert!(!page(&run).contains("FN2EN"));
}

#[test]
fn choosing_on_the_test_fold_is_called_optimistic() {
    let run = full();
    assert!(!page(&run).contains("paper-2015"));
    let mut summary = summary();
    summary["protocol"] = "paper-2015".into();
    summary["subject_independent"] = false.into();
    write(run.path(), "summary.json", summary.to_string());
    let html = page(&run);
    assert!(html.contains("so the test column is optimistic too"));
    assert!(html.contains("The folds are not subject-independent"));
    assert!(html.contains("<strong>Not subject-independent.</strong>"));
}

#[test]
fn a_fold_that_learned_nothing_and_a_single_fold_are_not_dressed_up() {
    let run = full();
    let mut summary = summary();
    summary["folds"][0]["at_chance"] = true.into();
    summary["test_accuracy"]["std"] = 0.0.into();
    write(run.path(), "summary.json", summary.to_string());
    let html = page(&run);
    assert!(html.contains("no better than the commonest class"));
    assert!(!html.contains("± 0.0%") && !html.contains("(mean ± standard deviation over folds)"));
}

#[test]
fn pictures_stop_before_the_page_grows_too_large() {
    let run = full();
    let mut huge = PNG.to_vec();
    huge.resize(11 << 20, 0);
    write(run.path(), "viz/conv3/figure.png", huge);
    let html = page(&run);
    assert!(html.contains("are more than the") && html.len() < 15_000_000);
}

#[test]
fn the_same_run_gives_the_same_page() {
    let run = full();
    assert_eq!(page(&run), page(&run));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_json_stops_the_page(
        summary in r#"\{("(folds|confusion|classes|test_accuracy|per_class|x)": (\[[0-9,]{0,5}\]|\{\}|null|1|"a"),?){0,3}\}"#,
        fau in r#"\{("(charts|histograms|dead_filters|layer)": (\[[0-9,]{0,5}\]|\{\}|null|1|"a"),?){0,3}\}"#,
        table in "filter,au,kl\n([0-9,a.-]{0,6}\n){0,4}",
    ) {
        let run = full();
        write(run.path(), "summary.json", summary);
        write(run.path(), "fau/fau.json", &fau);
        write(run.path(), "config.json", &fau);
        write(run.path(), "dataset/dataset.json", fau);
        write(run.path(), "fau/correspondences.csv", &table);
        write(run.path(), "folds/0/metrics.csv", table);
        page(&run);
    }
}

#[test]
fn no_folder_is_an_error() {
    let error = write_report(Path::new("no/such/run")).unwrap_err();
    assert!(matches!(error, Error::NoRun { .. }) && error.to_string().contains("no/such/run"));
}
