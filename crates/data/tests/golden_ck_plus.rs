//! A small CK+ with everything odd that real copies hold; `tests/golden/data_ck_plus.py` makes it and says, without
//! faus, what must be read of it.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::{files_below, go_on, unpack};
use faus_data::inspect::inspect;
use faus_data::{
    CkPlus, ClassMap, CropMode, FoldRule, PrepareOptions, Prepared, Protocol, Role, Source,
    balanced_folds, prepare,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    subjects: BTreeSet<i64>,
    sizes: BTreeMap<String, u32>,
    /// By crop mode and path.
    crops: BTreeMap<String, BTreeMap<String, Crop>>,
    sets: BTreeMap<String, Set>,
    crowd: Crowd,
}

/// Made-up subjects, more than the fixture has.
#[derive(Deserialize)]
struct Crowd {
    /// Subject and label of every image.
    images: Vec<(i64, i64)>,
    balanced: BTreeMap<String, BTreeMap<i64, i64>>,
}

/// Left, top, side, pixels in hex.
type Crop = (u32, u32, u32, String);

#[derive(Deserialize)]
struct Set {
    classes: Vec<String>,
    rows: Vec<Row>,
    images: BTreeMap<String, usize>,
    /// Path, and a word of the reason.
    skipped: BTreeMap<String, Vec<(String, String)>>,
    /// By number of folds and subject.
    balanced: BTreeMap<String, BTreeMap<i64, i64>>,
}

#[derive(Deserialize)]
struct Row {
    path: String,
    subject: i64,
    sequence: String,
    frame: u32,
    aus: String,
    role: String,
    label: i64,
    label_name: String,
    fold: i64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/ck_plus.json")).unwrap()
}

fn class_map(name: &str) -> ClassMap {
    match name {
        "eight" => ClassMap::eight(),
        "seven" => ClassMap::seven(),
        "six" => ClassMap::six(),
        other => panic!("{other}"),
    }
}

fn options(golden: &Golden, crop: CropMode) -> PrepareOptions {
    PrepareOptions {
        image_size: golden.sizes[&crop.to_string()],
        crop,
        ..PrepareOptions::default()
    }
}

fn as_it_is(name: &str) -> String {
    name.to_owned()
}

fn prepared(root: &Path, classes: &str, options: &PrepareOptions, output: &Path) -> Prepared {
    let source = CkPlus::open(root, class_map(classes)).unwrap();
    prepare(&source, options, output, &go_on).unwrap();
    Prepared::open(output).unwrap()
}

fn same_rows(set: &Prepared, want: &Set, golden: &Golden, mode: &str) {
    let crops = &golden.crops[mode];
    let rows: Vec<&Row> = want
        .rows
        .iter()
        .filter(|row| crops.contains_key(&row.path))
        .collect();
    assert_eq!((set.len(), rows.len()), (want.images[mode], set.len()));
    for (sample, row) in set.samples().iter().zip(rows) {
        let path = &row.path;
        assert_eq!(sample.path, *path);
        assert_eq!(
            (sample.subject, &sample.sequence, sample.frame, sample.fold),
            (row.subject, &row.sequence, row.frame, row.fold),
            "{path}"
        );
        assert_eq!(
            (sample.role.to_string(), sample.label, &sample.label_name),
            (row.role.clone(), row.label, &row.label_name),
            "{path}"
        );
        assert_eq!(sample.aus.to_string(), row.aus, "{path}");
        assert_eq!(sample.face_found, mode == "landmarks", "{path}");
        let (x, y, side, pixels) = &crops[path];
        let crop = sample.crop.unwrap();
        assert_eq!(
            (crop.x, crop.y, crop.w, crop.h),
            (*x, *y, *side, *side),
            "{path}"
        );
        same_pixels(set.image(sample.index), pixels, path);
    }
}

/// Both sides round once, ours after sums in f32: one grey level.
fn same_pixels(got: &[u8], hex: &str, path: &str) {
    let want: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    assert_eq!(got.len(), want.len(), "{path}");
    let worst = got.iter().zip(&want).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(1), "{path}: {worst:?} grey levels apart");
}

fn same_skipped(set: &Prepared, want: &[(String, String)]) {
    let mut got: Vec<_> = set.info().skipped.iter().collect();
    got.sort_by(|a, b| a.path.cmp(&b.path));
    let paths =
        |all: &[&faus_data::Skipped]| all.iter().map(|s| s.path.clone()).collect::<Vec<_>>();
    assert_eq!(
        paths(&got),
        want.iter()
            .map(|(path, _)| path.clone())
            .collect::<Vec<_>>()
    );
    for (skipped, (path, word)) in got.iter().zip(want) {
        let reason = &skipped.reason;
        assert!(reason.contains(word.as_str()), "{path}: {reason}");
        assert!(!reason.contains('\n'), "{path}: more than one line");
    }
    let text = inspect(set).to_string();
    let listed = |path: &str| text.contains(&format!("\n  {path}: "));
    assert!(
        want.len() > 20 || want.iter().all(|(path, _)| listed(path)),
        "{text}"
    );
}

