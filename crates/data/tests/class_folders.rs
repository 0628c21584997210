//! Class folders as people hold them, and a listing like CK+48's against what pandas says of it;
//! `tests/golden/data_tables.py` makes it.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs;
use std::path::Path;

use common::{go_on, save};
use faus_data::{
    ClassMap, CropMode, Error, Folders, Folding, Part, PrepareOptions, Prepared, Source, prepare,
};
use image::{GrayImage, Luma};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    folds: i64,
    listing: Listing,
}

#[derive(Deserialize)]
struct Listing {
    classes: Vec<String>,
    /// Path, label, subject, frame, fold, in random order.
    files: Vec<(String, i64, i64, u32, i64)>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/tables.json")).expect("golden file")
}

fn notes(source: &dyn Source) -> String {
    source.scan().unwrap().notes.join("\n")
}

/// A picture of its own for every subject and frame.
fn face(subject: i64, frame: u32) -> GrayImage {
    let seed = subject as u32 * 7 + frame;
    GrayImage::from_fn(48, 48, |x, y| Luma([((x * 3 + y * 5 + seed) % 256) as u8]))
}

#[test]
fn ck_plus_48_needs_no_flags() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("CK+48");
    let Golden { folds, listing } = golden();
    for (path, _, subject, frame, _) in &listing.files {
        save(&root.join(path), &face(*subject, *frame));
    }
    let source = Folders::open(&root, None, None).unwrap();
    let scan = source.scan().unwrap();
    assert_eq!(
        (scan.skipped.len(), scan.notes.len()),
        (0, 0),
        "{:?}",
        scan.notes
    );
    let output = dir.path().join("out");
    let options = PrepareOptions {
        image_size: 48,
        crop: CropMode::Auto,
        ..PrepareOptions::default()
    };
    let info = prepare(&source, &options, &output, &go_on).unwrap();
    assert_eq!(
        (info.images, info.subjects, info.folds as i64),
        (981, 118, folds)
    );
    assert!(info.subject_independent && info.classes == listing.classes);
    assert_eq!(info.classes, ClassMap::seven().names());
    let set = Prepared::open(&output).unwrap();
    let mut files = listing.files;
    files.sort_by_key(|(path, _, subject, ..)| {
        let name = path.rsplit('/').next().unwrap().to_owned();
        (*subject, name)
    });
    for (sample, (path, label, subject, frame, fold)) in set.samples().iter().zip(files) {
        assert_eq!(
            (
                &sample.path,
                sample.label,
                sample.subject,
                sample.frame,
                sample.fold
            ),
            (&path, label, subject, frame, fold)
        );
        assert_eq!(sample.label_name, path.split('/').next().unwrap());
        assert_eq!(set.image(sample.index), face(subject, frame).into_raw());
        assert!(!sample.face_found);
    }
}

/// Small images at these paths.
fn tree(paths: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let image = GrayImage::from_fn(8, 8, |x, y| Luma([(x * y) as u8]));
    for path in paths {
        save(&dir.path().join(path), &image);
    }
    dir
}

fn with_pattern(root: &Path, pattern: &str) -> Result<Folders, Error> {
    Folders::open(root, None, Some(pattern))
}

fn plain(root: &Path) -> Folders {
    Folders::open(root, None, None).unwrap()
}

#[test]
fn a_pattern_tells_subjects() {
    let dir = tree(&[
        "bert/happy/t1/07.png",
        "bert/sad/t1/08.png",
        "anna/sadness/t2/1.jpg",
        "happy/9.png",
    ]);
    let pattern = r"^(?<subject>\w+)/\w+/(?<sequence>t\d+)/(?<frame>\d+)\.";
    let scan = with_pattern(dir.path(), pattern).unwrap().scan().unwrap();
    let rows: Vec<_> = scan
        .samples
        .iter()
        .map(|s| {
            (
                s.path.as_str(),
                s.label,
                s.subject.as_str(),
                s.sequence.as_str(),
                s.frame,
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("anna/sadness/t2/1.jpg", 1, "anna", "anna_t2", 1),
            ("bert/happy/t1/07.png", 0, "bert", "bert_t1", 7),
            ("bert/sad/t1/08.png", 1, "bert", "bert_t1", 8),
        ]
    );
    assert_eq!(
        scan.folding,
        Folding::BySubject(["anna", "bert"].map(str::to_owned).into())
    );
    let [skipped] = scan.skipped.as_slice() else {
        panic!("{:?}", scan.skipped)
    };
    assert_eq!(skipped.path, "happy/9.png");
    let error = with_pattern(dir.path(), r"S(?<subject>\d+)_")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("none of the 4 paths") && error.contains("anna/sadness"),
        "{error}"
    );
}

