//! Data sets with action-unit codes, each in the layout in which it is delivered: counts, codes and thresholds.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{SHORT, Tree, go_on, save};
use faus_data::{
    AuCoding, CodedSet, CropMode, DataConfig, Error, Folding, Part, PrepareOptions, Prepared,
    Protocol, Role, Scan, Skipped, Source, prepare,
};
use image::{GrayImage, Luma};
use tempfile::TempDir;

/// The units of DISFA and DISFA+.
const TWELVE: [u8; 12] = [1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26];

fn text(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn image(path: PathBuf, seed: u32) {
    let image = GrayImage::from_fn(48, 48, |x, y| {
        Luma([((x * 3 + y * 5 + seed * 7) % 256) as u8])
    });
    save(&path, &image);
}

fn scan(source: &str, root: &Path, threshold: Option<u8>) -> Scan {
    CodedSet::open(source, root, threshold)
        .unwrap()
        .scan()
        .unwrap()
}

/// Path and codes of each row.
fn codes(scan: &Scan) -> Vec<(&str, String)> {
    let rows = scan.samples.iter();
    rows.map(|s| (s.path.as_str(), s.aus.to_string())).collect()
}

fn lost(scan: &Scan) -> Vec<(Option<usize>, &str)> {
    scan.skipped
        .iter()
        .map(|s| (s.images, s.reason.as_str()))
        .collect()
}

/// DISFA with two people of four frames; AU12 of frame n has intensity n (the fourth: 9, not coded), AU1 is 1 throughout.
fn disfa(first_image: u32, images: u32) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for person in ["SN001", "SN002"] {
        for au in TWELVE {
            let grade = |frame: u32| match (au, frame) {
                (12, 4) => 9,
                (12, frame) => frame as i32,
                (1, _) => 1,
                _ => 0,
            };
            let lines: Vec<String> = (1..=4)
                .map(|frame| format!("{frame},{}", grade(frame)))
                .collect();
            let name = format!("ActionUnit_Labels/{person}/{person}_au{au}.txt");
            text(dir.path().join(name), &lines.join("\r\n"));
        }
        for frame in first_image..first_image + images {
            let number = person[2..].parse::<u32>().unwrap() * 10 + frame;
            image(
                dir.path()
                    .join(format!("Images/LeftVideo{person}_comp/{frame:05}.png")),
                number,
            );
        }
    }
    dir
}

#[test]
fn a_person_whose_codes_are_all_unknown_is_left_out_alone() {
    let dir = disfa(1, 4);
    let unknown = "1,9\n2,?\n3,999\n4,null\n";
    for au in TWELVE {
        let name = format!("ActionUnit_Labels/SN002/SN002_au{au}.txt");
        text(dir.path().join(name), unknown);
    }
    let set = scan("disfa", dir.path(), None);
    assert_eq!(codes(&set).len(), 3);
    assert!(set.samples.iter().all(|sample| sample.subject == "SN001"));
    assert_eq!(Skipped::count(&set.skipped), 5);
    for au in TWELVE {
        let name = format!("ActionUnit_Labels/SN001/SN001_au{au}.txt");
        text(dir.path().join(name), unknown);
    }
    let error = CodedSet::open("disfa", dir.path(), None).unwrap_err();
    assert!(error.to_string().contains("could not be coded"), "{error}");
}

#[test]
fn of_two_codes_of_one_frame_none_is_chosen() {
    let dir = disfa(1, 3);
    text(
        dir.path().join("Labels_old/SN001/SN001_au12.txt"),
        "1,5\n2,5\n3,5\n4,5\n",
    );
    let error = CodedSet::open("disfa", dir.path(), None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("SN001_au12.txt") && error.contains("keep one of the two"),
        "{error}"
    );
    text(
        dir.path().join("ActionUnit_Labels/SN001/SN001_au12.txt"),
        "1,1\n2,2\n2,3\n3,3\n4,4\n",
    );
    std::fs::remove_dir_all(dir.path().join("Labels_old")).unwrap();
    let set = scan("disfa", dir.path(), None);
    assert!(set.samples.iter().all(|sample| sample.subject == "SN002"));
    assert!(
        lost(&set)
            .iter()
            .any(|(_, reason)| reason.contains("line 3") && reason.contains("two intensities"))
    );
}

