//! What the authors' scripts wrote and did; `tests/golden/data_authors.py` derives it without faus.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{SHORT, Tree, go_on, unpack};
use faus_data::{
    Arrays, CkPlus, ClassMap, CropMode, Error, Listed, Part, PrepareOptions, Prepared, Protocol,
    Role, Source, Tfd, prepare,
};

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(path)
}

fn prepared(source: &dyn Source, output: &Path, options: PrepareOptions) -> Prepared {
    prepare(source, &options, output, &go_on).unwrap();
    Prepared::open(output).unwrap()
}

fn sized(image_size: u32) -> PrepareOptions {
    let crop = CropMode::Authors;
    PrepareOptions {
        image_size,
        crop,
        ..PrepareOptions::default()
    }
}

fn arrays(input: &Path) -> Result<Listed, Error> {
    Arrays::open(input, 16, None, false)
}

/// The array that `data_authors.py` draws.
fn picture(n: usize) -> Vec<u8> {
    let pixel = |at: usize| ((n * 5 + at / 16 * 11 + at % 16 * 3) % 256) as u8;
    (0..256).map(pixel).collect()
}

#[test]
fn tfd_trains_and_chooses_as_the_authors_did() {
    type Counts = BTreeMap<String, Vec<[usize; 3]>>;
    let text = fs::read(golden("authors.json")).unwrap();
    let golden_file: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let counts: Counts = serde_json::from_value(golden_file["tfd"].clone()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let source = Tfd::open(&golden("tfd/compressed"), 48, None, false).unwrap();
    let set = prepared(&source, &dir.path().join("set"), sized(48));
    for (name, protocol) in [
        ("paper-2015", Protocol::Paper2015),
        ("paper-2017", Protocol::Paper2017),
    ] {
        for (split, wanted) in counts[name].iter().enumerate() {
            let ours = set.split(split, protocol).unwrap();
            let found = [ours.train.len(), ours.validation.len(), ours.test.len()];
            assert_eq!(&found, wanted, "{name}, split {split}");
        }
    }
}

#[test]
fn ck_plus_arrays_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let source = arrays(&golden("authors/ck_plus")).unwrap();
    let set = prepared(&source, &dir.path().join("set"), sized(16));
    assert_eq!(
        (set.len(), set.info().folds, set.info().subjects),
        (76, 10, 13)
    );
    assert_eq!(set.info().name, "CK+");
    for (at, sample) in set.samples().iter().enumerate() {
        assert_eq!(set.image(at), picture(at));
        assert_eq!(sample.fold, sample.subject % 10);
        assert_eq!(sample.label == 0, sample.frame == 1);
    }
    let last = &set.samples()[75];
    assert_eq!((last.subject, last.label_name.as_str()), (12, "contempt"));
    let seventh = set.samples().iter().filter(|s| s.subject == 1);
    let recordings: Vec<_> = seventh.map(|s| s.sequence.clone()).collect();
    assert_eq!(
        (&recordings[3], &recordings[4]),
        (&"001_001".into(), &"001_002".into())
    );
}

#[test]
fn tfd_arrays_are_read_back() {
    let dir = tempfile::tempdir().unwrap();
    for (input, unlabelled, rows) in [
        ("authors/npy_files", false, 30),
        ("authors/npy_files/TFD_16", true, 37),
    ] {
        let source = Arrays::open(&golden(input), 16, None, unlabelled).unwrap();
        let set = prepared(&source, &dir.path().join(rows.to_string()), sized(16));
        assert_eq!((set.len(), set.info().folds), (rows, 5));
        assert!(!set.info().subject_independent);
        for (at, sample) in set.samples().iter().enumerate().take(30) {
            assert_eq!(set.image(at), picture(at));
            assert!(sample.label >= 0 && sample.parts.len() == 5);
        }
        for (at, sample) in set.samples().iter().enumerate().skip(30) {
            assert_eq!(
                (set.image(at), sample.role),
                (&picture(at - 30)[..], Role::HeldOut)
            );
            assert_eq!(sample.parts, [Part::None; 5]);
        }
    }
}

