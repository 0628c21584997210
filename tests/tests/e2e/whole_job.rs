use std::collections::BTreeSet;
use std::path::Path;

use faus_tests::shared::{TINY, copy_of_finished, finished, finished_command};
use faus_tests::{Place, Table, listing, numbers_of_people, read_json, read_npy};
use serde_json::Value;

const CLASSES: [&str; 8] = [
    "neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise",
];
const FILTERS: usize = 256;

/// The run folder of the shared run.
fn out() -> std::path::PathBuf {
    let (place, ran) = finished();
    ran.done();
    place.path("out")
}

/// Everything but the networks themselves, which are large.
fn no_tensors(path: &Path) -> bool {
    path.extension()
        .is_none_or(|extension| extension != "safetensors")
}

/// Asserts that an object has these keys, and maybe more.
#[track_caller]
fn has_keys(object: &Value, keys: &[&str]) {
    for key in keys {
        assert!(object.get(key).is_some(), "no `{key}` in {object:#}");
    }
}

#[track_caller]
fn is_png(path: &Path) {
    assert!(image::open(path).unwrap().width() > 8, "{}", path.display());
}

#[track_caller]
fn is_fraction(value: &Value) {
    assert!(
        value.as_f64().is_some_and(|v| (0.0..=1.0).contains(&v)),
        "{value} is no fraction"
    );
}

#[test]
fn ends_with_the_path_of_a_report_that_says_synthetic() {
    let (place, ran) = finished();
    ran.done().says(&["fold 0:", "fold 3:", "synthetic"]);
    assert_eq!(ran.last_path(), Path::new("out/report/index.html"));
    assert_eq!(
        ran.stdout.lines().count(),
        1,
        "standard output holds the result only: {}",
        ran.stdout
    );
    let page = std::fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.to_lowercase().contains("synthetic"));
    for outside in [
        "src=\"http",
        "href=\"http://",
        "<link ",
        "@import",
        "src=\"../",
    ] {
        assert!(
            !page.contains(outside),
            "the page is not self-contained: {outside}"
        );
    }
}

#[test]
fn leaves_nothing_unfinished_behind() {
    let stray: Vec<String> = listing(&out())
        .into_keys()
        .filter(|name| {
            name.contains("partial") || name.contains(".tmp") || name.ends_with(".state")
        })
        .collect();
    assert_eq!(stray, Vec::<String>::new());
}

#[test]
fn config_identifies_the_run() {
    let config = read_json(&out().join("config.json"));
    has_keys(
        &config,
        &[
            "experiment",
            "preset",
            "seed",
            "date",
            "device",
            "versions",
            "source_digest",
            "synthetic",
            "config",
        ],
    );
    assert_eq!(
        (&config["experiment"], &config["preset"]),
        (&"ck_plus-cnn_ad".into(), &"quick".into())
    );
    assert_eq!(
        (&config["synthetic"], &config["device"]),
        (&true.into(), &"cpu".into())
    );
    assert_eq!(
        config["config"]["train"]["steps"], 4,
        "the command line wins over the preset"
    );
    assert_eq!(
        config["config"]["train"]["augment"], true,
        "the experiment is taken over"
    );
    assert_eq!(
        config["config"]["train"]["optimizer"], "adamw",
        "the preset is taken over"
    );
    let digest = config["source_digest"].as_str().unwrap();
    assert!(
        digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()),
        "{digest}"
    );
}