#[test]
fn copies_and_contradictions_are_kept_and_noted() {
    let name = "S010_004_00000017.png";
    let paths = [
        format!("happy/{name}"),
        format!("old/happy/{name}"),
        format!("sad/{name}"),
    ];
    let dir = tree(&paths.each_ref().map(String::as_str));
    let source = plain(dir.path());
    assert_eq!(source.scan().unwrap().samples.len(), 3);
    let said = notes(&source);
    assert!(
        said.contains("of the same class: 1") && said.contains("old/happy"),
        "{said}"
    );
    assert!(
        said.contains("of another class") && said.contains("sad/S010"),
        "{said}"
    );
}

#[test]
fn given_parts_count_where_no_subject_is_known() {
    let dir = tree(&[
        "train/happy/a.png",
        "val/sad/a.png",
        "test/happy/b.png",
        "fear/c.png",
    ]);
    let scan = plain(dir.path()).scan().unwrap();
    assert_eq!(scan.folding, Folding::Given(1));
    let parts: Vec<_> = scan
        .samples
        .iter()
        .map(|s| (&*s.path, s.parts[0]))
        .collect();
    assert_eq!(
        parts,
        [
            ("fear/c.png", Part::None),
            ("test/happy/b.png", Part::Test),
            ("train/happy/a.png", Part::Train),
            ("val/sad/a.png", Part::Validation)
        ]
    );
    assert!(
        scan.notes.join("\n").contains("in no part: 1"),
        "{:?}",
        scan.notes
    );
    let two = tree(&["train/happy/a.png", "test/sad/a.png"]);
    let scan = plain(two.path()).scan().unwrap();
    assert_eq!(scan.folding, Folding::ByImage);
    let said = scan.notes.join("\n");
    assert!(
        said.contains("(test, train); they are not used") && said.contains("audit"),
        "{said}"
    );
    assert!(said.contains("No file name contains a subject"), "{said}");
    let known = tree(&[
        "train/happy/S010_001_00000001.png",
        "val/sad/S011_001_00000001.png",
        "test/sad/S012_001_00000001.png",
    ]);
    let scan = plain(known.path()).scan().unwrap();
    assert_eq!(
        scan.folding,
        Folding::BySubject(["010", "011", "012"].map(str::to_owned).into())
    );
    assert!(
        scan.notes.join("\n").contains("keep people apart"),
        "{:?}",
        scan.notes
    );
}

#[test]
fn folders_that_name_nothing_are_an_error_that_helps() {
    let dir = tree(&["0/a.png", "1/b.png"]);
    let error = Folders::open(dir.path(), None, None).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("3_happy") && said.contains("found 0, 1"),
        "{said}"
    );
    let dir = tree(&["0_happy/a.png", "1/b.png"]);
    let error = Folders::open(dir.path(), None, None).unwrap_err();
    assert!(
        error.to_string().contains("images of happy alone"),
        "{error}"
    );
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("happy")).unwrap();
    fs::create_dir_all(dir.path().join("sad")).unwrap();
    let error = Folders::open(dir.path(), None, None).unwrap_err();
    assert!(matches!(error, Error::NothingLabelled { .. }), "{error}");
}

#[test]
fn a_class_folder_without_images_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for class in ["happy", "sad"] {
        save(
            &dir.path().join(class).join("S010_004_00000017.png"),
            &face(1, 1),
        );
    }
    fs::create_dir(dir.path().join("fear")).unwrap();
    let source = Folders::open(dir.path(), None, None).unwrap();
    let found = notes(&source);
    assert!(found.contains("but no image, of fear"), "{found}");
    let six = Some(ClassMap::six());
    let found = notes(&Folders::open(dir.path(), six, None).unwrap());
    assert!(
        found.contains("No image shows") && !found.contains("There is a folder"),
        "{found}"
    );
}

