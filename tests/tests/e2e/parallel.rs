//! Folds side by side.

use faus_tests::shared::TINY;
use faus_tests::{Place, listing, read_json};

use crate::interrupted::{interrupt, same_results, wait_until};

const SHORT: &str =
    "train.steps=24 train.checkpoint_every=4 train.validate_every=4 visualize.top=1";

fn command(out: &str, more: &str) -> String {
    format!("run experiments/ck_plus/cnn_ad.json {more} --data ck --out {out} {TINY} {SHORT}")
}

/// Issue 4: results do not depend on how many folds train at once.
#[test]
fn one_after_the_other_and_all_at_once_give_the_same_bytes() {
    let place = Place::with_faces();
    place.faus(&command("one", "--parallel-folds 1")).done();
    for (out, folds) in [("three", "3"), ("many", "9"), ("auto", "auto")] {
        place
            .faus(&command(out, &format!("--parallel-folds {folds}")))
            .done()
            .says(&["fold 0: test", "fold 3: test"]);
        same_results(&place, out, "one", 4);
    }
}

/// Issue 4: Ctrl-C stops all folds under way, and each goes on where it was.
#[test]
fn ctrl_c_stops_every_fold_and_each_goes_on() {
    let place = Place::with_faces();
    let long = |out: &str, more: &str| command(out, more).replace("steps=24", "steps=60");
    let mut child = place.start(&long("out", "--parallel-folds 2"));
    let begun = |fold: usize| {
        place
            .path(&format!("out/folds/{fold}/checkpoints/step-000004.state"))
            .exists()
    };
    wait_until(&mut child, || {
        (2..4).all(|fold| {
            place
                .path(&format!("out/folds/{fold}/checkpoints"))
                .exists()
        }) || (begun(0) && begun(1))
    });
    interrupt(&child);
    place
        .wait(child)
        .failed(&["stopped in fold", "kept in out", "--resume"]);
    let stopped = listing(&place.path("out"))
        .into_keys()
        .filter(|name| name.ends_with(".state"))
        .count();
    assert!(stopped >= 1, "a fold under way has left its state");
    place.faus(&long("out", "--parallel-folds 2")).failed(&[
        "was stopped after step",
        "--resume",
        "delete out/folds/",
    ]);
    place
        .faus(&long("out", "--parallel-folds 3 --resume"))
        .done()
        .says(&["fold 0:", "fold 3:"]);
    place.faus(&long("straight", "--parallel-folds 1")).done();
    same_results(&place, "out", "straight", 4);
}

#[test]
fn numbers_of_folds_and_devices_that_cannot_be() {
    let place = Place::with_faces();
    for (flags, parts) in [
        ("--parallel-folds 0", ["--parallel-folds", "auto"]),
        ("--parallel-folds all", ["--parallel-folds", "auto"]),
        ("--device cpu,cuda:0", ["--device", "cuda:N,M"]),
        ("--device cuda:1,1", ["--device", "cuda:N,M"]),
    ] {
        place
            .faus(&format!("run experiments/ck_plus/cnn.json {flags}"))
            .ended(2)
            .says(&parts);
    }
    place
        .faus(&command("out", "").replace("--device cpu", "--device cuda:97,98"))
        .failed(&["cuda:97", "--device cpu"]);
    assert!(!place.path("out").exists());
}

/// Issue 4: event files on request, with every row of the metrics once, also where a fold was stopped in between.
#[test]
fn event_files_hold_each_step_once() {
    let place = Place::with_faces();
    let events = |out: &str, fold: usize| {
        let path = format!("{out}/folds/{fold}/events.out.tfevents.faus");
        std::fs::read(place.path(&path)).unwrap()
    };
    let count = |bytes: &[u8], tag: &str| {
        let tag = tag.as_bytes();
        bytes.windows(tag.len()).filter(|w| *w == tag).count()
    };
    let mut child = place.start(&command("out", "--tensorboard --parallel-folds 1"));
    wait_until(&mut child, || {
        place
            .path("out/folds/0/checkpoints/step-000008.state")
            .exists()
    });
    child.kill().unwrap();
    place.wait(child);
    place.faus(&command("out", "--tensorboard --resume")).done();
    for fold in 0..4 {
        let bytes = events("out", fold);
        for tag in [
            "train_loss",
            "train_accuracy",
            "val_accuracy",
            "images_per_second",
        ] {
            assert_eq!(count(&bytes, tag), 6, "fold {fold}: {tag}");
        }
        assert_eq!(count(&bytes, "brain.Event:2"), 1);
    }
    place.faus(&command("quiet", "--folds 0")).done();
    assert!(
        !place
            .path("quiet/folds/0/events.out.tfevents.faus")
            .exists()
    );
    assert_eq!(read_json(&place.path("quiet/config.json"))["device"], "cpu");
}
