use std::fs;

use faus_tests::shared::TINY;
use faus_tests::{Place, Program, Table, read_json, read_npy, repository};

#[test]
fn another_network_reuses_everything_else() {
    let place = Place::with_faces();
    let ran = place.run(
        Program::SwapModel,
        &format!("run experiments/swap_model/tiny.json --data ck --out out {TINY}"),
    );
    assert_eq!(
        ran.done().last_path(),
        std::path::Path::new("out/report/index.html")
    );
    assert_eq!(
        read_json(&place.path("out/config.json"))["network"],
        "tiny_net"
    );
    assert_eq!(
        read_json(&place.path("out/summary.json"))["network"],
        "tiny_net"
    );
    let (shape, _) = read_npy::<f32>(&place.path("out/fau/activations.npy"));
    assert_eq!(shape[1], 32, "its last convolution has 32 filters");
    let filters = read_json(&place.path("out/viz/conv2/filters.json"));
    assert_eq!(
        (
            &filters["layer"],
            filters["filters"].as_array().unwrap().len()
        ),
        (&"conv2".into(), 32)
    );
    assert!(place.path("out/viz/conv2/figure.png").exists());
    assert!(
        !Table::read(&place.path("out/fau/correspondences.csv"))
            .rows
            .is_empty()
    );
    let page = fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.contains("ynthetic") && page.contains("tiny_net"));

    // Its other commands work with its checkpoints; those of `faus` refuse them.
    let evaluate = "evaluate --checkpoint out/folds/0/best.safetensors --prepared out/dataset --fold 0 --split test";
    let accuracy = read_json(&place.path("out/folds/0/fold.json"))["test_accuracy"]
        .as_f64()
        .unwrap();
    place
        .run(Program::SwapModel, evaluate)
        .done()
        .says(&[&format!("accuracy {accuracy:.4}")]);
    let visualize = "visualize --checkpoint out/folds/0/best.safetensors --prepared out/dataset --layer conv1 --filters 0-3 --top 2 --output viz";
    place.run(Program::SwapModel, visualize).done();
    place
        .faus(evaluate)
        .failed(&["best.safetensors", "tiny_net", "zero_bias_cnn"]);
    place
        .faus("run experiments/swap_model/tiny.json --data ck --out x")
        .failed(&["tiny_net", "zero_bias_cnn"]);
}

/// A folder `flat` of images whose names contain class, person, frame and action units, made of the labelled images of the
/// small synthetic CK+.
fn with_flat_folder() -> Place {
    let place = Place::with_faces();
    let prepare = "data prepare --source ck_plus --input ck --output prepared --size 16 --folds 4";
    place.faus(prepare).done();
    let flat = place.path("flat");
    fs::create_dir(&flat).unwrap();
    fs::copy(place.path("ck/synthetic.json"), flat.join("synthetic.json")).unwrap();
    let table = Table::read(&place.path("prepared/samples.csv"));
    let columns = ["label_name", "subject", "frame", "path", "aus"].map(|c| table.text(c));
    let [classes, people, frames, paths, units] = columns;
    let rows = classes.iter().zip(people).zip(frames).zip(paths).zip(units);
    for (row, ((((class, person), frame), path), aus)) in rows.enumerate() {
        if ["neutral", "happy", "sadness", "surprise"].contains(class) {
            let units = aus.split(';').filter_map(|au| au.split(':').next());
            let units = match aus {
                "NA" => String::new(),
                _ => format!("_AU{}", units.collect::<Vec<_>>().join("+")),
            };
            // A person's neutral frames, one of each sequence, have the same frame number.
            let name = format!("{class}_{person}_{frame}{row:03}{units}.png");
            fs::copy(place.path("ck").join(path), flat.join(name)).unwrap();
        }
    }
    place
}

