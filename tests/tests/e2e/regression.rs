use std::fs;

use faus_tests::shared::TINY;
use faus_tests::{Place, copy_tree, read_json, shared};

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
    place.faus(prepare).done().says(&["13 subjects"]);
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

/// A run with other data in the same folder was "finished already", and its config.json then named the other data.
#[test]
fn issue_2_a_run_folder_keeps_to_its_data() {
    let place = shared::copy_of_finished(|_| true);
    copy_tree(&place.path("ck"), &place.path("other"), |_| true);
    fs::write(place.path("other/Emotion/note_emotion.txt"), "3").unwrap();
    let before = fs::read(place.path("out/config.json")).unwrap();
    place
        .faus(&format!(
            "run experiments/ck_plus/cnn_ad.json --data other --out out {TINY}"
        ))
        .failed(&["holds a run on ck", "other", "--out"]);
    assert_eq!(fs::read(place.path("out/config.json")).unwrap(), before);
    place
        .faus(&format!(
            "run experiments/ck_plus/cnn_ad.json --data ck --out ck/run {TINY}"
        ))
        .failed(&["ck/run", "or inside it", "choose another output folder"]);
    assert!(!place.path("ck/run").exists());
}

/// A layer that does not exist was noticed after all folds were trained, and could not be put right.
#[test]
fn issue_2_what_is_looked_at_is_checked_first_and_may_change() {
    let place = shared::copy_of_finished(|_| true);
    let run = |set: &str| {
        place.faus(&format!(
            "run experiments/ck_plus/cnn_ad.json --data ck --out out {TINY} {set}"
        ))
    };
    run("visualize.layer=nope").failed(&["nope", "conv3"]);
    let fold = fs::read(place.path("out/folds/0/fold.json")).unwrap();
    run("visualize.layer=conv2").done();
    assert_eq!(fs::read(place.path("out/folds/0/fold.json")).unwrap(), fold);
    assert!(place.path("out/viz/conv2/figure.png").exists());
    assert!(!place.path("out/viz/conv3").exists());
}

/// Accuracies of images that a checkpoint had seen, or had been chosen by, stood there as if they were fair.
#[test]
fn issue_2_optimistic_accuracies_say_so() {
    let place = shared::copy_of_finished(|_| true);
    let evaluate = |fold: usize, split: &str| {
        place.faus(&format!(
            "evaluate --checkpoint out/folds/0/best.safetensors --prepared out/dataset --fold {fold} --split {split}"
        ))
    };
    evaluate(0, "test").done().does_not_say("optimistic");
    for (fold, split) in [(1, "test"), (0, "val"), (0, "train"), (0, "all")] {
        evaluate(fold, split).done().says(&["optimistic"]);
    }
    place
        .faus("select out/folds/0/checkpoints --prepared out/dataset --fold 1")
        .done()
        .says(&["optimistic"]);
    place
        .faus(&format!(
            "run experiments/ck_plus/cnn.json --data ck --out 2015 --folds 0 {TINY} train.protocol=paper-2015"
        ))
        .done()
        .says(&["optimistic"]);
    assert_eq!(
        read_json(&place.path("2015/summary.json"))["optimistic"],
        true
    );
}

#[test]
fn issue_2_settings_out_of_range_are_refused_by_name() {
    let set = |set: &str| {
        Place::with_faces().faus(&format!(
            "run experiments/ck_plus/cnn_ad.json --data ck --set {set}"
        ))
    };
    set("train.batch_size=100000000000").failed(&["batch_size", "65536"]);
    set("network.k=-1").failed(&["network.k", "positive"]);
    set("data.image_size=50").failed(&["50x50", "multiple of 8"]);
}

/// Issue 3: sheets and arrays went wherever they were sent, into the input and over the set itself.
#[test]
fn issue_3_nothing_is_written_over_the_data() {
    let place = Place::with_faces();
    let prepare = "data prepare --source ck_plus --input ck --output set --size 16 --review";
    place
        .faus(&format!("{prepare} ck/review.png"))
        .failed(&["ck/review.png"]);
    place
        .faus(&format!("{prepare} set/images.npy"))
        .failed(&["set/images.npy", "is inside the prepared data set"]);
    place
        .faus(&format!("{prepare} nowhere/review.png"))
        .failed(&["nowhere", "no such folder"]);
    assert!(!place.path("set").exists(), "nothing was prepared in vain");
    place.faus(&format!("{prepare} review.png")).done();
    let augment = "data augment set --index 0 --count 2 --seed 1 --output";
    place
        .faus(&format!("{augment} set/images.npy --params p.csv"))
        .failed(&["set/images.npy", "is inside the prepared data set"]);
    place
        .faus(&format!("{augment} same --params same"))
        .failed(&["same", "two outputs"]);
    place.faus("data audit set").done();
}