#[test]
fn disfa_counts_a_unit_from_intensity_two_on_and_a_nine_as_not_coded() {
    let dir = disfa(1, 5);
    let set = scan("disfa", dir.path(), None);
    let path =
        |person: u32, frame: u32| format!("Images/LeftVideoSN{person:03}_comp/{frame:05}.png");
    let expected: Vec<_> = [
        (1, 1, ""),
        (1, 2, "12:2"),
        (1, 3, "12:3"),
        (2, 1, ""),
        (2, 2, "12:2"),
        (2, 3, "12:3"),
    ]
    .map(|(person, frame, aus): (u32, u32, &str)| {
        (
            path(person, frame),
            aus.parse::<AuCoding>().unwrap().to_string(),
        )
    })
    .into();
    let found: Vec<_> = codes(&set)
        .into_iter()
        .map(|(path, aus)| (path.to_owned(), aus))
        .collect();
    assert_eq!(found, expected);
    assert!(
        set.samples
            .iter()
            .all(|s| s.role == Role::HeldOut && s.label == -1)
    );
    assert_eq!(
        (set.samples[3].subject.as_str(), set.samples[3].frame),
        ("SN002", 1)
    );
    // Frame 4 is unknown, frame 5 has no code.
    assert_eq!(Skipped::count(&set.skipped), 4, "{:?}", set.skipped);
    assert!(
        lost(&set)
            .iter()
            .any(|(_, reason)| reason.contains("could not be coded: 1"))
    );
    let said = [set.code_notes.clone(), set.notes.clone()]
        .concat()
        .join("\n");
    assert!(
        said.contains("Action units 1, 2, 4, 5, 6, 9, 12") && said.contains("from intensity 2 on"),
        "{said}"
    );
    let at = |threshold| {
        codes(&scan("disfa", dir.path(), Some(threshold)))
            .into_iter()
            .map(|row| row.1)
            .take(3)
            .collect::<Vec<_>>()
    };
    assert_eq!(at(1), ["1:1;12:1", "1:1;12:2", "1:1;12:3"]);
    assert_eq!(at(3)[2], "12:3");
    assert!(at(3)[1] != "12:2");
}

#[test]
fn disfa_images_counted_from_zero_are_never_shifted_in_silence() {
    let certain = scan("disfa", disfa(0, 4).path(), None);
    let second = certain
        .samples
        .iter()
        .find(|s| s.path.ends_with("SN001_comp/00001.png"))
        .unwrap();
    assert_eq!((second.frame, second.aus.to_string().as_str()), (2, "12:2"));
    assert!(certain.notes.join("\n").contains("image 0 is frame 1"));
    let dir = disfa(0, 3);
    let error = CodedSet::open("disfa", dir.path(), None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("counted from 0 here and from 1"), "{error}");
}

#[test]
fn disfa_codes_counted_from_zero_are_never_shifted_in_silence() {
    let renumbered = |images: u32| {
        let dir = disfa(1, images);
        for (person, au) in ["SN001", "SN002"]
            .into_iter()
            .flat_map(|p| TWELVE.map(|au| (p, au)))
        {
            let name = format!("ActionUnit_Labels/{person}/{person}_au{au}.txt");
            let lines = if au == 12 {
                "0,1\n1,2\n2.0,3\n3,9\n"
            } else {
                "0,0\n1,0\n2,0\n3,0\n"
            };
            text(dir.path().join(name), lines);
        }
        dir
    };
    let certain = scan("disfa", renumbered(4).path(), None);
    let third = certain
        .samples
        .iter()
        .find(|s| s.path.ends_with("SN001_comp/00003.png"))
        .unwrap();
    assert_eq!((third.frame, third.aus.to_string().as_str()), (2, "12:3"));
    assert!(
        certain.notes.join("\n").contains("image 1 is frame 0"),
        "{:?}",
        certain.notes
    );
    let error = CodedSet::open("disfa", renumbered(3).path(), None).unwrap_err();
    assert!(
        error.to_string().contains("counted from 1 here and from 0"),
        "{error}"
    );
}