#[test]
fn the_prepared_data_set_opens_by_its_format() {
    let dataset = out().join("dataset");
    let samples = Table::read(&dataset.join("samples.csv"));
    let columns = "index subject sequence frame role label label_name fold face_found crop_x crop_y crop_w crop_h path aus sides";
    assert_eq!(samples.columns, columns.split(' ').collect::<Vec<_>>());
    let count = samples.rows.len() as u64;
    let (shape, pixels) = read_npy::<u8>(&dataset.join("images.npy"));
    assert_eq!(shape, [count, 1, 16, 16]);
    assert!(
        pixels.iter().collect::<BTreeSet<_>>().len() > 50,
        "the images show something"
    );
    for (name, column) in [
        ("labels", samples.numbers("label")),
        ("subjects", numbers_of_people(&samples)),
        ("folds", samples.numbers("fold")),
    ] {
        let (shape, values) = read_npy::<i64>(&dataset.join(format!("{name}.npy")));
        assert_eq!((shape, values), (vec![count], column), "{name}");
    }
    let info = read_json(&dataset.join("dataset.json"));
    has_keys(&info, &["name", "source_digest", "counts", "skipped"]);
    assert_eq!(
        (&info["synthetic"], &info["image_size"], &info["folds"]),
        (&true.into(), &16.into(), &4.into())
    );
    assert_eq!(info["subjects"], 13);
    assert_eq!(info["classes"], Value::from(CLASSES.to_vec()));
}

#[test]
fn every_fold_has_its_files() {
    let samples = Table::read(&out().join("dataset/samples.csv"));
    for fold in 0..4 {
        let dir = out().join(format!("folds/{fold}"));
        let metrics = Table::read(&dir.join("metrics.csv"));
        let columns = [
            "step",
            "train_loss",
            "train_accuracy",
            "val_accuracy",
            "images_per_second",
        ];
        assert_eq!(
            (metrics.columns.clone(), metrics.numbers("step")),
            (columns.map(str::to_owned).into(), vec![2, 4])
        );
        for file in [
            "checkpoints/step-000002.safetensors",
            "checkpoints/step-000004.safetensors",
            "best.safetensors",
        ] {
            assert!(dir.join(file).exists(), "{file}");
        }
        let result = read_json(&dir.join("fold.json"));
        assert_eq!(result["fold"], fold);
        is_fraction(&result["test_accuracy"]);

        let predictions = Table::read(&dir.join("predictions.csv"));
        let mut columns = vec![
            "index".to_owned(),
            "label".to_owned(),
            "predicted".to_owned(),
        ];
        columns.extend(CLASSES.map(|class| format!("logit_{class}")));
        assert_eq!(predictions.columns, columns);
        let tested: Vec<&str> = (0..samples.rows.len())
            .filter(|&row| {
                samples.text("role")[row] == "labelled"
                    && samples.text("fold")[row] == fold.to_string()
            })
            .map(|row| samples.text("index")[row])
            .collect();
        assert_eq!(
            predictions.text("index"),
            tested,
            "exactly the test fold is predicted"
        );
        let right = std::iter::zip(predictions.text("label"), predictions.text("predicted"))
            .filter(|(l, p)| l == p);
        let accuracy = right.count() as f64 / tested.len() as f64;
        assert!((accuracy - result["test_accuracy"].as_f64().unwrap()).abs() < 1e-12);
    }
}