/// A prepared set, written as the authors' scripts write theirs and read back, is the same set.
#[test]
fn arrays_of_a_set_give_the_set() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Tree::new(SHORT);
    for subject in 1..=23 {
        tree.sequence(3 * subject, 1, 5, subject % 7 + 1);
    }
    let source = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
    let set = prepared(&source, &dir.path().join("set"), sized(24));
    let rows: Vec<_> = (0..set.len())
        .filter(|&at| set.samples()[at].role == Role::Labelled)
        .collect();
    let input = dir.path().join("arrays");
    fs::create_dir(&input).unwrap();
    let pixels = rows.iter().flat_map(|&at| set.image(at).to_vec());
    faus_base::npy::write(&input.join("X.npy"), &[rows.len(), 1, 24, 24], pixels).unwrap();
    for (name, of) in [
        ("y", (|s| s.label as i32) as fn(&faus_data::Sample) -> i32),
        ("subjs", |s| s.subject as i32),
        ("folds", |s| s.fold as i32),
    ] {
        let values = rows.iter().map(|&at| of(&set.samples()[at]));
        faus_base::npy::write(&input.join(format!("{name}.npy")), &[rows.len()], values).unwrap();
    }
    let again = prepared(
        &arrays(&input).unwrap(),
        &dir.path().join("again"),
        sized(24),
    );
    assert_eq!((again.len(), rows.len()), (92, 92));
    for (at, &row) in rows.iter().enumerate() {
        let (ours, theirs) = (&again.samples()[at], &set.samples()[row]);
        assert_eq!(again.image(at), set.image(row));
        assert_eq!(
            (ours.label, ours.subject, ours.fold),
            (theirs.label, theirs.subject, theirs.fold)
        );
    }
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let copy = |name: &str| {
        let to = dir.path().join(name);
        fs::create_dir(&to).unwrap();
        for file in ["X", "y", "subjs", "folds"].map(|name| format!("{name}.npy")) {
            fs::copy(golden("authors/ck_plus").join(&file), to.join(file)).unwrap();
        }
        to
    };
    let write = |path: PathBuf, values: Vec<i64>| {
        faus_base::npy::write(&path, &[values.len()], values).unwrap();
    };
    let refused = |folder: &Path, named: &str| {
        let error = arrays(folder).err().unwrap().to_string();
        assert!(error.contains(named), "{error}");
    };
    let short = copy("short");
    write(short.join("y.npy"), vec![1; 75]);
    refused(&short, "subjs.npy: not an array of the authors: 76, but 75");
    let code = copy("code");
    write(code.join("y.npy"), vec![8; 76]);
    refused(
        &code,
        "y.npy: not an array of the authors: row 0 is 8; 0 to 7 are known",
    );
    let folds = copy("folds");
    write(folds.join("folds.npy"), vec![0; 76]);
    refused(&folds, "subject 1 is in fold 0, by the authors' rule in 1");
    fs::remove_file(folds.join("folds.npy")).unwrap();
    assert!(arrays(&folds).is_ok());
    let cut = copy("cut");
    let bytes = fs::read(cut.join("X.npy")).unwrap();
    fs::write(cut.join("X.npy"), &bytes[..5000]).unwrap();
    refused(&cut, "X.npy");
    for missing in ["subjs.npy", "X.npy", "y.npy"] {
        let bare = copy(&format!("without-{missing}"));
        fs::remove_file(bare.join(missing)).unwrap();
        refused(&bare, &format!("{missing}: expected the authors' X.npy"));
        refused(&bare, "without this file: add it");
    }
    let float = copy("float");
    faus_base::npy::write(&float.join("X.npy"), &[1, 1, 2, 2], [0.5f64; 4]).unwrap();
    refused(&float, "expected square u8 images");
    let mixed = copy("mixed");
    let mut codes = numbers(&mixed.join("y.npy"));
    codes.swap(3, 4);
    write(mixed.join("y.npy"), codes);
    refused(&mixed, "y.npy: row 0 is out of order");
    let held = Arrays::open(&golden("authors/ck_plus"), 16, None, true);
    let error = held.err().unwrap().to_string();
    assert!(
        error.contains("CK+, which has no unlabelled images"),
        "{error}"
    );
}

