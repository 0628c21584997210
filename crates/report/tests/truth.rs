//! What figures and tables show is what was tested, beside its control, with the same numbers of images everywhere.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use faus_report::{write_comparison, write_report};
use serde_json::{Value, json};
use tempfile::TempDir;

fn write(run: &Path, file: &str, contents: impl AsRef<[u8]>) {
    let path = run.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, contents).unwrap();
}

/// A run with these files.
fn run(files: &[(&str, Value)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (file, value) in files {
        match value {
            Value::String(text) => write(dir.path(), file, text),
            value => write(dir.path(), file, value.to_string()),
        }
    }
    dir
}

fn page(run: &TempDir) -> String {
    std::fs::read_to_string(write_report(run.path()).unwrap()).unwrap()
}

fn figure(run: &TempDir, name: &str) -> String {
    std::fs::read_to_string(run.path().join("report/figures").join(name)).unwrap()
}

#[test]
fn a_unit_that_cannot_be_tested_within_expressions_has_no_point_there() {
    let unit = |au: u8, varies: bool| {
        let best = json!({"filter": 2, "auroc": 0.9, "auroc_low": 0.8, "auroc_high": 0.95, "auroc_within_class": 1.0});
        json!({"au": au, "varies_within_class": varies, "best": best})
    };
    let replicated = |au: u8, testable: bool| {
        json!({
            "au": au, "out_of_fold_auroc": 0.8, "low": 0.7, "high": 0.9, "untrained_auroc": 0.6, "within_testable": testable,
            "within_auroc": 1.0, "within_low": 0.9, "within_high": 1.0, "within_untrained_auroc": 0.5,
        })
    };
    let run = run(&[
        (
            "fau/fau.json",
            json!({"by_au": [unit(1, true), unit(12, false)]}),
        ),
        ("fau/correspondences.csv", "filter,au,kl\n2,12,1.5\n".into()),
        (
            "fau/replication.json",
            json!({"by_au": [replicated(1, true), replicated(12, false)]}),
        ),
    ]);
    let html = page(&run);
    let best = figure(&run, "best-filter-by-action-unit.csv");
    assert!(
        best.ends_with("1,2,0.9,0.8,0.95,1\n12,2,0.9,0.8,0.95,NaN\n"),
        "{best}"
    );
    let within = figure(&run, "replication-within-expressions.csv");
    assert_eq!(within.lines().count(), 2, "{within}");
    assert!(html.contains("1 of 2 action units can be tested"));
    assert!(html.contains("Within one expression 1 of 2 action units can be tested."));
    assert!(
        figure(&run, "replication-by-action-unit.csv").contains("1,0.8,0.7,0.9,NaN,0.6,NaN,NaN\n")
    );
}

/// Ten people with two images each, all classified correctly but one of the first.
fn nearly_faultless() -> TempDir {
    let samples = (0..20).map(|row| format!("{row},{},0\n", row / 2));
    let samples = format!("index,subject,label\n{}", String::from_iter(samples));
    let predictions = |wrong: usize| {
        let rows = (0..20).map(|row| {
            format!(
                "{row},0,{0},{1},{0}\n",
                u8::from(row == wrong),
                u8::from(row != wrong)
            )
        });
        format!(
            "index,label,predicted,logit_a,logit_b\n{}",
            String::from_iter(rows)
        )
    };
    let fold = |fold: u8, accuracy: f64| json!({"fold": fold, "test_accuracy": accuracy});
    run(&[
        ("dataset/samples.csv", samples.into()),
        ("folds/0/predictions.csv", predictions(99).into()),
        ("folds/1/predictions.csv", predictions(0).into()),
        (
            "folds/0/metrics.csv",
            "step,train_loss,val_accuracy\n1,2,0.5\n2,1,0.75\n".into(),
        ),
        (
            "folds/1/metrics.csv",
            "step,train_loss,val_accuracy\n1,2,0.5\n2,1,0.25\n".into(),
        ),
        (
            "summary.json",
            json!({
                "classes": ["a", "b"], "folds": [fold(0, 1.0), fold(1, 0.95)], "majority_accuracy": 0.5,
                "test_accuracy": {"mean": 0.975, "std": 0.035}, "test_accuracy_interval": {"low": 0.9, "high": 1.0},
                "measures": {"top2_accuracy": {"mean": 1.0, "std": 0.0}},
            }),
        ),
    ])
}

#[test]
fn intervals_do_not_collapse_at_the_edge() {
    let run = nearly_faultless();
    let html = page(&run);
    assert!(!html.contains("100.0% to 100.0%"));
    // scipy: binomtest(10, 10).proportion_ci(method="wilson")
    assert!(html.contains("72.2% to 100.0%") && html.contains(">Wilson</span>"));
    assert!(
        !html.contains("95% CI over people 90.0% to 100.0%"),
        "nor does that of the answer"
    );
    assert!(figure(&run, "accuracy.csv").starts_with("fold,images,test_accuracy,low,high"));
    let measure = html.split(">top-2 accuracy</th>").nth(1).unwrap();
    assert!(
        measure.starts_with("<td>100.0%</td>"),
        "a share, in percent"
    );
}

#[test]
fn learning_curves_are_one_figure_for_wide_windows_and_phones() {
    let run = nearly_faultless();
    let html = page(&run);
    let figures = std::fs::read_dir(run.path().join("report/figures")).unwrap();
    let curves = figures.filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("learning-curve")
    });
    assert_eq!(curves.count(), 2, "one drawing and its numbers");
    assert!(
        html.contains("accuracy at 50.0%"),
        "the mean of 75% and 25%"
    );
    let drawings = html.matches("<svg class=\"plot\"").count();
    assert_eq!(html.matches("<svg class=\"phone\"").count(), drawings);
    assert!(drawings >= 2);
}

