//! Shows 7 of issue 4: clear errors, nothing lost, the others go on.

use std::fs;
use std::path::{Path, PathBuf};

use faus_tests::shared::{self, TINY, copy_of_finished, finished_command};
use faus_tests::{Place, copy_tree, listing, read_json};

use crate::interrupted::same_results;

/// A network and its moments take 11 MB, the network alone 5.4 MB: the first checkpoint of a fold has room, the state
/// beside it has not.
const ROOM: u32 = 8000;

#[test]
fn no_room_on_the_disk_in_the_middle() {
    let place = Place::with_faces();
    let command =
        |more: &str| format!("run experiments/ck_plus/cnn_ad.json --data ck {more} {TINY}");
    place.faus(&command("--out out --folds 0")).done();
    let before = listing(&place.path("out/folds/0"));
    place
        .faus_with_little_room(ROOM, &command("--out out"))
        .failed(&[
            "out/folds/",
            ".state",
            "File too large",
            "make room",
            "--resume",
        ]);
    assert!(
        listing(&place.path("out/folds/0")) == before,
        "finished folds stay"
    );
    let strays = listing(&place.path("out")).into_keys();
    let strays: Vec<String> = strays
        .filter(|name| name.contains(".state") || name.ends_with(".tmp"))
        .collect();
    assert_eq!(strays, Vec::<String>::new(), "no half file is left");
    place.faus(&command("--out out --resume")).done();
    place.faus(&command("--out straight")).done();
    same_results(&place, "out", "straight", 4);
}