#[test]
fn another_source_reuses_everything_else() {
    let place = with_flat_folder();
    let source = Program::SwapSource;
    // Flags alone run the example's experiment.
    let ran = place.run(
        source,
        &format!("--data flat --out out {TINY} fau.min_positives=3"),
    );
    ran.done().says(&["flat folder SYNTHETIC"]);
    let info = read_json(&place.path("out/dataset/dataset.json"));
    assert_eq!(info["name"], "flat folder");
    assert_eq!(info["classes"].as_array().unwrap().len(), 4);
    let config = read_json(&place.path("out/config.json"));
    assert_eq!(config["config"]["data"]["source"], "flat");
    assert!(
        !Table::read(&place.path("out/fau/correspondences.csv"))
            .rows
            .is_empty()
    );
    let page = fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.contains("flat folder"));

    let prepare = "data prepare --source flat --input flat --output again --size 16 --folds 4";
    place.run(source, prepare).done();
    assert_eq!(
        read_json(&place.path("again/dataset.json"))["name"],
        "flat folder"
    );
    place
        .run(source, "data prepare --help")
        .done()
        .says(&["flat", "folders"]);
    place.faus(prepare).ended(2).says(&["flat", "folders"]);
    place
        .faus("run experiments/swap_source/flat.json --data flat --out x")
        .failed(&["data.source", "flat", "folders"]);
    place.run(source, "--out x").failed(&["flat", "--data"]);
}

#[test]
fn another_method_reuses_everything_else() {
    let place = Place::with_faces();
    let method = Program::SwapMethod;
    place
        .run(method, &format!("--data ck --out out {TINY}"))
        .done();
    let filters = read_json(&place.path("out/viz/conv3/filters.json"));
    assert_eq!(filters["method"], "input_x_gradient");
    let page = fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.contains("input_x_gradient") || page.contains("input × gradient"));

    let visualize = "visualize --checkpoint out/folds/0/best.safetensors --prepared out/dataset --filters 0-3 --top 2";
    let own = format!("{visualize} --method input_x_gradient --output own");
    place.run(method, &own).done();
    assert_eq!(
        read_json(&place.path("own/filters.json"))["method"],
        "input_x_gradient"
    );
    place
        .faus(&own)
        .ended(2)
        .says(&["input_x_gradient", "guided", "occlusion"]);
    place
        .faus("run experiments/swap_method/method.json --data ck --out x")
        .failed(&["input_x_gradient", "guided"]);
}

#[test]
fn another_measure_reuses_everything_else() {
    let place = Place::with_faces();
    let measure = Program::SwapMeasure;
    place
        .run(measure, &format!("--data ck --out out {TINY}"))
        .done();
    let check = |folder: &str| {
        let table = Table::read(&place.path(folder).join("associations.csv"));
        let (d, p) = (table.numbers("cohens_d"), table.numbers("p_cohens_d"));
        // A filter that is silent on every image has neither.
        let tested = |(d, p): (&f64, &f64)| d.is_nan() == p.is_nan() && !(*p <= 0.0 || *p > 1.0);
        assert!(d.iter().zip(&p).all(tested) && p.iter().any(|p| *p < 1.0));
        let ends = [
            "cohens_d",
            "p_cohens_d",
            "q_cohens_d",
            "cohens_d_low",
            "cohens_d_high",
        ];
        assert_eq!(table.columns[table.columns.len() - 5..], ends);
        let found = read_json(&place.path(folder).join("fau.json"));
        assert_eq!(found["own_measures"], serde_json::json!(["cohens_d"]));
    };
    check("out/fau");
    let page = fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.contains("cohens_d"));
    let correlate = "correlate --activations out/fau/activations.npy --samples out/dataset/samples.csv --output again --permutations 99 --bootstrap 99";
    place.run(measure, correlate).done();
    check("again");
}

#[test]
fn the_experiments_stay_small_and_need_no_build_script() {
    for name in ["model", "source", "method", "measure"] {
        let folder = repository().join(format!("experiments/swap_{name}"));
        let main = fs::read_to_string(folder.join("src/main.rs")).unwrap();
        assert!(main.lines().count() < 100, "{name}");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("build =") && !manifest.contains("torch-sys"));
    }
}
