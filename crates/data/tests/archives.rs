//! Zip archives as input: the same as folders, and what a hostile or broken one can and cannot do.
//! `tests/golden/data_archives.py` made the archives.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use common::{SHORT, Tree, go_on};
use faus_data::{CkPlus, ClassMap, FileTree, PrepareOptions, Source, prepare};
use proptest::prelude::*;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/archives")
        .join(name)
}

fn open(name: &str) -> FileTree {
    FileTree::open(&golden(name)).unwrap()
}

fn copy() -> Tree {
    let tree = Tree::new(SHORT);
    for subject in [5, 10, 11, 999] {
        tree.sequence(subject, 1, 5, 1 + subject % 7);
        tree.sequence(subject, 2, 4, 5);
        tree.frames(subject, 3, 3).facs(subject, 3, 3, "1 2\n4 0\n");
    }
    tree.write("cohn-kanade-images/.DS_Store", b"x");
    tree.write("Emotion/S005/001/._x_emotion.txt", b"x");
    tree
}

/// Packs the files of `tree` whose path starts with `part`; `backwards` puts the last first.
fn pack(tree: &Tree, part: &str, top: &str, method: CompressionMethod, backwards: bool) -> Vec<u8> {
    let mut files = tree.snapshot();
    if backwards {
        files.reverse();
    }
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (path, bytes) in files {
        let name = path.strip_prefix(&tree.root).unwrap().to_str().unwrap();
        if name.starts_with(part) {
            zip.start_file(format!("{top}{name}"), options).unwrap();
            zip.write_all(&bytes).unwrap();
            let junk = format!("__MACOSX/{top}{name}");
            zip.start_file(junk, options).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

/// Every file of the prepared set, by name.
fn set(input: &Path) -> Vec<(String, Vec<u8>)> {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("set");
    let options = PrepareOptions {
        image_size: 16,
        folds: Some(3),
        ..PrepareOptions::default()
    };
    let source = CkPlus::open(input, ClassMap::eight()).unwrap();
    prepare(&source, &options, &output, &go_on).unwrap();
    let mut files: Vec<_> = fs::read_dir(&output)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn one_zip_of_ck_plus_gives_what_the_folder_gives() {
    let tree = copy();
    let plain = set(&tree.root);
    let path = tree.dir.path().join("CK+.zip");
    for (top, method, backwards) in [
        ("", CompressionMethod::Deflated, false),
        ("CK+/", CompressionMethod::Stored, true),
        ("CK+/", CompressionMethod::Deflated, true),
    ] {
        fs::write(&path, pack(&tree, "", top, method, backwards)).unwrap();
        assert!(set(&path) == plain, "{top}");
    }
}

#[test]
fn the_archives_of_ck_plus_lying_in_a_folder_give_what_the_folder_gives() {
    let tree = copy();
    let plain = set(&tree.root);
    let zips = tree.dir.path().join("zips");
    fs::create_dir(&zips).unwrap();
    for (part, archive) in [
        ("cohn-kanade-images", "extended-cohn-kanade-images.zip"),
        ("Emotion", "Emotion_labels.zip"),
        ("FACS", "FACS_labels.zip"),
        ("Landmarks", "Landmarks.zip"),
    ] {
        let bytes = pack(&tree, part, "", CompressionMethod::Deflated, part == "FACS");
        fs::write(zips.join(archive), bytes).unwrap();
    }
    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = names(&zips);
    assert!(set(&zips) == plain);
    assert_eq!(names(&zips), before, "nothing is written into the input");
    // Some parts unpacked, some not.
    fs::remove_file(zips.join("FACS_labels.zip")).unwrap();
    fs::create_dir_all(zips.join("FACS")).unwrap();
    for (path, bytes) in tree.snapshot() {
        let inner = path.strip_prefix(&tree.root).unwrap();
        if inner.starts_with("FACS") {
            fs::create_dir_all(zips.join(inner).parent().unwrap()).unwrap();
            fs::write(zips.join(inner), bytes).unwrap();
        }
    }
    assert!(set(&zips) == plain);
}

/// Packs the four archives of CK+ into a folder.
fn as_shipped(tree: &Tree, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (part, archive) in [
        ("cohn-kanade-images", "Extended-Cohn-Kanade-Images.ZIP"),
        ("Emotion", "EMOTION_LABELS.zip"),
        ("FACS", "facs_labels.zip"),
        ("Landmarks", "landmarks.zip"),
    ] {
        let bytes = pack(tree, part, "", CompressionMethod::Deflated, false);
        fs::write(folder.join(archive), bytes).unwrap();
    }
}

#[test]
fn archives_of_ck_plus_are_found_under_any_case_and_in_folders_below() {
    let tree = copy();
    let plain = set(&tree.root);
    let download = tree.dir.path().join("download");
    as_shipped(&tree, &download.join("data/CK+"));
    for given in ["", "data", "data/CK+"] {
        assert!(set(&download.join(given)) == plain, "{given}");
    }
}

#[test]
fn a_damaged_archive_beside_a_whole_copy_costs_one_line() {
    let tree = copy();
    let rows = |root: &Path| {
        let scan = CkPlus::open(root, ClassMap::eight())
            .unwrap()
            .scan()
            .unwrap();
        (scan.samples.len(), scan.skipped)
    };
    let (before, skipped) = rows(&tree.root);
    assert_eq!(skipped, []);
    tree.write(
        "Landmarks.zip",
        b"PK\x03\x04 and the download broke off here",
    );
    let (after, skipped) = rows(&tree.root);
    assert_eq!((after, skipped.len()), (before, 1));
    assert_eq!(skipped[0].path, "Landmarks.zip");
    assert!(skipped[0].reason.contains("fetch it again"), "{skipped:?}");
    // Where it is what holds a part, the error names it.
    let zips = tree.dir.path().join("zips");
    as_shipped(&tree, &zips);
    fs::write(zips.join("EMOTION_LABELS.zip"), "x").unwrap();
    let error = CkPlus::open(&zips, ClassMap::eight())
        .unwrap_err()
        .to_string();
    for part in ["'Emotion_labels'", "EMOTION_LABELS.zip", "fetch it again"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn archives_within_an_archive_are_named() {
    let tree = copy();
    let within = |name: &str, top: &[u8]| {
        let path = tree.dir.path().join("outer.zip");
        let bytes = pack(
            &tree,
            "cohn-kanade-images",
            "",
            CompressionMethod::Stored,
            false,
        );
        let images = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        if name != "CK+/Emotion_labels.zip" {
            zip.merge_archive(images).unwrap();
        }
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(top).unwrap();
        zip.finish().unwrap();
        CkPlus::open(&path, ClassMap::eight())
            .unwrap_err()
            .to_string()
    };
    for name in ["CK+/Emotion_labels.zip", "Emotion_labels.zip"] {
        let error = within(name, b"PK");
        for part in [name, "within the archive", "unpack the outer one"] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn lists_and_reads_like_a_folder() {
    let tree = open("usual.zip");
    assert_eq!(tree.names("").unwrap(), ["top"]);
    assert_eq!(tree.names("top").unwrap(), ["a", "three.txt"]);
    let top = tree.below("top");
    assert_eq!(top.names("a").unwrap(), ["deep", "two.txt"]);
    assert_eq!(top.read("a/deep/one.txt", 3).unwrap(), b"one");
    assert_eq!(top.read("a/two.txt", 3).unwrap(), b"two");
    assert!(top.is_file("three.txt") && top.is_folder("a") && !top.is_folder("three.txt"));
    let error = top.read("three.txt", 4999).unwrap_err().to_string();
    assert!(error.contains("limit of 4999 bytes"), "{error}");
    assert!(top.names("none").is_err() && top.read("none", 9).is_err());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut top.open_file("three.txt", 5000).unwrap(), &mut text)
        .unwrap();
    assert_eq!(text.len(), 5000);
    assert!(top.open_file("three.txt", 4999).is_err());
    assert!(tree.refused().is_empty());
}

#[test]
fn backslashes_of_windows_are_folders() {
    let tree = copy();
    let dir = tempfile::tempdir().unwrap();
    for (at, top) in ["", "my data/CK+/"].into_iter().enumerate() {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (path, bytes) in tree.snapshot() {
            let name = path.strip_prefix(&tree.root).unwrap().to_str().unwrap();
            let name = format!("{top}{name}").replace('/', "\\");
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(&bytes).unwrap();
        }
        zip.start_file("..\\up.txt", SimpleFileOptions::default())
            .unwrap();
        let path = dir.path().join(format!("{at}.zip"));
        fs::write(&path, zip.finish().unwrap().into_inner()).unwrap();
        let packed = FileTree::open(&path).unwrap();
        assert!(packed.is_folder(&format!("{top}cohn-kanade-images")));
        assert!(packed.read("../up.txt", 9).is_err() && packed.refused().len() == 1);
    }
    let set = |input: &Path| {
        CkPlus::open(input, ClassMap::eight())
            .unwrap()
            .scan()
            .unwrap()
    };
    let paths = |input: &Path| {
        let samples = set(input).samples.into_iter();
        samples.map(|raw| (raw.path, raw.label)).collect::<Vec<_>>()
    };
    let expected = paths(&tree.root);
    assert!(!expected.is_empty());
    for at in 0..2 {
        assert_eq!(paths(&dir.path().join(format!("{at}.zip"))), expected);
    }
}

#[test]
fn names_that_lead_out_are_never_reached() {
    let tree = open("wary.zip");
    assert_eq!(tree.names("").unwrap(), ["good.txt"]);
    assert_eq!(tree.read("good.txt", 9).unwrap(), b"good");
    for path in ["../up.txt", "/absolute.txt", "link.txt", "C:/drive.txt"] {
        assert!(tree.read(path, 99).is_err(), "{path}");
    }
    let refused = tree.refused();
    assert_eq!(refused.len(), 7, "{refused:?}");
    assert!(
        refused
            .iter()
            .all(|s| s.path.starts_with("wary.zip/") && !s.reason.is_empty())
    );
}

#[test]
fn what_cannot_be_read_says_why_and_what_to_do() {
    let reason = |archive: &str, entry: &str| {
        let error = open(archive).read(entry, 64 << 20).unwrap_err().to_string();
        assert!(error.contains(archive) && error.contains(entry), "{error}");
        error
    };
    assert!(reason("bomb.zip", "zeros.txt").contains("200 times"));
    assert_eq!(open("bomb.zip").read("small.txt", 5).unwrap(), b"small");
    assert!(reason("encrypted.zip", "secret.txt").contains("password"));
    assert!(reason("packed.zip", "lzma.txt").contains("unpack"));
    let twice = open("twice.zip");
    assert_eq!(twice.read("same.txt", 9).unwrap(), b"second");
    assert!(twice.refused()[0].reason.contains("twice"));
}

#[test]
fn damaged_archives_are_errors_that_name_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.zip");
    let whole = fs::read(golden("usual.zip")).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = FileTree::open(&path).unwrap_err().to_string();
        assert!(error.contains("cut.zip"), "{error}");
    }
    File::create(&path)
        .unwrap()
        .write_all(&[0; 300_000])
        .unwrap();
    assert!(
        CkPlus::open(&path, ClassMap::eight())
            .unwrap_err()
            .to_string()
            .contains("cut.zip")
    );
}

#[test]
fn threads_read_at_once() {
    let tree = open("usual.zip").below("top");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(tree.read("three.txt", 5000).unwrap(), [b'3'; 5000]);
                    assert_eq!(tree.read("a/two.txt", 3).unwrap(), b"two");
                }
            });
        }
    });
}

proptest! {
    #[test]
    fn damage_never_panics(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        for name in ["usual.zip", "wary.zip", "packed.zip"] {
            let mut bytes = fs::read(golden(name)).unwrap();
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            common::any_bytes::archive(&bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        common::any_bytes::archive(&bytes);
        common::any_bytes::archive(&[&bytes[..], b"PK\x05\x06", &bytes[..bytes.len().min(18)]].concat());
    }
}