/// The paths of the labels of a class, by its code.
fn labels_of(ck: &Path, code: f64) -> Vec<PathBuf> {
    let labels = listing(&ck.join("Emotion")).into_iter();
    let of_class = labels.filter(|(_, bytes)| {
        let text = String::from_utf8_lossy(bytes);
        text.trim().parse::<f64>().is_ok_and(|value| value == code)
    });
    let mut paths: Vec<PathBuf> = of_class
        .map(|(name, _)| ck.join("Emotion").join(name))
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_class_that_only_one_person_shows_fails_its_fold_and_no_other() {
    let place = Place::new();
    let ck = place.path("ck");
    copy_tree(shared::faces(), &ck, |_| true);
    let surprise = labels_of(&ck, 7.0);
    let person = |path: &Path| {
        path.strip_prefix(ck.join("Emotion"))
            .unwrap()
            .iter()
            .next()
            .unwrap()
            .to_owned()
    };
    let first = person(&surprise[0]);
    for other in surprise.iter().filter(|path| person(path) != first) {
        fs::remove_file(other).unwrap();
    }
    let command = format!("run experiments/ck_plus/cnn_ad.json --data ck --out out {TINY}");
    place
        .faus(&command)
        .failed(&["folds failed", "report"])
        .says(&[
            "failed: ",
            "no image of surprise to train on",
            "data.fold_rule=balanced",
        ]);
    let summary = read_json(&place.path("out/summary.json"));
    let folds = summary["folds"].as_array().unwrap();
    let (failed, done): (Vec<_>, Vec<_>) = folds.iter().partition(|f| f.get("failed").is_some());
    assert!(!failed.is_empty() && !done.is_empty(), "{summary:#}");
    for fold in failed {
        assert!(fold["failed"].as_str().unwrap().contains("surprise"));
    }
    // Where nobody who is tested shows it, the fold says so and has its result.
    for fold in done {
        let path = format!("out/folds/{}/fold.json", fold["fold"]);
        let absent = read_json(&place.path(&path))["absent_in_test"].clone();
        let absent = absent.as_array().unwrap();
        assert!(absent.contains(&"surprise".into()), "{absent:?}");
    }
}

#[test]
fn a_batch_that_no_memory_holds_is_refused_before_the_training() {
    let place = Place::with_faces();
    let command = format!(
        "run experiments/ck_plus/cnn.json --data ck --out out {TINY} train.batch_size=65536 data.image_size=384"
    );
    // 58 GB of images and more of gradients; a machine that has them is not refused, so it is not asked.
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = memory.lines().find_map(|line| {
        let amount = line.strip_prefix("MemAvailable:")?;
        amount.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    if kilobytes.is_some_and(|kilobytes| kilobytes < 200_000_000) {
        place.faus(&command).failed(&[
            "train.batch_size is 65536",
            "GB are free",
            "--set train.batch_size=",
        ]);
        assert!(!place.path("out/folds").exists());
    }
    place
        .faus(&command.replace("65536", "65537"))
        .failed(&["batch_size is 65537", "at most 65536"]);
}

#[test]
fn a_fold_says_whether_it_is_at_chance_level() {
    let place = copy_of_finished(|path| path.extension().is_none_or(|e| e != "safetensors"));
    let summary = read_json(&place.path("out/summary.json"));
    for fold in 0..4 {
        let own = read_json(&place.path(&format!("out/folds/{fold}/fold.json")));
        let accuracy = |key: &str| own[key].as_f64().unwrap();
        let at_chance = accuracy("test_accuracy") <= accuracy("majority_accuracy");
        assert_eq!(own["at_chance"], at_chance, "fold {fold}");
        assert_eq!(
            summary["folds"][fold]["at_chance"], at_chance,
            "fold {fold}"
        );
        assert!((0.2..1.6).contains(&own["drawn"]["k"].as_f64().unwrap()));
        let said = &shared::finished().1.stderr;
        let line = said
            .lines()
            .find(|line| line.starts_with(&format!("fold {fold}: test")));
        assert_eq!(line.unwrap().contains("AT CHANCE LEVEL"), at_chance);
    }
}

#[test]
fn data_that_changed_after_a_run_are_named() {
    let place = copy_of_finished(|_| true);
    fs::remove_file(place.path("ck")).unwrap();
    copy_tree(shared::faces(), &place.path("ck"), |_| true);
    let again = || place.faus(&finished_command());
    // A copy differs in dates alone.
    again()
        .done()
        .says(&["finished already"])
        .does_not_say("has changed");
    let people = place.path("ck/cohn-kanade-images");
    let person = fs::read_dir(people)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(person.join("new.png"), "").unwrap();
    again().done().says(&[
        "ck has changed since",
        "cohn-kanade-images: ",
        "delete that folder, or give another --out",
        "finished already",
    ]);
    // Without its data set the run is of data that cannot be had again.
    let emotions = place.path("ck/Emotion");
    fs::remove_file(person.join("new.png")).unwrap();
    fs::remove_dir_all(place.path("out/dataset")).unwrap();
    let first = fs::read_dir(emotions)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::rename(&first, place.path("aside")).unwrap();
    again()
        .failed(&["out: its folds were trained on other data than ck has now"])
        .does_not_say("is of the data as they were");
    // What was prepared from other data is gone, so that the right data are taken again, whatever their path.
    assert!(!place.path("out/dataset").exists());
    fs::rename(place.path("aside"), first).unwrap();
    fs::rename(place.path("ck"), place.path("moved")).unwrap();
    let moved = finished_command().replace("--data ck", "--data ./moved/");
    place.faus(&moved).done().says(&["Prepared synthetic CK+"]);
    place.faus(&moved).done().says(&["finished already"]);
    // A data set that the networks were not trained on is refused by what reads the run.
    let info = place.path("out/dataset/dataset.json");
    let mut other = read_json(&info);
    other["source_digest"] = "0".repeat(64).into();
    fs::write(info, other.to_string()).unwrap();
    place
        .faus("replicate out")
        .failed(&["out/dataset: not the data that this run was trained on"]);
}

#[test]
fn pictures_of_some_filters_do_not_replace_those_of_the_run() {
    let place = copy_of_finished(|_| true);
    let some = |out: &str| {
        place.faus(&format!(
            "visualize out --filters 3 --no-sanity --out {out}"
        ))
    };
    some("out/viz/conv3").failed(&["out/viz/conv3: holds the run's pictures", "--out"]);
    some("mine").done();
}

#[test]
fn run_twice_says_that_there_is_nothing_to_do() {
    let place = copy_of_finished(|_| true);
    let before = listing(&place.path("out"));
    place
        .faus(&finished_command())
        .done()
        .says(&["finished already, nothing to do"]);
    place
        .faus(&finished_command().replace("--preset", "--resume --parallel-folds 3 --preset"))
        .done()
        .says(&["finished already, nothing to do"]);
    assert!(
        listing(&place.path("out")) == before,
        "not a byte has changed"
    );
}