#[test]
fn an_archive_beside_class_folders_is_a_note_unless_it_is_named_after_a_class() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("fear")).unwrap();
    for archive in ["CK+48.zip", "happy.zip", "train.zip", "fear/x.zip"] {
        fs::write(dir.path().join(archive), "").unwrap();
    }
    for (class, frame) in [("happy", 1), ("fear", 2)] {
        let path = format!("{class}/S010_004_0000000{frame}.png");
        save(&dir.path().join(path), &face(10, frame));
    }
    let source = plain(dir.path());
    let scan = source.scan().unwrap();
    let skipped: Vec<_> = scan.skipped.iter().map(|s| &*s.path).collect();
    assert_eq!(skipped, ["fear/x.zip", "happy.zip", "train.zip"]);
    let said = notes(&source);
    assert!(
        said.contains("not read: CK+48.zip") && !said.contains("happy.zip"),
        "{said}"
    );
    let alone = tempfile::tempdir().unwrap();
    fs::write(alone.path().join("CK+48.zip"), "").unwrap();
    let error = Folders::open(alone.path(), None, None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("if CK+48.zip holds the data, name it"),
        "{error}"
    );
}

#[test]
fn ck_plus_48_as_kaggle_packs_it_is_read_from_the_zip() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("archive.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    for (class, subject) in [("anger", 10), ("happy", 10), ("happy", 11)] {
        for frame in [15, 16, 17] {
            let mut png = std::io::Cursor::new(Vec::new());
            face(subject, frame)
                .write_to(&mut png, image::ImageFormat::Png)
                .unwrap();
            let name = format!("CK+48/{class}/S{subject:03}_004_{frame:08}.png");
            zip.start_file(name, zip::write::SimpleFileOptions::default())
                .unwrap();
            std::io::Write::write_all(&mut zip, png.get_ref()).unwrap();
        }
    }
    zip.finish().unwrap();
    let scan = plain(&path).scan().unwrap();
    let subjects = std::collections::BTreeSet::from(["010", "011"].map(str::to_owned));
    assert_eq!(scan.folding, Folding::BySubject(subjects));
    assert_eq!((scan.samples.len(), scan.skipped.len()), (9, 0));
    let first = &scan.samples[0];
    assert_eq!(first.path, "CK+48/anger/S010_004_00000015.png");
    let fetched = plain(&path).fetch(first).unwrap();
    assert_eq!(fetched.image.into_luma8(), face(10, 15));
}

#[cfg(unix)]
#[test]
fn archives_within_and_names_that_are_no_text_are_listed() {
    use std::os::unix::ffi::OsStrExt;

    let dir = tempfile::tempdir().unwrap();
    for class in ["happy", "sad"] {
        save(
            &dir.path().join(class).join("S010_004_00000017.png"),
            &face(1, 1),
        );
    }
    fs::write(dir.path().join("happy/more.ZIP"), "").unwrap();
    for name in [&b"happy/S011_\xff_1.png"[..], b"sa\xffd"] {
        fs::write(dir.path().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
    }
    let source = Folders::open(dir.path(), None, None).unwrap();
    let output = dir.path().with_extension("prepared");
    let options = PrepareOptions {
        crop: CropMode::None,
        folds: Some(2),
        ..PrepareOptions::default()
    };
    prepare(&source, &options, &output, &go_on).unwrap();
    let info = Prepared::open(&output).unwrap().info().clone();
    fs::remove_dir_all(&output).unwrap();
    let skipped: Vec<_> = info
        .skipped
        .iter()
        .map(|s| (&*s.path, &*s.reason))
        .collect();
    assert_eq!(skipped.len(), 3, "{skipped:?}");
    for (path, reason) in [
        ("happy/more.ZIP", "an archive within"),
        ("happy/S011_\u{fffd}_1.png", "not UTF-8"),
        ("sa\u{fffd}d", "not UTF-8"),
    ] {
        let (_, found) = skipped.iter().find(|(at, _)| *at == path).unwrap();
        assert!(found.contains(reason), "{path}: {found}");
    }
}
