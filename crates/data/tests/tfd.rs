//! TFD files as scipy writes them (`tests/golden/data_tfd.py`): every label, person, part and pixel, and damage.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::go_on;
use faus_data::{
    ClassMap, Error, FoldRule, Part, PrepareOptions, Prepared, Protocol, Source, Tfd, prepare,
};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    rows: Vec<usize>,
    names: Vec<String>,
    subjects: Vec<i64>,
    parts: Vec<Vec<i64>>,
    sums: Vec<u64>,
    first_image: Vec<Vec<u8>>,
}

fn golden(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/tfd")
        .join(folder)
}

fn expected() -> Expected {
    serde_json::from_slice(&fs::read(golden("expected.json")).unwrap()).unwrap()
}

fn prepared(input: &Path, output: &Path) -> Prepared {
    let options = PrepareOptions {
        image_size: 48,
        ..PrepareOptions::default()
    };
    let source = Tfd::open(input, 48, None, false).unwrap();
    prepare(&source, &options, output, &go_on).unwrap();
    Prepared::open(output).unwrap()
}

/// The weighted sum of `data_tfd.py`.
fn sum(image: &[u8]) -> u64 {
    let weighted = image.iter().enumerate();
    weighted
        .map(|(at, &grey)| (at as u64 + 1) * u64::from(grey))
        .sum()
}

fn agrees(set: &Prepared, rows: usize) {
    let expected = expected();
    assert_eq!(set.len(), rows);
    for (at, sample) in set.samples().iter().enumerate() {
        assert_eq!(sample.path, format!("TFD_48x48.mat:{}", expected.rows[at]));
        assert_eq!(sample.label_name, expected.names[at]);
        assert_eq!(sample.subject, expected.subjects[at]);
        let parts: Vec<i64> = sample.parts.iter().map(|part| *part as i64).collect();
        assert_eq!(parts, expected.parts[at]);
        assert_eq!(sum(set.image(at)), expected.sums[at]);
    }
    assert_eq!(set.image(0), expected.first_image.concat());
}

#[test]
fn compressed_and_separate_files_give_what_numpy_sees() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["compressed", "separate"] {
        let set = prepared(&golden(folder), &dir.path().join(folder));
        agrees(&set, expected().rows.len());
        assert_eq!(
            (set.info().folds, set.info().fold_rule),
            (5, FoldRule::Given)
        );
        assert!(set.info().subject_independent);
        assert_eq!(
            set.info().classes,
            [
                "neutral", "anger", "disgust", "fear", "happy", "sadness", "surprise"
            ]
        );
        assert!(set.info().notes[0].contains("no expression label"));
    }
}

#[test]
fn plain_and_big_endian_files_give_what_numpy_sees() {
    let dir = tempfile::tempdir().unwrap();
    let first = expected().rows.iter().filter(|row| **row < 12).count();
    for folder in ["plain", "narrow"] {
        agrees(&prepared(&golden(folder), &dir.path().join(folder)), first);
    }
    // The file itself is as good as its folder.
    let file = golden("plain").join("TFD_48x48.mat");
    agrees(&prepared(&file, &dir.path().join("file")), first);
}

#[test]
fn splits_are_the_given_ones() {
    let dir = tempfile::tempdir().unwrap();
    let set = prepared(&golden("compressed"), &dir.path().join("set"));
    let parts = expected().parts;
    for split in 0..5 {
        let rows = |wanted: &[i64]| -> Vec<usize> {
            (0..parts.len())
                .filter(|&row| wanted.contains(&parts[row][split]))
                .collect()
        };
        let ours = set.split(split, Protocol::Paper2017).unwrap();
        assert_eq!(
            (ours.train, ours.validation, ours.test),
            (rows(&[1]), rows(&[2]), rows(&[3]))
        );
        let early = set.split(split, Protocol::Paper2015).unwrap();
        assert_eq!(
            (early.train, early.validation, early.test),
            (rows(&[1]), rows(&[3]), rows(&[3]))
        );
    }
    assert!(set.split(5, Protocol::Paper2017).is_err());
    let header = fs::read(dir.path().join("set/folds.npy")).unwrap();
    let shape = format!("'shape': ({}, 5", parts.len());
    assert!(String::from_utf8_lossy(&header[..128]).contains(&shape));
    assert!(set.samples().iter().all(|s| s.parts[0] != Part::None));
}

#[test]
fn a_labelled_face_without_identity_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let row = first_labelled();
    let bytes = plain_with(|bytes| {
        let at = find(bytes, b"labs_id") + 8 + 8 + 2 * row;
        bytes[at..at + 2].copy_from_slice(&[0xff; 2]);
    });
    fs::write(dir.path().join("TFD_48x48.mat"), bytes).unwrap();
    let set = prepared(dir.path(), &tempfile::tempdir().unwrap().path().join("set"));
    assert_eq!(set.samples()[0].subject, -1);
    assert!(set.info().subject_independent);
    let listed = format!("TFD_48x48.mat:{row} has no identity");
    assert!(set.info().notes.iter().any(|note| note.contains(&listed)));
    for split in 0..5 {
        assert!(!matches!(
            set.split(split, Protocol::Paper2017),
            Err(Error::Leak { .. })
        ));
    }
}