#[test]
fn one_set_of_arrays_is_found_and_several_are_refused() {
    let error = arrays(&golden("authors")).err().unwrap().to_string();
    assert!(
        error.contains("CK+ in ck_plus, TFD in npy_files/TFD_16")
            && error.contains("name the folder"),
        "{error}"
    );
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), "").unwrap();
    let inner = dir.path().join("a/b");
    fs::create_dir_all(&inner).unwrap();
    for file in fs::read_dir(golden("authors/ck_plus")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), inner.join(file.file_name())).unwrap();
    }
    assert_eq!(arrays(dir.path()).unwrap().name(), "CK+");
    let splits = dir.path().join("tfd");
    for split in [0, 2] {
        fs::create_dir_all(splits.join(format!("split_{split}"))).unwrap();
    }
    let error = arrays(&splits).err().unwrap().to_string();
    assert!(error.contains("split_1: expected the authors'"), "{error}");
}

fn numbers(path: &Path) -> Vec<i64> {
    let bytes = fs::read(path).unwrap();
    let array = npyz::NpyFile::new(&bytes[..]).unwrap();
    let numbers: Vec<i32> = array.into_vec().unwrap();
    numbers.into_iter().map(i64::from).collect()
}

/// The authors' six classes are rows of the eight, renumbered after loading.
#[test]
fn six_classes_renumbered_are_the_six_of_the_eight() {
    let (dir, original) = (tempfile::tempdir().unwrap(), golden("authors/ck_plus"));
    let input = dir.path().join("input");
    fs::create_dir(&input).unwrap();
    let six = [1, 3, 4, 5, 6, 7];
    let (codes, people) = (
        numbers(&original.join("y.npy")),
        numbers(&original.join("subjs.npy")),
    );
    let rows: Vec<_> = (0..codes.len())
        .filter(|&at| six.contains(&codes[at]))
        .collect();
    let number = |at: &usize| six.iter().position(|code| *code == codes[*at]).unwrap() as f32;
    let write = |name: &str, values: Vec<f32>| {
        faus_base::npy::write(&input.join(name), &[values.len()], values).unwrap();
    };
    write("y.npy", rows.iter().map(number).collect());
    write(
        "subjs.npy",
        rows.iter().map(|&at| people[at] as f32).collect(),
    );
    let pixels = rows.iter().flat_map(|&at| picture(at));
    faus_base::npy::write(&input.join("X.npy"), &[rows.len(), 1, 16, 16], pixels).unwrap();
    let error = arrays(&input).err().unwrap().to_string();
    assert!(
        error.contains("y.npy: it has the codes 0 to 5") && error.contains("--classes six"),
        "{error}"
    );
    let of = |input: &Path, name: &str| {
        let source = Arrays::open(input, 16, Some(ClassMap::six()), false).unwrap();
        prepared(&source, &dir.path().join(name), sized(16))
    };
    let (ours, theirs) = (of(&input, "ours"), of(&original, "theirs"));
    assert_eq!((ours.len(), theirs.len()), (rows.len(), rows.len()));
    assert!(
        ours.info()
            .notes
            .iter()
            .any(|note| note.contains("numbered from 0"))
    );
    for (at, (a, b)) in ours.samples().iter().zip(theirs.samples()).enumerate() {
        assert_eq!((a.label, a.subject, a.fold), (b.label, b.subject, b.fold));
        assert_eq!((a.frame, ours.image(at)), (b.frame, theirs.image(at)));
    }
}

#[test]
fn folds_are_those_of_all_people_whatever_the_classes() {
    let dir = tempfile::tempdir().unwrap();
    // Person 0 shows neither.
    let classes = "happy,surprise".parse().unwrap();
    let source = Arrays::open(&golden("authors/ck_plus"), 16, Some(classes), false).unwrap();
    let set = prepared(&source, &dir.path().join("set"), sized(16));
    assert!(
        set.samples()
            .iter()
            .all(|s| s.subject > 0 && s.fold == s.subject % 10)
    );
}

