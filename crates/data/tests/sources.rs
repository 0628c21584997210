//! What every source promises, and what is special about class folders and pixel tables.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs;
use std::path::Path;

use common::{SHORT, Tree, drawing, go_on, save};
use faus_data::{
    CkPlus, ClassMap, CropMode, Error, Folders, LabelMap, Listed, PixelCsv, PrepareOptions,
    Prepared, Protocol, Role, Source, prepare,
};

fn options() -> PrepareOptions {
    PrepareOptions {
        image_size: 12,
        crop: CropMode::None,
        folds: Some(3),
        ..PrepareOptions::default()
    }
}

fn prepared(source: &dyn Source, output: &Path) -> Prepared {
    prepare(source, &options(), output, &go_on).unwrap();
    Prepared::open(output).unwrap()
}

/// The contract written on [`Source`].
fn keeps_its_promises(source: &dyn Source) {
    let scan = source.scan().unwrap();
    let classes = source.class_names();
    assert!(!source.name().is_empty() && classes.len() >= 2);
    for sample in &scan.samples {
        match sample.role {
            Role::Labelled => assert!((0..classes.len() as i64).contains(&sample.label)),
            Role::HeldOut => assert_eq!(sample.label, -1),
        }
        assert!(
            !Path::new(&sample.path).is_absolute() && !sample.path.contains('\\'),
            "{}",
            sample.path
        );
    }
    let again = source.scan().unwrap();
    let paths = |scan: &faus_data::Scan| {
        scan.samples
            .iter()
            .map(|s| s.path.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(paths(&scan), paths(&again));
    assert_eq!(scan.read, again.read);
}

fn ck_plus_48(root: &Path) {
    for (at, class) in [
        "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise",
    ]
    .iter()
    .enumerate()
    {
        for subject in 1..=6 {
            for frame in 15..18 {
                let name = format!("S{subject:03}_{at:03}_{frame:08}.png");
                save(
                    &root.join(class).join(name),
                    &drawing(subject, at as u32, frame),
                );
            }
        }
    }
    fs::write(root.join("anger/.DS_Store"), b"x").unwrap();
}

fn folders(root: &Path) -> Result<Listed, Error> {
    Folders::open(root, None, None)
}

fn pixel_csv(path: &Path) -> Result<Listed, Error> {
    PixelCsv::open(path, None, &LabelMap::Auto)
}

fn table(path: &Path, rows: &[&str]) {
    fs::write(path, format!("emotion,pixels,Usage\n{}\n", rows.join("\n"))).unwrap();
}

#[test]
fn every_source_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    ck_plus_48(&dir.path().join("CK+48"));
    keeps_its_promises(&folders(&dir.path().join("CK+48")).unwrap());
    table(
        &dir.path().join("fer.csv"),
        &["0,1 2 3 4,Training", "6,5 6 7 8,PublicTest", "x,1,Training"],
    );
    keeps_its_promises(&pixel_csv(&dir.path().join("fer.csv")).unwrap());
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 5, 1)
        .frames(2, 1, 3)
        .facs(2, 1, 3, "1 1\n");
    keeps_its_promises(&CkPlus::open(&tree.root, ClassMap::eight()).unwrap());
}

#[test]
fn class_folders_with_ck_plus_names_have_folds_by_subject() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("CK+48");
    ck_plus_48(&root);
    let set = prepared(&folders(&root).unwrap(), &dir.path().join("seven"));
    assert_eq!(
        (
            set.len(),
            set.info().subjects,
            set.info().subject_independent
        ),
        (126, 6, true)
    );
    assert!(
        set.samples()
            .iter()
            .all(|s| s.fold == (s.subject - 1) % 3 && !s.face_found)
    );
    assert_eq!(set.samples()[0].sequence, "S001_000");
    assert!(set.split(0, Protocol::Paper2017).is_ok());
    let six = Folders::open(&root, Some(ClassMap::six()), None).unwrap();
    assert_eq!(
        prepared(&six, &dir.path().join("six")).info().classes,
        ClassMap::six().names()
    );
}

#[test]
fn class_folders_without_subjects_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("faces");
    ck_plus_48(&root);
    save(&root.join("happy/holiday.png"), &drawing(1, 1, 1));
    let set = prepared(&folders(&root).unwrap(), &dir.path().join("stray"));
    assert!(set.info().subject_independent && set.info().subjects == 6);
    let skipped = &set.info().skipped;
    assert!(skipped.len() == 1 && skipped[0].path == "happy/holiday.png");
    for at in 0..20 {
        save(
            &root.join(format!("sadness/holiday-{at}.png")),
            &drawing(1, 1, 1),
        );
    }
    let set = prepared(&folders(&root).unwrap(), &dir.path().join("out"));
    assert!(!set.info().subject_independent && set.info().subjects == 0);
    assert!(set.subjects().iter().all(|&subject| subject == -1));
    let wrong = folders(&root.join("happy")).unwrap_err();
    assert!(
        matches!(&wrong, Error::Layout { found, .. } if found.contains("and 11 more")),
        "{wrong}"
    );
}

#[test]
fn pixel_tables_are_read_row_by_row() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ckextended.csv");
    let image: Vec<String> = (0..144).map(|value| value.to_string()).collect();
    let image = image.join(" ");
    let mut rows: Vec<String> = (0..24)
        .map(|at| format!("{},{image},Training", at % 8))
        .collect();
    rows.push(format!("8,{image},Training"));
    rows.push("0,1 2 3,Training".to_owned());
    rows.push("0,1 2 3 256,Training".to_owned());
    table(&path, &rows.iter().map(String::as_str).collect::<Vec<_>>());
    let set = prepared(&pixel_csv(&path).unwrap(), &dir.path().join("out"));
    assert_eq!((set.len(), set.info().skipped.len()), (24, 3));
    assert_eq!(set.image(5), (0..144).collect::<Vec<u8>>());
    // Codes are FER2013's: 0 anger, 6 neutral, 7 contempt.
    assert_eq!(
        (set.labels()[0], set.labels()[6], set.labels()[7]),
        (1, 0, 2)
    );
    assert!(!set.info().subject_independent);
    // Every class has one image in each fold.
    for fold in 0..3 {
        assert_eq!(set.folds().iter().filter(|&&f| f == fold).count(), 8);
        assert!(set.split(fold as usize, Protocol::Paper2017).is_ok());
    }
    table(&path, &[]);
    let empty = pixel_csv(&path).unwrap_err();
    assert!(matches!(empty, Error::NothingLabelled { .. }), "{empty}");
    fs::write(&path, "a,b\n1,2\n").unwrap();
    let wrong = pixel_csv(&path).unwrap_err().to_string();
    assert!(
        wrong.contains("emotion,pixels,Usage") && wrong.contains("found a,b"),
        "{wrong}"
    );
}
