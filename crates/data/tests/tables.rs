//! Pixel tables as people hold them, against what pandas says of the same files;
//! `tests/golden/data_tables.py` makes them.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::go_on;
use faus_data::{
    ClassMap, Error, FoldRule, Folding, LabelMap, Listed, Part, PixelCsv, PrepareOptions, Prepared,
    Source, prepare,
};
use image::GrayImage;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    tables: Vec<Table>,
}

/// A table's rows, in their order.
#[derive(Deserialize)]
struct Table {
    file: String,
    classes: Vec<String>,
    labels: Vec<i64>,
    /// Numbers of parts; empty where the table brings no whole split.
    parts: Vec<i64>,
    /// Where images are dealt.
    folds: Vec<i64>,
    counts: Vec<usize>,
    pixels: Vec<u8>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/tables.json")).expect("golden file")
}

fn golden_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn table(path: &Path) -> Result<Listed, Error> {
    PixelCsv::open(path, None, &LabelMap::Auto)
}

fn with_map(path: &Path, map: &str) -> Result<Listed, Error> {
    PixelCsv::open(path, None, &map.parse()?)
}

fn notes(source: &dyn Source) -> String {
    source.scan().unwrap().notes.join("\n")
}

fn written(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("table.csv");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn tables_are_read_as_pandas_reads_them() {
    for golden in golden().tables {
        let source = table(&golden_file(&golden.file)).unwrap();
        let scan = source.scan().unwrap();
        assert_eq!(source.class_names(), golden.classes, "{}", golden.file);
        let labels: Vec<_> = scan.samples.iter().map(|sample| sample.label).collect();
        assert_eq!(labels, golden.labels, "{}", golden.file);
        let parts: Vec<_> = scan.samples.iter().flat_map(|s| s.parts.clone()).collect();
        let parts: Vec<_> = parts.into_iter().map(|part| part as i64).collect();
        assert_eq!(parts, golden.parts, "{}", golden.file);
        let images = scan
            .samples
            .iter()
            .map(|s| source.fetch(s).unwrap().image.into_luma8());
        let pixels: Vec<u8> = images.flat_map(GrayImage::into_raw).collect();
        assert_eq!(pixels, golden.pixels, "{}", golden.file);
        assert!(scan.skipped.is_empty() && scan.samples.iter().all(|s| s.subject.is_empty()));
        assert!(scan.notes.iter().any(|note| note.contains("impossible")));
    }
}

#[test]
fn folds_of_tables_are_those_of_pandas() {
    let dir = tempfile::tempdir().unwrap();
    let options = PrepareOptions {
        image_size: 8,
        folds: Some(10),
        ..PrepareOptions::default()
    };
    for golden in golden().tables {
        let source = table(&golden_file(&golden.file)).unwrap();
        let output = dir.path().join(&golden.file);
        prepare(&source, &options, &output, &go_on).unwrap();
        let set = Prepared::open(&output).unwrap();
        assert_eq!(set.folds(), golden.folds, "{}", golden.file);
        assert!(!set.info().subject_independent && set.info().fold_rule == FoldRule::Modulo);
        for (name, count) in golden.classes.iter().zip(&golden.counts) {
            assert_eq!(set.info().counts[name], *count, "{}", golden.file);
        }
    }
}

#[test]
fn both_numberings_are_recognised_by_counts() {
    let (fer, ck) = ("ckextended.csv", "ckextended_ck_plus_codes.csv");
    let (fer_codes, ck_codes) = ("read as 0 anger, 1 disgust", "read as 0 neutral, 1 anger");
    for (file, codes) in [(fer, fer_codes), (ck, ck_codes)] {
        let path = golden_file(file);
        let source = table(&path).unwrap();
        assert!(notes(&source).contains(codes));
        assert!(notes(&source).contains("exactly the counts of ckextended.csv"));
        // Some rows less.
        let dir = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let rows: Vec<_> = text.lines().take(900).collect();
        let fewer = table(&written(dir.path(), &rows.join("\n"))).unwrap();
        assert!(notes(&fewer).contains(codes));
        assert!(notes(&fewer).contains("within") && notes(&fewer).contains("up to 5%"));
    }
    // Said otherwise, it is read otherwise.
    let path = golden_file(ck);
    let source = with_map(&path, "fer2013").unwrap();
    assert!(notes(&source).contains(fer_codes));
    assert_ne!(
        source.scan().unwrap().samples[0].label,
        table(&path).unwrap().scan().unwrap().samples[0].label
    );
    assert!(notes(&source).contains("by the label map given"));
    let unknown = table(&golden_file("icml_face_data.csv")).unwrap();
    let said = notes(&unknown);
    assert!(
        said.contains("assumed") && said.contains("give a label map"),
        "{said}"
    );
}

#[test]
fn a_label_map_may_be_a_list() {
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), "emotion,pixels\n0,1\n1,2\n2,3\n3,4\nsad,5\n");
    let source = with_map(&path, "surprise,happy,neutral").unwrap();
    assert_eq!(
        source.class_names(),
        ["neutral", "happy", "sadness", "surprise"]
    );
    let scan = source.scan().unwrap();
    let labels: Vec<_> = scan.samples.iter().map(|sample| sample.label).collect();
    assert_eq!(labels, [3, 1, 0, 2]);
    let [skipped] = scan.skipped.as_slice() else {
        panic!("{:?}", scan.skipped)
    };
    assert_eq!(skipped.path, "table.csv:3");
    assert!(skipped.reason.contains("from 0 to 2, found '3'"));
}

