//! Exit code 1 and one line that names the file, the reason and the way out; exit code 2 for wrong usage.

use std::fs;
use std::path::{Path, PathBuf};

use faus_tests::shared::{self, TINY};
use faus_tests::{Place, copy_tree, read_json};

fn run(place: &Place, arguments: &str) -> faus_tests::Ran {
    place.faus(&format!(
        "run experiments/ck_plus/cnn_ad.json {arguments} {TINY}"
    ))
}

#[test]
fn no_data_and_no_room_for_synthetic_faces() {
    let place = Place::new();
    fs::write(place.path("data"), "a file where a folder should be").unwrap();
    let ran = run(&place, "--out out");
    ran.failed(&["data/", "Not a directory"])
        .says(&["no data/CK+", "data/synthetic-ck", "--data"]);
}

#[test]
fn a_working_folder_that_may_not_be_written() {
    let place = Place::new();
    let sealed = place.path("sealed");
    fs::create_dir(&sealed).unwrap();
    let mut rights = fs::metadata(&sealed).unwrap().permissions();
    rights.set_readonly(true);
    fs::set_permissions(&sealed, rights).unwrap();
    if fs::write(sealed.join("probe"), "").is_ok() {
        return; // root may write everywhere
    }
    run(&place, "--data experiments --out sealed/out").failed(&[
        "sealed/out",
        "ermission",
        "--out",
    ]);
    place
        .faus("synth --output sealed/ck --subjects 2")
        .failed(&["sealed/ck", "ermission"]);
}

#[test]
fn data_that_is_not_there_or_something_else() {
    let place = Place::new();
    run(&place, "--data nope --out out").failed(&["nope", "no such folder", "--data"]);
    fs::create_dir(place.path("empty")).unwrap();
    run(&place, "--data empty --out out").failed(&[
        "empty: ",
        "cohn-kanade-images",
        "found an empty folder",
    ]);
    fs::create_dir(place.path("photos")).unwrap();
    fs::write(place.path("photos/holiday.jpg"), [7; 300]).unwrap();
    fs::write(place.path("photos/notes.txt"), "not faces").unwrap();
    run(&place, "--data photos --out out").failed(&[
        "photos: ",
        "cohn-kanade-images",
        "holiday.jpg",
    ]);
    run(&place, "--data photos/notes.txt --out out").failed(&["photos/notes.txt"]);
    for command in [
        "prepare --source ck_plus",
        "prepare --source ck_plus_six_class",
    ] {
        let ran = place.faus(&format!("data {command} --input photos --output prepared"));
        ran.failed(&["photos: ", "cohn-kanade-images"]);
    }
    assert!(
        !place.path("prepared").exists(),
        "a source that fails leaves nothing"
    );
}

/// A copy of the small faces with one broken PNG and one empty label file, and the two paths within it.
fn with_two_bad_inputs(place: &Place) -> (PathBuf, PathBuf) {
    let ck = place.path("ck");
    copy_tree(shared::faces(), &ck, |_| true);
    let mut labels: Vec<PathBuf> = faus_tests::listing(&ck.join("Emotion"))
        .into_keys()
        .map(PathBuf::from)
        .collect();
    labels.sort();
    let (sequence, label) = (
        labels[0].parent().unwrap(),
        Path::new("Emotion").join(&labels[5]),
    );
    let first = faus_tests::listing(&ck.join("cohn-kanade-images").join(sequence))
        .into_keys()
        .next()
        .unwrap();
    let image = Path::new("cohn-kanade-images").join(sequence).join(first);
    let whole = fs::read(ck.join(&image)).unwrap();
    fs::write(ck.join(&image), &whole[..whole.len() / 2]).unwrap();
    fs::write(ck.join(&label), "").unwrap();
    (image, label)
}