#[test]
fn nouns_agree_with_one() {
    let unit = json!({"au": 1, "above_untrained": {"difference": 0.2, "q": 0.01}});
    let within = json!({"named": 1, "named_less": 0, "within_holds": 0, "within_fails": 0, "within_untestable": 1});
    let run = run(&[
        (
            "dataset/dataset.json",
            json!({"name": "one", "counts": {"a": 1}, "subjects": 1}),
        ),
        ("summary.json", json!({"shortened": ["fewer steps"]})),
        (
            "fau/replication.json",
            json!({"by_au": [unit], "starts": 1}),
        ),
        (
            "fau/controls.json",
            json!({"within_expressions": {"trained": within, "starts": [within], "au_shuffled": [within]}}),
        ),
    ]);
    let html = page(&run);
    for words in [
        "1 labelled image, 1 person",
        "the best filter of 1 of 1 action unit is above those of 1 untrained network.",
        "In one network, 1 filter is named after an action unit; in untrained networks 1, with codes exchanged between images 1.",
        "No filter’s unit varies enough within one expression to be tested there.",
        "shortened: 1 setting<",
    ] {
        assert!(html.contains(words), "{words}");
    }
    for words in [
        "1 action units",
        "1 filters",
        "1 people",
        "1 images",
        "0 of 0",
        "1 networks",
    ] {
        assert!(!html.contains(words), "{words}");
    }
}

#[test]
fn studies_without_a_file_share_a_section() {
    let run = nearly_faultless();
    let html = page(&run);
    assert!(!html.contains("id=\"probe\"") && !html.contains("id=\"ablate\""));
    let missing = html.split("<section id=\"missing\"").nth(1).unwrap();
    let missing = missing.split("</section>").next().unwrap();
    for expected in [
        "<h3>Linear probes, layer by layer</h3>",
        "<code>faus probe RUN</code>",
        "<code>fau/causal.csv</code>",
    ] {
        assert!(missing.contains(expected), "{expected}");
    }
}

#[test]
fn the_figure_of_people_has_only_those_who_show_the_unit() {
    let mut npy = b"\x93NUMPY\x01\0v\0".to_vec();
    let shape = "{'descr': '|u1', 'fortran_order': False, 'shape': (5, 1, 2, 2), }";
    npy.extend(format!("{shape:<117}\n").into_bytes());
    npy.extend([7; 5 * 4]);
    let patches = |of: &[u64]| -> Vec<Value> {
        let patch = |index| json!({"index": index, "x": 0, "y": 0, "w": 2, "h": 2});
        of.iter().map(patch).collect()
    };
    let run = run(&[
        (
            "dataset/samples.csv",
            // A peak with the unit, a frame of its recording with its label, a neutral one, and two other people's peaks.
            "index,subject,sequence,label,fold,aus\n0,1,a,1,0,1:3;12:0\n1,1,a,1,0,NA\n2,1,a,0,0,NA\n3,2,b,1,1,4:1\n4,3,c,1,1,12:2\n".into(),
        ),
        ("fau/fau.json", json!({"layer": "conv3"})),
        ("fau/names.csv", "filter,au,sign,auroc,z\n2,12,1,0.9,9\n3,6,1,0.9,8\n".into()),
    ]);
    write(run.path(), "dataset/images.npy", npy);
    let figure = |split: &str| {
        let filters = json!({"split": split, "fold": 1, "filters": [
            {"filter": 2, "patches": patches(&[0, 1, 2, 3, 4])}, {"filter": 3, "patches": patches(&[0, 3])},
        ]});
        write(run.path(), "viz/conv3/filters.json", filters.to_string());
        let html = page(&run);
        let figure = html.split("<figure class=\"people\">").nth(1).unwrap();
        figure.split("</figure>").next().unwrap().to_owned()
    };
    let tested = figure("test");
    assert!(tested.contains("filter 2; 3 of its 5 best patches show it"));
    assert!(tested.contains("filter 3; none of its 2 best patches shows it"));
    assert_eq!(
        tested.matches("<img").count(),
        2,
        "one patch of each of two people"
    );
    assert!(
        tested.contains("of people not seen in training") && tested.contains("no more of these")
    );
    assert!(!tested.contains("Framed"));
    let all = figure("all");
    assert_eq!(
        all.matches("class=\"unseen-person\"").count(),
        1,
        "the person of the fold tested"
    );
    assert!(all.contains("Framed: people that the network has not seen in training."));
}

#[test]
fn figures_have_their_numbers_in_the_page_itself() {
    let html = page(&nearly_faultless());
    let captions: Vec<&str> = html.split("<figcaption>").skip(1).collect();
    assert_eq!(captions.len(), 2);
    for (number, caption) in (1..).zip(captions) {
        assert!(caption.starts_with(&format!("<b>Figure {number}.</b> ")));
    }
}

#[test]
fn terms_are_explained_on_the_page_of_a_run() {
    let run = nearly_faultless();
    let html = page(&run);
    for expected in [
        "<dfn>action unit</dfn>",
        "href=\"#words\"",
        "id=\"words\"",
        "<dt>AUROC</dt>",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    let runs = [run.path().to_path_buf(), run.path().to_path_buf()];
    let output = run.path().join("comparison");
    let page = write_comparison(&runs, &output, Err("a test".to_owned())).unwrap();
    assert!(!std::fs::read_to_string(page).unwrap().contains("#words"));
}
