use std::collections::BTreeSet;

use faus_tests::shared::copy_of_finished;
use faus_tests::{Place, read_json, read_npy};
use serde_json::Value;

const WITH: &str = "--checkpoint out/folds/1/best.safetensors --prepared out/dataset";

/// The checkpoint of fold 1 and the data set of a finished run.
fn place() -> Place {
    copy_of_finished(|path| path.starts_with("dataset") || path.starts_with("folds/1"))
}

fn picture(place: &Place, path: &str) -> image::DynamicImage {
    image::open(place.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn filters(json: &Value) -> Vec<u64> {
    let filters = json["filters"].as_array().unwrap().iter();
    filters.map(|f| f["filter"].as_u64().unwrap()).collect()
}

#[test]
fn a_run_draws_its_layer_and_the_evidence_for_its_classes() {
    let place = copy_of_finished(|path| path.starts_with("viz") || path.starts_with("dataset"));
    let listing = read_json(&place.path("out/viz/conv3/filters.json"));
    assert_eq!(
        (&listing["split"], &listing["distinct"], &listing["choice"]),
        (&"test".into(), &"subject".into(), &"all".into())
    );
    let mut order: Vec<u64> = listing["order"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f.as_u64().unwrap())
        .collect();
    order.sort_unstable();
    assert_eq!(
        order,
        (0..256).collect::<Vec<u64>>(),
        "every filter lies once in the atlas"
    );
    let fold = listing["fold"].as_u64().unwrap();
    let folds = read_npy::<i64>(&place.path("out/dataset/folds.npy")).1;
    for patch in listing["filters"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|f| f["patches"].as_array().unwrap())
    {
        let index = patch["index"].as_u64().unwrap() as usize;
        assert_eq!(
            folds[index] as u64, fold,
            "patches are of people that this fold tests"
        );
    }
    for name in [
        "figure",
        "atlas",
        "positions",
        "conv1-weights",
        "sanity",
        "untrained",
    ] {
        let [small, large] =
            ["", "@3x"].map(|e| picture(&place, &format!("out/viz/conv3/{name}{e}.png")));
        assert_eq!(
            (small.width() * 3, small.height() * 3),
            (large.width(), large.height()),
            "{name}"
        );
    }
    let sanity = read_json(&place.path("out/viz/conv3/sanity.json"));
    assert_eq!(sanity["synthetic"], true);
    let names: Vec<&str> = sanity["panels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "conv3",
            "conv2",
            "conv1",
            "untrained",
            "edges",
            "shift",
            "shift_gradient_x_input"
        ]
    );
    assert!(sanity["sentence"].as_str().unwrap().len() > 20);
    let evidence = read_json(&place.path("out/viz/output/evidence.json"));
    let images = evidence["images"].as_array().unwrap();
    assert!(!images.is_empty());
    for image in images {
        assert_eq!(
            image["class"], image["predicted"],
            "the predicted class speaks"
        );
        let probability = image["probability"].as_f64().unwrap();
        assert!(probability > 0.0 && probability <= 1.0);
    }
    picture(&place, "out/viz/output/evidence.png");
    let classes = read_json(&place.path("out/viz/output/filters.json"));
    assert_eq!(filters(&classes), (0..8).collect::<Vec<u64>>());
    assert_eq!(classes["filters"][0]["name"], "neutral");
}

#[test]
fn filters_are_chosen_by_number_action_unit_and_class() {
    let place = place();
    let visualize = |more: &str| place.faus(&format!("visualize {WITH} --no-sanity {more}"));
    visualize("--filters 3,7 --output a").done();
    assert_eq!(filters(&read_json(&place.path("a/filters.json"))), [3, 7]);
    assert!(!place.path("a/sanity.json").exists());
    visualize("--filters all --layer conv1 --output b").done();
    assert_eq!(filters(&read_json(&place.path("b/filters.json"))).len(), 64);
    // So few training steps leave three filters with a name.
    visualize("--best-fau 2 --split all --output c").done();
    let best = read_json(&place.path("c/filters.json"));
    assert_eq!(
        (filters(&best).len(), &best["choice"]),
        (2, &"best-fau".into())
    );
    visualize("--best-class happy --split all --distinct sequence --output d").done();
    let best = read_json(&place.path("d/filters.json"));
    assert_eq!(
        (filters(&best).len(), &best["choice"], &best["distinct"]),
        (10, &"best-class happy".into(), &"sequence".into())
    );
    visualize("--best-class glad --output x").failed(&["no class `glad`", "happy"]);
    visualize("--filters 3 --best-fau 2 --output x").ended(2);
    visualize("--filters 3 --top 0 --output x")
        .ended(2)
        .says(&["at least 1"]);
    visualize("--filters 256 --output x").failed(&["0 to 255", "256"]);
    visualize("--layer conv4 --output x").failed(&["conv4", "conv3", "fc4"]);
    visualize("--filters 3 --method saliency --output x").ended(2);
    assert!(
        !place.path("x").exists(),
        "a wrong question leaves nothing behind"
    );
}

#[test]
fn every_layer_and_every_method_gives_pictures_of_numbers() {
    let place = place();
    for (layer, method) in [
        ("conv1", "occlusion"),
        ("conv2", "gradient"),
        ("conv3", "occlusion"),
        ("fc4", "guided"),
        ("output", "deconvnet"),
        ("output", "occlusion"),
    ] {
        let command = format!(
            "visualize {WITH} --layer {layer} --method {method} --filters 0-2 --top 3 --arrays --no-sanity --split all --output out/{layer}-{method}"
        );
        place.faus(&command).done();
        let dir = format!("out/{layer}-{method}");
        let listing = read_json(&place.path(&dir).join("filters.json"));
        for filter in listing["filters"].as_array().unwrap() {
            let patches = filter["patches"].as_array().unwrap();
            let name = format!("projection-{:03}.npy", filter["filter"].as_u64().unwrap());
            let (shape, values) = read_npy::<f32>(&place.path(&dir).join(name));
            assert_eq!(shape[0], patches.len() as u64);
            assert!(values.iter().all(|v| v.is_finite()), "{layer} {method}");
        }
        picture(&place, &format!("{dir}/figure@3x.png"));
    }
}

#[test]
fn evidence_is_drawn_for_the_images_and_the_class_asked_for() {
    let place = place();
    let visualize = |more: &str| {
        place.faus(&format!(
            "visualize {WITH} --filters 0 --no-sanity --arrays {more}"
        ))
    };
    visualize("--evidence 0,3 --class fear --output a").done();
    let json = read_json(&place.path("a/evidence.json"));
    let of: Vec<(u64, &str)> = json["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| (i["index"].as_u64().unwrap(), i["class"].as_str().unwrap()))
        .collect();
    assert_eq!(of, [(0, "fear"), (3, "fear")]);
    let (shape, values) = read_npy::<f32>(&place.path("a/evidence-00003.npy"));
    assert_eq!(shape, [3, 16, 16]);
    assert!(values.iter().all(|v| v.is_finite()) && values.iter().any(|v| *v != 0.0));
    visualize("--evidence 99999 --output b").failed(&["row `99999`", "0 to"]);
    visualize("--evidence 0 --class glad --output b").failed(&["glad", "happy"]);
}

#[test]
fn a_checkpoint_of_another_size_or_without_its_fold_is_told_apart() {
    let place = place();
    place
        .faus("synth --output faces --subjects 3 --size 160x120")
        .done();
    place
        .faus("data prepare --source ck_plus --input faces --output other --size 24 --folds 3")
        .done();
    place
        .faus("visualize --checkpoint out/folds/1/best.safetensors --prepared other --output x")
        .failed(&["16", "24"]);
    assert!(!place.path("x").exists());
}

#[test]
fn people_are_distinct_unless_images_or_sequences_are_asked_for() {
    let place = place();
    let images = |distinct: &str| {
        let command = format!(
            "visualize {WITH} --filters 0-9 --top 10 --split all --no-sanity --distinct {distinct} --output {distinct}"
        );
        place.faus(&command).done();
        let json = read_json(&place.path(distinct).join("filters.json"));
        let filters = json["filters"].as_array().unwrap().clone();
        let of_filter = |f: Value| {
            let patches = f["patches"].as_array().unwrap().clone();
            let subjects: BTreeSet<i64> = patches
                .iter()
                .map(|p| p["subject"].as_i64().unwrap())
                .collect();
            (patches.len(), subjects.len())
        };
        filters.into_iter().map(of_filter).collect::<Vec<_>>()
    };
    assert!(
        images("subject")
            .iter()
            .all(|(patches, people)| patches == people)
    );
    assert!(
        images("image")
            .iter()
            .any(|(patches, people)| patches > people)
    );
    assert!(
        images("sequence")
            .iter()
            .any(|(patches, people)| patches > people)
    );
}