#[test]
fn one_broken_png_and_one_empty_label_are_listed_and_the_job_goes_on() {
    let place = Place::new();
    let (image, label) = with_two_bad_inputs(&place);
    let (image, label) = (image.to_str().unwrap(), label.to_str().unwrap());
    run(&place, "--data ck --out out --folds 0")
        .done()
        .says(&["2 inputs skipped", image, label]);
    let skipped = read_json(&place.path("out/dataset/dataset.json"))["skipped"].clone();
    let skipped = skipped.as_array().unwrap();
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    for path in [image, label] {
        let entry = skipped
            .iter()
            .find(|s| s["path"] == path)
            .unwrap_or_else(|| panic!("no {path}: {skipped:?}"));
        assert!(entry["reason"].as_str().unwrap().len() > 5, "{entry}");
    }
    run(&place, "--data ck --out strict --folds 0 --strict").failed(&["S0", "--strict"]);
    let prepare = "data prepare --source ck_plus --input ck --size 16";
    place
        .faus(&format!("{prepare} --output prepared --strict"))
        .failed(&["S0", "--strict"]);
    assert!(!place.path("prepared").exists());
    place
        .faus(&format!("{prepare} --output prepared"))
        .done()
        .says(&["2 inputs skipped"]);
    place
        .faus("data inspect prepared")
        .done()
        .says(&[image, label]);
}

#[test]
fn a_folder_that_cannot_be_made() {
    let place = Place::with_faces();
    fs::write(place.path("file"), "").unwrap();
    run(&place, "--data ck --out file/out").failed(&["file/out", "Not a directory", "--out"]);
    place
        .faus("synth --output file/ck --subjects 2")
        .failed(&["file/", "Not a directory"]);
    place
        .faus("data prepare --source ck_plus --input ck --output file/set")
        .failed(&["file"]);
    let inside = place.faus("data prepare --source ck_plus --input ck --output ck/set");
    inside.failed(&["ck/set", "choose another output folder"]);
}

#[test]
fn tfd_says_what_it_waits_for() {
    for variant in ["cnn", "cnn_a", "cnn_d", "cnn_ad"] {
        let ran = Place::new().faus(&format!("run experiments/tfd/{variant}.json"));
        ran.failed(&["data/TFD", "licence", "experiments/ck_plus"]);
    }
}

#[test]
fn experiment_files() {
    let place = Place::new();
    place
        .faus("run nope.json")
        .failed(&["nope.json", "No such file", "experiments/"]);
    fs::write(
        place.path("broken.json"),
        "{\"name\": \"x\",\n \"train\": {",
    )
    .unwrap();
    place
        .faus("run broken.json")
        .failed(&["broken.json", "JSON", "line 2"]);
    fs::write(
        place.path("typo.json"),
        r#"{"name": "x", "train": {"stepps": 3}}"#,
    )
    .unwrap();
    place
        .faus("run typo.json")
        .failed(&["typo.json", "stepps", "steps"]);
    assert!(!place.path("runs").exists());
}

#[test]
fn settings_on_the_command_line() {
    let place = Place::new();
    let set = |set: &str| {
        place.faus(&format!(
            "run experiments/ck_plus/cnn_ad.json --out out --set {set}"
        ))
    };
    set("train.stepps=3").failed(&["stepps", "did you mean train.steps?", "batch_size"]);
    set("steps=3").failed(&["did you mean train.steps?"]);
    set("train.precision=bf16 --device cpu").failed(&["bf16", "the CPU", "precision=float32"]);
    set("train.normalisation=divisive:0").failed(&["divisive:EPSILON"]);
    set("train.dropout=1.5").failed(&["dropout", "1.5"]);
    set("steps").failed(&["steps", "key=value", "--set train.steps=500"]);
    assert!(!place.path("out").exists());
}

#[test]
fn flags_out_of_range_are_wrong_usage() {
    let place = Place::new();
    let usage = |flags: &str, parts: &[&str]| {
        place
            .faus(&format!("run experiments/ck_plus/cnn_ad.json {flags}"))
            .ended(2)
            .says(parts);
    };
    usage("--folds 3-1", &["--folds", "3-1", "0-9"]);
    usage("--folds many", &["--folds", "many", "0-9"]);
    usage("--device tpu", &["--device", "tpu", "cuda:N"]);
    usage("--preset slow", &["--preset", "slow", "quick"]);
    usage("--seed -1", &["-1"]);
    usage("--frob", &["--frob"]);
    place.faus("frob").ended(2).says(&["frob", "--help"]);
    place.faus("run").ended(2).says(&["EXPERIMENT"]);
    place
        .faus("synth --output x --size big")
        .ended(2)
        .says(&["big", "640x490"]);
    assert!(!place.path("runs").exists());
}

