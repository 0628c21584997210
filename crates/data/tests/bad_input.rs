//! Bad inputs, unusable sets, and work that is stopped half way: nothing half is left, and it can be done again.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{SHORT, Tree, drawing, files_below, go_on, save};
use faus_data::{
    CkPlus, ClassMap, CropMode, DatasetInfo, Error, Folders, PrepareOptions, Prepared,
    PreparedWriter, Source, prepare,
};

fn options() -> PrepareOptions {
    PrepareOptions {
        image_size: 8,
        crop: CropMode::None,
        folds: Some(3),
        ..PrepareOptions::default()
    }
}

fn strict() -> PrepareOptions {
    PrepareOptions {
        strict: true,
        ..options()
    }
}

/// 144 images, more than are in memory at a time.
fn large_tree() -> Tree {
    let tree = Tree::new(SHORT);
    (1..=36).for_each(|subject| {
        tree.sequence(subject, 1, 4, subject % 7 + 1);
    });
    tree
}

fn make(
    tree: &Tree,
    output: &Path,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<DatasetInfo, Error> {
    let source = CkPlus::open(&tree.root, ClassMap::eight())?;
    prepare(&source, &options(), output, progress)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The files of a set by name, whatever its folder is called.
fn contents(output: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let relative =
        |(path, bytes): (PathBuf, _)| (path.strip_prefix(output).unwrap().to_owned(), bytes);
    files_below(output).into_iter().map(relative).collect()
}

#[test]
fn stopped_anywhere_it_leaves_nothing_and_can_be_done_again() {
    let tree = large_tree();
    let whole = tree.dir.path().join("whole");
    make(&tree, &whole, &go_on).unwrap();
    // First image, within a chunk, at a chunk's end, behind it, and at the very last.
    for stop in [1, 70, 128, 129, 143, 144] {
        let result = make(&tree, &tree.output(), &|done, total| {
            assert!((1..=total).contains(&done) && total == 144);
            done < stop
        });
        assert!(
            matches!(result, Err(Error::Cancelled)),
            "{stop}: {result:?}"
        );
        assert_eq!(names(tree.dir.path()), ["CK+", "whole"], "{stop}");
    }
    make(&tree, &tree.output(), &go_on).unwrap();
    assert!(contents(&tree.output()) == contents(&whole));
}

/// Where the child of the next test works; unset everywhere else.
const CHILD: &str = "FAUS_TEST_KILLED_CHILD";

#[test]
fn killed_it_leaves_no_half_set_and_can_be_done_again() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return wait_to_be_killed(Path::new(&dir));
    }
    let tree = large_tree();
    let dir = tree.dir.path();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "killed_it_leaves_no_half_set_and_can_be_done_again",
        ])
        .env(CHILD, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !dir.join("half-way").exists() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "the child did not get half way"
        );
        assert!(
            child.try_wait().unwrap().is_none(),
            "the child ended by itself"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!tree.output().exists() && Prepared::open(&tree.output()).is_err());
    let left = names(dir);
    let known = |name: &String| {
        ["CK+", "half-way"].contains(&name.as_str()) || name.starts_with(".faus-data-")
    };
    assert!(left.iter().all(known), "{left:?}");

    make(&tree, &tree.output(), &go_on).unwrap();
    let whole = dir.join("whole");
    make(&tree, &whole, &go_on).unwrap();
    assert!(contents(&tree.output()) == contents(&whole));
}

/// Prepares until 130 images are done, so that a chunk is on disk, says so, and does nothing more.
fn wait_to_be_killed(dir: &Path) {
    let source = CkPlus::open(&dir.join("CK+"), ClassMap::eight()).unwrap();
    let progress = |done: usize, _total: usize| {
        if done == 130 {
            fs::write(dir.join("half-way"), b"").unwrap();
        }
        if done >= 130 {
            // Ends by itself if the parent is gone.
            std::thread::sleep(Duration::from_secs(60));
        }
        done < 130
    };
    drop(prepare(
        &source,
        &options(),
        &dir.join("prepared"),
        &progress,
    ));
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let tree = large_tree();
    make(&tree, &tree.output(), &go_on).unwrap();
    let set = Prepared::open(&tree.output()).unwrap();
    let half = tree.dir.path().join("half");
    let mut writer = PreparedWriter::create(&half, 8).unwrap();
    for sample in &set.samples()[..5] {
        writer
            .push(sample.clone(), set.image(sample.index))
            .unwrap();
    }
    assert!(
        names(tree.dir.path())
            .iter()
            .any(|name| name.starts_with(".faus-data-"))
    );
    assert!(!half.exists());
    drop(writer);
    assert_eq!(names(tree.dir.path()), ["CK+", "prepared"]);
    // A row that does not fit is refused, and what was written before can still be finished.
    let mut writer = PreparedWriter::create(&half, 8).unwrap();
    assert!(writer.push(set.samples()[0].clone(), &[0; 63]).is_err());
    writer.push(set.samples()[0].clone(), set.image(0)).unwrap();
    writer.finish(set.info().clone()).unwrap();
    assert_eq!(Prepared::open(&half).unwrap().len(), 1);
}

