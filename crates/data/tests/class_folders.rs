//! Class folders as people hold them, and a listing like CK+48's against what pandas says of it;
//! `tests/golden/data_tables.py` makes it.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs;
use std::path::Path;

use common::{go_on, save};
use faus_data::{
    ClassMap, CropMode, Error, FolderLabels, Folders, Folding, Listed, Part, PrepareOptions,
    Prepared, Source, prepare,
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

fn with_pattern(root: &Path, pattern: &str) -> Result<Listed, Error> {
    Folders::open(root, None, Some(pattern))
}

fn plain(root: &Path) -> Listed {
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
    let two = tree(&["train/happy/a.png", "valid/sad/a.png"]);
    let scan = plain(two.path()).scan().unwrap();
    assert_eq!(scan.folding, Folding::ByImage);
    let said = scan.notes.join("\n");
    assert!(
        said.contains("(train, validation); they are not used") && said.contains("audit"),
        "{said}"
    );
    assert!(said.contains("No file name contains a subject"), "{said}");
}

#[test]
fn given_parts_count_unless_a_person_is_in_two() {
    let mut paths = vec![
        "train/happy/S010_001_00000001.png",
        "val/sad/S011_001_00000001.png",
        "test/sad/S012_001_00000001.png",
    ];
    let scan = plain(tree(&paths).path()).scan().unwrap();
    assert_eq!(scan.folding, Folding::Given(1));
    let subjects: Vec<_> = scan.samples.iter().map(|s| s.subject.as_str()).collect();
    assert_eq!(subjects, ["010", "012", "011"]);
    paths.push("test/happy/S010_002_00000001.png");
    let scan = plain(tree(&paths).path()).scan().unwrap();
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

/// Paths of `train` and `test` images of two classes; `name` is that of image `at`.
fn halves(name: impl Fn(usize) -> String) -> Vec<String> {
    let path = |at: usize| {
        let part = ["train", "train", "train", "test"][at % 4];
        format!("{part}/{}/{}", ["happy", "sad"][at / 4 % 2], name(at))
    };
    (0..160).map(path).collect()
}

#[test]
fn train_and_test_alone_keep_test_and_hold_back_validation_from_train() {
    // FER2013 and RAF-DB as folders: nobody is known.
    let paths = halves(|at| format!("x{at}.png"));
    let dir = tree(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    let scan = plain(dir.path()).scan().unwrap();
    assert_eq!(scan.folding, Folding::Given(1));
    let said = scan.notes.join("\n");
    assert!(
        said.contains("a tenth of train validates, drawn from the images of each class"),
        "{said}"
    );
    let count = |part: Part, label: i64| {
        let rows = scan
            .samples
            .iter()
            .filter(|s| s.parts == [part] && s.label == label);
        rows.count()
    };
    for label in [0, 1] {
        assert_eq!(
            [Part::Train, Part::Validation, Part::Test].map(|part| count(part, label)),
            [54, 6, 20]
        );
    }
    let tested = scan.samples.iter().filter(|s| s.parts == [Part::Test]);
    assert!(tested.into_iter().all(|s| s.path.starts_with("test/")));
    // With people: whole ones.
    let paths = halves(|at| format!("S{:03}_001_{at:08}.png", at % 4 * 10 + at / 16));
    let dir = tree(&paths.iter().map(String::as_str).collect::<Vec<_>>());
    let scan = plain(dir.path()).scan().unwrap();
    assert!(scan.notes.join("\n").contains("drawn from the people"));
    let of = |part: Part| -> std::collections::BTreeSet<String> {
        let rows = scan.samples.iter().filter(|s| s.parts == [part]);
        rows.map(|s| s.subject.clone()).collect()
    };
    assert_eq!((of(Part::Train).len(), of(Part::Validation).len()), (27, 3));
    assert!(of(Part::Train).is_disjoint(&of(Part::Validation)));
}

fn labelled(root: &Path, labels: FolderLabels) -> Result<Listed, Error> {
    Folders::with_labels(root, None, None, &labels)
}

fn by_map(map: &str) -> FolderLabels {
    FolderLabels {
        label_map: map.parse().unwrap(),
        ..FolderLabels::default()
    }
}

fn by_pattern(pattern: &str) -> FolderLabels {
    FolderLabels {
        pattern: Some(pattern.to_owned()),
        ..FolderLabels::default()
    }
}

/// Path, class and subject of each sample.
fn rows(source: &Listed) -> Vec<(String, String, String)> {
    let classes = source.class_names();
    let samples = source.scan().unwrap().samples;
    let row = |s: faus_data::RawSample| (s.path, classes[s.label as usize].clone(), s.subject);
    samples.into_iter().map(row).collect()
}

#[test]
fn numbered_folders_are_named_and_read_with_a_label_map() {
    let dir = tree(&[
        "train/1/a.png",
        "train/2/b.png",
        "test/3/c.png",
        "test/1/d.png",
    ]);
    let said = Folders::open(dir.path(), None, None)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("numbered folders (1, 2, 3)") && said.contains("--label-map"),
        "{said}"
    );
    let source = labelled(dir.path(), by_map("fear,happy,sadness")).unwrap();
    let found: Vec<_> = rows(&source).into_iter().map(|row| row.1).collect();
    assert_eq!(found, ["fear", "fear", "happy", "sadness"]);
    assert!(notes(&source).contains("1 fear, 2 happy, 3 sadness"));
    // From zero, with a folder that is no class.
    let dir = tree(&["0/a.png", "1/b.png", "7/c.png", "7/d.png"]);
    let source = labelled(dir.path(), by_map("fear,happy")).unwrap();
    assert_eq!(rows(&source).len(), 2);
    let skipped = &source.scan().unwrap().skipped;
    assert_eq!(
        (skipped.len(), skipped[0].images),
        (1, Some(2)),
        "{skipped:?}"
    );
    // People may be numbers too.
    let dir = tree(&["1/happy/a.png", "2/sad/b.png"]);
    assert_eq!(rows(&plain(dir.path())).len(), 2);
}

#[test]
fn words_that_are_nearly_classes_are_read_or_the_class_meant_is_named() {
    let dir = tree(&[
        "Contemptuous/a.png",
        "suprised/b.png",
        "happy/c.png",
        "happy (2)/d.png",
        "happy (2)/e.png",
    ]);
    let source = plain(dir.path());
    assert_eq!(source.class_names(), ["contempt", "happy", "surprise"]);
    assert!(notes(&source).contains("suprised as surprise"));
    let skipped = source.scan().unwrap().skipped;
    assert_eq!(
        (&*skipped[0].path, skipped[0].images),
        ("happy (2)", Some(2))
    );
    assert!(skipped[0].reason.contains("like happy"), "{skipped:?}");
    assert_eq!(faus_data::Skipped::count(&skipped), 2);
}

#[test]
fn words_of_lists_and_file_names_are_treated_as_those_of_folders() {
    let dir = tree(&["a1.png", "a2.png", "b1.png", "c1.png", "d1.png", "d2.png"]);
    let words = [
        ("a", "suprise"),
        ("b", "Contemptuous"),
        ("c", "happy"),
        ("d", "fear faces"),
    ];
    let line = |path: &str| {
        let (_, word) = words
            .iter()
            .find(|(person, _)| path.starts_with(person))
            .unwrap();
        format!("{path},{word}\n")
    };
    let images = ["a1.png", "a2.png", "b1.png", "c1.png", "d1.png", "d2.png"];
    let list = dir.path().with_extension("list.csv");
    fs::write(&list, format!("path,label\n{}", images.map(line).concat())).unwrap();
    let labels = FolderLabels {
        list: Some(list.clone()),
        ..FolderLabels::default()
    };
    let named = images.map(|image| {
        let (_, word) = words
            .iter()
            .find(|(person, _)| image.starts_with(person))
            .unwrap();
        format!("{}-{word}.png", &image[..2])
    });
    let by_name = tree(&named.each_ref().map(String::as_str));
    for source in [
        labelled(dir.path(), labels).unwrap(),
        labelled(by_name.path(), by_pattern("-(?<label>[^/.]+)[.]png$")).unwrap(),
    ] {
        assert_eq!(source.class_names(), ["contempt", "happy", "surprise"]);
        let said = notes(&source);
        assert!(
            said.contains("Misspelt labels are read as the class meant: suprise as surprise."),
            "{said}"
        );
        let skipped = source.scan().unwrap().skipped;
        assert_eq!(faus_data::Skipped::count(&skipped), 2);
        assert!(
            skipped[0]
                .reason
                .contains("the label 'fear faces', only like fear (write fear"),
            "{skipped:?}"
        );
    }
    fs::remove_file(list).unwrap();
}

/// Images, a table of labels beside them, and the set of both.
fn listed(paths: &[&str], table: &str) -> (tempfile::TempDir, Result<Listed, Error>) {
    let dir = tree(paths);
    let list = dir.path().join("labels.csv");
    fs::write(&list, table).unwrap();
    let labels = FolderLabels {
        list: Some(list),
        ..FolderLabels::default()
    };
    let source = labelled(dir.path(), labels);
    (dir, source)
}

#[test]
fn people_and_parts_of_a_list_are_read_as_those_of_a_table_of_pixels() {
    let paths = ["a.png", "b.png", "c.png", "d.png", "e.png"];
    let rows = |columns: &str, cells: [&str; 5]| {
        let labels = ["happy", "sad", "happy", "sad", "happy"];
        let rows = paths.iter().zip(labels).zip(cells);
        let rows = rows.map(|((path, label), cells)| format!("{path};{label};{cells}\n"));
        format!("file;label;{columns}\n{}", String::from_iter(rows))
    };
    let table = rows("Person_ID", ["KA", "KA", "Mu\u{308}", "M\u{fc}", "3.0"]);
    let (_dir, source) = listed(&paths, &table);
    let scan = source.unwrap().scan().unwrap();
    let Folding::BySubject(people) = &scan.folding else {
        panic!("{:?}", scan.folding);
    };
    assert_eq!(people.len(), 3);
    let said = scan.notes.join("\n");
    assert!(
        said.contains("`person_id`") && !said.contains("no fold keeps people apart"),
        "{said}"
    );
    let table = rows(
        "subject;Usage",
        ["1;train", "2;Training", "3;val", "4;test", "5;testing"],
    );
    let (_dir, source) = listed(&paths, &table);
    let scan = source.unwrap().scan().unwrap();
    assert_eq!(scan.folding, Folding::Given(1));
    let tests = scan.samples.iter().filter(|s| s.parts == [Part::Test]);
    assert_eq!(
        Vec::from_iter(tests.map(|s| s.subject.as_str())),
        ["5", "4"]
    );
    // A word that is no part costs its rows, and a column without any part is none.
    let table = rows("split", ["train", "train", "validate", "test", "x"]);
    let (_dir, source) = listed(&paths, &table);
    let skipped = source.unwrap().scan().unwrap().skipped;
    assert!(
        skipped
            .iter()
            .any(|s| s.reason.contains("part in the list is 'x'")),
        "{skipped:?}"
    );
    let (_dir, source) = listed(&paths, &rows("split", ["1", "2", "3", "4", "5"]));
    let scan = source.unwrap().scan().unwrap();
    assert_eq!((scan.folding, scan.samples.len()), (Folding::ByImage, 5));
}

#[test]
fn a_list_that_contradicts_folders_or_shares_names_says_so() {
    let paths = ["happy/1.png", "happy/2.png", "sad/1.png", "sad/3.png"];
    let table = "path,label\nhappy/1.png,sad\nhappy/2.png,happy\nsad/3.png,happy\n1.png,sad\n";
    let (_dir, source) = listed(&paths, table);
    let scan = source.unwrap().scan().unwrap();
    let said = scan.notes.join("\n");
    assert!(
        said.contains("contradict the class folder of their image: 2 (first happy/1.png, sadness)"),
        "{said}"
    );
    assert!(
        scan.skipped
            .iter()
            .any(|s| s.path == "sad" && s.reason.contains("is that of several")),
        "{:?}",
        scan.skipped
    );
}

#[test]
fn a_label_map_without_a_number_is_said_to_be_unused() {
    let dir = tree(&["happy/a.png", "sad/b.png"]);
    let said = notes(&labelled(dir.path(), by_map("raf_db")).unwrap());
    assert!(said.contains("The label map given is not used"), "{said}");
    assert!(!notes(&plain(dir.path())).contains("label map"));
}

#[test]
fn people_of_presets_are_the_same_in_any_capitals() {
    for (preset, names) in [
        ("kdef", ["AF01ANS.JPG", "bf01sas.jpg"]),
        ("jaffe", ["KA.AN1.39.tiff", "ka.sa1.40.tiff"]),
    ] {
        let dir = tree(&names);
        let found = rows(&labelled(dir.path(), by_pattern(preset)).unwrap());
        assert_eq!(found[0].2, found[1].2, "{preset}");
        assert_eq!(found[0].2, found[0].2.to_uppercase());
    }
}

#[test]
fn numbers_among_the_words_of_a_list_are_named_with_their_images() {
    let dir = tree(&["a1.png", "a2.png", "b1.png"]);
    let list = dir.path().join("list.csv");
    fs::write(&list, "path,label\na1.png,happy\na2.png,3\nb1.png,sad\n").unwrap();
    let labels = FolderLabels {
        list: Some(list),
        ..FolderLabels::default()
    };
    let error = labelled(dir.path(), labels).unwrap_err().to_string();
    assert!(
        error.contains("labels of 1 of 3 images are numbers (first a2.png)"),
        "{error}"
    );
}

#[test]
fn file_names_of_posed_sets_hold_labels_and_people() {
    for (preset, names, expected) in [
        (
            "jaffe",
            ["KA.AN1.39.tiff", "YM.SU3.60.tiff"],
            ["anger", "surprise"],
        ),
        ("kdef", ["AF01ANS.JPG", "BM35AFHL.JPG"], ["anger", "fear"]),
        (
            "rafd",
            [
                "Rafd090_01_Caucasian_female_contemptuous_frontal.jpg",
                "Rafd045_73_Moroccan_male_sad_left.jpg",
            ],
            ["contempt", "sadness"],
        ),
    ] {
        let dir = tree(&names);
        let error = Folders::open(dir.path(), None, None)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("--label-pattern {preset}")),
            "{error}"
        );
        let source = labelled(dir.path(), by_pattern(preset)).unwrap();
        let found: Vec<_> = rows(&source).into_iter().map(|row| row.1).collect();
        assert_eq!(found, expected, "{preset}");
        let scan = source.scan().unwrap();
        assert!(matches!(scan.folding, Folding::BySubject(people) if people.len() == 2));
        assert!(
            scan.samples
                .iter()
                .all(|sample| source.fetch(sample).is_ok())
        );
    }
    let dir = tree(&[
        "p1-happy-1.png",
        "p2-sad-1.png",
        "p2-glee-1.png",
        "p3-glee.png",
        "x.png",
    ]);
    let source = labelled(dir.path(), by_pattern(r"(?<subject>p\d+)-(?<label>\w+)")).unwrap();
    let found: Vec<_> = rows(&source)
        .into_iter()
        .map(|row| (row.1, row.2))
        .collect();
    assert_eq!(
        found,
        [("happy", "p1"), ("sadness", "p2")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let reasons: Vec<_> = source
        .scan()
        .unwrap()
        .skipped
        .into_iter()
        .map(|s| s.reason)
        .collect();
    assert!(
        reasons[0].contains("does not match the label pattern: 1 (first x.png)"),
        "{reasons:?}"
    );
    assert!(
        reasons[1].contains("'glee'") && reasons[1].contains(": 2"),
        "{reasons:?}"
    );
    let error = labelled(dir.path(), by_pattern("happy|sad"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("(?<label>") && error.contains("raf_db"),
        "{error}"
    );
}

#[test]
fn raf_db_takes_labels_from_its_list_and_parts_from_its_names() {
    let names = [
        "train_00001",
        "train_00002",
        "train_00003",
        "train_00004",
        "test_0001",
        "test_0002",
        "test_0003",
    ];
    let dir = tree(
        &names
            .map(|name| format!("basic/Image/aligned/{name}_aligned.jpg"))
            .each_ref()
            .map(String::as_str),
    );
    fs::create_dir(dir.path().join("basic/EmoLabel")).unwrap();
    let list = "train_00001.jpg 5\ntrain_00002.jpg 5\ntrain_00003.jpg 4\ntrain_00004.jpg 4\ntest_0001.jpg 5\ntest_0002.jpg 1\ntest_0009.jpg 1\n";
    fs::write(
        dir.path().join("basic/EmoLabel/list_patition_label.txt"),
        list,
    )
    .unwrap();
    let error = Folders::open(dir.path(), None, None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("list_patition_label.txt") && error.contains("raf_db"),
        "{error}"
    );
    let source = labelled(dir.path(), by_pattern("raf_db")).unwrap();
    let scan = source.scan().unwrap();
    assert_eq!(source.class_names(), ["happy", "sadness", "surprise"]);
    assert_eq!((scan.samples.len(), &scan.folding), (6, &Folding::Given(1)));
    let tests = scan
        .samples
        .iter()
        .filter(|s| s.parts == [Part::Test])
        .count();
    let validates = scan
        .samples
        .iter()
        .filter(|s| s.parts == [Part::Validation])
        .count();
    assert_eq!((tests, validates, scan.read.len()), (2, 2, 1));
    let said = scan.notes.join("\n");
    assert!(
        said.contains(
            "names 6 of 7 images; lines without an image, or with several: 1 (first test_0009.jpg)"
        ),
        "{said}"
    );
    assert_eq!(scan.skipped[0].images, Some(1));
    // RAF-DB's other half, whose images have the same names.
    let other = tree(&["train_00001_aligned.jpg", "test_0001_aligned.jpg"]);
    let compound = dir.path().join("compound");
    fs::create_dir_all(compound.join("EmoLabel")).unwrap();
    fs::write(
        compound.join("EmoLabel/list_patition_label.txt"),
        "train_00001.jpg 9\n",
    )
    .unwrap();
    fs::rename(other.path(), compound.join("aligned")).unwrap();
    let both = labelled(dir.path(), by_pattern("raf_db")).unwrap();
    assert_eq!(rows(&both), rows(&source));
    let lost = &both.scan().unwrap().skipped[1];
    assert!(
        lost.images == Some(2) && lost.reason.contains("outside of basic"),
        "{lost:?}"
    );
    fs::remove_dir_all(compound).unwrap();
    // The same as a table of one's own, by words.
    let table = dir.path().join("mine.csv");
    fs::write(
        &table,
        "label;file\nsad;train_00001_aligned.jpg\njoy;test_0003_aligned.jpg\n",
    )
    .unwrap();
    let labels = FolderLabels {
        list: Some(table),
        ..FolderLabels::default()
    };
    let source = labelled(dir.path(), labels).unwrap();
    assert_eq!(source.class_names(), ["happy", "sadness"]);
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

/// The notes of a set prepared from class folders without a search for faces.
fn prepared_notes(root: &Path) -> (Prepared, String) {
    let output = root.with_extension("prepared");
    let options = PrepareOptions {
        image_size: 16,
        crop: CropMode::None,
        folds: Some(2),
        ..PrepareOptions::default()
    };
    prepare(&plain(root), &options, &output, &go_on).unwrap();
    let set = Prepared::open(&output).unwrap();
    fs::remove_dir_all(&output).unwrap();
    let notes = set.info().notes.join("\n");
    (set, notes)
}

#[test]
fn codes_by_index_are_refused_where_an_image_cannot_be_used() {
    let dir = tree(&["happy/a.png", "happy/b.png", "sad/c.png", "sad/d.png"]);
    let beside = tempfile::tempdir().unwrap();
    let prepared = |codes: &str| {
        let table = beside.path().join("codes.csv");
        fs::write(&table, codes).unwrap();
        let options = PrepareOptions {
            image_size: 16,
            folds: Some(2),
            aus: Some(table),
            ..PrepareOptions::default()
        };
        let output = beside.path().join(format!("out-{}", codes.len()));
        prepare(&plain(dir.path()), &options, &output, &go_on)
    };
    assert!(prepared("index,aus\n0,12\n2,1\n").is_ok());
    fs::write(dir.path().join("happy/b.png"), "x").unwrap();
    let error = prepared("index,aus\n0,12\n2,4\n3,6\n")
        .unwrap_err()
        .to_string();
    assert!(error.contains("1 of 4 images cannot be used"), "{error}");
    assert!(prepared("path,aus\nsad/c.png,12\n").is_ok());
}

#[test]
fn a_class_without_a_training_image_is_named() {
    let paths = halves(|at| format!("x{at}.png"));
    let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    paths.extend(["test/fear/1.png", "test/fear/2.png"]);
    let dir = tree(&paths);
    let output = dir.path().with_extension("prepared");
    let options = PrepareOptions {
        image_size: 16,
        ..PrepareOptions::default()
    };
    let info = prepare(&plain(dir.path()), &options, &output, &go_on).unwrap();
    fs::remove_dir_all(&output).unwrap();
    let said = info.notes.join("\n");
    assert!(
        said.contains("without a training image, which the network cannot learn: fold 0 (fear)."),
        "{said}"
    );
}

#[test]
fn unusual_pixels_are_read_as_they_were_meant_or_named() {
    use image::{DynamicImage, ImageBuffer, LumaA, Rgb, RgbaImage};

    let dir = tempfile::tempdir().unwrap();
    let value = |x: u32, y: u32| (x * 9 + y * 6) as u16;
    let rgb = |scale: u16| -> DynamicImage {
        ImageBuffer::from_fn(16, 16, |x, y| Rgb([value(x, y) * scale; 3])).into()
    };
    let alpha: ImageBuffer<LumaA<u8>, _> =
        ImageBuffer::from_fn(16, 16, |x, y| LumaA([value(x, y) as u8, (x * 16) as u8]));
    let clear = RgbaImage::from_fn(16, 16, |x, y| {
        image::Rgba([value(x, y) as u8, value(x, y) as u8, value(x, y) as u8, 255])
    });
    let black = GrayImage::new(16, 16);
    let grey = GrayImage::from_pixel(16, 16, Luma([127]));
    let at = |name: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    rgb(1).save(at("happy/eight.png")).unwrap();
    rgb(4).save(at("happy/ten.tiff")).unwrap();
    rgb(16).save(at("happy/twelve.png")).unwrap();
    rgb(257).save(at("happy/whole.tif")).unwrap();
    // A dark frame and one with a hot pixel beside eight others of one camera; two cameras in one folder.
    for name in ["a", "b", "c", "d", "e", "f", "y", "z"] {
        rgb(16).save(at(&format!("fear/12/{name}.png"))).unwrap();
    }
    let mut hot = rgb(16).into_rgb16();
    hot.put_pixel(3, 3, Rgb([u16::MAX; 3]));
    hot.save(at("fear/12/hot.png")).unwrap();
    rgb(1).save(at("fear/12/dark.png")).unwrap();
    for name in ["eight-1", "eight-2", "twelve-1", "twelve-2", "twelve-3"] {
        let share = if name.starts_with("eight") { 1 } else { 16 };
        rgb(share)
            .save(at(&format!("fear/two/{name}.png")))
            .unwrap();
    }
    DynamicImage::from(alpha).save(at("sad/alpha.png")).unwrap();
    clear.save(at("sad/clear.png")).unwrap();
    black.save(at("sad/black.bmp")).unwrap();
    grey.save(at("sad/grey.png")).unwrap();
    let (set, said) = prepared_notes(dir.path());
    for part in [
        "use only 8: 3 (first fear/two/eight-1.png)",
        "use only 10: 1 (first happy/ten.tiff)",
        "use only 12: 12 (first fear/12/a.png)",
        "fewer than most of their folder: 1 (first fear/12/dark.png)",
        "more than most of their folder: 1 (first fear/12/hot.png)",
        "transparent pixels: 1 (first sad/alpha.png)",
        "Black or flat images, of almost one grey value: 2 (first sad/black.bmp)",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let whole: Vec<u8> = (0..256).map(|at| value(at % 16, at / 16) as u8).collect();
    for sample in set.samples() {
        let got = set.image(sample.index);
        let name = sample.path.rsplit('/').next().unwrap();
        if ["black.bmp", "grey.png", "hot.png"].contains(&name) {
            continue;
        }
        let share: u8 = if name == "dark.png" { 16 } else { 1 };
        // Ten and twelve bits end at 1023 and 4095, not at 4 and 16 times 255.
        let apart = got.iter().zip(&whole);
        let far = apart.map(|(a, b)| a.abs_diff(*b / share)).max();
        assert!(far <= Some(1), "{name}: {far:?}");
    }
}