#[test]
fn a_person_in_two_parts_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = plain_with(|bytes| {
        // Person numbers are the 16-bit values behind 'labs_id'; two people become one.
        let at = find(bytes, b"labs_id") + 8 + 8;
        let ids: Vec<u8> = bytes[at..at + 24].to_vec();
        bytes[at + 2..at + 24].copy_from_slice(&ids[..2].repeat(11));
    });
    fs::write(dir.path().join("TFD_48x48.mat"), bytes).unwrap();
    let set = prepared(dir.path(), &tempfile::tempdir().unwrap().path().join("set"));
    assert!(!set.info().subject_independent);
}

#[test]
fn labels_and_folds_that_do_not_align_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut Vec<u8>), reason: &str| {
        fs::write(dir.path().join("TFD_48x48.mat"), plain_with(change)).unwrap();
        let error = Tfd::open(dir.path(), 48, None, false)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(reason) && error.contains("TFD_48x48.mat"),
            "{error}"
        );
    };
    let label = |bytes: &[u8]| find(bytes, b"labs_ex") + 8 + 8;
    refused(
        &|bytes| {
            let at = label(bytes) + first_labelled();
            bytes[at] = 0xff
        },
        "would not align",
    );
    refused(
        &|bytes| {
            let at = label(bytes) + first_labelled();
            bytes[at] = 9
        },
        "1 to 7",
    );
    let fold = |bytes: &[u8]| find(bytes, b"folds") + 8 + 8;
    refused(
        &|bytes| {
            let at = fold(bytes) + first_labelled();
            bytes[at] = 0
        },
        "in 4 of 5 splits",
    );
    refused(
        &|bytes| {
            let at = fold(bytes) + first_labelled();
            bytes[at] = 7
        },
        "0 to 3",
    );
    refused(
        &|bytes| {
            let at = find(bytes, b"labs_ex");
            bytes[at] = b'x'
        },
        "labs_ex",
    );
}

#[test]
fn the_case_of_names_does_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("TFD_48x48.mat", "tfd_48x48.MAT"),
        ("TFD_info.mat", "tfd_INFO.mat"),
    ] {
        fs::copy(golden("separate").join(from), dir.path().join(to)).unwrap();
    }
    let rows = |input: &Path| Tfd::open(input, 48, None, false).unwrap().scan().unwrap();
    let (renamed, plain) = (rows(dir.path()), rows(&golden("separate")));
    let told = |scan: &faus_data::Scan| -> Vec<_> {
        let samples = scan.samples.iter();
        samples
            .map(|s| (s.label, s.subject.clone(), s.parts.clone()))
            .collect()
    };
    assert_eq!(told(&renamed), told(&plain));
}

#[test]
fn says_what_it_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("faces.txt"), "").unwrap();
    let error = Tfd::open(dir.path(), 96, None, false).unwrap_err();
    assert!(matches!(error, Error::Layout { .. }));
    assert!(error.to_string().contains("TFD_96x96.mat") && error.to_string().contains("faces.txt"));
    let hdf = [b"\x89HDF\r\n\x1a\n".to_vec(), vec![0; 200]].concat();
    fs::write(dir.path().join("TFD_96x96.mat"), hdf).unwrap();
    let error = Tfd::open(dir.path(), 96, None, false)
        .unwrap_err()
        .to_string();
    assert!(error.contains("7.3") && error.contains("-v7"), "{error}");
}

#[test]
fn classes_can_be_left_out() {
    let source = Tfd::open(&golden("compressed"), 96, Some(ClassMap::six()), false).unwrap();
    let names = expected().names;
    let left = names.iter().filter(|name| *name != "neutral").count();
    assert_eq!(source.scan().unwrap().samples.len(), left);
    assert_eq!(source.class_names().len(), 6);
}

#[test]
fn a_file_cut_off_anywhere_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["compressed", "narrow"] {
        let bytes = fs::read(golden(folder).join("TFD_48x48.mat")).unwrap();
        for length in (0..bytes.len() - 1).step_by(if folder == "narrow" { 997 } else { 61 }) {
            fs::write(dir.path().join("TFD_48x48.mat"), &bytes[..length]).unwrap();
            assert!(
                Tfd::open(dir.path(), 48, None, false).is_err(),
                "{length} bytes"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn damage_never_panics(at in 0usize..4000, byte: u8, more in proptest::collection::vec((0usize..4000, any::<u8>()), 0..4)) {
        for folder in ["compressed", "narrow"] {
            let mut bytes = fs::read(golden(folder).join("TFD_48x48.mat")).unwrap();
            for (at, byte) in more.iter().copied().chain([(at, byte)]) {
                let length = bytes.len();
                bytes[at % length] = byte;
            }
            common::any_bytes::mat(&bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut file = vec![b' '; 124];
        file.extend(b"\x00\x01IM");
        file.extend(&bytes);
        common::any_bytes::mat(&file);
        common::any_bytes::mat(&bytes);
    }
}

/// The uncompressed file, changed.
fn plain_with(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = fs::read(golden("plain").join("TFD_48x48.mat")).unwrap();
    change(&mut bytes);
    bytes
}

/// Where `name` stands.
fn find(bytes: &[u8], name: &[u8]) -> usize {
    bytes.windows(name.len()).position(|w| w == name).unwrap()
}

fn first_labelled() -> usize {
    expected().rows[0]
}