#[test]
fn classes_are_those_that_occur_or_those_asked_for() {
    let source = PixelCsv::open(
        &golden_file("ckextended.csv"),
        Some(ClassMap::six()),
        &LabelMap::Auto,
    )
    .unwrap();
    assert_eq!(source.class_names(), ClassMap::six().names());
    assert_eq!(source.scan().unwrap().samples.len(), 920 - 593 - 18);
    assert!(notes(&source).contains("neutral 593, contempt 18"));
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), "emotion,pixels\n3,1\n3,2\n");
    let error = table(&path).unwrap_err().to_string();
    assert!(
        error.contains("two classes") && error.contains("'happy' alone"),
        "{error}"
    );
    let path = written(dir.path(), "emotion,pixels\n3,1\n0,2\n");
    let said = notes(&PixelCsv::open(&path, Some(ClassMap::eight()), &LabelMap::Auto).unwrap());
    assert!(said.contains("No image shows neutral, contempt"), "{said}");
}

#[test]
fn usage_deals_a_split_if_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "0,1,TRAIN\n1,2,valid\n2,3,privatetest\n3,4,spare\n4,5,\n";
    let path = written(dir.path(), &format!("emotion,pixels,usage\n{rows}"));
    let scan = table(&path).unwrap().scan().unwrap();
    assert_eq!(scan.folding, Folding::Given(1));
    let parts: Vec<_> = scan.samples.iter().map(|s| s.parts.clone()).collect();
    assert_eq!(parts, [[Part::Train], [Part::Validation], [Part::Test]]);
    assert_eq!(scan.samples[1].sequence, "valid-1");
    let skipped: Vec<_> = scan.skipped.iter().map(|s| s.path.as_str()).collect();
    assert_eq!(skipped, ["table.csv:3", "table.csv:4"]);
    assert!(scan.skipped[0].reason.contains("'spare'"));
    // A set prepared from it keeps that split.
    let output = dir.path().join("out");
    let options = PrepareOptions {
        image_size: 8,
        ..PrepareOptions::default()
    };
    let info = prepare(&table(&path).unwrap(), &options, &output, &go_on).unwrap();
    assert_eq!(
        (info.fold_rule, info.folds, info.images),
        (FoldRule::Given, 1, 3)
    );
    for (header, rows, why) in [
        ("emotion,pixels", "0,1\n1,2\n", "no column Usage"),
        ("emotion,pixels,Usage", "0,1,\n1,2,\n", "is empty"),
        (
            "emotion,pixels,Usage",
            "0,1,train\n1,2,val\n",
            "only train and validation",
        ),
        ("emotion,pixels,Usage", "0,1,a\n1,2,b\n", "no known part"),
    ] {
        let scan = table(&written(dir.path(), &format!("{header}\n{rows}"))).unwrap();
        let scan = scan.scan().unwrap();
        assert_eq!((scan.folding, scan.samples.len()), (Folding::ByImage, 2));
        assert!(scan.notes.join("\n").contains(why), "{:?}", scan.notes);
    }
}