#[test]
fn a_box_by_hand_wins_over_the_search() {
    let (dir, root) = unpack(false, str::to_owned);
    let source = CkPlus::open(&root, ClassMap::eight()).unwrap();
    let found = prepared(&source, &dir.path().join("found"), sized(24));
    let path = found.samples()[0].path.clone();
    let boxes = dir.path().join("boxes.csv");
    fs::write(
        &boxes,
        format!("path,x,y,w,h\n{path},3,4,30,30\nnone.png,0,0,9,9\n"),
    )
    .unwrap();
    let options = PrepareOptions {
        boxes: Some(boxes),
        ..sized(24)
    };
    let set = prepared(&source, &dir.path().join("set"), options);
    let row = set.samples().iter().position(|s| s.path == path).unwrap();
    let crop = set.samples()[row].crop.unwrap();
    assert_eq!((crop.x, crop.y, crop.w, crop.h), (3, 4, 30, 30));
    assert_ne!(set.image(row), found.image(0));
    assert!(set.samples()[row].face_found);
    let notes = set.info().notes.join(" ");
    assert!(
        notes.contains("1 of 2 boxes of boxes.csv were used.")
            && notes.contains("1 of 2 paths")
            && notes.contains("none.png")
            && !notes.contains("stretched"),
        "{notes}"
    );
    assert_ne!(set.info().source_digest, found.info().source_digest);
    assert!(
        faus_data::inspect::inspect(&set)
            .to_string()
            .contains("boxes.csv were used")
    );
}

#[test]
fn boxes_that_are_not_square_are_counted() {
    let (dir, root) = unpack(false, str::to_owned);
    let source = CkPlus::open(&root, ClassMap::eight()).unwrap();
    let path = source.scan().unwrap().samples[0].path.clone();
    let table = dir.path().join("wide.csv");
    let options = PrepareOptions {
        boxes: Some(table.clone()),
        ..sized(24)
    };
    fs::write(
        &table,
        format!("Path;X;Y;W;H\n{};3;4;30.2;20\n", root.join(&path).display()),
    )
    .unwrap();
    let set = prepared(&source, &dir.path().join("set"), options.clone());
    let notes = set.info().notes.join(" ");
    assert!(
        notes.contains("1 of 1 boxes of wide.csv were used.")
            && notes.contains("1 of the boxes used are not square"),
        "{notes}"
    );
    fs::write(&table, "").unwrap();
    let empty = prepare(&source, &options, &dir.path().join("empty"), &go_on);
    assert!(
        empty
            .unwrap_err()
            .to_string()
            .contains("found an empty file")
    );
}

#[test]
fn unlabelled_faces_are_held_out_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let labelled = Tfd::open(&golden("tfd/compressed"), 48, None, false).unwrap();
    let all = Tfd::open(&golden("tfd/compressed"), 48, None, true).unwrap();
    let labelled = prepared(&labelled, &dir.path().join("labelled"), sized(48));
    let all = prepared(&all, &dir.path().join("all"), sized(48));
    let held = |set: &Prepared| {
        set.samples()
            .iter()
            .filter(|s| s.role == Role::HeldOut)
            .count()
    };
    assert_eq!(
        (held(&labelled), all.len(), held(&all)),
        (0, 90, 90 - labelled.len())
    );
    let kept = all
        .samples()
        .iter()
        .enumerate()
        .filter(|(_, s)| s.role == Role::Labelled);
    for ((at, sample), known) in kept.zip(0..) {
        assert_eq!(sample.path, labelled.samples()[known].path);
        assert_eq!(all.image(at), labelled.image(known));
    }
    for protocol in [Protocol::Paper2015, Protocol::Paper2017] {
        let counts = |set: &Prepared| set.split(0, protocol).unwrap().train.len();
        assert_eq!(counts(&all), counts(&labelled));
    }
}