#[test]
fn the_summary_adds_up() {
    let summary = read_json(&out().join("summary.json"));
    has_keys(&summary, &["experiment", "preset", "per_class", "seconds"]);
    assert_eq!(summary["synthetic"], true);
    assert_eq!(summary["classes"], Value::from(CLASSES.to_vec()));
    let folds = summary["folds"].as_array().unwrap();
    assert_eq!(
        folds
            .iter()
            .map(|f| f["fold"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    for fold in folds {
        has_keys(
            fold,
            &["best_step", "val_accuracy", "test_accuracy", "seconds"],
        );
        is_fraction(&fold["val_accuracy"]);
    }
    let accuracies: Vec<f64> = folds
        .iter()
        .map(|f| f["test_accuracy"].as_f64().unwrap())
        .collect();
    let mean = accuracies.iter().sum::<f64>() / 4.0;
    assert!((summary["test_accuracy"]["mean"].as_f64().unwrap() - mean).abs() < 1e-12);
    is_fraction(&summary["test_accuracy"]["std"]);
    let samples = Table::read(&out().join("dataset/samples.csv"));
    let rows: Vec<u64> = summary["confusion"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            row.as_array()
                .unwrap()
                .iter()
                .map(|n| n.as_u64().unwrap())
                .sum()
        })
        .collect();
    let of_class = |class| {
        samples
            .text("label_name")
            .iter()
            .filter(|name| **name == class)
            .count() as u64
    };
    assert_eq!(
        rows,
        CLASSES.map(of_class),
        "rows of the confusion matrix are true classes, each image tested once"
    );
    assert_eq!(summary["per_class"].as_object().unwrap().len(), 8);
}

#[test]
fn every_filter_has_its_patches() {
    let dir = out().join("viz/conv3");
    let filters = read_json(&dir.join("filters.json"));
    assert_eq!(
        (&filters["layer"], &filters["method"]),
        (&"conv3".into(), &"guided".into())
    );
    is_png(&dir.join("figure.png"));
    let all = filters["filters"].as_array().unwrap();
    assert_eq!(all.len(), FILTERS);
    for entry in all {
        let filter = entry["filter"].as_u64().unwrap();
        let patches = entry["patches"].as_array().unwrap();
        assert!(patches.len() <= 2, "visualize.top=2");
        let subjects: BTreeSet<u64> = patches
            .iter()
            .map(|p| p["subject"].as_u64().unwrap())
            .collect();
        assert_eq!(
            subjects.len(),
            patches.len(),
            "filter {filter}: at most one image of a subject"
        );
        for patch in patches {
            has_keys(patch, &["rank", "index", "row", "col", "activation"]);
            let side = |from: &str, size: &str| {
                patch[from].as_u64().unwrap() + patch[size].as_u64().unwrap()
            };
            assert!(
                side("x", "w") <= 16 && side("y", "h") <= 16,
                "the crop lies in the image: {patch}"
            );
        }
        if !patches.is_empty() {
            is_png(&dir.join(format!("filter-{filter:03}.png")));
        }
    }
}

#[test]
fn action_units_are_analysed() {
    let dir = out().join("fau");
    let count = Table::read(&out().join("dataset/samples.csv")).rows.len() as u64;
    let (shape, values) = read_npy::<f32>(&dir.join("activations.npy"));
    assert_eq!(shape, [count, FILTERS as u64]);
    assert!(
        values.iter().all(|v| v.is_finite() && *v >= 0.0),
        "maxima after the ReLU"
    );
    let place = Place::new();
    let again = format!(
        "activations {} --device cpu --output again.npy",
        out().display()
    );
    place.faus(&again).done();
    assert_eq!(
        std::fs::read(place.path("again.npy")).unwrap(),
        std::fs::read(dir.join("activations.npy")).unwrap(),
        "the network of the fold that validated best"
    );
    let associations = Table::read(&dir.join("associations.csv"));
    assert_eq!(
        associations.columns[..5],
        ["filter", "au", "n_with", "n_without", "kl"]
    );
    assert!(
        associations
            .numbers::<f64>("kl")
            .iter()
            .all(|kl| *kl >= 0.0)
    );
    assert!(
        associations
            .numbers::<u64>("n_with")
            .iter()
            .all(|n| *n >= 10),
        "AUs with at least ten positives"
    );
    let best = Table::read(&dir.join("correspondences.csv"));
    assert_eq!(best.columns[..4], ["filter", "au", "kl", "au_name"]);
    for row in 0..best.rows.len() {
        let of_filter = |at: &usize| associations.text("filter")[*at] == best.text("filter")[row];
        let kl = associations.numbers::<f64>("kl");
        let largest = (0..kl.len())
            .filter(of_filter)
            .map(|at| kl[at])
            .fold(0.0, f64::max);
        assert_eq!(
            best.numbers::<f64>("kl")[row],
            largest,
            "a filter corresponds to the AU of its largest KL"
        );
        if row > 8 {
            break; // the rest takes long and shows nothing new
        }
    }
    let summary = read_json(&dir.join("fau.json"));
    assert_eq!(
        (&summary["synthetic"], &summary["filters"]),
        (&true.into(), &FILTERS.into())
    );
    assert!(
        listing(&dir).keys().any(|name| name.ends_with(".svg")),
        "there is a chart"
    );
}

#[test]
fn a_second_time_there_is_nothing_to_do() {
    let place = copy_of_finished(no_tensors);
    let before = listing(&place.path("out"));
    let again = place.faus(&finished_command());
    again.done().says(&["nothing to do"]);
    assert_eq!(again.last_path(), Path::new("out/report/index.html"));
    let after = listing(&place.path("out"));
    let changed: Vec<&String> = after
        .iter()
        .filter(|(name, bytes)| before.get(*name) != Some(bytes))
        .map(|(n, _)| n)
        .collect();
    assert!(
        changed.is_empty() && before.len() == after.len(),
        "changed: {changed:?}"
    );
}

#[test]
fn a_folder_with_other_settings_is_refused_and_the_setting_named() {
    let place = copy_of_finished(no_tensors);
    place
        .faus(&(finished_command() + " train.steps=6"))
        .failed(&["out", "train.steps", "4", "6", "--out"]);
    place
        .faus(&finished_command().replace("--preset", "--seed 5 --preset"))
        .failed(&["seed", "5", "--out"]);
    place
        .faus(&finished_command().replace("--data ck", "--data experiments"))
        .failed(&["experiments", "--out"]);
}

#[test]
fn more_folds_take_over_the_finished_ones() {
    let place = Place::with_faces();
    let run = |folds: &str| {
        place.faus(&format!(
            "run experiments/ck_plus/cnn.json --data ck --out out --folds {folds} {TINY}"
        ))
    };
    run("0-1")
        .done()
        .says(&["fold 0:", "fold 1:"])
        .does_not_say("fold 2:");
    let finished_folds = || {
        ["out/folds/0", "out/folds/1"].map(|fold| {
            let time = std::fs::metadata(place.path(fold).join("fold.json"))
                .unwrap()
                .modified()
                .unwrap();
            (time, listing(&place.path(fold)))
        })
    };
    let before = finished_folds();
    run("0-3")
        .done()
        .says(&["fold 2:", "fold 3:", "over 4 folds"]);
    assert!(finished_folds() == before, "finished folds are not touched");
    assert_eq!(
        read_json(&place.path("out/summary.json"))["folds"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
}

#[test]
fn a_prepared_set_takes_the_place_of_the_data() {
    let place = Place::with_faces();
    let prepare = "data prepare --source ck_plus --input ck --output prepared --size 16 --folds 4";
    place.faus(prepare).done();
    let run = |flags: &str| {
        place.faus(&format!(
            "run experiments/ck_plus/cnn_ad.json --prepared prepared --out out --folds 0-1 {TINY} {flags}"
        ))
    };
    for (wrong, parts) in [
        ("data.image_size=24", ["image_size", "16", "--set"]),
        ("data.folds=5", ["folds", "4", "--set"]),
        ("data.classes=six", ["classes", "neutral", "--set"]),
        ("data.boxes=b.csv", ["boxes", "data prepare", "--set"]),
    ] {
        run(wrong).failed(&parts);
    }
    assert!(
        !place.path("out").exists(),
        "a refused run leaves no folder"
    );
    run("").done().says(&["SYNTHETIC", "fold 1:"]);
    assert!(listing(&place.path("out/dataset")) == listing(&place.path("prepared")));
    let config = read_json(&place.path("out/config.json"));
    assert_eq!(
        (&config["data"], &config["prepared"]),
        (&"prepared".into(), &true.into())
    );
    let info = read_json(&place.path("prepared/dataset.json"));
    assert_eq!(config["source_digest"], info["source_digest"]);

    // The run has a copy of its own: neither a second start nor further folds need the set.
    std::fs::rename(place.path("prepared"), place.path("away")).unwrap();
    run("").done().says(&["nothing to do"]);
    let direct =
        format!("run experiments/ck_plus/cnn_ad.json --data ck --out direct --folds 0-1 {TINY}");
    place.faus(&direct).done();
    let accuracy =
        |out: &str| read_json(&place.path(out).join("summary.json"))["test_accuracy"].clone();
    assert_eq!(accuracy("out"), accuracy("direct"));
    place
        .faus("run experiments/ck_plus/cnn_ad.json --data ck --prepared away")
        .ended(2)
        .says(&["--prepared", "--data"]);
    place
        .faus(&direct.replace("--data ck", "--prepared away"))
        .failed(&["direct", "ck", "--out"]);
}

#[test]
fn every_experiment_starts() {
    let place = Place::with_faces();
    for (experiment, classes) in [
        ("ck_plus/cnn", 8),
        ("ck_plus/cnn_a", 8),
        ("ck_plus/cnn_d", 8),
        ("ck_plus_six_class/cnn_ad", 6),
    ] {
        let name = experiment.replace('/', "-");
        let more = "train.steps=2 visualize.top=1";
        let ran = place.faus(&format!(
            "run experiments/{experiment}.json --data ck --folds 1 {TINY} {more}"
        ));
        ran.done();
        // Without --out: runs/<experiment>-<preset>.
        assert_eq!(
            ran.last_path(),
            Path::new(&format!("runs/{name}-quick/report/index.html"))
        );
        let run = place.path(&format!("runs/{name}-quick"));
        assert_eq!(
            read_json(&run.join("summary.json"))["classes"]
                .as_array()
                .unwrap()
                .len(),
            classes
        );
    }
    assert!(!place.path("data").exists(), "with --data nothing is made");
}

#[test]
fn a_prepared_set_with_another_crop_is_not_said_to_have_the_authors() {
    let place = Place::with_faces();
    let prepare = "data prepare --source ck_plus --input ck --output prepared --size 16 --folds 4";
    place.faus(prepare).done();
    let run = |flags: &str| {
        place.faus(&format!(
            "run experiments/ck_plus/cnn_ad.json --prepared prepared --preset paper --device cpu --folds 0 --out out --set \
             train.steps=2 train.batch_size=4 data.image_size=16 visualize.top=3 fau.permutations=19 fau.bootstrap=0 {flags}"
        ))
    };
    let way_out = "data.crop=auto";
    run("").failed(&[
        "data.crop is auto in this prepared data set and authors in the experiment",
        way_out,
    ]);
    assert!(!place.path("out").exists());
    let said = "data.crop: auto (paper: authors)";
    run(way_out).done().says(&[said]);
    let config = read_json(&place.path("out/config.json"));
    assert_eq!(config["config"]["data"]["crop"], "auto");
    let differences = config["differences"].as_array().unwrap();
    assert!(differences.iter().any(|line| line == said));
}

#[test]
fn the_differences_of_paper_are_printed_stored_and_reported() {
    let place = Place::with_faces();
    let ran = place.faus(
        "run experiments/ck_plus/cnn_ad.json --data ck --preset paper --device cpu --folds 0 --out out --set train.steps=2 \
         train.batch_size=4 data.image_size=16 data.folds=4 visualize.top=3 visualize.show=normalised fau.permutations=99 \
         fau.bootstrap=0",
    );
    let steps = "train.steps: 2 (paper: 31000)";
    ran.done()
        .says(&["Differences from the paper's code:", steps, "Haar cascade"]);
    let config = read_json(&place.path("out/config.json"));
    let differences = config["differences"].as_array().unwrap();
    assert!(differences.iter().any(|line| line == steps));
    assert_eq!(config["config"]["data"]["crop"], "authors");
    let page = std::fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.contains(steps) && page.contains("differences from the paper’s code"));
    let checkpoints = read_json(&place.path("out/folds/0/fold.json"))["checkpoints"].clone();
    let steps: Vec<_> = checkpoints
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["step"].clone())
        .collect();
    assert_eq!(steps, [1]);
    let listing = read_json(&place.path("out/viz/conv3/filters.json"));
    assert_eq!(listing["shows"], "normalised");
}