/// Every source with one bad image and one good way out.
fn sources_with_a_bad_image(tree: &Tree) -> Vec<(Box<dyn Source>, String)> {
    (1..=6).for_each(|subject| {
        tree.sequence(subject, 1, 4, 5);
    });
    fs::write(tree.frame(6, 1, 4), b"\x89PNG\r\n\x1a\nrubbish").unwrap();
    let folders = tree.dir.path().join("folders");
    for (class, subject) in [
        ("anger", 1),
        ("anger", 2),
        ("anger", 3),
        ("happy", 1),
        ("happy", 2),
        ("happy", 3),
    ] {
        let path = folders.join(format!("{class}/S{subject:03}_001_00000004.png"));
        save(&path, &drawing(subject, 1, 4));
    }
    fs::write(folders.join("happy/S003_001_00000004.png"), b"rubbish").unwrap();
    let ck_plus = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
    let folders = Folders::open(&folders, None, None).unwrap();
    vec![
        (
            Box::new(ck_plus),
            "cohn-kanade-images/S006/001/S006_001_00000004.png".to_owned(),
        ),
        (Box::new(folders), "happy/S003_001_00000004.png".to_owned()),
    ]
}

#[test]
fn a_bad_image_is_one_line_or_with_strict_the_error() {
    let tree = Tree::new(SHORT);
    for (at, (source, bad)) in sources_with_a_bad_image(&tree).into_iter().enumerate() {
        let output = tree.dir.path().join(format!("out-{at}"));
        let error = prepare(source.as_ref(), &strict(), &output, &go_on).unwrap_err();
        assert!(
            matches!(&error, Error::Strict { path, others: 0, .. } if *path == bad),
            "{error}"
        );
        let message = error.to_string();
        assert!(
            message.starts_with(&bad) && message.contains("not a readable image"),
            "{message}"
        );
        assert!(
            message.contains("--strict") && !message.contains('\n'),
            "{message}"
        );
        assert!(!output.exists());

        let info = prepare(source.as_ref(), &options(), &output, &go_on).unwrap();
        let [skipped] = info.skipped.as_slice() else {
            panic!("{:?}", info.skipped)
        };
        assert_eq!(skipped.path, bad);
        let set = Prepared::open(&output).unwrap();
        assert!(set.samples().iter().all(|sample| sample.path != bad));
        assert_eq!(set.len(), source.scan().unwrap().samples.len() - 1);
    }
    assert!(
        names(tree.dir.path())
            .iter()
            .all(|name| !name.starts_with('.'))
    );
}

#[test]
fn strict_says_how_many_more_there_are() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 4, 1).sequence(2, 1, 4, 1);
    for frame in 2..=4 {
        fs::write(tree.frame(2, 1, frame), b"rubbish").unwrap();
    }
    let source = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
    let error = prepare(&source, &strict(), &tree.output(), &go_on).unwrap_err();
    assert!(
        matches!(&error, Error::Strict { path, others: 2, .. } if path.ends_with("_00000002.png")),
        "{error}"
    );
    // Landmarks that the detector had to stand in for are bad inputs as well.
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 4, 1);
    tree.write(
        "Landmarks/S001/001/S001_001_00000002_landmarks.txt",
        b"1 2\n",
    );
    let source = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
    let crop = CropMode::Auto;
    let error = prepare(
        &source,
        &PrepareOptions { crop, ..strict() },
        &tree.output(),
        &go_on,
    );
    assert!(matches!(error, Err(Error::Strict { .. })), "{error:?}");
}

#[test]
fn an_unusable_set_is_one_clear_error() {
    let tree = Tree::new(SHORT);
    (1..=3).for_each(|subject| {
        tree.sequence(subject, 1, 4, 5)
            .emotion(subject, 1, 4, "five");
    });
    let folders = tree.dir.path().join("folders");
    for class in ["anger", "happy"] {
        fs::create_dir_all(folders.join(class)).unwrap();
        fs::write(folders.join(class).join("1.png"), b"rubbish").unwrap();
    }
    let sources: [Box<dyn Source>; 2] = [
        Box::new(CkPlus::open(&tree.root, ClassMap::eight()).unwrap()),
        Box::new(Folders::open(&folders, None, None).unwrap()),
    ];
    for (source, bad) in sources
        .iter()
        .zip(["S001_001_00000004_emotion.txt", "1.png"])
    {
        let error = prepare(source.as_ref(), &options(), &tree.output(), &go_on).unwrap_err();
        assert!(matches!(error, Error::NothingLabelled { .. }), "{error}");
        let message = error.to_string();
        let root = source.root().display().to_string();
        assert!(
            message.starts_with(&root) && message.contains(bad),
            "{message}"
        );
        assert!(!message.contains('\n'), "{message}");
    }
    assert_eq!(names(tree.dir.path()), ["CK+", "folders"]);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 4, 1).sequence(2, 1, 4, 1);
    let file = tree.dir.path().join("file");
    fs::write(&file, b"mine").unwrap();
    let error = make(&tree, &file.join("set"), &go_on).unwrap_err();
    assert!(
        matches!(&error, Error::Io { path, .. } if path.starts_with(&file)),
        "{error}"
    );
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[test]
fn a_file_that_is_read_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let [input, other] = ["faces.zip", "review.png"].map(|name| dir.path().join(name));
    fs::write(&input, "").unwrap();
    let again = dir
        .path()
        .join("../")
        .join(dir.path().file_name().unwrap())
        .join("faces.zip");
    for output in [&input, &again] {
        let error = faus_data::refuse_inside(output, &input).unwrap_err();
        assert!(
            error.to_string().contains("nothing is ever written"),
            "{error}"
        );
    }
    faus_data::refuse_inside(&other, &input).unwrap();
}