#[test]
fn disfa_without_a_unit_leaves_the_person_out() {
    let dir = disfa(1, 3);
    fs::remove_file(dir.path().join("ActionUnit_Labels/SN002/SN002_au26.txt")).unwrap();
    let set = scan("disfa", dir.path(), None);
    assert_eq!(set.samples.len(), 3);
    assert!(
        lost(&set)
            .iter()
            .any(|(_, reason)| reason.contains("lack AU26")),
        "{:?}",
        set.skipped
    );
    assert!(lost(&set).contains(&(Some(3), "images of a recording without codes: 3")));
}

fn disfa_plus() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (person, trial) in [
        ("SN001", "A1_AU12_TrailNo_1"),
        ("SN003", "A1_AU12_TrailNo_1"),
        ("SN003", "Y1_happy_TrailNo_2"),
    ] {
        for au in TWELVE {
            let grade = |frame: u32| if au == 12 { frame } else { 0 };
            let lines: Vec<String> = (0..4)
                .map(|frame| format!("{frame:03}.jpg     {}", grade(frame)))
                .collect();
            let header = "Name  Intensity\n--------------\n";
            text(
                dir.path()
                    .join(format!("Labels/{person}/{trial}/AU{au}.txt")),
                &format!("{header}{}\n", lines.join("\n")),
            );
        }
        for frame in 0..4 {
            let png = dir
                .path()
                .join(format!("Images/{person}/{trial}/{frame:03}.png"));
            image(png.clone(), frame);
            fs::rename(&png, png.with_extension("jpg")).unwrap();
        }
    }
    dir
}

#[test]
fn disfa_plus_is_coded_by_file_name() {
    let dir = disfa_plus();
    let set = scan("disfa_plus", dir.path(), None);
    assert_eq!(
        (set.samples.len(), set.skipped.len()),
        (12, 0),
        "{:?}",
        set.skipped
    );
    let present: Vec<_> = codes(&set)
        .into_iter()
        .filter(|(_, aus)| aus.contains("12:"))
        .collect();
    assert_eq!(present.len(), 6);
    assert_eq!(
        present[0],
        ("Images/SN001/A1_AU12_TrailNo_1/002.jpg", "12:2".to_owned())
    );
    assert_eq!(set.samples[11].subject, "SN003");
}

#[test]
fn names_of_trials_and_images_are_the_same_composed_and_decomposed() {
    for (labels, images) in [("\u{fc}", "u\u{308}"), ("u\u{308}", "\u{fc}")] {
        let dir = tempfile::tempdir().unwrap();
        for au in TWELVE {
            let line = format!("gl{labels}ck_1.jpg {}\n", if au == 12 { 3 } else { 0 });
            text(
                dir.path()
                    .join(format!("Labels/SN001/Gl{labels}ck/AU{au}.txt")),
                &line,
            );
        }
        image(
            dir.path()
                .join(format!("Images/SN001/Gl{images}ck/gl{images}ck_1.png")),
            1,
        );
        let set = scan("disfa_plus", dir.path(), None);
        assert_eq!(
            (set.samples.len(), set.skipped.len()),
            (1, 0),
            "{:?}",
            set.skipped
        );
        assert_eq!(set.samples[0].sequence, "Images/SN001/Gl\u{fc}ck");
        let raf = tempfile::tempdir().unwrap();
        text(
            raf.path().join("RAFAU_label.txt"),
            &format!("gl{labels}ck.jpg 12\n"),
        );
        image(
            raf.path().join(format!("aligned/gl{images}ck_aligned.png")),
            1,
        );
        assert_eq!(codes(&scan("raf", raf.path(), None))[0].1, "12:0");
    }
}