#[test]
fn everything_is_read_as_the_script_says() {
    let golden = golden();
    let (dir, root) = unpack(false, as_it_is);
    let before = files_below(&root);
    for (classes, want) in &golden.sets {
        for crop in [CropMode::Landmarks, CropMode::None] {
            let output = dir.path().join(format!("{classes}-{crop}"));
            let set = prepared(&root, classes, &options(&golden, crop), &output);
            assert_eq!(set.info().classes, want.classes);
            same_rows(&set, want, &golden, &crop.to_string());
            same_skipped(&set, &want.skipped[&crop.to_string()]);
            let note = set.info().notes.join(" ");
            assert!(
                note.contains("2 FACS files are empty") || classes != "eight",
                "{note}"
            );
        }
    }
    assert!(before == files_below(&root), "the input was changed");
}

#[test]
fn the_order_of_files_on_disk_and_the_spelling_of_folders_change_nothing() {
    let golden = golden();
    let written = |reversed| {
        let (dir, root) = unpack(reversed, as_it_is);
        let output = dir.path().join("out");
        prepared(
            &root,
            "eight",
            &options(&golden, CropMode::Landmarks),
            &output,
        );
        files_below(&output)
            .into_iter()
            .map(|(path, bytes)| (path.file_name().unwrap().to_owned(), bytes))
            .collect::<Vec<_>>()
    };
    assert!(written(false) == written(true));

    let (dir, root) = unpack(false, |name| {
        name.replace("/Emotion_labels/", "/Emotion/")
            .replace("/FACS/", "/FACS_labels/")
    });
    let set = prepared(
        &root,
        "eight",
        &options(&golden, CropMode::None),
        &dir.path().join("out"),
    );
    same_rows(&set, &golden.sets["eight"], &golden, "none");
    assert_eq!(
        set.info().skipped.len(),
        golden.sets["eight"].skipped["none"].len()
    );
}

#[test]
fn folds_follow_the_rules_and_share_no_subject() {
    let golden = golden();
    let (dir, root) = unpack(false, as_it_is);
    for (classes, want) in &golden.sets {
        for (folds, dealt) in &want.balanced {
            let output = dir.path().join(format!("{classes}-{folds}"));
            let options = PrepareOptions {
                folds: Some(folds.parse().unwrap()),
                fold_rule: Some(FoldRule::Balanced),
                ..options(&golden, CropMode::None)
            };
            let set = prepared(&root, classes, &options, &output);
            for sample in set.samples() {
                let fold = dealt.get(&sample.subject).copied().unwrap_or(-1);
                assert_eq!(
                    sample.fold, fold,
                    "{classes}, {folds} folds: {}",
                    sample.path
                );
            }
            assert!(set.info().subject_independent);
            assert_eq!(set.info().fold_rule, FoldRule::Balanced);
            if folds == "3" {
                (0..3).for_each(|fold| drop(set.split(fold, Protocol::Paper2017).unwrap()));
            }
        }
    }
    // More than ten subjects, so that the modulo rule of the other tests has wrapped.
    assert!(golden.subjects.len() > 10);
    let last = *golden.subjects.last().unwrap();
    let rows = &golden.sets["eight"].rows;
    let fold = rows.iter().find(|row| row.subject == last).unwrap().fold;
    assert_eq!(fold, (golden.subjects.len() as i64 - 1) % 10);
}

#[test]
fn balanced_folds_of_a_crowd_are_those_of_exact_fractions() {
    let crowd = golden().crowd;
    let subjects: BTreeSet<i64> = crowd.images.iter().map(|(subject, _)| *subject).collect();
    for (folds, want) in &crowd.balanced {
        let got = balanced_folds(&crowd.images, &subjects, folds.parse().unwrap());
        assert_eq!(got, *want, "{folds} folds");
    }
}

#[test]
fn the_fixture_holds_what_its_name_promises() {
    let (_dir, root) = unpack(false, as_it_is);
    let files = files_below(&root);
    let has = |end: &str| files.iter().any(|(path, _)| path.ends_with(end));
    assert!(has("S005/001/.DS_Store") && has("S005/001/._S005_001_00000006.png"));
    assert!(root.join("Emotion_labels/S005/002").is_dir() && !root.join("FACS/S011/002").exists());
    let kinds: BTreeSet<_> = files
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|end| end == "png"))
        .filter_map(|(_, bytes)| image::load_from_memory(bytes).ok())
        .map(|image| format!("{:?}", image.color()))
        .collect();
    for kind in ["L8", "L16", "La8", "Rgb8", "Rgba8"] {
        assert!(kinds.contains(kind), "{kinds:?}");
    }
    let scan = CkPlus::open(&root, ClassMap::eight())
        .unwrap()
        .scan()
        .unwrap();
    let held_out = scan.samples.iter().filter(|s| s.role == Role::HeldOut);
    assert_eq!(
        held_out.map(|s| s.subject.as_str()).collect::<Vec<_>>(),
        ["S005", "S022", "S022", "S035"]
    );
}
