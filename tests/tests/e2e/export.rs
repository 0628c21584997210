use std::fs;

use faus_tests::shared::copy_of_finished;
use faus_tests::{Place, copy_tree, read_json, read_npy, repository};

/// A finished run without its results.
fn place() -> Place {
    copy_of_finished(|path| !path.starts_with("viz") && !path.starts_with("fau"))
}

/// Of the largest value: float32 sums in another order.
fn close(what: &str, got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-6_f32, |most, v| most.max(v.abs()));
    for (got, expected) in got.iter().zip(expected) {
        let apart = (got - expected).abs();
        assert!(apart <= tolerance * largest, "{what}: {got}, {expected}");
    }
}

#[test]
fn an_export_is_read_back_with_the_runs_numbers_and_patches() {
    let place = place();
    // Every image has a label: `--split all` leaves none out, as for a network of one's own.
    copy_tree(&place.path("ck"), &place.path("labelled"), |path| {
        !path
            .components()
            .any(|it| it.as_os_str().to_string_lossy().starts_with("FACS"))
    });
    place
        .faus("data prepare --source ck_plus --input labelled --out prepared --size 16 --folds 4")
        .done();
    let run = "--checkpoint out/folds/1/best.safetensors --prepared prepared";
    place
        .faus("export out --fold 1 --out model.onnx")
        .done()
        .says(&["synthetic", "float32 [N, 1, 16, 16]", "8 classes"]);
    place
        .faus("network model.onnx")
        .done()
        .says(&["conv3", "no --layer is given: conv3"])
        .does_not_say("\"mean\"");
    let own = "--network model.onnx --prepared prepared";
    for layer in ["conv1", "conv3", "fc4", "output"] {
        let commands = [(run, "run"), (own, "own")];
        let [expected, got] = commands.map(|(of, name)| {
            let command = format!("activations {of} --layer {layer} --output {name}.npy");
            place.faus(&command).done();
            read_npy::<f32>(&place.path(&format!("{name}.npy")))
        });
        assert_eq!(got.0, expected.0, "{layer}");
        close(layer, &got.1, &expected.1, 1e-5);
    }
    for method in ["guided", "occlusion"] {
        let how = format!("--method {method} --filters 0-5 --top 3 --split all --no-sanity");
        let [expected, got] = [(run, "run"), (own, "own")].map(|(of, name)| {
            let command = format!("visualize {of} {how} --arrays --out {name}-{method}");
            place.faus(&command).done();
            read_json(&place.path(&format!("{name}-{method}/filters.json")))
        });
        assert_eq!(
            (&got["layer"], &got["field"]),
            (&expected["layer"], &expected["field"])
        );
        for (filter, (got, expected)) in got["filters"]
            .as_array()
            .unwrap()
            .iter()
            .zip(expected["filters"].as_array().unwrap())
            .enumerate()
        {
            let patches = |filter: &serde_json::Value| {
                let patches = filter["patches"].as_array().unwrap().iter();
                let keys = ["index", "row", "col", "x", "y", "w", "h"];
                Vec::from_iter(patches.map(|patch| keys.map(|key| patch[key].as_i64())))
            };
            assert_eq!(patches(got), patches(expected), "filter {filter}");
            let [got, expected] = ["own", "run"].map(|name| {
                let file = format!("{name}-{method}/projection-{filter:03}.npy");
                read_npy::<f32>(&place.path(&file))
            });
            close(method, &got.1, &expected.1, 1e-4);
        }
    }
}

#[test]
fn exporting_an_export_changes_nothing() {
    let place = place();
    let bytes = |name: &str| fs::read(place.path(name)).unwrap();
    place.faus("export out --fold 2 --out a.onnx").done();
    place.faus("export --network a.onnx --out b.onnx").done();
    assert_eq!(bytes("a.onnx"), bytes("b.onnx"));
    let checkpoint = "--checkpoint out/folds/2/best.safetensors --prepared out/dataset";
    place
        .faus(&format!(
            "export {checkpoint} --out c.data --format torchscript"
        ))
        .done();
    let archive = bytes("c.data");
    let holds = |text: &str| archive.windows(text.len()).any(|it| it == text.as_bytes());
    for text in [
        "extra/faus.json",
        "\"fold\":2",
        "\"synthetic\":true",
        "surprise",
    ] {
        assert!(holds(text), "{text}");
    }
    // A network of someone else: its scaling becomes part of it.
    let model = repository().join("crates/viz/tests/golden/onnx/plain.onnx");
    fs::copy(model, place.path("plain.onnx")).unwrap();
    let input = r#"{"size":36,"channels":1,"scale":0.00392156862745098,"mean":[0.4],"std":[0.25],"crop":"auto"}"#;
    fs::write(place.path("input.json"), input).unwrap();
    place
        .faus("export --network plain.onnx --out d.onnx")
        .ended(2)
        .says(&["--input", "\"mean\""]);
    place
        .faus("export --network plain.onnx --input input.json --out d.onnx")
        .done()
        .says(&["float32 [N, 1, 36, 36]"]);
    place.faus("export --network d.onnx --out e.onnx").done();
    assert_eq!(bytes("d.onnx"), bytes("e.onnx"));
    place
        .faus("export --network d.onnx --input input.json --out scaled-twice.onnx")
        .done()
        .says(&["d.onnx describes its images itself", "input.json"]);
    place
        .faus("export --network d.onnx --out d.onnx")
        .ended(2)
        .says(&["would replace the network"]);
    place
        .faus("export out --input input.json --out f.onnx")
        .ended(2);
    place
        .faus("data prepare --source ck_plus --input ck --out prepared --size 36")
        .done();
    let responses = |of: &str| {
        let command = format!("activations --network {of} --prepared prepared --output f.npy");
        place.faus(&command).done();
        read_npy::<f32>(&place.path("f.npy")).1
    };
    let expected = responses("plain.onnx --input input.json");
    close("F(x)", &responses("e.onnx"), &expected, 1e-5);
}

#[test]
fn what_cannot_be_exported_is_told_and_nothing_is_written() {
    let place = place();
    place
        .faus("export out --fold 9 --out m.onnx")
        .failed(&["no finished fold 9", "0, 1, 2, 3"]);
    place
        .faus("export out --out m.bin")
        .ended(2)
        .says(&["m.bin", ".onnx", ".pt", "--format"]);
    fs::create_dir(place.path("models")).unwrap();
    place
        .faus("export out --out models")
        .ended(2)
        .says(&["models is a folder", "models/model.onnx"]);
    place
        .faus("export out --out nowhere/m.onnx")
        .failed(&["nowhere/m.onnx", "No such file"]);
    place
        .faus("export ck --out m.onnx")
        .failed(&["ck", "not a run folder"]);
    place.faus("export --out m.onnx").ended(2).says(&["RUN"]);
    place
        .faus("export --checkpoint out/folds/0/best.safetensors --out m.onnx")
        .ended(2)
        .says(&["--prepared"]);
    for fold in 0..4 {
        fs::remove_file(place.path(&format!("out/folds/{fold}/fold.json"))).unwrap();
    }
    place
        .faus("export out --out m.pt")
        .failed(&["no fold is finished", "--resume"]);
    for name in ["m.onnx", "m.pt", "m.bin"] {
        assert!(!place.path(name).exists(), "{name}");
    }
}
