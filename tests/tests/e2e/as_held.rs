//! Files as people hold them: dialects of tables and JSON, other kinds of file under a known name, names in both forms of
//! Unicode, and settings that contradict a prepared set.

use std::fs;
use std::path::Path;

use faus_tests::shared::{TINY, copy_of_finished};
use faus_tests::{Place, Table, copy_tree, read_json};

/// A picture of a person and a class.
fn picture(path: &Path, person: usize, class: usize, frame: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let grey = |x: u32, y: u32| {
        let (x, y) = (f64::from(x), f64::from(y));
        let wave =
            (x * (0.2 + 0.05 * person as f64)).sin() + (y * (0.3 + 0.1 * class as f64)).cos();
        image::Luma([(128.0 + 50.0 * wave + frame as f64) as u8])
    };
    image::GrayImage::from_fn(48, 48, grey).save(path).unwrap();
}

/// Class folders of people with names; `form` writes an umlaut.
fn named_people(root: &Path, form: impl Fn(usize) -> &'static str) {
    for person in 0..10 {
        for (at, class) in ["happy", "sad", "fear"].iter().enumerate() {
            let name = format!("J{}rg{person}", form(at));
            picture(
                &root.join(format!("{class}/{name}/{at}.png")),
                person,
                at,
                at,
            );
        }
    }
}

const PEOPLE: &str = "--subject-pattern [^/]+/(?<subject>[^/]+)/(?<frame>[0-9]+)";

#[test]
fn names_are_the_same_composed_or_decomposed() {
    let place = Place::new();
    let (one, two) = ("\u{f6}", "o\u{308}");
    named_people(&place.path("composed"), |_| one);
    named_people(
        &place.path("mixed"),
        |class| if class == 1 { two } else { one },
    );
    for set in ["composed", "mixed"] {
        let prepare = format!(
            "data prepare --source folders --input {set} --output {set}-p --size 48 {PEOPLE} --review {set}.png"
        );
        place
            .faus(&prepare)
            .done()
            .says(&["30 images of 10 subjects"]);
    }
    let digest = |set: &str| {
        read_json(&place.path(&format!("{set}-p/dataset.json")))["source_digest"].clone()
    };
    assert_eq!(digest("composed"), digest("mixed"));
    let folds = |set: &str| {
        let table = Table::read(&place.path(&format!("{set}-p/samples.csv")));
        table
            .text("fold")
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(folds("composed"), folds("mixed"));

    // One person in training and test, written in the other form than in the set.
    let mut split = "\u{feff}Path;Split\n".to_owned();
    for person in 0..10 {
        for (at, class) in ["happy", "sad", "fear"].iter().enumerate() {
            let part = if at == 2 { "test" } else { "train" };
            split += &format!("{class}/Jo\u{308}rg{person}/{at}.png;{part}\n");
        }
    }
    fs::write(place.path("split.csv"), &split).unwrap();
    for set in ["composed", "mixed"] {
        let ran = place.faus(&format!("data audit {set}-p --split-csv split.csv"));
        ran.ended(1).says(&["LEAK", "10 people"]);
        ran.does_not_say("match no image");
    }
    let boxes = "sep=\t\npath\tx\ty\tw\th\nsad/J\u{f6}rg3/1.png\t0\t0\t20\t20\nsad/Jo\u{308}rg4/1.png\t4\t4\t20\t20\n";
    fs::write(place.path("boxes.csv"), boxes).unwrap();
    let prepare = format!(
        "data prepare --source folders --input mixed --output boxed --size 48 {PEOPLE} --boxes boxes.csv"
    );
    place.faus(&prepare).done().does_not_say("are no image");
    let cropped = Table::read(&place.path("boxed/samples.csv"));
    let small = cropped.text("crop_w").into_iter().filter(|w| *w == "20");
    assert_eq!(small.count(), 2);
}

#[test]
fn tables_of_every_dialect_are_read_and_doubled_columns_refused() {
    let place = copy_of_finished(|_| true);
    let table = fs::read_to_string(place.path("out/dataset/samples.csv")).unwrap();
    let (header, rows) = table.split_once('\n').unwrap();
    let other = |by: &str| table.replace(',', by);
    for (dialect, text) in [
        ("semicolons", format!("\u{feff}sep=|\r\n{}", other("|"))),
        (
            "tabs",
            other("\t")
                .to_uppercase()
                .replace("LABELLED", "labelled")
                .replace("HELD_OUT", "held_out"),
        ),
        (
            "quoted",
            format!("\"{}\"\n{rows}", header.replace(',', "\",\"")),
        ),
    ] {
        let set = place.path(dialect);
        copy_tree(&place.path("out/dataset"), &set, |_| true);
        fs::write(set.join("samples.csv"), text).unwrap();
        let ran = place.faus(&format!(
            "correlate --activations a.npy --samples {dialect}/samples.csv --output fau"
        ));
        ran.failed(&["a.npy"]);
        if dialect != "tabs" {
            place.faus(&format!("data inspect {dialect}")).done();
        }
    }
    for (name, text) in [
        (
            "t.csv",
            "emotion,pixels,pixels\n0,1 2 3 4,1 2 3 4\n".to_owned(),
        ),
        ("u.csv", "Emotion;pixels;id;ID\n0;1 2 3 4;a;b\n".to_owned()),
    ] {
        fs::write(place.path(name), text).unwrap();
        let ran = place.faus(&format!(
            "data prepare --source csv --input {name} --output p"
        ));
        ran.failed(&[name, "twice"]);
    }
    let doubled = table.replacen("frame", "path", 1);
    fs::write(place.path("out/dataset/samples.csv"), doubled).unwrap();
    place
        .faus("data inspect out/dataset")
        .failed(&["samples.csv", "`path`", "twice"]);
    fs::write(
        place.path("split.csv"),
        "path,split,Split\na.png,train,test\n",
    )
    .unwrap();
}

/// A file's name and content, the command that reads it, and parts of the message.
type Kind<'a> = (&'a str, &'a [u8], &'a dyn Fn(&str) -> String, &'a [&'a str]);

