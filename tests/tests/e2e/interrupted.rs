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
pub(crate) fn wait_until(child: &mut Child, there: impl Fn() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(started.elapsed() < PATIENCE, "waited too long");
        assert_eq!(child.try_wait().unwrap(), None, "the program has ended");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ctrl-C.
pub(crate) fn interrupt(child: &Child) {
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

/// What was finished remains, and a resumed run equals an uninterrupted one, bit for bit.
#[test]
fn ctrl_c_in_the_middle_of_fold_3() {
    let place = Place::with_faces();
    let more = "train.steps=60 train.checkpoint_every=10 train.validate_every=10 data.folds=5 visualize.top=1";
    let command = |out: &str| {
        format!(
            "run experiments/ck_plus/cnn_ad.json --parallel-folds 1 --data ck --out {out} {TINY} {more}"
        )
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
    same_results(&place, "out", "straight", 5);
}

/// Asserts that two runs have the same results to the byte, but for what time says.
#[track_caller]
pub(crate) fn same_results(place: &Place, one: &str, other: &str, folds: usize) {
    assert_eq!(
        timeless(&place.path(one).join("summary.json")),
        timeless(&place.path(other).join("summary.json"))
    );
    for fold in 0..folds {
        let dir = |run: &str| place.path(run).join(format!("folds/{fold}"));
        // A draft that a kill left behind is no result.
        let tensors = |run: &str| -> Vec<String> {
            let all = names(&dir(run).join("checkpoints")).into_iter();
            all.filter(|name| !name.starts_with('.')).collect()
        };
        assert_eq!(tensors(other), tensors(one), "fold {fold}");
        let tensors = tensors(other);
        let result = |run: &str| {
            let mut result = read_json(&dir(run).join("fold.json"));
            result.as_object_mut().unwrap().remove("seconds");
            result
        };
        assert_eq!(result(one), result(other), "fold {fold}");
        let tensors = tensors.iter().map(|name| format!("checkpoints/{name}"));
        let files = ["predictions.csv", "best.safetensors"].map(str::to_owned);
        for file in tensors.chain(files) {
            let read = |run: &str| std::fs::read(dir(run).join(&file)).unwrap();
            assert!(read(one) == read(other), "fold {fold}: {file} differs");
        }
        let metrics = |run: &str| Table::read(&dir(run).join("metrics.csv"));
        for column in ["step", "train_loss", "train_accuracy", "val_accuracy"] {
            assert_eq!(
                metrics(one).text(column),
                metrics(other).text(column),
                "fold {fold}: {column}"
            );
        }
    }
    for part in ["fau", "viz"] {
        let (mine, theirs) = [one, other]
            .map(|run| listing(&place.path(run).join(part)))
            .into();
        let mine: BTreeMap<String, Vec<u8>> = mine;
        assert!(mine.keys().eq(theirs.keys()), "{part}");
        for (name, bytes) in mine {
            assert!(bytes == theirs[&name], "{part}/{name} differs");
        }
    }
}

/// Shows 2 of issue 4. Moments are drawn between nothing and what a whole run takes, so that they fall into the preparation,
/// the folds and what comes behind them; a run that is finished before its time is begun anew elsewhere.
#[test]
fn killed_at_thirty_moments_the_results_are_those_of_a_straight_run() {
    const KILLS: usize = 30;
    let place = Place::with_faces();
    let more = "train.steps=24 train.checkpoint_every=4 train.validate_every=4 data.folds=4 visualize.top=1";
    let command = |out: &str| {
        format!("run experiments/ck_plus/cnn_ad.json --resume --data ck --out {out} {TINY} {more}")
    };
    let started = Instant::now();
    place.faus(&command("straight")).done();
    let whole = started.elapsed().as_secs_f64();

    let (mut killed, mut run, mut draw) = (0, 0, 0x9e37_79b9_7f4a_7c15_u64);
    while killed < KILLS {
        // xorshift: any moments will do, as long as they are many different ones.
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        let moment = Duration::from_secs_f64(whole * (draw >> 11) as f64 / (1u64 << 53) as f64);
        let mut child = place.start(&command(&format!("out{run}")));
        std::thread::sleep(moment);
        child.kill().unwrap();
        let ended = place.wait(child);
        if ended.code.is_none() {
            killed += 1;
        } else {
            ended.done();
            run += 1;
        }
    }
    for run in 0..=run {
        let out = format!("out{run}");
        place.faus(&command(&out)).done();
        same_results(&place, &out, "straight", 4);
        let stray: Vec<String> = listing(&place.path(&out))
            .into_keys()
            .filter(|n| n.ends_with(".state"))
            .collect();
        assert_eq!(stray, Vec::<String>::new());
    }
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
        stopped.failed(&["preparing", "stopped", "again"]);
    }
}