fn bp4d() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    // AU2 is coded in one of the two recordings; AU12 is unknown in frame 42 of the first.
    for (name, rows) in [
        ("F001_T1", ["40,1,0,1,9", "41,0,1,1,9", "42,1,1,9,9"]),
        ("M002_T8", ["7,0,9,0,9", "8,1,9,1,9", "9,0,9,0,9"]),
    ] {
        let table = format!("0,1,2,12,27\n{}\n", rows.join("\n"));
        text(
            dir.path().join(format!("AUCoding/AU_OCC/{name}.csv")),
            &table,
        );
    }
    for (at, path) in [
        "F001/T1/40.jpg",
        "F001/T1/0041.jpg",
        "F001/T1/42.jpg",
        "F001/T1/43.jpg",
        "M002/T8/8.jpg",
        "F003/T1/1.jpg",
    ]
    .iter()
    .enumerate()
    {
        let png = dir
            .path()
            .join("BP4D-training")
            .join(path)
            .with_extension("png");
        image(png.clone(), at as u32);
        fs::rename(&png, png.with_extension("jpg")).unwrap();
    }
    dir
}

#[test]
fn bp4d_takes_occurrence_of_the_units_that_every_recording_has() {
    let dir = bp4d();
    let set = scan("bp4d", dir.path(), None);
    let folder = "BP4D-training/";
    let found: Vec<_> = codes(&set)
        .into_iter()
        .map(|(path, aus)| (path.strip_prefix(folder).unwrap().to_owned(), aus))
        .collect();
    let expected = [
        ("F001/T1/40.jpg", "1:0;12:0"),
        ("F001/T1/0041.jpg", "12:0"),
        ("M002/T8/8.jpg", "1:0;12:0"),
    ];
    assert_eq!(
        found,
        expected.map(|(path, aus)| (path.to_owned(), aus.to_owned()))
    );
    let mut reasons: Vec<_> = lost(&set).into_iter().map(|(_, reason)| reason).collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            "images of a recording without codes: 1",
            "images of frames in which a unit could not be coded: 1",
            "images of frames that are not coded: 1",
        ]
    );
    let said = [set.code_notes.clone(), set.notes.clone()]
        .concat()
        .join("\n");
    for part in [
        "not coded in every recording are not used: 2.",
        "T8 disgust",
        "Coded frames without an image: 2 of 6",
        "occurrence without intensity",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(
        CodedSet::open("bp4d", dir.path(), None).unwrap().name(),
        "BP4D"
    );
}

#[test]
fn bp4d_plus_adds_intensities_to_which_the_threshold_applies() {
    let dir = bp4d();
    for (name, rows) in [
        ("F001_T1", "40,3\n41,1\n42,2\n"),
        ("M002_T8", "7,0\n8,4\n9,9\n"),
    ] {
        text(
            dir.path()
                .join(format!("AUCoding/AU_INT/AU12/{name}_AU12.csv")),
            rows,
        );
    }
    let open = |threshold| {
        codes(&scan("bp4d", dir.path(), threshold))
            .into_iter()
            .map(|row| row.1)
            .collect::<Vec<_>>()
    };
    // The intensity of frame 42 is known although its occurrence is not.
    assert_eq!(open(None), ["1:0;12:3", "12:1", "1:0;12:2", "1:0;12:4"]);
    let none = AuCoding::Coded(vec![]).to_string();
    assert_eq!(
        open(Some(3)),
        ["1:0;12:3", none.as_str(), "1:0", "1:0;12:4"]
    );
    let set = CodedSet::open("bp4d", dir.path(), Some(3)).unwrap();
    assert_eq!((set.name(), set.au_threshold()), ("BP4D+", Some(3)));
    assert!(
        set.scan()
            .unwrap()
            .code_notes
            .join("\n")
            .contains("known of action units 12;")
    );
}

