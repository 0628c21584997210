use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

use faus_tests::shared::TINY;
use faus_tests::{Place, Ran, Table, listing, read_json};
use serde_json::Value;

/// Long enough for a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(300);

/// Waits for `there`; a program that ends before that is an error.
fn wait_until(child: &mut Child, there: impl Fn() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(started.elapsed() < PATIENCE, "waited too long");
        assert_eq!(child.try_wait().unwrap(), None, "the program has ended");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ctrl-C.
fn interrupt(child: &Child) {
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// A summary without what time says.
fn timeless(path: &Path) -> Value {
    let mut summary = read_json(path);
    summary.as_object_mut().unwrap().remove("seconds");
    for fold in summary["folds"].as_array_mut().unwrap() {
        fold.as_object_mut().unwrap().remove("seconds");
    }
    summary
}

/// When a fold was finished, and its files.
type Fold = (SystemTime, BTreeMap<String, Vec<u8>>);

fn folds(run: &Path, folds: [usize; 3]) -> [Fold; 3] {
    folds.map(|fold| {
        let dir = run.join(format!("folds/{fold}"));
        let result = std::fs::metadata(dir.join("fold.json")).unwrap();
        (result.modified().unwrap(), listing(&dir))
    })
}

/// Shows 7 of issue 2, and DESIGN 7: what was finished remains, and resumed equals uninterrupted, bit for bit.
#[test]
fn ctrl_c_in_the_middle_of_fold_3() {
    let place = Place::with_faces();
    let more = "train.steps=60 train.checkpoint_every=10 train.validate_every=10 data.folds=5 visualize.top=1";
    let command = |out: &str| {
        format!("run experiments/ck_plus/cnn_ad.json --data ck --out {out} {TINY} {more}")
    };

    let mut first = place.start(&command("out"));
    wait_until(&mut first, || {
        place.path("out/folds/0/checkpoints").exists()
    });
    place
        .faus(&command("out"))
        .failed(&["out: ", "another faus", "--out"]);

    wait_until(&mut first, || {
        place
            .path("out/folds/3/checkpoints/step-000010.state")
            .exists()
    });
    interrupt(&first);
    let stopped = place.wait(first);
    stopped
        .failed(&["fold 3", "kept", "out", "--resume"])
        .says(&["fold 2:"])
        .does_not_say("fold 3: test");
    assert!(!place.path("out/folds/3/fold.json").exists());
    assert!(!place.path("out/folds/4").exists());
    let before = folds(&place.path("out"), [0, 1, 2]);

    place
        .faus(&command("out").replace("--preset", "--resume --preset"))
        .done()
        .says(&["fold 3:", "fold 4:"]);
    assert!(
        folds(&place.path("out"), [0, 1, 2]) == before,
        "finished folds are not touched"
    );

    place.faus(&command("straight")).done();
    assert_eq!(
        timeless(&place.path("out/summary.json")),
        timeless(&place.path("straight/summary.json"))
    );
    for fold in 0..5 {
        let same = |file: &str| {
            let read = |run: &str| {
                std::fs::read(place.path(run).join(format!("folds/{fold}/{file}"))).unwrap()
            };
            assert!(
                read("out") == read("straight"),
                "fold {fold}: {file} differs"
            );
        };
        same("predictions.csv");
        same("best.safetensors");
        let metrics =
            |run: &str| Table::read(&place.path(run).join(format!("folds/{fold}/metrics.csv")));
        for column in ["step", "train_loss", "val_accuracy"] {
            assert_eq!(
                metrics("out").text(column),
                metrics("straight").text(column),
                "fold {fold}: {column}"
            );
        }
    }
    let activations =
        |run: &str| std::fs::read(place.path(run).join("fau/activations.npy")).unwrap();
    assert!(activations("out") == activations("straight"));
}

/// Names in a folder, sorted; none where there is no such folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).map(|all| all.filter_map(Result::ok).collect());
    let entries: Vec<std::fs::DirEntry> = entries.unwrap_or_default();
    let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.into_iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn ctrl_c_while_faces_are_drawn_leaves_no_half_data_set() {
    let place = Place::new();
    let mut child = place.start(&format!(
        "run experiments/ck_plus/cnn_ad.json --out out {TINY}"
    ));
    wait_until(&mut child, || !names(&place.path("data")).is_empty());
    interrupt(&child);
    place
        .wait(child)
        .failed(&["stopped", "nothing was written"]);
    assert_eq!(names(&place.path("data")), Vec::<String>::new());
}

/// Presses Ctrl-C while a data set is prepared; `None` where the program was done before.
fn stop_a_preparation(place: &Place) -> Option<Ran> {
    let before = names(&place.path("")).len();
    let mut child = place.start(
        "data prepare --source ck_plus --input ck --output prepared --crop detector --size 96",
    );
    wait_until(&mut child, || names(&place.path("")).len() > before);
    interrupt(&child);
    Some(place.wait(child)).filter(|ran| ran.code != Some(0))
}

#[test]
fn ctrl_c_while_faces_are_prepared_leaves_no_half_data_set() {
    let place = Place::with_faces();
    let before = names(&place.path(""));
    if let Some(stopped) = stop_a_preparation(&place) {
        stopped.ended(1);
        assert_eq!(names(&place.path("")), before);
    }
}

#[test]
fn ctrl_c_while_faces_are_prepared_says_what_to_do() {
    let place = Place::with_faces();
    if let Some(stopped) = stop_a_preparation(&place) {
        stopped.failed(&["prepared", "stopped", "again"]);
    }
}
