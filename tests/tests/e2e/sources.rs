use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use faus_tests::shared::TINY;
use faus_tests::{Place, Table, listing, numbers_of_people, read_json, read_npy, repository};
use walkdir::WalkDir;
use zip::write::SimpleFileOptions;

/// A picture that tells class, number and pixel apart.
fn grey(class: usize, number: usize, at: usize) -> u8 {
    let (x, y) = (at % 16, at / 16);
    let stripes = if (x * (class + 1) + y * 3) % 7 < 3 {
        160
    } else {
        60
    };
    (stripes + (number * 37 + at * (number % 5 + 1)) % 60) as u8
}

/// A picture of waves that are a person's own, moved a little by the class.
fn person(subject: usize, class: usize, x: f64, y: f64) -> u8 {
    let wave = |number: usize| {
        let turn = ((subject * 7 + number * 13) % 31) as f64 * 0.2;
        let reach = 0.1 + 0.03 * ((subject * 5 + number * 3) % 11) as f64;
        let phase = ((subject * 11 + number * 17) % 23) as f64 + 0.15 * class as f64;
        (reach * (x * turn.cos() + y * turn.sin()) + phase).sin()
    };
    (128.0 + (0..6).map(wave).sum::<f64>() * 20.0) as u8
}

/// A table in FER2013's form: three classes, `rows` images of each class and usage.
fn table(path: &Path, rows: usize) {
    let mut text = "emotion,pixels,Usage\n".to_owned();
    for number in 0..rows {
        for usage in ["Training", "PublicTest", "PrivateTest"] {
            for code in [0, 3, 6] {
                let pixels: Vec<String> = (0..256)
                    .map(|at| grey(code, number * 9 + usage.len(), at).to_string())
                    .collect();
                text += &format!("{code},{},{usage}\n", pixels.join(" "));
            }
        }
    }
    fs::write(path, text).unwrap();
}

/// Class folders as CK+48 has them: `subjects` people, two classes each, the last three frames.
fn class_folders(root: &Path, subjects: usize) {
    let classes = [
        "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise",
    ];
    for (at, class) in classes.iter().enumerate() {
        fs::create_dir_all(root.join(class)).unwrap();
        for subject in 0..subjects {
            for frame in 14..17 {
                let path = format!("{class}/S{subject:03}_{:03}_{frame:08}.png", at + 1);
                let picture = image::GrayImage::from_fn(48, 48, |x, y| {
                    image::Luma([person(subject, at, f64::from(x), f64::from(y))])
                });
                picture.save(root.join(path)).unwrap();
            }
        }
    }
}

/// Packs a folder; `top` is put before every name.
fn pack(folder: &Path, archive: &Path, top: &str) {
    let mut zip = zip::ZipWriter::new(File::create(archive).unwrap());
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(folder).unwrap();
            zip.start_file(
                format!("{top}{}", name.display()),
                SimpleFileOptions::default(),
            )
            .unwrap();
            zip.write_all(&fs::read(entry.path()).unwrap()).unwrap();
        }
    }
    zip.finish().unwrap();
}

#[test]
fn a_table_is_split_by_its_usage_and_never_called_subject_independent() {
    let place = Place::new();
    table(&place.path("t.csv"), 4);
    let ran = place.faus(&format!(
        "run experiments/csv/cnn_ad.json --data t.csv --out out {TINY} data.folds=null"
    ));
    ran.done().says(&["1 fold", "ot subject-independent"]);
    let summary = read_json(&place.path("out/summary.json"));
    assert_eq!(summary["subject_independent"], false);
    assert_eq!(summary["folds"].as_array().unwrap().len(), 1);
    let dataset = read_json(&place.path("out/dataset/dataset.json"));
    assert_eq!(dataset["fold_rule"], "given");
    assert_eq!(dataset["subject_independent"], false);
    assert_eq!(
        dataset["classes"],
        serde_json::json!(["neutral", "anger", "happy"])
    );
    let (shape, parts) = read_npy::<i64>(&place.path("out/dataset/folds.npy"));
    assert_eq!((shape, parts[..3].to_vec()), (vec![36, 1], vec![1, 1, 1]));
    let tested = Table::read(&place.path("out/folds/0/predictions.csv"));
    assert_eq!(tested.rows.len(), 12, "PrivateTest is the test part");
    let page = fs::read_to_string(place.path("out/report/index.html")).unwrap();
    assert!(page.contains("Not subject-independent."));

    place
        .faus("data prepare --source csv --input t.csv --output dealt --size 16 --folds 4")
        .done();
    let (shape, _) = read_npy::<i64>(&place.path("dealt/folds.npy"));
    assert_eq!(shape, [36]);
    place
        .faus("data inspect dealt")
        .done()
        .says(&["fold 3", "image"]);
    place.faus("data inspect out/dataset").done().says(&[
        "0 train",
        "0 test",
        "NOT subject-independent",
    ]);
}