#[test]
fn other_kinds_of_file_are_named_with_a_way_out() {
    let place = copy_of_finished(|_| true);
    let utf16: Vec<u8> = "emotion,pixels\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let evaluate = |name: &str| {
        format!("evaluate --checkpoint {name} --prepared out/dataset --fold 0 --split test")
    };
    let prepare = |name: &str| format!("data prepare --source csv --input {name} --output p");
    let audit = |name: &str| format!("data audit out/dataset --split-csv {name}");
    let run = |name: &str| format!("train {name} --prepared out/dataset --fold 0 --out t");
    let correlate = |name: &str| {
        format!("correlate --activations {name} --samples out/dataset/samples.csv --output f")
    };
    let kinds: [Kind; 12] = [
        (
            "h.csv",
            b"\x89HDF\r\n\x1a\n\0\0",
            &prepare,
            &["HDF5", "CSV"],
        ),
        (
            "x.csv",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            &audit,
            &["workbook", "CSV"],
        ),
        (
            "z.csv",
            b"\x28\xb5\x2f\xfd\0\0",
            &prepare,
            &["zstd", "unpack"],
        ),
        ("u.csv", &utf16, &prepare, &["UTF-16", "UTF-8"]),
        ("q.csv", b"PAR1\x15\0\x15", &audit, &["Parquet", "CSV"]),
        (
            "l.csv",
            b"path,split\nM\xfcller,train\n",
            &audit,
            &["line 2", "UTF-8"],
        ),
        ("u.json", &utf16, &run, &["UTF-16", "UTF-8"]),
        ("g.json", b"\x1f\x8b\x08\0", &run, &["gzip"]),
        (
            "k.safetensors",
            b"\x89HDF\r\n\x1a\n\0\0\0\0",
            &evaluate,
            &["HDF5", "faus correlate"],
        ),
        (
            "m.bin",
            b"\x80\x05\x95\x10\0\0\0\0\0\0\0",
            &evaluate,
            &["PyTorch", "faus correlate"],
        ),
        (
            "a.npy",
            b"PK\x03\x04\x14\0\0\0",
            &correlate,
            &[".npz", "numpy.save"],
        ),
        (
            "w.safetensors",
            b"<html><body>sign in</body></html>",
            &evaluate,
            &["web page"],
        ),
    ];
    for (name, bytes, command, parts) in kinds {
        fs::write(place.path(name), bytes).unwrap();
        place
            .faus(&command(name))
            .failed(parts)
            .does_not_say("cut short");
    }
}

#[test]
fn json_with_a_byte_order_mark_is_read() {
    let place = copy_of_finished(|_| true);
    for path in [
        "out/config.json",
        "out/summary.json",
        "out/dataset/dataset.json",
        "experiments/ck_plus/cnn.json",
    ] {
        let text = fs::read_to_string(place.path(path)).unwrap();
        fs::write(place.path(path), format!("\u{feff}{text}")).unwrap();
    }
    place.faus("compare out out").done();
    place.faus("report out").done();
    let page = fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(
        !page.contains("expected value at line 1"),
        "the page reads them too"
    );
    let train = "train experiments/ck_plus/cnn.json --prepared out/dataset --fold 0 --out t --preset quick --device cpu --set train.steps=1 data.folds=4";
    place.faus(train).done();
}