#[test]
fn codes_that_start_at_one_are_refused_or_read_as_the_names_given() {
    let dir = tempfile::tempdir().unwrap();
    // FER2013's order counted from 1, and six classes as MATLAB numbers them.
    for last in [6, 7] {
        let rows: Vec<String> = (1..=last)
            .flat_map(|code| [format!("{code},1"), format!("{code}.0,2")])
            .collect();
        let path = written(
            dir.path(),
            &format!("emotion,pixels\n{}\n", rows.join("\n")),
        );
        let error = table(&path).err().unwrap().to_string();
        assert!(
            error.contains("no row has the code 0") && error.contains("raf_db"),
            "{error}"
        );
        let names = "disgust,happy,neutral,anger,surprise,sadness,fear";
        let names = Vec::from_iter(names.split(',').take(last)).join(",");
        let source = PixelCsv::open(&path, None, &names.parse().unwrap()).unwrap();
        let scan = source.scan().unwrap();
        assert_eq!((scan.samples.len(), scan.skipped.len()), (2 * last, 0));
        let classes = source.class_names();
        assert_eq!(classes[scan.samples[0].label as usize], "disgust");
        assert!(
            scan.notes[0].contains("1 disgust, 2 happy"),
            "{:?}",
            scan.notes
        );
    }
    let path = written(dir.path(), "emotion,pixels\n1,1\n3,2\n6,3\n");
    let error = with_map(&path, "fer2013").unwrap_err().to_string();
    assert!(error.contains("neither 0 nor 7 occurs"), "{error}");
    // A code without a class costs its rows, and moves no other.
    let path = written(dir.path(), "emotion,pixels\n0,1\n1,2\n1,3\n5,4\n");
    let source = PixelCsv::open(&path, None, &"happy,sad".parse().unwrap()).unwrap();
    let scan = source.scan().unwrap();
    assert_eq!(
        (scan.samples.len(), source.class_names()[0].as_str()),
        (3, "happy")
    );
    assert!(scan.skipped[0].reason.contains("from 0 to 1, found '5'"));
}

#[test]
fn one_bad_row_costs_one_row() {
    let dir = tempfile::tempdir().unwrap();
    let long = "1 ".repeat(3 << 20);
    let text = format!(
        "emotion,pixels,Usage\n0,1 2 3 4,a\n1,\"1 2 3 4,a\n\n2,1 2 3 4,a\n3,{long},a\n4,1 2 3 4,a\n5,1 2 3 4\n6,1 2 3 4,a"
    );
    let scan = table(&written(dir.path(), &text)).unwrap().scan().unwrap();
    let kept: Vec<_> = scan.samples.iter().map(|s| s.path.as_str()).collect();
    let (kept_rows, bad_rows) = ([0, 2, 4, 6], [1, 3, 5]);
    let path = |row: &i32| format!("table.csv:{row}");
    assert_eq!(kept, kept_rows.iter().map(path).collect::<Vec<_>>());
    let bad: Vec<_> = scan.skipped.iter().map(|s| s.path.as_str()).collect();
    assert_eq!(bad, bad_rows.iter().map(path).collect::<Vec<_>>());
    for (skipped, why) in scan
        .skipped
        .iter()
        .zip(["not closed", "bytes", "3 columns"])
    {
        assert!(skipped.reason.contains(why), "{}", skipped.reason);
    }
}

#[test]
fn words_that_are_nearly_emotions_are_read_or_the_one_meant_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let text =
        "emotion,pixels\nsuprise,1 2 3 4\nContemptuous,1 2 3 4\nhapy,1 2 3 4\nholiday,1 2 3 4\n";
    let source = table(&written(dir.path(), text)).unwrap();
    assert_eq!(source.class_names(), ["contempt", "surprise"]);
    let said = notes(&source);
    assert!(
        said.contains("Misspelt emotions are read as the class meant: suprise as surprise."),
        "{said}"
    );
    let skipped = source.scan().unwrap().skipped;
    assert_eq!(skipped.len(), 2);
    assert!(
        skipped[0]
            .reason
            .contains("'hapy', only like happy (write happy"),
        "{skipped:?}"
    );
    assert!(
        skipped[1]
            .reason
            .contains("'holiday', which names no expression"),
        "{skipped:?}"
    );
}

