//! A network of the user's own, from its ONNX file.

use std::fs;

use faus_tests::{Place, read_json, repository};

/// A small network with random weights for grey images of 36 pixels and five classes.
const INPUT: &str = r#"{"size":36,"channels":1,"scale":0.00392156862745098,"mean":[0.4],"std":[0.25],"crop":"auto"}"#;
const OF: &str = "--network plain.onnx --input input.json --prepared prepared";

fn place() -> Place {
    let place = Place::with_faces();
    let model = repository().join("crates/viz/tests/golden/onnx/plain.onnx");
    fs::copy(model, place.path("plain.onnx")).unwrap();
    fs::write(place.path("input.json"), INPUT).unwrap();
    place
}

fn prepare(place: &Place, more: &str) {
    let command = "data prepare --source ck_plus --input ck --out prepared --size";
    place.faus(&format!("{command} {more}")).done();
}

#[test]
fn layers_are_listed_with_shapes_and_fields() {
    let place = place();
    let ran = place.faus("network plain.onnx");
    ran.done()
        .says(&["36x36 pixels, 1 channel, 5 classes, 6561 weights"]);
    let row = |layer: &str| {
        let mut lines = ran
            .stdout
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.find(|words| words.first() == Some(&layer)).unwrap()
    };
    // conv1: 5x5, stride 2; pooling 3x3, stride 2; conv2: 3x3, dilation 2: 5 + 2·2 + 4·4 = 25 pixels.
    assert_eq!(row("/conv1/Conv")[1..], ["Conv", "8", "18", "5", "2"]);
    assert_eq!(row("/relu2/Relu")[1..], ["Relu", "12", "10", "25", "4"]);
    assert_eq!(row("/fc2/Gemm")[1..], ["Gemm", "5", "-", "-", "-"]);
    ran.says(&["no --layer is given: /relu2/Relu", "\"mean\""]);
}