#[test]
fn settings_that_contradict_a_prepared_set_are_refused() {
    let place = copy_of_finished(|_| true);
    let train = |experiment: &str, set: &str| {
        place.faus(&format!(
            "train experiments/{experiment}.json --prepared out/dataset --fold 0 --out t --preset quick --device cpu --set train.steps=1 {set}"
        ))
    };
    for (experiment, set, parts) in [
        (
            "ck_plus/cnn",
            "data.classes=happy,fear",
            &["data.classes", "fear,happy"],
        ),
        (
            "ck_plus/cnn_a",
            "data.fold_rule=balanced",
            &["data.fold_rule", "balanced"],
        ),
        ("ck_plus/cnn_d", "data.folds=7", &["data.folds is 4"]),
        (
            "ck_plus/cnn",
            "data.crop=detector",
            &["data.crop", "detector"],
        ),
        (
            "csv/cnn_ad",
            "data.label_map=raf_db",
            &["data.label_map has no effect", "data prepare"],
        ),
        ("tfd/cnn", "data.folds=4", &["data.source is ck_plus"]),
        ("csv/cnn_ad", "data.folds=4", &["data.source is ck_plus"]),
    ] as [(&str, &str, &[&str]); 7]
    {
        train(experiment, set)
            .failed(parts)
            .says(&["--set", "out/dataset"]);
        assert!(!place.path("t").exists(), "{experiment} {set}");
    }
    train("ck_plus/cnn", "data.folds=4").done();
}

#[test]
fn landmarks_are_found_in_every_layout_and_from_everywhere() {
    let place = copy_of_finished(|_| true);
    let landmarks = || {
        let facts = read_json(&place.path("out/fau/spatial.json"));
        (
            facts["landmarks"].clone(),
            facts["verdict"].as_array().map(Vec::len),
        )
    };
    // The shared run was started elsewhere, with the relative path `ck`.
    place
        .faus("locate out --device cpu")
        .done()
        .does_not_say("mean face");
    assert_eq!(landmarks(), ("per image".into(), Some(1)));
    // Another layout: the images' own folder inside another, the landmarks with capitals.
    let moved = place.path("moved/CK+");
    for (part, to) in [
        (
            "cohn-kanade-images",
            "extended-cohn-kanade-images/cohn-kanade-images",
        ),
        ("Emotion", "Emotion_labels"),
        ("FACS", "FACS_labels"),
        ("Landmarks", "Landmarks/Landmarks"),
    ] {
        copy_tree(&place.path("ck").join(part), &moved.join(to), |_| true);
    }
    place
        .faus("locate out --data moved --device cpu")
        .done()
        .does_not_say("mean face");
    assert_eq!(landmarks().0, "per image");
    fs::remove_dir_all(moved.join("Landmarks")).unwrap();
    place.faus("locate out --data moved --device cpu").failed(&[
        "moved",
        "no landmarks",
        "omit --data",
    ]);
    // Another data set with files of the same names.
    place
        .faus("synth --output other --subjects 14 --size 160x120 --seed 9")
        .done();
    place
        .faus("locate out --data other --device cpu")
        .failed(&["other", "another data set"]);
    place
        .faus("locate out --data nowhere --device cpu")
        .failed(&["nowhere"]);
    // Also where the landmarks did not place the crops.
    place
        .faus(&format!(
            "run experiments/ck_plus/cnn_ad.json --data ck --out uncropped --folds 0 {TINY} data.crop=none"
        ))
        .done();
    place
        .faus("locate uncropped --device cpu")
        .done()
        .does_not_say("mean face");
    place
        .faus("locate uncropped --data other --device cpu")
        .failed(&["other", "another data set"]);
    // A run whose data is gone.
    let config = fs::read_to_string(place.path("out/config.json")).unwrap();
    let mut record = read_json(&place.path("out/config.json"));
    record["data"] = "gone".into();
    fs::write(place.path("out/config.json"), record.to_string()).unwrap();
    place
        .faus("locate out --device cpu")
        .done()
        .says(&["Note: no landmarks can be read", "mean face"]);
    assert_eq!(landmarks(), ("mean shape".into(), Some(2)));
    place.faus("report out").done();
    let page = fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.contains("are those of a mean face"));
    fs::write(place.path("out/config.json"), config).unwrap();
}