#[test]
fn a_table_is_a_file_or_alone_in_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let error = table(dir.path()).unwrap_err().to_string();
    assert!(error.contains("a folder without any"), "{error}");
    let path = written(dir.path(), "emotion,pixels\n0,1\n1,2\n");
    fs::write(dir.path().join("readme.txt"), "").unwrap();
    let (alone, named) = (table(dir.path()).unwrap(), table(&path).unwrap());
    let paths = |source: &Listed| {
        let scan = source.scan().unwrap();
        (scan.samples[0].path.clone(), scan.read)
    };
    assert_eq!(paths(&alone), paths(&named));
    assert_eq!(alone.root(), dir.path());
    fs::write(dir.path().join("other.CSV"), "").unwrap();
    let error = table(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("2 of them (other.CSV, table.csv): name the one"),
        "{error}"
    );
    assert!(matches!(
        table(&dir.path().join("none")),
        Err(Error::Io { .. })
    ));
    for (text, found) in [
        ("", "an empty file"),
        ("\n\n", "an empty file"),
        ("a,b", "a,b"),
    ] {
        let error = table(&written(dir.path(), text)).unwrap_err().to_string();
        assert!(error.contains(found), "{error}");
    }
    let bad = "emotion,pixels\nx,1\n".to_owned() + &"0,1,2\n".repeat(100_001);
    let error = table(&written(dir.path(), &bad)).unwrap_err().to_string();
    assert!(
        error.contains("row 0") && error.contains("100000 bad rows"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_a_table_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        common::any_bytes::table(&bytes);
    }

    #[test]
    fn anything_like_a_table_is_read_or_refused(
        header in "(\u{feff})?(emotion|\"emotion\"),( |)pixels(,Usage|)\r?\n",
        rows in "([0-9a-z]{1,3},\"?[0-9 ]{0,9}\"?(,[a-zA-Z]{0,5})?[\r\n]{0,2}){0,12}",
    ) {
        common::any_bytes::table(format!("{header}{rows}").as_bytes());
        common::any_bytes::table(format!("{header}0,1 2 3 4,Test\n{rows}\nsad,1,x").as_bytes());
    }
}

#[test]
fn ckextended_with_windows_line_ends_and_a_byte_order_mark_is_the_same_table() {
    let dir = tempfile::tempdir().unwrap();
    let plain = fs::read_to_string(golden_file("ckextended.csv")).unwrap();
    let windows = "\u{feff}".to_owned() + &plain.replace('\n', "\r\n");
    let path = dir.path().join("ckextended.csv");
    fs::write(&path, windows).unwrap();
    let [ours, theirs] = [table(&golden_file("ckextended.csv")), table(&path)].map(|t| t.unwrap());
    assert_eq!(notes(&ours), notes(&theirs));
    let rows = |source: &Listed| -> Vec<_> {
        let samples = source.scan().unwrap().samples.into_iter();
        samples
            .map(|s| {
                let image = source.fetch(&s).unwrap().image.into_luma8();
                (s.label, s.sequence, s.parts, s.path, image)
            })
            .collect()
    };
    let [ours, theirs] = [rows(&ours), rows(&theirs)];
    assert!(ours.len() == 920 && ours == theirs);
}

#[test]
fn files_that_are_no_text_say_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fer2013.csv");
    let utf_16 = "\u{feff}emotion,pixels\n0,1\n".encode_utf16();
    let utf_16: Vec<u8> = utf_16.flat_map(u16::to_le_bytes).collect();
    for (bytes, parts) in [
        (&b"\x1f\x8b\x08\0abc\n"[..], ["gzip", "unpack it"]),
        (b"PK\x03\x04abc", ["a zip archive or a workbook", "CSV"]),
        (&utf_16, ["UTF-16", "UTF-8"]),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = table(&path).unwrap_err().to_string();
        for part in ["fer2013.csv"].into_iter().chain(parts) {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn lines_that_end_in_cr_alone_are_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old_mac.csv");
    for rows in [2, 40_000] {
        let text = format!(
            "emotion,pixels,Usage\r{}",
            "3,0 1 2 3,Training\r".repeat(rows)
        );
        fs::write(&path, text).unwrap();
        let error = PixelCsv::open(&path, None, &LabelMap::Auto)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("CR alone") && error.contains("old_mac.csv"),
            "{error}"
        );
    }
}
