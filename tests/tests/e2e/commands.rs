use faus_tests::shared::{self, TINY};
use faus_tests::{Place, Table, listing, read_json, read_npy};

const PREPARE: &str =
    "data prepare --source ck_plus --input ck --output prepared --size 16 --folds 4";

#[test]
fn prepare_inspect_and_augment() {
    let place = Place::with_faces();
    let prepared = place.faus(PREPARE);
    prepared
        .done()
        .says(&["13 subjects", "4 folds", "SYNTHETIC"]);
    assert_eq!(prepared.stdout, "prepared\n");
    let first = listing(&place.path("prepared"));
    place.faus(PREPARE).failed(&["prepared: ", "not empty"]);
    assert!(
        listing(&place.path("prepared")) == first,
        "an existing set is not touched"
    );
    place.faus(&PREPARE.replace("prepared", "again")).done();
    assert!(
        listing(&place.path("again")) == first,
        "the same data gives the same set to the byte"
    );

    let inspected = place.faus("data inspect prepared --sheets sheets");
    inspected.done().says(&["ynthetic", "surprise", "12"]);
    assert_eq!(
        listing(&place.path("sheets"))
            .keys()
            .filter(|name| name.ends_with(".png"))
            .count(),
        8
    );

    let augment = |seed: u32| {
        place.faus(&format!(
            "data augment prepared --index 3 --count 5 --seed {seed} --output out.npy --params params.csv --sheet sheet.png"
        ))
    };
    augment(1).done();
    let params = Table::read(&place.path("params.csv"));
    assert_eq!(
        params.columns,
        [
            "index",
            "draw",
            "flip",
            "rotation_deg",
            "scale",
            "tx",
            "ty",
            "a",
            "b",
            "c"
        ]
    );
    assert_eq!(
        (params.text("index"), params.numbers("draw")),
        (vec!["3"; 5], vec![0, 1, 2, 3, 4])
    );
    let within = |column: &str, low: f64, high: f64| {
        let values: Vec<f64> = params.numbers(column);
        assert!(
            values.iter().all(|v| (low..=high).contains(v)),
            "{column}: {values:?}"
        );
    };
    within("flip", 0.0, 1.0);
    within("rotation_deg", -5.0, 5.0);
    within("scale", 0.7, 1.4);
    within("a", 0.25, 4.0);
    within("b", 0.7, 1.4);
    within("c", -0.1, 0.1);
    for (scale, (tx, ty)) in params.numbers::<f64>("scale").iter().zip(
        params
            .numbers::<f64>("tx")
            .iter()
            .zip(params.numbers::<f64>("ty")),
    ) {
        let most = (16.0 - scale * 16.0).abs() / 2.0 + 1e-4;
        assert!(
            tx.abs() <= most && ty.abs() <= most,
            "moved by {tx}, {ty} at scale {scale}"
        );
    }
    let (shape, values) = read_npy::<f32>(&place.path("out.npy"));
    assert_eq!(shape, [5, 1, 16, 16]);
    for image in values.chunks(256) {
        let (low, high) = image
            .iter()
            .fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        assert!(
            low == 0.0 && (high - 2.0).abs() < 1e-6,
            "min-max to [0, 1], times 2: {low}, {high}"
        );
    }
    let bytes = std::fs::read(place.path("out.npy")).unwrap();
    augment(2).done();
    assert!(
        std::fs::read(place.path("out.npy")).unwrap() != bytes,
        "another seed draws otherwise"
    );
    augment(1).done();
    assert!(
        std::fs::read(place.path("out.npy")).unwrap() == bytes,
        "a seed fixes everything"
    );
    assert!(image::open(place.path("sheet.png")).unwrap().width() >= 5 * 16 / 2);
}

