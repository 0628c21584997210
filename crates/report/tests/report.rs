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
    write(run, "viz/conv3/frontpage.png", PNG);
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
        "fau/names.csv",
        "filter,au,au_name,sign,auroc,d_prime,z,p,q,within_class,auroc_within_class,p_within_class,q_within_class\n\
         2,12,Lip corner puller,1,0.91,1.9,9.5,0.001,0.002,holds,0.7,0.01,0.02\n0,12,Lip corner puller,1,0.8,1.1,5,0.001,0.002,fails,0.5,0.6,0.6\n3,4,Brow lowerer,-1,0.3,-0.8,-4,0.01,0.02,untestable,NaN,NaN,NaN\n",
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
        "Baselines: 33.3% (most frequent expression) and 33.3% (guessing)",
        "of people not seen in training",
        "No null distribution has been computed, so no filter is named",
        "250 steps instead of 31,000",
        "disk full while writing",
        "27 of 30 test images correct (90.0%)",
        "Last checkpoint, test",
        "The patterns of the paper&#39;s first picture",
        "aria-label=\"Learning curves of 1 fold: the mean training loss ends at 0.50 nats, the mean validation accuracy at 90.0%",
        "3 of 4 filters of conv3 respond",
        "without correspondence: 1 filter.",
        "AU 43 (present in 3)",
        "faus 0.1.0, libtorch 2.11.0",
        "recipe.steps",
        "guided back-propagation",
        "data:image/png;base64,",
        "data:image/svg+xml;base64,",
        "data:text/csv;charset=utf-8;base64,",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
}

