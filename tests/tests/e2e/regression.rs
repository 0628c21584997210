use std::fs;

use faus_tests::Place;
use faus_tests::shared::TINY;

/// A run that was finished, got more folds and failed while it looked into the network held a summary of all folds and
/// the report of the old ones, and took itself for finished.
#[test]
fn issue_2_a_report_of_fewer_folds_is_not_taken_for_finished() {
    let place = Place::with_faces();
    let run = |folds: &str| {
        place.faus(&format!(
            "run experiments/ck_plus/cnn.json --data ck --out out --folds {folds} {TINY}"
        ))
    };
    run("0").done();
    fs::remove_dir_all(place.path("out/fau")).unwrap();
    fs::write(place.path("out/fau"), "in the way").unwrap();
    run("0-1").failed(&["out/fau"]);
    fs::remove_file(place.path("out/fau")).unwrap();
    run("0-1").done().does_not_say("nothing to do");
    assert!(place.path("out/fau/correspondences.csv").exists());
}

/// The flag took every word behind it, the experiment too.
#[test]
fn issue_2_settings_may_stand_before_the_experiment() {
    let place = Place::with_faces();
    let settings = TINY.split_once("--set ").unwrap().1;
    let sets: String = settings
        .split_whitespace()
        .map(|set| format!("--set {set} "))
        .collect();
    place
        .faus(&format!(
            "run {sets} experiments/ck_plus/cnn.json --data nope"
        ))
        .failed(&["nope"]);
}

/// A job that never began left a run folder with nothing but a lock in it.
#[test]
fn issue_2_a_job_that_never_began_leaves_no_run_folder() {
    let place = Place::with_faces();
    place
        .faus("run experiments/ck_plus/cnn_ad.json --data nope")
        .failed(&["nope"]);
    place
        .faus("run experiments/tfd/cnn.json")
        .failed(&["data/TFD"]);
    place
        .faus("run experiments/ck_plus/cnn_ad.json --data ck --folds 12")
        .failed(&["--folds", "0 to 9"]);
    let runs: Vec<_> = fs::read_dir(place.path("runs"))
        .map(Iterator::collect)
        .unwrap_or_default();
    assert!(runs.is_empty(), "{runs:?}");
}

/// The header of images.npy was made for as many images as a number can hold.
#[test]
fn issue_2_large_images_do_not_overflow() {
    let place = Place::with_faces();
    let prepare = "data prepare --source ck_plus --input ck --output prepared --size 512";
    place.faus(prepare).done().says(&["12 subjects"]);
}

#[test]
fn issue_2_a_value_of_the_wrong_kind_names_its_setting() {
    let set =
        |set: &str| Place::new().faus(&format!("run experiments/ck_plus/cnn_ad.json --set {set}"));
    set("train.steps=abc").failed(&["train.steps", "abc"]);
    set("data.source=elsewhere").failed(&["data.source", "elsewhere", "ck_plus"]);
    set("train.optimizer=adam").failed(&["train.optimizer", "adam", "adamw"]);
}

/// It named a hidden folder beside the one that was asked for, and no way out.
#[test]
fn issue_2_a_place_without_room_for_synthetic_faces_is_named() {
    let place = Place::new();
    fs::write(place.path("data"), "a file where a folder should be").unwrap();
    let ran = place.faus("run experiments/ck_plus/cnn_ad.json");
    ran.failed(&["data/synthetic-ck", "--data"])
        .does_not_say("partial");
    place
        .faus("synth --output data/ck --subjects 2")
        .failed(&["data/ck", "Not a directory"])
        .does_not_say("partial");
}

/// The error printed its cause, and then the cause was printed again.
#[test]
fn issue_2_a_reason_is_said_once() {
    let place = Place::with_faces();
    fs::write(place.path("file"), "").unwrap();
    for command in [
        "synth --output file/ck --subjects 2",
        "data prepare --source ck_plus --input ck --output file/set",
        "data inspect file/set",
        "evaluate --checkpoint nope.safetensors --prepared ck --fold 0 --split test",
        "correlate --activations nope.npy --samples nope.csv --output fau",
        "select nope --prepared nope --fold 0",
        "report nope",
        "run nope.json",
    ] {
        let ran = place.faus(command);
        ran.failed(&[]);
        if ran.stderr.contains("os error") {
            ran.says_the_reason_once();
        }
    }
}