#[test]
fn from_training_to_patches_command_by_command() {
    let place = Place::with_faces();
    place.faus(PREPARE).done();
    let count = Table::read(&place.path("prepared/samples.csv")).rows.len() as u64;
    let train = format!(
        "train experiments/ck_plus/cnn_ad.json --prepared prepared --fold 1 --out fold {TINY} train.schedule=constant"
    );
    place
        .faus(&train)
        .done()
        .says(&["fold 1", "synthetic", "test accuracy", "optimistic"]);
    place
        .faus(&train)
        .failed(&["fold: ", "finished fold", "choose another folder"]);
    let result = read_json(&place.path("fold/fold.json"));
    let test = format!("{:.4}", result["test_accuracy"].as_f64().unwrap());

    let selected = place.faus("select fold/checkpoints --prepared prepared --fold 1");
    selected.done().says(&[
        &format!("test accuracy {test}"),
        &format!("of step {}", result["best_step"]),
        "synthetic",
    ]);

    let with = "--checkpoint fold/best.safetensors --prepared prepared";
    let evaluate = |split: &str| {
        place.faus(&format!(
            "evaluate {with} --fold 1 --split {split} --predictions {split}.csv"
        ))
    };
    evaluate("test")
        .done()
        .says(&[&format!("accuracy {test}"), "synthetic"]);
    let predictions = |name: &str| Table::read(&place.path(name));
    assert_eq!(predictions("test.csv"), predictions("fold/predictions.csv"));
    let images = result["images"].as_array().unwrap();
    evaluate("train").done();
    evaluate("val").done().says(&[&format!(
        "accuracy {:.4}",
        result["val_accuracy"].as_f64().unwrap()
    )]);
    evaluate("all").done();
    let both = place.faus(&format!("evaluate {with} --fold 1 --split val,test"));
    let val = format!(
        "val:\naccuracy {:.4}",
        result["val_accuracy"].as_f64().unwrap()
    );
    let both_say = [val, format!("test:\naccuracy {test}")];
    both.done().says(&both_say.each_ref().map(String::as_str));
    place
        .faus(&format!(
            "evaluate {with} --fold 1 --split val,test --predictions p.csv"
        ))
        .ended(2)
        .says(&["--predictions is a table of one part"]);
    place
        .faus(&format!("evaluate {with} --fold 1 --split test,test"))
        .ended(2)
        .says(&["--split names test twice"]);
    for (split, count) in ["train", "val", "test"].into_iter().zip(images) {
        assert_eq!(
            predictions(&format!("{split}.csv")).rows.len() as u64,
            count.as_u64().unwrap(),
            "{split}"
        );
    }
    let another = place.faus(&format!("evaluate {with} --fold 2 --split test"));
    another
        .done()
        .says(&["trained with test fold 1", "optimistic"]);

    for (layer, filters) in [("conv2", 128), ("conv3", 256)] {
        place
            .faus(&format!(
                "activations {with} --layer {layer} --output {layer}.npy"
            ))
            .done();
        let (shape, values) = read_npy::<f32>(&place.path(&format!("{layer}.npy")));
        assert_eq!(shape, [count, filters]);
        assert!(values.iter().all(|v| v.is_finite()));
    }
    let no_layer = place.faus(&format!("activations {with} --layer conv9 --output x.npy"));
    no_layer.failed(&["conv9", "conv1", "conv3"]);

    place
        .faus("correlate --activations conv3.npy --samples prepared/samples.csv --output fau")
        .done();
    assert_eq!(
        Table::read(&place.path("fau/correspondences.csv")).columns[..4],
        ["filter", "au", "kl", "au_name"]
    );
    assert_eq!(read_json(&place.path("fau/fau.json"))["synthetic"], true);

    for method in ["guided", "deconvnet", "gradient"] {
        let command = format!(
            "visualize {with} --layer conv3 --method {method} --filters 0-4 --top 2 --out {method} --arrays"
        );
        place.faus(&command).done().says(&["synthetic"]);
        check_arrays(&place, method);
    }
}

/// Five filters with pictures, and as many projections and crops as patches.
fn check_arrays(place: &Place, folder: &str) {
    let filters = read_json(&place.path(folder).join("filters.json"));
    assert_eq!(filters["method"], folder);
    assert_eq!(filters["filters"].as_array().unwrap().len(), 5);
    assert!(place.path(folder).join("figure.png").exists());
    for entry in filters["filters"].as_array().unwrap() {
        let patches = entry["patches"].as_array().unwrap();
        if patches.is_empty() {
            continue;
        }
        for kind in ["projection", "input"] {
            let name = format!("{kind}-{:03}.npy", entry["filter"].as_u64().unwrap());
            let (shape, _) = read_npy::<f32>(&place.path(folder).join(&name));
            assert_eq!(
                (shape.len(), shape[0]),
                (3, patches.len() as u64),
                "{name}: [patches, h, w]"
            );
        }
    }
}