#[test]
fn activations_go_on_to_correlate() {
    let place = place();
    prepare(&place, "36");
    let command = format!("activations {OF} --output activations.npy");
    let ran = place.faus(&command);
    ran.done()
        .says(&["12 filters of /relu2/Relu", "5 outputs", "8 classes"]);
    place
        .faus("correlate --activations activations.npy --samples prepared/samples.csv --out own/fau --permutations 19 --bootstrap 19")
        .done()
        .says(&["12 filters x"]);
    place
        .faus(&format!(
            "correlate {OF} --out direct --permutations 19 --bootstrap 19"
        ))
        .done()
        .says(&["12 filters x"]);
    let read = |path: &str| fs::read(place.path(path)).unwrap();
    for (ours, theirs) in [
        ("direct/activations.npy", "activations.npy"),
        ("direct/associations.csv", "own/fau/associations.csv"),
    ] {
        assert!(read(ours) == read(theirs), "{ours}");
    }
    let both = format!("correlate {OF} --activations activations.npy --out direct");
    place.faus(&both).ended(2);
    let studied = |command: &str| place.faus(&format!("{command} {OF} --out own"));
    studied("controls --permutations 19")
        .done()
        .says(&["shuffled labels", "untrained"]);
    let controls = read_json(&place.path("own/fau/controls.json"));
    assert_eq!(controls["layer"], "/relu2/Relu");
    studied("replicate")
        .done()
        .says(&["optimistic", "--unseen"]);
    studied("replicate --unseen")
        .done()
        .does_not_say("optimistic");
    studied("ablate --sets 19").failed(&["class of the network", "`classes`"]);
    let named = r#""crop":"auto","classes":["anger","disgust","fear","happy","sad"]"#;
    let input = INPUT.replace(r#""crop":"auto""#, named);
    fs::write(place.path("input.json"), input).unwrap();
    studied("ablate --sets 19").done();
    studied("locate").done();
    studied("probe --layer /conv1/Conv").done();
    let run = place.faus("controls runs/none --unseen");
    run.ended(2);
    let other = place.faus(&format!("{command} --layer conv9"));
    other.failed(&["conv9", "/conv1/Conv", "/fc2/Gemm"]);
}

#[test]
fn patches_are_drawn_by_every_method() {
    let place = place();
    prepare(&place, "36");
    for method in ["guided", "gradient", "deconvnet", "occlusion"] {
        let command = format!(
            "visualize {OF} --filters 0-2 --top 2 --method {method} --out viz-{method} --arrays"
        );
        place.faus(&command).done();
        let listing = read_json(&place.path(&format!("viz-{method}/filters.json")));
        assert_eq!(
            (&listing["layer"], &listing["field"]),
            (&"/relu2/Relu".into(), &25.into())
        );
        assert!(
            place
                .path(&format!("viz-{method}/projection-000.npy"))
                .exists()
        );
    }
    let ran = place.faus(&format!(
        "visualize {OF} --filters 0 --split test --out viz"
    ));
    ran.failed(&["--split all"]);
}

#[test]
fn a_network_no_better_than_chance_is_pointed_out() {
    let place = place();
    prepare(&place, "36 --classes anger,disgust,fear,happy,surprise");
    let ran = place.faus(&format!("activations {OF} --output activations.npy"));
    ran.done().says(&[
        "labelled images correctly",
        "no better than chance",
        "--input",
        "anger, disgust, fear, happy, surprise",
    ]);
}

#[test]
fn names_of_the_outputs_are_all_given_and_each_once() {
    let place = place();
    prepare(&place, "36");
    let with = |classes: &str| {
        let input = INPUT.replace("}", &format!(r#","classes":[{classes}]}}"#));
        fs::write(place.path("input.json"), input).unwrap();
        place.faus(&format!("activations {OF} --output a.npy"))
    };
    with(r#""a","b","c","d""#).failed(&["5 outputs", "names 4"]);
    with(r#""a","b","c","d","A""#).failed(&["`classes`", "`A`"]);
    with(r#""a","b","c","d","e""#)
        .done()
        .says(&["none of the network's classes (a, b, c, d, e)"]);
    with(r#""a","joy","c","d","e""#).done().says(&[
        "only the network has these classes: a, c, d, e",
        "labelled images correctly",
    ]);
}

#[test]
fn an_input_that_is_missing_or_wrong_comes_with_an_example() {
    let place = place();
    prepare(&place, "48");
    let example = r#"{"size":36,"channels":1,"scale":"#;
    let ran = place.faus("activations --network plain.onnx --prepared prepared --output a.npy");
    ran.ended(2).says(&["--input", "mean", "crop", example]);
    place
        .faus(&format!("activations {OF} --output a.npy"))
        .failed(&["36x36", "48x48", "--size 36"]);
    for (from, to, words) in [
        ("\"std\":[0.25],", "", "std"),
        ("0.25", "0", "std"),
        ("[0.4]", "[0.4,0.4]", "mean"),
        ("\"size\"", "\"side\"", "side"),
        ("\"auto\"", "\"oval\"", "oval"),
        ("\"size\":36", "\"size\":48", "48"),
        ("\"size\":36", "\"size\":-1", "-1"),
        ("{", "", "expected"),
    ] {
        fs::write(place.path("input.json"), INPUT.replacen(from, to, 1)).unwrap();
        let ran = place.faus(&format!("activations {OF} --output a.npy"));
        ran.failed(&[words]);
    }
}

#[test]
fn a_checkpoint_of_pytorch_gets_the_lines_that_export_it() {
    let place = place();
    fs::write(place.path("model.pt"), b"PK\x03\x04 archive/data.pkl").unwrap();
    let ran = place.faus("network model.pt");
    ran.ended(1).says(&[
        "model.pt",
        "never loaded",
        "torch.onnx.export(network, image",
        "network.eval()",
    ]);
}