#[test]
fn bp4d_codes_that_contradict_one_another_are_listed_or_counted() {
    let dir = bp4d();
    let occurrence = dir.path().join("AUCoding/AU_OCC/F001_T1.csv");
    // As pandas writes it, with the same row twice: read.
    let rows = "frame,AU_1,AU 2,au12\n40.0,1,0,1\n41.0,0,1,1\n40,1,0,1\n";
    text(occurrence.clone(), rows);
    let known = codes(&scan("bp4d", dir.path(), None))[0].1.clone();
    assert_eq!(known, "1:0;12:0");
    text(occurrence.clone(), &format!("{rows}41,0,1,0\n"));
    let set = scan("bp4d", dir.path(), None);
    assert!(set.samples.iter().all(|sample| sample.subject == "M002"));
    let said = |(_, reason): &(Option<usize>, &str)| reason.contains("line 5: the frame 41 again");
    assert!(lost(&set).iter().any(said), "{:?}", set.skipped);
    text(occurrence, rows);
    let intensity = "AUCoding/AU_INT/AU12/F001_T1_AU12.csv";
    text(dir.path().join(intensity), "40,0\n41,2\n");
    text(
        dir.path().join("AUCoding/AU_INT/AU12/M002_T8_AU12.csv"),
        "7,3\n8,4\n9,0\n",
    );
    let set = scan("bp4d", dir.path(), None);
    let notes = set.code_notes.join("\n");
    assert!(
        notes.contains("contradict each other: 2 (first AU 12 of F001_T1, frame 40)"),
        "{notes}"
    );
    let found: Vec<_> = codes(&set).into_iter().map(|row| row.1).collect();
    assert_eq!(found, ["12:2", "1:0;12:4"]);
}

#[test]
fn bp4d_tasks_are_recordings_also_in_the_names_of_files() {
    let dir = bp4d();
    for name in [
        "F001_T1_40.png",
        "flat/M002_T8_8.png",
        "flat/deep/F001_T1/cam/41.png",
    ] {
        image(dir.path().join(name), 3);
    }
    let set = scan("bp4d", dir.path(), None);
    let sequences = set.samples.iter().map(|sample| sample.sequence.as_str());
    let expected = [
        "BP4D-training/F001/T1",
        "BP4D-training/M002/T8",
        "F001_T1",
        "flat/M002_T8",
        "flat/deep/F001_T1/cam",
    ];
    assert_eq!(
        std::collections::BTreeSet::from_iter(sequences),
        expected.into()
    );
}

fn raf(compound: bool) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let names = ["0001", "0002", "0003", "0004", "0005", "0006"];
    let aus = ["1+2+L12", "null", "12+25", "4+R14", "6+12", "1+5"];
    for (at, name) in names.iter().enumerate() {
        image(dir.path().join(format!("original/{name}.png")), at as u32);
        image(
            dir.path().join(format!("aligned/{name}_aligned.png")),
            at as u32,
        );
    }
    image(dir.path().join("aligned/0009_aligned.png"), 9);
    let lines: Vec<String> = names
        .iter()
        .zip(aus)
        .map(|(name, aus)| format!("{name}.jpg {aus} "))
        .collect();
    let list = if compound {
        "RAFCE_AUlabel.txt"
    } else {
        "RAFAU_label.txt"
    };
    text(dir.path().join(list), &lines.join("\n"));
    if compound {
        text(
            dir.path().join("RAFCE_emolabel.txt"),
            "0001.jpg 0\n0002.jpg 13\n0003.jpg 0\n0004.jpg 13\n0005.jpg 0\n",
        );
        text(
            dir.path().join("RAFCE_partition.txt"),
            "0001.jpg 0\n0002.jpg 0\n0003.jpg 1\n0004.jpg 1\n0005.jpg 2\n",
        );
    }
    dir
}

#[test]
fn raf_au_holds_out_every_coded_image() {
    let dir = raf(false);
    let source = CodedSet::open("raf", dir.path(), None).unwrap();
    let set = source.scan().unwrap();
    assert_eq!(
        (source.name(), source.au_threshold(), set.samples.len()),
        ("RAF-AU", None, 5)
    );
    assert_eq!(
        codes(&set)[0],
        ("aligned/0001_aligned.png", "1:0;2:0;12:0".to_owned())
    );
    assert_eq!(
        (&*set.samples[0].sides, &*set.samples[2].sides),
        ("L12:0", "R14:0")
    );
    let lost = lost(&set);
    assert!(
        lost[0].1.contains("(null)")
            && lost[0].0 == Some(1)
            && lost[1] == (Some(1), "images that no list names: 1"),
        "{lost:?}"
    );
    assert!(
        set.code_notes[0].contains("5 images have codes") && set.notes[0].contains("aligned crops")
    );
}