#[test]
fn the_page_asks_nothing_of_the_network_and_runs_nothing() {
    let html = page(&full());
    let (script, page) = (include_str!("../templates/page.js"), html.as_str());
    assert_eq!(
        page.matches("<script").count(),
        2,
        "behaviour and data, no more"
    );
    // The reader may follow these two; the page itself loads nothing.
    let links = ["https://www.paulekman.com/", "https://arxiv.org/abs/"];
    let links = links.map(|link| format!("<a href=\"{link}"));
    let text = links.iter().fold(page.replace(script, ""), |text, link| {
        text.replace(link, "")
    });
    for forbidden in [
        "http://",
        "https://",
        "@import",
        "url(",
        "javascript:",
        "onload=",
        "style=",
        "unsafe-inline",
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
    let table = html.split("Filters farthest from chance").nth(1).unwrap();
    let table = table.split("</table>").next().unwrap();
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
    assert!(html.contains("No file of this run records whether"));
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
    assert!(html.contains("EOF while parsing") && html.contains("viz/conv3/figure.png"));
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
    assert!(html.contains("FN2EN") && html.contains("it must not be compared with"));
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
    assert!(html.contains("(not subject-independent: the same person may be"));
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
    assert!(html.contains("no better than the most frequent class"));
    assert!(!html.contains("± 0.0%") && !html.contains("(mean ± standard deviation of folds"));
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

/// Four images of two people in two folds, the first of each fold named wrongly.
fn with_predictions() -> TempDir {
    let run = full();
    let header = "index,subject,sequence,frame,label,label_name,fold\n";
    let rows: String = (0..8)
        .map(|i| {
            format!(
                "{i},{},s{i},11,{},{},{}\n",
                i / 2,
                i % 2,
                CLASSES[i % 2],
                i / 4
            )
        })
        .collect();
    write(run.path(), "dataset/samples.csv", format!("{header}{rows}"));
    let header = "index,label,predicted,logit_neutral,logit_happy,logit_x\n";
    let sure = ["0,0,1,0,3,0", "1,1,1,0,9,0", "2,0,0,9,0,0", "3,1,0,5,0,0"].join("\n");
    write(
        run.path(),
        "folds/0/predictions.csv",
        format!("{header}{sure}\n"),
    );
    let mut npy = b"\x93NUMPY\x01\0v\0".to_vec();
    let shape = "{'descr': '|u1', 'fortran_order': False, 'shape': (8, 1, 2, 2), }";
    npy.extend(format!("{shape:<117}\n").into_bytes());
    npy.extend([7; 8 * 4]);
    write(run.path(), "dataset/images.npy", npy);
    run
}

#[test]
fn predictions_give_intervals_and_the_surest_mistakes_first() {
    let html = page(&with_predictions());
    let gallery = html.split("class=\"gallery\"").nth(1).unwrap();
    let gallery = gallery.split("</ul>").next().unwrap();
    let surest = gallery
        .find("<b>happy</b> classified as <b>neutral</b> at 98.7%")
        .unwrap();
    assert!(
        surest
            < gallery
                .find("<b>neutral</b> classified as <b>happy</b> at 90.9%")
                .unwrap()
    );
    assert!(gallery.contains("subject 1, recording s3, frame 11; fold 0"));
    assert_eq!(
        gallery.matches("<img src=\"data:image/png;base64,").count(),
        2
    );
    assert!(html.contains("2 of 4 test images were classified wrongly"));
    // Two people of two images, one right each: every resample gives one half, so the interval is Wilson's.
    assert!(html.contains("15.0% to 85.0%") && html.contains(">Wilson</span>"));
}

#[test]
fn classes_and_folds_are_counted_from_the_samples() {
    let run = with_predictions();
    page(&run);
    let table = std::fs::read_to_string(run.path().join("report/figures/classes-by-fold.csv"));
    assert_eq!(
        table.unwrap(),
        "Class,Fold 0,Fold 1,All\nneutral,2,2,4\nhappy,2,2,4\nAll,4,4,8\n"
    );
}

#[test]
fn images_of_another_shape_are_named_and_stop_nothing() {
    let run = with_predictions();
    write(run.path(), "dataset/images.npy", "no numbers");
    let html = page(&run);
    assert!(html.contains("<strong>Cannot be read:</strong> <code>dataset/images.npy</code>"));
    assert!(html.contains("at 98.7%"));
}

#[test]
fn figures_lie_beside_the_page_and_old_ones_go() {
    let run = with_predictions();
    write(run.path(), "report/figures/old.svg", "<svg/>");
    let html = page(&run);
    let figures = run.path().join("report/figures");
    let csv = std::fs::read_to_string(figures.join("accuracy.csv")).unwrap();
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(
        (rows.len(), &rows[0][2], &rows[1][9]),
        (2, "0.9", "disk full while writing folds/1/best.safetensors")
    );
    let svg = std::fs::read_to_string(figures.join("accuracy.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("test accuracy (% of images)"));
    assert!(!figures.join("old.svg").exists());
    assert!(html.contains("download=\"accuracy.csv\""));
}

#[test]
fn nulls_and_controls_change_the_answer() {
    let run = full();
    let fau = json!({
        "layer": "conv3", "synthetic": true, "dead_filters": {"count": 1},
        "null": {"permutations": 1000, "fdr": 0.05, "subjects": 12, "bootstrap": 100},
        "counts": {"named": 3, "named_less": 1, "within_holds": 1, "within_fails": 1, "within_untestable": 1}, "verdict": ["As it stands: <b>."], "caveats": ["Mind it."],
        "answer": {"verdict": "partly", "sentence": "Did the network learn action units? Partly: the best of 16."},
    });
    write(run.path(), "fau/fau.json", fau.to_string());
    let control = |name: &str, auroc: f64, below: Value| json!({"control": name, "mean_best_auroc": auroc, "low": auroc, "high": auroc, "below_trained": below});
    let below = json!({"difference": 0.2, "low": 0.1, "high": 0.3, "p": 0.00001});
    let controls = json!({"controls": [control("trained", 0.9, Value::Null), control("untrained", 0.7, below)], "verdict": ["Above it."]});
    write(run.path(), "fau/controls.json", controls.to_string());
    let html = page(&run);
    for expected in [
        "3 of 4 filters of conv3 are named after an action unit that they respond to beyond chance, 2 more active with it and 1 less (",
        "; the farthest from chance is filter 2, more active with AU 12 lip corner puller (AUROC 0.91, d′ 1.9, z 9.5).",
        "Among images of one expression, 1 of 3 named filters still follows its unit, 1 does not, and 1 cannot be tested.",
        "Filter 2: AU 12 lip corner puller",
        ">less</td>",
        "a mean AUROC of 0.90, in an untrained network 0.70 (difference 0.20, 95% CI 0.10 to 0.30, p &#60; 0.0001)",
        "<p>The best of 16.</p>",
        "As it stands: &#60;b&#62;.",
        "Mind it.",
        "Above it.",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    assert!(!html.contains("No null distribution has been computed, so no filter is named"));
    let place = |part: &str| html.find(part).unwrap();
    let (verdict, accuracy) = (place("units? Partly."), place("correctly classified"));
    assert!(verdict < accuracy, "the verdict is first");
    let names = "filter,au,au_name,sign,auroc,z\n2,12,Lip corner puller,-1,0.06,-9.1\n";
    write(run.path(), "fau/names.csv", names);
    assert!(page(&run).contains("the farthest from chance is filter 2, less active with AU 12"));
}

#[test]
fn findings_stand_for_or_against_whatever_they_are() {
    let run = full();
    let starts =
        |named: u64, holds: u64| json!({"named": named, "within_holds": holds, "within_fails": 1});
    let control = |name: &str, low: Value| {
        let below = if low.is_null() {
            low
        } else {
            json!({"difference": 0.1, "low": low, "high": 0.3})
        };
        json!({"control": name, "mean_best_auroc": 0.8, "below_trained": below})
    };
    let controls = json!({
        "controls": [control("trained", Value::Null), control("label_shuffled", Value::Null), control("pixels", (-0.1).into())],
        "within_expressions": {
            "trained": starts(9, 3), "starts": [starts(2, 1), starts(4, 3)], "au_shuffled": [starts(0, 0), starts(0, 0)],
        },
    });
    write(run.path(), "fau/controls.json", controls.to_string());
    let unit = |au: u8, q: f64| {
        json!({
            "au": au, "above_untrained": {"difference": 0.2, "q": q}, "within_testable": true,
            "within_above_untrained": {"difference": 0.2, "q": 0.5},
        })
    };
    let replication = json!({"by_au": [unit(1, 0.01), unit(12, 0.2)]});
    write(run.path(), "fau/replication.json", replication.to_string());
    let html = page(&run);
    let place = |part: &str| html.find(part).unwrap_or_else(|| panic!("{part}"));
    let headings = [
        "<h3>For</h3>",
        "<h3>Against</h3>",
        "<h3>Cannot be told</h3>",
    ]
    .map(place);
    assert!(headings.is_sorted());
    let side = |part: &str| headings.partition_point(|heading| *heading < place(part)) - 1;
    let expected = [
        (
            "the best filter of 1 of 2 action units is above those of untrained networks.",
            0,
        ),
        ("that holds for 0 of 2 units that can be tested.", 1),
        (
            "In one network, 9 filters are named after an action unit; in untrained networks 2 to 4, with codes exchanged between images 0.",
            0,
        ),
        (
            "Of its 4 filters that can be tested among images of one expression, 3 follow their own unit there beyond chance; in untrained networks 1 to 3.",
            1,
        ),
        (
            "not clearly above those of plain pixels: mean AUROC 0.80 against 0.80.",
            1,
        ),
        (
            "trained on shuffled labels: it has not learned those labels.",
            2,
        ),
    ];
    for (words, column) in expected {
        assert_eq!(side(words), column, "{words}");
    }
    let numbers =
        std::fs::read_to_string(run.path().join("report/figures/named-filters.csv")).unwrap();
    assert!(numbers.contains("named,starts,3.0,2.0,4.0"), "{numbers}");
    // Nothing was found where nothing could have been.
    let fau = json!({"answer": {"evidence": {"detectable_within": 0.3}}});
    write(run.path(), "fau/fau.json", fau.to_string());
    let html = page(&run);
    let undecided = html.split("<h3>Cannot be told</h3>").nth(1).unwrap();
    assert!(
        undecided
            .contains("can be tested: too few images, since only a difference in AUROC of 0.30")
    );
}

#[test]
fn a_folder_of_correlate_has_a_page_of_its_own() {
    let (run, alone) = (full(), TempDir::new().unwrap());
    for file in std::fs::read_dir(run.path().join("fau")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), alone.path().join(file.file_name())).unwrap();
    }
    let path = alone.path().join("fau.json");
    let mut fau: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    fau["command"] = json!(["faus", "correlate", "--seed", "3"]);
    fau["inputs"] = json!({"activations.npy": "sha256:12"});
    write(alone.path(), "fau.json", fau.to_string());
    let html = page(&alone);
    for expected in [
        "faus correlate --seed 3",
        "sha256:12",
        "Filters by action units",
        "AU 12 lip corner puller",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    for other in [
        "Learning curves",
        "Missing:",
        "correctly classified",
        "accuracy is not known",
    ] {
        assert!(!html.contains(other), "{other}");
    }
}

#[test]
fn runs_are_set_side_by_side() {
    let (one, other) = (full(), full());
    let mut summary = summary();
    summary["test_accuracy"]["mean"] = 0.8.into();
    summary["protocol"] = "paper-2015".into();
    write(other.path(), "summary.json", summary.to_string());
    let runs = [one.path().to_path_buf(), other.path().to_path_buf()];
    let paired = json!({"tests": [{"run": runs[1], "folds": 10, "mean_difference": -0.1, "p_sign_flip": 0.01, "p_sign_flip_holm": 0.02}]});
    let output = tempfile::tempdir().unwrap();
    let page = faus_report::write_comparison(&runs, output.path(), Ok(paired)).unwrap();
    assert_eq!(page, output.path().join("index.html"));
    let html = std::fs::read_to_string(page).unwrap();
    let names = runs
        .each_ref()
        .map(|run| run.file_name().unwrap().to_string_lossy().into_owned());
    for expected in [
        format!(
            "The highest mean test accuracy is that of {}: 90.0%",
            names[0]
        ),
        format!(
            "The accuracy of {} is 10.0 points below that of {}",
            names[1], names[0]
        ),
        format!(
            "Checkpoints of {} were chosen on the test images, so these numbers are optimistic",
            names[1]
        ),
        "Synthetic data.".to_owned(),
        "their configurations are the same".to_owned(),
    ] {
        assert!(html.contains(&expected), "{expected}");
    }
    let refused = Err("they differ in their <data>".to_owned());
    let page = faus_report::write_comparison(&runs, output.path(), refused).unwrap();
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("Not tested against each other: they differ in their &#60;data&#62;."));
    let none = [one.path().to_path_buf(), "no/such/run".into()];
    let error = faus_report::write_comparison(&none, output.path(), Ok(Value::Null)).unwrap_err();
    assert!(error.to_string().contains("no/such/run"));
}

#[test]
fn an_own_measure_has_its_column_in_the_tables_and_the_explorer() {
    let run = full();
    let fau = json!({"layer": "conv3", "own_measures": ["overlap"], "null": {"fdr": 0.05}});
    write(run.path(), "fau/fau.json", fau.to_string());
    write(
        run.path(),
        "fau/associations.csv",
        "filter,au,n_with,n_without,kl,auroc,q,overlap,p_overlap,q_overlap,overlap_low,overlap_high\n\
         2,12,100,200,1.5,0.91,0.01,0.625,0.004,0.008,0.5,0.75\n2,4,90,210,0.1,0.5,0.9,NaN,NaN,NaN,NaN,NaN\n",
    );
    let html = page(&run);
    for expected in [
        ">Strongest filter by overlap</th>",
        "#2\u{a0}(0.62)",
        ">overlap</th>",
        ">p of overlap</th>",
        ">q of overlap</th>",
        "0.50 to 0.75",
        "Benjamini-Hochberg q of overlap",
        "\"measures\":[\"overlap\"]",
        "\"own\":[[[null,0.625],[null,0.008]]]",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    let figures = run.path().join("report/figures");
    let csv = std::fs::read_to_string(figures.join("correspondences.csv")).unwrap();
    assert!(
        csv.starts_with("filter,")
            && csv.contains(",overlap,p_overlap,q_overlap,overlap_low,overlap_high\n")
    );
    assert!(csv.contains("\n2,12,") && csv.contains(",0.625,0.004,0.008,0.5,0.75\n"));
}

#[test]
fn an_own_method_stands_under_its_title_or_name() {
    let run = full();
    let of = |more: &str| {
        format!(
            r#"{{"layer": "conv3", "method": "smooth_grad"{more}, "filters": [{{"filter": 2}}]}}"#
        )
    };
    for (more, words) in [
        ("", "smooth_grad"),
        (r#", "title": "SmoothGrad""#, "SmoothGrad"),
    ] {
        write(run.path(), "viz/conv3/filters.json", of(more));
        let html = page(&run);
        assert!(
            html.contains(&format!("as the {words} of the filter")),
            "{words}"
        );
        assert!(
            html.contains(&format!("; their {words}, middle grey zero;")),
            "{words}"
        );
    }
}

#[test]
fn an_own_source_is_named() {
    let run = full();
    let path = run.path().join("dataset/dataset.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, text.replace("synthetic CK+", "JAFFE (jaffe)")).unwrap();
    let html = page(&run);
    assert!(html.contains("on JAFFE (jaffe), ") && html.contains(">JAFFE (jaffe)</td>"));
}

#[test]
fn own_studies_are_listed_with_verdict_and_table() {
    let run = full();
    assert!(!page(&run).contains("id=\"own\""));
    let study = r#"{"study": "colour <b>", "seed": 1, "verdict": ["Colour does not matter."]}"#;
    write(run.path(), "fau/colour.json", study);
    let rows: String = (0..30).map(|at| format!("{at},name {at}\n")).collect();
    write(run.path(), "fau/colour.csv", format!("filter,note\n{rows}"));
    write(run.path(), "fau/empty.json", r#"{"study": "empty"}"#);
    let html = page(&run);
    let section = html.split("<section id=\"own\"").nth(1).unwrap();
    let section = section.split("</section>").next().unwrap();
    for expected in [
        "<h3>colour &#60;b&#62;</h3>",
        "Colour does not matter.",
        "<code>fau/colour.csv</code>: first 20 of 30.",
        "name 19",
        "download=\"study-colour.csv\"",
        "<strong>Missing:</strong> <code>fau/empty.csv</code>",
    ] {
        assert!(section.contains(expected), "{expected}");
    }
    assert!(!section.contains("name 20"));
    let figures = run.path().join("report/figures");
    let csv = std::fs::read_to_string(figures.join("study-colour.csv")).unwrap();
    assert_eq!(csv.lines().count(), 31);
}
