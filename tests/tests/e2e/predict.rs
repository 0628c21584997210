use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use faus_tests::shared::copy_of_finished;
use faus_tests::{Place, Table, copy_tree, read_json, repository};
use image::{DynamicImage, GrayImage, RgbaImage, imageops};
use serde_json::{Value, json};

/// What `faus predict` needs of a run, and pictures of drawn faces in `photos`.
fn place() -> Place {
    let place = copy_of_finished(|path| path.starts_with("dataset") || !path.starts_with("viz"));
    std::fs::create_dir(place.path("photos")).unwrap();
    let face = portrait(&place, 0);
    face.save(place.path("photos/a.png")).unwrap();
    place
}

/// The peak of a drawn recording, on a larger picture.
fn portrait(place: &Place, number: usize) -> GrayImage {
    let samples = Table::read(&place.path("out/dataset/samples.csv"));
    let face = image::open(place.path("ck").join(samples.text("path")[number])).unwrap();
    let face = face.into_luma8();
    imageops::resize(&face, 640, 480, imageops::FilterType::CatmullRom)
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_photograph_is_told_in_a_line() {
    let place = place();
    let ran = place.faus("predict photos/a.png --run out");
    ran.done().says(&["synthetic", "1 face in 1 picture"]);
    let line = &ran.stdout;
    assert!(line.starts_with("photos/a.png, face 1 at "), "{line}");
    let classes = read_json(&place.path("out/dataset/dataset.json"));
    let classes = classes["classes"].as_array().unwrap();
    assert!(
        classes
            .iter()
            .any(|class| line.contains(class.as_str().unwrap()))
    );
}

/// The same face in every form that a camera or an editor writes gives the same row, alone or among others.
#[test]
fn forms_of_one_picture_and_many_at_once_give_the_same_numbers() {
    let place = place();
    let at = |name: &str| place.path("photos").join(name);
    let face = portrait(&place, 0);
    DynamicImage::from(face.clone())
        .into_luma16()
        .save(at("b-16-bit.png"))
        .unwrap();
    let rgba = DynamicImage::from(face.clone()).into_rgba8();
    let seen_through = RgbaImage::from_fn(640, 480, |x, y| {
        let mut pixel = *rgba.get_pixel(x, y);
        pixel.0[3] = 200;
        pixel
    });
    seen_through.save(at("c-rgba.png")).unwrap();
    face.save(at("d.bmp")).unwrap();
    for n in 1..40 {
        portrait(&place, n)
            .save(at(&format!("e-{n:02}.png")))
            .unwrap();
    }
    place.faus("predict photos --run out --out many").done();
    place
        .faus("predict photos/a.png --run out --out one")
        .done();
    let (many, one) = (
        lines(&place.path("many/faces.jsonl")),
        lines(&place.path("one/faces.jsonl")),
    );
    assert!(many.len() >= 43, "{}", many.len());
    for name in ["a.png", "b-16-bit.png", "c-rgba.png", "d.bmp"] {
        let path = format!("photos/{name}");
        let own = many
            .iter()
            .find(|line| line["path"] == path.as_str())
            .unwrap();
        for key in ["box", "predicted", "probabilities", "fired"] {
            assert_eq!(own[key], one[0][key], "{name}: {key}");
        }
    }
    let table = Table::read(&place.path("many/faces.csv"));
    assert_eq!(table.text("path").len(), many.len());
    let p: f64 = [
        "anger", "contempt", "disgust", "fear", "happy", "neutral", "sadness", "surprise",
    ]
    .iter()
    .map(|class| table.numbers::<f64>(&format!("p_{class}"))[0])
    .sum();
    assert!((p - 1.0).abs() < 1e-9, "{p}");
}

#[test]
fn two_faces_a_broken_file_and_none() {
    let place = place();
    let at = |name: &str| place.path("photos").join(name);
    let (left, right) = (portrait(&place, 0), portrait(&place, 40));
    let mut both = GrayImage::new(1280, 480);
    imageops::replace(&mut both, &left, 0, 0);
    imageops::replace(&mut both, &right, 640, 0);
    both.save(at("both.png")).unwrap();
    GrayImage::new(300, 300).save(at("black.png")).unwrap();
    std::fs::write(at("broken.jpg"), b"\xff\xd8\xff rubbish").unwrap();
    std::fs::write(at("moving.gif"), b"GIF89a").unwrap();
    std::os::unix::fs::symlink("nowhere", at("link.png")).unwrap();
    let ran = place.faus("predict photos --run out --out seen --overlay");
    ran.done().says(&["3 faces in 2 pictures; nothing in 4"]);
    let skipped = Table::read(&place.path("seen/skipped.csv"));
    assert_eq!(
        skipped.text("path"),
        [
            "photos/black.png",
            "photos/broken.jpg",
            "photos/link.png",
            "photos/moving.gif"
        ]
    );
    let reasons = skipped.text("reason");
    assert!(
        reasons[0].contains("no face")
            && reasons[1].contains("image")
            && reasons[3].contains("PNG"),
        "{reasons:?}"
    );
    let faces = Table::read(&place.path("seen/faces.csv"));
    assert_eq!(faces.text("face"), ["1", "1", "2"]);
    let x = faces.numbers::<f64>("x");
    assert!((x[1] < 640.0) != (x[2] < 640.0), "one in each half: {x:?}");
    let marked = image::open(place.path("seen/overlay/00002-both.png")).unwrap();
    assert_eq!((marked.width(), marked.height()), (1280, 480));
    assert!(marked.color().has_color(), "boxes are coloured");
}

/// The network of a run, exported and with the run's analysis beside it, sees what the run sees.
#[test]
fn a_network_of_ones_own_is_told_like_that_of_a_run() {
    let place = place();
    // So that a unit passes.
    let replication = place.path("out/fau/replication.json");
    let mut found = read_json(&replication);
    found["by_au"][0]["above_untrained"] = json!({ "difference": 0.3, "q": 0.01 });
    std::fs::write(&replication, found.to_string()).unwrap();
    for part in ["fau", "dataset"] {
        let to = place.path(&format!("analysed/{part}"));
        copy_tree(&place.path(&format!("out/{part}")), &to, |_| true);
    }
    for n in 1..9 {
        let name = format!("photos/b-{n}.png");
        portrait(&place, 7 * n).save(place.path(&name)).unwrap();
    }
    place.faus("export out --out model.onnx").done();
    let own = "--network model.onnx";
    place
        .faus(&format!("predict photos {own} --out bare"))
        .done()
        .says(&["No action units", "--analysed", "synthetic"]);
    place
        .faus(&format!(
            "predict photos {own} --analysed analysed --out own"
        ))
        .done()
        .says(&["analysed images", "1 units that replicate"]);
    place.faus("predict photos --run out --out run").done();
    let [bare, own, run] =
        ["bare", "own", "run"].map(|name| lines(&place.path(&format!("{name}/faces.jsonl"))));
    assert!(run.len() >= 9, "{}", run.len());
    let fired = |lines: &[Value]| {
        let units = lines.iter().map(|line| line["fired"].as_array().unwrap());
        Vec::from_iter(units.map(Vec::len))
    };
    assert_eq!(fired(&own), fired(&run));
    for ((bare, own), run) in bare.iter().zip(&own).zip(&run) {
        assert_eq!(bare["probabilities"], own["probabilities"]);
        for key in ["path", "box", "predicted"] {
            assert_eq!(own[key], run[key]);
        }
        for (class, p) in run["probabilities"].as_object().unwrap() {
            let apart = own["probabilities"][class].as_f64().unwrap() - p.as_f64().unwrap();
            assert!(apart.abs() < 1e-5, "{class}: {apart}");
        }
    }
    place
        .faus("predict photos --network model.onnx --analysed out")
        .failed(&["out: a run folder", "--run"]);
    place
        .faus("predict photos --network model.onnx --run out")
        .ended(2)
        .says(&["--run"]);
}

#[test]
fn outputs_without_names_are_numbered() {
    let place = place();
    let model = repository().join("crates/viz/tests/golden/onnx/plain.onnx");
    std::fs::copy(model, place.path("plain.onnx")).unwrap();
    let input = r#"{"size":36,"channels":1,"scale":0.004,"mean":[0.4],"std":[0.25],"crop":"auto"}"#;
    std::fs::write(place.path("input.json"), input).unwrap();
    place
        .faus("predict photos --network plain.onnx")
        .ended(2)
        .says(&["--input", "\"size\":36"]);
    place
        .faus("predict photos --network plain.onnx --input input.json --out seen")
        .done()
        .says(&["names of the classes are not known", "No action units"]);
    let table = Table::read(&place.path("seen/faces.csv"));
    assert_eq!(table.numbers::<f64>("p_4").len(), 1);
}

/// An `ffmpeg` that writes the file `frames` and ends with `code`.
fn fake_ffmpeg(place: &Place, frames: &[u8], code: i32) {
    let (all, program) = (place.path("frames"), place.path("bin/ffmpeg"));
    std::fs::write(&all, frames).unwrap();
    let script = format!("#!/bin/sh\n/bin/cat {}\nexit {code}\n", all.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn frames_of_a_video_come_from_ffmpeg() {
    let place = place();
    let frame = |n| {
        let rgb = DynamicImage::from(portrait(&place, n)).into_rgb8();
        [b"P6\n640 480\n255\n".as_slice(), rgb.as_raw()].concat()
    };
    let frames = [frame(0), frame(1), frame(2)].concat();
    std::fs::write(place.path("talk.mp4"), b"").unwrap();
    std::fs::create_dir(place.path("bin")).unwrap();
    fake_ffmpeg(&place, &frames, 0);
    let predict =
        |more: &str| place.faus_with_programs("bin", &format!("predict talk.mp4 --run out {more}"));
    predict("--out seen")
        .done()
        .says(&["3 faces in 3 pictures"]);
    let table = Table::read(&place.path("seen/faces.csv"));
    assert_eq!(table.text("frame"), ["0", "1", "2"]);

    fake_ffmpeg(&place, &frames[..1_500_000], 1);
    let half = predict("--out half");
    half.done().says(&["1 face in 1 picture; nothing in 1"]);

    std::fs::remove_file(place.path("bin/ffmpeg")).unwrap();
    predict("")
        .failed(&["no face was found"])
        .says(&["ffmpeg", "install"]);
}

#[test]
fn what_is_not_there_is_named() {
    let place = place();
    place
        .faus("predict nobody.png --run out")
        .failed(&["nobody.png"]);
    std::fs::create_dir(place.path("empty")).unwrap();
    place
        .faus("predict empty --run out")
        .failed(&["empty", "PNG"]);
    place
        .faus("predict photos --run photos")
        .failed(&["photos", "not a run folder"]);
    place.faus("predict photos").ended(2).says(&["--run"]);
    place
        .faus("predict photos --run out --out photos/seen")
        .failed(&["photos/seen", "inside"]);
    place
        .faus("predict photos --run out --overlay")
        .ended(2)
        .says(&["--out"]);
}