#[test]
fn raf_ce_has_compound_classes_and_a_given_split() {
    let dir = raf(true);
    let source = CodedSet::open("raf", dir.path(), None).unwrap();
    assert_eq!(
        (source.name(), source.class_names()),
        (
            "RAF-CE",
            vec!["happily_surprised".to_owned(), "happily_sad".to_owned()]
        )
    );
    let set = source.scan().unwrap();
    assert_eq!(set.folding, Folding::Given(1));
    let rows: Vec<_> = set.samples.iter().map(|s| (s.label, s.parts[0])).collect();
    let expected = [
        (0, Part::Train),
        (1, Part::Train),
        (0, Part::Test),
        (1, Part::Test),
        (0, Part::Validation),
        (-1, Part::None),
    ];
    assert_eq!(rows, expected);
    assert_eq!(set.samples[1].aus, AuCoding::NotCoded);
    let output = dir.path().with_extension("prepared");
    let info = prepare(&source, &options(), &output, &go_on).unwrap();
    assert_eq!(
        (info.images, info.held_out, info.subject_independent),
        (6, 1, false)
    );
    assert!(
        Prepared::open(&output)
            .unwrap()
            .split(0, Protocol::Paper2017)
            .is_ok()
    );
    fs::remove_dir_all(output).unwrap();
}

#[test]
fn raf_ce_expressions_may_be_counted_from_one() {
    let dir = raf(true);
    let list = dir.path().join("RAFCE_emolabel.txt");
    let expected = codes(&scan("raf", dir.path(), None)).len();
    text(
        list.clone(),
        "0001.jpg 1\n0002.jpg 14\n0003.jpg 1\n0004.jpg 14\n0005.jpg 1\n",
    );
    let source = CodedSet::open("raf", dir.path(), None).unwrap();
    assert_eq!(source.class_names(), ["happily_surprised", "happily_sad"]);
    assert_eq!(source.scan().unwrap().samples.len(), expected);
    text(list, "0001.jpg 1\n0002.jpg 13\n");
    let error = CodedSet::open("raf", dir.path(), None).unwrap_err();
    assert!(
        error.to_string().contains("neither 0 nor 14 occurs"),
        "{error}"
    );
}

#[test]
fn raf_lists_are_read_as_people_save_them() {
    let dir = raf(true);
    std::fs::remove_file(dir.path().join("RAFCE_emolabel.txt")).unwrap();
    text(
        dir.path().join("RAFCE_AUlabel.txt"),
        "0001.jpg;1+2\naligned/0002_aligned.jpg none\n0003_aligned.jpg,0\n0004 null\n0005\tL12\n",
    );
    let source = CodedSet::open("raf", dir.path(), None).unwrap();
    assert_eq!(source.name(), "RAF-CE");
    let set = source.scan().unwrap();
    let found: Vec<_> = codes(&set).into_iter().map(|row| row.1).collect();
    assert_eq!(found, ["1:0;2:0", "none", "none", "12:0"]);
    let dir = raf(true);
    let parts = "0001.jpg 1\n0002.jpg 1\n0003.jpg 2\n0004.jpg 2\n0005.jpg 3\n";
    text(dir.path().join("RAFCE_partition.txt"), parts);
    let set = scan("raf", dir.path(), None);
    let notes = set.notes.join("\n");
    assert_eq!(set.folding, Folding::ByImage);
    assert!(
        notes.contains("partition.txt is not used")
            && notes.contains("name no part (0, 1, 2): 1 (first 0005, `3`)"),
        "{notes}"
    );
}