#[test]
fn folds_that_the_data_set_does_not_have() {
    let place = Place::with_faces();
    run(&place, "--data ck --out out --folds 2-7").failed(&["--folds", "4", "0 to 3"]);
    place
        .faus("data prepare --source ck_plus --input ck --output prepared --size 16 --folds 4")
        .done();
    let train = format!(
        "train experiments/ck_plus/cnn.json --prepared prepared --fold 9 --out fold {TINY}"
    );
    place.faus(&train).failed(&["fold", "9", "0 to 3"]);
}

#[test]
fn cuda_where_there_is_none() {
    let place = Place::with_faces();
    if place
        .faus("doctor")
        .stdout
        .lines()
        .any(|line| line.starts_with("CUDA") && line.contains("yes"))
    {
        return;
    }
    let command = format!("run experiments/ck_plus/cnn.json --data ck --out out {TINY}");
    place
        .faus(&command.replace("--device cpu", "--device cuda"))
        .failed(&["cuda", "--device cpu"]);
    place
        .faus(&command.replace("--device cpu", "--device cuda:1"))
        .failed(&["cuda:1", "--device cpu"]);
    assert!(!place.path("out").exists());
}

#[test]
fn damaged_results_are_named() {
    let place = shared::copy_of_finished(|path| !path.ends_with("step-000002.safetensors"));
    let out = |part: &str| place.path("out").join(part);
    let truncate = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        bytes
    };
    // Without its summary a run looks at its folds again.
    fs::remove_file(out("summary.json")).unwrap();
    let whole = truncate(&out("folds/1/fold.json"));
    place
        .faus(&shared::finished_command())
        .failed(&["out/folds/1/fold.json", "damaged", "delete"]);
    fs::write(out("folds/1/fold.json"), whole).unwrap();

    for fold in 0..4 {
        truncate(&out(&format!("folds/{fold}/best.safetensors")));
    }
    let damaged = [
        "best.safetensors",
        "not a readable safetensors file",
        "cut short",
    ];
    place.faus(&shared::finished_command()).failed(&damaged);
    let evaluate = "evaluate --checkpoint out/folds/1/best.safetensors --prepared out/dataset --fold 1 --split test";
    place.faus(evaluate).failed(&damaged);

    truncate(&out("dataset/images.npy"));
    place
        .faus(&evaluate.replace("best", "checkpoints/step-000004"))
        .failed(&["images.npy", "faus data prepare"]);
    truncate(&out("config.json"));
    place
        .faus(&shared::finished_command())
        .failed(&["out/config.json", "damaged"]);
}

#[test]
fn results_that_are_not_there() {
    let place = shared::copy_of_finished(|path| !path.starts_with("folds"));
    place
        .faus("report nope")
        .failed(&["nope", "No such file", "faus run"]);
    place
        .faus("data inspect nope")
        .failed(&["nope", "faus data prepare"]);
    let evaluate = |checkpoint: &str, prepared: &str| {
        place.faus(&format!(
            "evaluate --checkpoint {checkpoint} --prepared {prepared} --fold 0 --split test"
        ))
    };
    evaluate("nope.safetensors", "out/dataset").failed(&["nope.safetensors", "No such file"]);
    evaluate("nope.safetensors", "nope").failed(&["nope"]);
    place
        .faus("select out --prepared out/dataset --fold 0")
        .failed(&["out", "step-NNNNNN.safetensors"]);
    let correlate = place
        .faus("correlate --activations nope.npy --samples out/dataset/samples.csv --output fau");
    correlate.failed(&["nope.npy", "No such file"]);
}