#[test]
fn ck48_needs_no_flags_and_a_leaking_split_is_shown_to_leak() {
    let place = Place::new();
    class_folders(&place.path("CK+48"), 12);
    place
        .faus("data prepare --source folders --input CK+48 --output p --size 48 --review crops.png")
        .done()
        .says(&["12 subjects", "10 folds"]);
    assert!(image::open(place.path("crops.png")).unwrap().width() > 48);
    let samples = Table::read(&place.path("p/samples.csv"));
    assert_eq!(samples.rows.len(), 12 * 7 * 3);
    let people = numbers_of_people(&samples);
    for (subject, fold) in people.iter().zip(samples.numbers::<i64>("fold")) {
        assert_eq!(fold, subject % 10);
    }
    place.faus("data audit p --json clean.json").done();

    // Somebody deals images instead of people, as many published scripts do.
    let mut split = "path,split\n".to_owned();
    for (at, path) in samples.text("path").iter().enumerate() {
        let part = if at % 5 == 0 { "test" } else { "train" };
        split += &format!("{path},{part}\n");
    }
    fs::write(place.path("theirs.csv"), split).unwrap();
    let before = listing(&place.path("p"));
    place
        .faus("data audit p --split-csv theirs.csv --json found.json")
        .failed(&["p: "])
        .says(&["subject", "sequence"]);
    assert!(place.path("found.json").is_file());
    assert!(
        listing(&place.path("p")) == before,
        "an audit changes nothing"
    );
    place
        .faus("data audit p --split-csv nope.csv")
        .failed(&["nope.csv"]);
}

#[test]
fn archives_give_what_folders_give() {
    let place = Place::with_faces();
    let prepare = |input: &str, output: &str| {
        place
            .faus(&format!(
                "data prepare --source ck_plus --input {input} --output {output} --size 16 --folds 4"
            ))
            .done();
        listing(&place.path(output))
    };
    let plain = prepare("ck", "plain");
    pack(&place.path("ck"), &place.path("whole.zip"), "");
    assert!(prepare("whole.zip", "whole") == plain);
    pack(&place.path("ck"), &place.path("nested.zip"), "CK+/");
    assert!(prepare("nested.zip", "nested") == plain);

    let zips = place.path("zips");
    fs::create_dir(&zips).unwrap();
    for (part, archive) in [
        ("cohn-kanade-images", "extended-cohn-kanade-images.zip"),
        ("Emotion", "Emotion_labels.zip"),
        ("FACS", "FACS_labels.zip"),
        ("Landmarks", "Landmarks.zip"),
    ] {
        pack(
            &place.path("ck").join(part),
            &zips.join(archive),
            &format!("{part}/"),
        );
    }
    let before = listing(&zips);
    let parts = prepare("zips", "parts");
    assert!(
        listing(&zips) == before,
        "nothing is written into the input"
    );
    for name in [
        "images.npy",
        "labels.npy",
        "subjects.npy",
        "folds.npy",
        "samples.csv",
    ] {
        assert!(parts[name] == plain[name], "{name} differs");
    }
    fs::write(
        place.path("cut.zip"),
        &fs::read(place.path("whole.zip")).unwrap()[..5000],
    )
    .unwrap();
    place
        .faus("data prepare --source ck_plus --input cut.zip --output cut --size 16")
        .failed(&["cut.zip"]);
    assert!(!place.path("cut").exists());
}

#[test]
fn tfd_runs_on_its_given_splits() {
    let place = Place::new();
    let golden = repository().join("crates/data/tests/golden/tfd/compressed");
    let ran = place.faus(&format!(
        "run experiments/tfd/cnn.json --data {} --out out --folds 0,3 {TINY} data.folds=null",
        golden.display()
    ));
    ran.done().says(&["2 folds"]);
    let dataset = read_json(&place.path("out/dataset/dataset.json"));
    assert_eq!(
        (&dataset["folds"], &dataset["fold_rule"]),
        (&5.into(), &"given".into())
    );
    let (shape, parts) = read_npy::<i64>(&place.path("out/dataset/folds.npy"));
    assert_eq!(shape[1], 5);
    let tested: BTreeSet<usize> = Table::read(&place.path("out/folds/3/predictions.csv"))
        .numbers("index")
        .into_iter()
        .collect();
    let given: BTreeSet<usize> = (0..shape[0] as usize)
        .filter(|row| parts[row * 5 + 3] == 3)
        .collect();
    assert_eq!(tested, given);
}

#[test]
fn settings_of_another_source_are_refused() {
    let place = Place::with_faces();
    let prepare = "data prepare --source ck_plus --input ck --output p";
    place
        .faus(&format!("{prepare} --fold-rule given"))
        .failed(&["given", "splits"]);
    let wrong = |command: &str, parts: &[&str]| {
        place.faus(command).ended(2).says(parts);
    };
    for (flags, parts) in [
        (
            "--subject-pattern (?<subject>x)",
            ["subject pattern", "ck_plus"],
        ),
        ("--label-map fer2013", ["label map", "ck_plus"]),
        (
            "--folds 4 --fold-rule given",
            ["folds", "the data set decides"],
        ),
        ("--folds 1", ["folds", "2 to 1000"]),
        ("--size 4", ["image_size", "8 to 1024"]),
        ("--classes nine", ["--classes", "eight"]),
    ] {
        wrong(&format!("{prepare} {flags}"), &parts);
    }
    let of_six = prepare.replace("ck_plus", "ck_plus_six_class");
    wrong(
        &format!("{of_six} --classes eight"),
        &["six classes", "source ck_plus"],
    );
    let folders = prepare.replace("ck_plus", "folders");
    wrong(
        &format!("{folders} --subject-pattern ("),
        &["subject pattern"],
    );
    assert!(!place.path("p").exists());
}

#[test]
fn balanced_folds_keep_people_apart() {
    let place = Place::with_faces();
    place
        .faus("data prepare --source ck_plus --input ck --output p --size 16 --folds 3 --fold-rule balanced --classes seven")
        .done();
    let dataset = read_json(&place.path("p/dataset.json"));
    assert_eq!(dataset["fold_rule"], "balanced");
    assert_eq!(dataset["classes"].as_array().unwrap().len(), 7);
    place.faus("data audit p").done();
}