#[test]
fn correlate_takes_any_networks_activations() {
    let place = Place::new();
    std::fs::write(
        place.path("samples.csv"),
        (0..60).fold("index,aus\n".to_owned(), |text, i| {
            text + &format!("{i},{}\n", if i % 3 == 0 { "12:2" } else { "" })
        }),
    )
    .unwrap();
    // Filter 0 is large exactly where AU 12 is there, filter 1 tells nothing.
    let values: Vec<f32> = (0..60)
        .flat_map(|i| [if i % 3 == 0 { 2.0 } else { 0.1 }, (i % 7) as f32])
        .collect();
    write_npy(&place.path("theirs.npy"), &[60, 2], &values);
    place
        .faus("correlate --activations theirs.npy --samples samples.csv --output fau")
        .done();
    let table = Table::read(&place.path("fau/associations.csv"));
    let kl: Vec<f64> = table.numbers("kl");
    assert!(kl[0] > 5.0 * kl[1], "{kl:?}");
    assert_eq!(
        (table.text("n_with"), table.text("n_without")),
        (vec!["20"; 2], vec!["40"; 2])
    );
    for command in ["compare", "report"] {
        let ran = place.faus(&format!("{command} fau fau"));
        ran.failed(&[
            "fau: a folder of `faus correlate`, not a run",
            "`faus report fau`",
        ]);
    }
}

pub(crate) fn write_npy(path: &std::path::Path, shape: &[u64], values: &[f32]) {
    use npyz::WriterBuilder;
    let file = std::fs::File::create(path).unwrap();
    let mut writer = npyz::WriteOptions::new()
        .default_dtype()
        .shape(shape)
        .writer(file)
        .begin_nd()
        .unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
}

#[test]
fn report_is_written_anew() {
    let place =
        shared::copy_of_finished(|path| path.extension().is_none_or(|e| e != "safetensors"));
    let page = place.path("out/report/index.html");
    std::fs::remove_file(&page).unwrap();
    let ran = place.faus("report out");
    assert_eq!(
        ran.done().last_path(),
        std::path::Path::new("out/report/index.html")
    );
    let text = std::fs::read_to_string(page).unwrap();
    assert!(text.contains("ynthetic") && text.contains("ck_plus-cnn_ad"));
}

#[test]
fn synth_draws_people_as_asked() {
    let place = Place::new();
    let synth = |output: &str, more: &str| {
        place
            .faus(&format!(
                "synth --output {output} --subjects 3 --size 96x72 {more}"
            ))
            .done();
        listing(&place.path(output))
    };
    let faces = synth("a", "--seed 4");
    assert!(
        faces
            .keys()
            .any(|name| name.starts_with("cohn-kanade-images/"))
            && faces.contains_key("synthetic.json")
    );
    assert!(synth("b", "--seed 4") == faces, "a seed fixes every face");
    assert!(synth("c", "--seed 5") != faces);
    place
        .faus("synth --output a --subjects 3")
        .failed(&["a: ", "not empty"]);
    for wrong in [
        "--subjects 0",
        "--subjects 901",
        "--size 10x10",
        "--difficulty pose=5",
        "--difficulty posse=1",
    ] {
        let ran = place.faus(&format!("synth --output d {wrong}"));
        ran.ended(2);
        assert!(!place.path("d").exists(), "{wrong}");
    }
}

#[test]
fn synth_writes_the_true_parameters() {
    let place = Place::new();
    let size = "--size 96x72";
    place
        .faus(&format!("synth --output plain --subjects 2 {size}"))
        .done();
    place
        .faus(&format!(
            "synth --output told --subjects 2 --truth --difficulty light=0,camera=0 {size}"
        ))
        .done();
    let (plain, told) = (listing(&place.path("plain")), listing(&place.path("told")));
    let picture = |name: &&String| name.starts_with("cohn-kanade-images/");
    let pictures: Vec<&String> = told.keys().filter(picture).collect();
    assert!(
        pictures
            .iter()
            .any(|name| plain.get(*name) != told.get(*name))
    );
    for name in pictures {
        let parameters = name
            .replace("cohn-kanade-images", "Parameters")
            .replace(".png", ".json");
        assert!(told.contains_key(&parameters), "{parameters}");
    }
    let mark = read_json(&place.path("told/synthetic.json"));
    assert_eq!(mark["options"]["difficulty"]["light"], 0.0);

    // An empty folder by another name is where it is.
    std::fs::create_dir(place.path("empty")).unwrap();
    std::os::unix::fs::symlink("empty", place.path("link")).unwrap();
    place
        .faus(&format!("synth --output link --subjects 1 {size}"))
        .done();
    assert!(place.path("link/synthetic.json").exists());
}