fn options() -> PrepareOptions {
    PrepareOptions {
        image_size: 48,
        crop: CropMode::None,
        ..PrepareOptions::default()
    }
}

#[test]
fn a_set_of_codes_alone_is_prepared_and_refuses_to_be_trained_on() {
    let dir = disfa(1, 4);
    let config = DataConfig {
        source: "disfa".to_owned(),
        au_threshold: Some(3),
        ..DataConfig::default()
    };
    let source = config.open(dir.path()).unwrap();
    let output = dir.path().with_extension("prepared");
    let info = prepare(source.as_ref(), &options(), &output, &go_on).unwrap();
    assert_eq!(
        (info.images, info.held_out, info.au_threshold),
        (6, 6, Some(3))
    );
    assert!(info.classes.is_empty());
    let json = fs::read_to_string(output.join("dataset.json")).unwrap();
    assert!(json.contains("\"au_threshold\": 3"), "{json}");
    let set = Prepared::open(&output).unwrap();
    let error = set.split(0, Protocol::Paper2017).unwrap_err();
    assert!(
        matches!(error, Error::NothingToTrain) && error.to_string().contains("faus correlate"),
        "{error}"
    );
    assert!(config.check_agrees(&set).is_err(), "image_size differs");
    assert!(info.notes.join("\n").contains("from intensity 3 on"));
    fs::remove_dir_all(&output).unwrap();
    // A table of codes replaces the codes and what is said of them.
    let table = dir.path().with_extension("codes.csv");
    fs::write(
        &table,
        "subject,session,frame,codes\nSN001,LeftVideoSN001_comp,1,12\n",
    )
    .unwrap();
    let with_table = PrepareOptions {
        aus: Some(table.clone()),
        ..options()
    };
    let info = prepare(source.as_ref(), &with_table, &output, &go_on).unwrap();
    assert_eq!((info.held_out, info.au_threshold), (6, None));
    let notes = info.notes.join("\n");
    assert!(
        notes.contains("it replaces the codes that 6 images had") && !notes.contains("intensity"),
        "{notes}"
    );
    fs::remove_dir_all(output).unwrap();
    fs::remove_file(table).unwrap();
    for (source, threshold) in [
        ("raf", Some(2)),
        ("ck_plus", Some(2)),
        ("disfa", Some(6)),
        ("bp4d", Some(0)),
    ] {
        let config = DataConfig {
            source: source.to_owned(),
            au_threshold: threshold,
            ..DataConfig::default()
        };
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .contains("au threshold"),
            "{source}"
        );
    }
}

#[test]
fn a_folder_of_another_set_says_what_it_looks_like() {
    let ck_plus = Tree::new(SHORT);
    ck_plus.sequence(1, 1, 4, 5);
    let folders = tempfile::tempdir().unwrap();
    for class in ["happy", "sad"] {
        image(folders.path().join(class).join("a.png"), 1);
    }
    let (disfa, plus, bp4d, raf_au, raf_ce) =
        (disfa(1, 2), disfa_plus(), bp4d(), raf(false), raf(true));
    let sets = [
        (ck_plus.root.as_path(), "use the source ck_plus"),
        (folders.path(), "use the source folders"),
        (disfa.path(), "looks like DISFA: use the source disfa"),
        (plus.path(), "looks like DISFA+: use the source disfa_plus"),
        (bp4d.path(), "use the source bp4d"),
        (raf_au.path(), "looks like RAF-AU: use the source raf"),
        (raf_ce.path(), "looks like RAF-CE: use the source raf"),
    ];
    for source in [
        "ck_plus",
        "tfd",
        "arrays",
        "folders",
        "csv",
        "disfa",
        "disfa_plus",
        "bp4d",
        "raf",
    ] {
        for (root, hint) in sets.iter().filter(|(_, hint)| !hint.ends_with(source)) {
            let config = DataConfig {
                source: source.to_owned(),
                ..DataConfig::default()
            };
            let error = config.open(root).err().unwrap().to_string();
            assert!(error.contains(hint), "{source} on {hint}: {error}");
        }
    }
}
