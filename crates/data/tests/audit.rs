//! Planted leaks are found, and nothing is found where nothing is.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use faus_base::random::named as keyed;
use faus_data::{
    Audit, CropMode, DatasetInfo, FindingKind, FoldRule, Part, PreparedWriter, Role, Sample,
    Severity, audit,
};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, GrayImage};
use proptest::prelude::*;
use rand::RngExt;
use tempfile::TempDir;

const SIDE: usize = 48;
const CLASSES: [&str; 3] = ["neutral", "anger", "happy"];

/// A face of sorts: what all share, what tells a person, and a little of each frame.
fn face(person: u64, frame: u64) -> Vec<u8> {
    let mut of_person = keyed(1, "person", &[person]);
    let mut of_frame = keyed(1, "frame", &[person, frame]);
    let waves: Vec<[f64; 4]> = (0..12)
        .map(|_| {
            let reach = 0.05 + 0.25 * of_person.random::<f64>();
            let turn = std::f64::consts::TAU * of_person.random::<f64>();
            let phase =
                std::f64::consts::TAU * of_person.random::<f64>() + 0.6 * of_frame.random::<f64>();
            [
                reach * turn.cos(),
                reach * turn.sin(),
                phase,
                14.0 * of_person.random::<f64>(),
            ]
        })
        .collect();
    let pixel = |at: usize| {
        let (x, y) = ((at % SIDE) as f64, (at / SIDE) as f64);
        let (dx, dy) = (x - 23.5, y - 23.5);
        let shared = if dx * dx + 0.7 * dy * dy < 380.0 {
            60.0
        } else {
            0.0
        };
        let own: f64 = waves
            .iter()
            .map(|[u, v, phase, size]| size * (u * x + v * y + phase).sin())
            .sum();
        (100.0 + shared + own).clamp(0.0, 255.0) as u8
    };
    (0..SIDE * SIDE).map(pixel).collect()
}

fn sample(subject: i64, frame: u32, fold: i64) -> Sample {
    let label = i64::from(frame % 3);
    Sample {
        index: 0,
        subject,
        sequence: format!("S{subject:03}_{:03}", label + 1),
        frame: frame + 1,
        role: Role::Labelled,
        label,
        label_name: CLASSES[label as usize].to_owned(),
        fold,
        face_found: true,
        path: format!("S{subject:03}/{:03}/frame{frame}.png", label + 1),
        ..Sample::default()
    }
}

/// A set to be: rows with their images.
struct Set {
    rows: Vec<(Sample, Vec<u8>)>,
    rule: FoldRule,
    folds: usize,
}

impl Set {
    /// 20 people in four folds, six frames each.
    fn new() -> Self {
        let rows = (0..20i64).flat_map(|subject| {
            (0..6u32).map(move |frame| {
                (
                    sample(subject, frame, subject % 4),
                    face(subject as u64, u64::from(frame)),
                )
            })
        });
        Self {
            rows: rows.collect(),
            rule: FoldRule::Modulo,
            folds: 4,
        }
    }

    fn write(&self) -> (TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("set");
        let mut writer = PreparedWriter::create(&path, SIDE as u32).unwrap();
        for (sample, image) in &self.rows {
            writer.push(sample.clone(), image).unwrap();
        }
        let info = DatasetInfo {
            name: "drawn".to_owned(),
            synthetic: true,
            source_digest: "0".repeat(64),
            classes: CLASSES.map(str::to_owned).to_vec(),
            folds: self.folds,
            fold_rule: self.rule,
            subject_independent: true,
            crop: CropMode::None,
            version: "test".to_owned(),
            notes: Vec::new(),
            skipped: Vec::new(),
            ..DatasetInfo::default()
        };
        writer.finish(info).unwrap();
        (dir, path)
    }

    fn audit(&self) -> Audit {
        let (_dir, path) = self.write();
        audit(&path, None).unwrap()
    }

    fn audit_split(&self, table: &str) -> Audit {
        let (dir, path) = self.write();
        let split = dir.path().join("split.csv");
        fs::write(&split, table).unwrap();
        audit(&path, Some(&split)).unwrap()
    }

    /// A split table by `part` of (row, sample).
    fn table(&self, part: impl Fn(usize, &Sample) -> &'static str) -> String {
        let rows = self.rows.iter().enumerate();
        let lines = rows.map(|(at, (s, _))| format!("{},{}\n", s.path, part(at, s)));
        format!("path,split\n{}", lines.collect::<String>())
    }
}

/// The kinds that are leaks, with their counts.
fn leaks(found: &Audit) -> Vec<(FindingKind, usize)> {
    let leaks = found
        .findings
        .iter()
        .filter(|f| f.severity == Severity::Leak);
    leaks.map(|f| (f.kind, f.count)).collect()
}

#[test]
fn our_own_folds_have_no_leak() {
    let found = Set::new().audit();
    assert_eq!(found.findings, [], "{found}");
    assert!(leaks(&found).is_empty() && found.to_string().contains("No leak found"));
    assert!(found.to_string().contains("SYNTHETIC"));
}

#[test]
fn a_person_and_a_recording_in_two_folds_are_found() {
    let mut set = Set::new();
    set.rows[7].0.fold = 3; // one frame of subject 1
    let found = set.audit();
    assert_eq!(
        leaks(&found),
        [
            (FindingKind::SubjectInTwoParts, 1),
            (FindingKind::SequenceInTwoParts, 1)
        ]
    );
    assert!(found.to_string().contains("subject 1: in"), "{found}");
    assert!(found.to_string().contains("NOT apart"));
}

#[test]
fn near_duplicates_under_another_name_are_found() {
    let jpeg = |image: &[u8]| {
        let mut bytes = Cursor::new(Vec::new());
        JpegEncoder::new_with_quality(&mut bytes, 75)
            .encode(image, SIDE as u32, SIDE as u32, ExtendedColorType::L8)
            .unwrap();
        image::load_from_memory(bytes.get_ref())
            .unwrap()
            .into_luma8()
            .into_raw()
    };
    let grey =
        |image: &[u8]| GrayImage::from_raw(SIDE as u32, SIDE as u32, image.to_vec()).unwrap();
    type Copy<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
    let copies: [(&str, Copy); 5] = [
        ("the same", &|i| i.to_vec()),
        ("compressed", &jpeg),
        ("brighter", &|i| {
            i.iter()
                .map(|&p| (f64::from(p) * 0.8 + 40.0) as u8)
                .collect()
        }),
        ("shifted", &|i| {
            let image = grey(i);
            GrayImage::from_fn(48, 48, |x, y| *image.get_pixel(x.saturating_sub(1), y)).into_raw()
        }),
        ("mirrored", &|i| {
            image::imageops::flip_horizontal(&grey(i)).into_raw()
        }),
    ];
    for (name, copy) in copies {
        let mut set = Set::new();
        let original = set.rows[0].1.clone();
        set.rows[32].1 = copy(&original); // of subject 5, in fold 1; the original is in fold 0
        let found = set.audit();
        let kinds: Vec<_> = leaks(&found).into_iter().map(|(kind, _)| kind).collect();
        let expected = match name {
            // The frames' labels differ.
            "the same" => vec![FindingKind::NearDuplicate, FindingKind::ClassMapConflict],
            _ => vec![FindingKind::NearDuplicate],
        };
        assert_eq!(kinds, expected, "{name}: {found}");
        let pair = "S000/001/frame0.png (test) and S005/003/frame2.png (validation)";
        assert!(found.to_string().contains(pair), "{name}: {found}");
        let said = found.to_string().contains(", mirrored\n");
        assert_eq!(said, name == "mirrored", "{found}");
    }
}

#[test]
fn equal_images_without_any_pattern_are_found() {
    let mut set = Set::new();
    for row in [0, 32] {
        set.rows[row].1.fill(7);
    }
    let found = set.audit();
    let pair = "S000/001/frame0.png (test) and S005/003/frame2.png (validation)";
    assert!(found.to_string().contains(pair), "{found}");
}

/// Every copy is named once for each kind of image that it is near, not once for each other copy.
#[test]
fn thousands_of_copies_cost_no_more_than_their_number() {
    let images: Vec<_> = (0..60).map(|person| face(person, 0)).collect();
    let mut set = Set::new();
    set.rows = (0..6000)
        .map(|at| {
            let subject = at as i64 / 10;
            (
                sample(subject, at as u32 % 10, subject % 4),
                images[at % 60].clone(),
            )
        })
        .collect();
    let found = set.audit();
    let near = found
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::NearDuplicate);
    let count = near.unwrap().count;
    assert!((5900..=6100).contains(&count), "{count}");
}

#[test]
fn untested_images_are_found() {
    let mut set = Set::new();
    for row in 12..18 {
        set.rows[row].0.fold = 9; // a fold that is not there
    }
    assert_eq!(leaks(&set.audit()), [(FindingKind::Untested, 6)]);
}

#[test]
fn images_tested_twice_are_found() {
    let set = Set::new();
    let mut table = "path,split,fold\n".to_owned();
    for fold in 0..4 {
        for (sample, _) in &set.rows {
            // Fold 2 tests the people of fold 1 a second time, and nobody tests its own.
            let tested = if fold == 2 { 1 } else { fold };
            let part = if sample.fold == tested {
                "test"
            } else {
                "train"
            };
            table += &format!("{},{part},{fold}\n", sample.path);
        }
    }
    let found = set.audit_split(&table);
    assert_eq!(
        leaks(&found),
        [(FindingKind::Untested, 30), (FindingKind::TestedTwice, 30)],
        "{found}"
    );
}

#[test]
fn a_split_by_images_is_shown_to_leak() {
    let set = Set::new();
    let table = set.table(|at, _| {
        if at % 5 == 0 {
            "PrivateTest"
        } else {
            "Training"
        }
    });
    let found = set.audit_split(&table);
    let kinds = leaks(&found);
    assert!(
        kinds.contains(&(FindingKind::SubjectInTwoParts, 20)),
        "{found}"
    );
    assert!(
        kinds
            .iter()
            .any(|(kind, _)| *kind == FindingKind::SequenceInTwoParts)
    );
    // A single split need not test every image.
    let untested = found
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::Untested)
        .unwrap();
    assert_eq!(
        (untested.severity, untested.count),
        (Severity::Information, 96)
    );

    let by_people = set.table(|_, s| if s.subject % 5 == 0 { "test" } else { "train" });
    assert!(leaks(&set.audit_split(&by_people)).is_empty());
}

/// A review of issue 3 found that these three passed.
#[test]
fn splits_that_hide_behind_held_out_rows_doubled_lines_or_no_test_are_found() {
    let mut set = Set::new();
    for (sample, _) in set.rows.iter_mut().filter(|(s, _)| s.frame == 1) {
        (sample.role, sample.label, sample.label_name) = (Role::HeldOut, -1, String::new());
    }
    let held_out_trains = set.table(|_, s| match s.role {
        Role::HeldOut => "train",
        Role::Labelled => "test",
    });
    let found = set.audit_split(&held_out_trains);
    assert!(
        leaks(&found).contains(&(FindingKind::SubjectInTwoParts, 20)),
        "{found}"
    );
    let used = found
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::HeldOutUsed);
    assert_eq!(used.map(|f| f.count), Some(20), "{found}");

    let set = Set::new();
    let by_people = set.table(|_, s| if s.subject % 5 == 0 { "test" } else { "train" });
    let doubled = format!("{by_people}{},test\n", set.rows[0].0.path);
    assert_eq!(
        leaks(&set.audit_split(&doubled)),
        [(FindingKind::TestedTwice, 1)]
    );

    let nothing = set.audit_split(&set.table(|_, _| "train"));
    assert_eq!(leaks(&nothing), [(FindingKind::Untested, 1)]);
}

#[test]
fn folds_told_by_their_test_parts_alone_are_compared_with_each_other() {
    let set = Set::new();
    let dealt = |fold: &dyn Fn(usize, &Sample) -> i64| -> String {
        let rows = set.rows.iter().enumerate();
        let rows = rows.map(|(at, (s, _))| format!("{},test,{}\n", s.path, fold(at, s)));
        "path,split,fold\n".to_owned() + &rows.collect::<String>()
    };
    let by_image = set.audit_split(&dealt(&|at, _| at as i64 % 3));
    assert!(
        leaks(&by_image).contains(&(FindingKind::SubjectInTwoParts, 20)),
        "{by_image}"
    );
    let by_people = set.audit_split(&dealt(&|_, s| s.subject % 5));
    assert_eq!(leaks(&by_people), [], "{by_people}");
    let alone = set.audit_split(&set.table(|_, _| "test"));
    assert_eq!(leaks(&alone), [(FindingKind::Untrained, 1)]);
}

#[test]
fn arrays_that_contradict_the_table_are_found() {
    for (name, value) in [("folds.npy", 1_i64), ("subjects.npy", 77)] {
        let (_dir, path) = Set::new().write();
        let mut bytes = fs::read(path.join(name)).unwrap();
        let last = bytes.len() - 8;
        bytes[last..].copy_from_slice(&value.to_le_bytes());
        fs::write(path.join(name), bytes).unwrap();
        let found = audit(&path, None).unwrap();
        assert_eq!(
            leaks(&found),
            [(FindingKind::ArraysContradict, 1)],
            "{found}"
        );
        assert!(found.findings[0].examples[0].contains(name), "{found}");
        assert!(found.verdict().contains("are invalid"), "{found}");
    }
}

#[test]
fn a_split_that_says_little_of_the_set_gets_no_verdict() {
    let set = Set::new();
    let mut table = "path,split\n".to_owned();
    for (at, (sample, _)) in set.rows.iter().enumerate() {
        let path = if at < 6 {
            &*sample.path
        } else {
            "elsewhere.png"
        };
        table += &format!("{path},{}\n", if at < 3 { "train" } else { "test" });
    }
    // Rows of one person alone in both parts: a leak is a leak, however little was looked at.
    assert!(!leaks(&set.audit_split(&table)).is_empty());
    let table = table.replacen("train", "test", 3) + &format!("{},train\n", set.rows[60].0.path);
    let found = set.audit_split(&table);
    assert!(leaks(&found).is_empty() && !found.is_clear(), "{found}");
    assert!(found.to_string().contains("CANNOT be told"), "{found}");
}

#[test]
fn one_name_in_two_folders_is_not_one_image() {
    let mut set = Set::new();
    set.rows.truncate(60);
    let mut table = "path,split\n".to_owned();
    for (sample, _) in &set.rows {
        table += &format!("train/{},train\ntest/{},test\n", sample.path, sample.path);
    }
    table += &format!("{},train\n", set.rows[0].0.path);
    let found = set.audit_split(&table);
    let leaks = leaks(&found);
    let in_two = |(kind, _): &(FindingKind, usize)| *kind == FindingKind::ImageInTwoParts;
    assert!(!leaks.iter().any(in_two), "{found}");
    assert!(!found.is_clear(), "{found}");
}

#[test]
fn paths_are_matched_however_they_begin() {
    let set = Set::new();
    let mut table = "Path,SPLIT\n".to_owned();
    for (at, (sample, _)) in set.rows.iter().enumerate() {
        let path = match at % 3 {
            0 => sample.path.replace('/', "\\"),
            1 => format!("./{}", sample.path),
            _ => format!("/home/x/CK+/{}", sample.path),
        };
        table += &format!(
            "\"{path}\",{}\n",
            if sample.subject < 4 { "Test" } else { "train" }
        );
    }
    table += "nobody.png,train\n";
    let found = set.audit_split(&table);
    assert!(leaks(&found).is_empty(), "{found}");
    let unmatched: Vec<_> = found
        .findings
        .iter()
        .filter(|f| f.kind == FindingKind::Unmatched)
        .collect();
    assert_eq!((unmatched.len(), unmatched[0].count), (1, 1));
    assert!(unmatched[0].examples[0].contains("nobody.png"));
}

#[test]
fn tables_that_make_no_sense_are_errors() {
    let (dir, path) = Set::new().write();
    let refused = |table: &str, reason: &str| {
        let split = dir.path().join("split.csv");
        fs::write(&split, table).unwrap();
        let error = audit(&path, Some(&split)).unwrap_err().to_string();
        assert!(
            error.contains(reason) && error.contains("split.csv"),
            "{error}"
        );
    };
    refused("a,b\n1,2\n", "path,split");
    refused("path,split\nS000/001/frame0.png,maybe\n", "'maybe'");
    refused(
        "path,split\r\nS000/001/frame0.png,train\r\n\r\nS000/001/frame1.png,maybe\r\n",
        "line 4: split 'maybe'",
    );
    refused("path,split\nother.png,train\n", "S000/001/frame0.png");
    refused("path,split\nS000/001/frame0.png\n", "");
}

#[test]
fn contradictory_classes_are_found() {
    let conflict = |change: &dyn Fn(&mut Set), words: &str| {
        let mut set = Set::new();
        change(&mut set);
        let found = set.audit();
        let kinds = leaks(&found);
        assert!(
            !kinds.is_empty()
                && kinds
                    .iter()
                    .all(|(kind, _)| *kind == FindingKind::ClassMapConflict),
            "{found}"
        );
        assert!(found.to_string().contains(words), "{found}");
    };
    conflict(
        &|set| set.rows[1].0.label_name = "happy".to_owned(),
        "'happy'",
    );
    conflict(
        &|set| set.rows[1].0.path = "happy/x.png".to_owned(),
        "happy/x.png is labelled anger",
    );
    conflict(
        &|set| {
            let sequence = set.rows[1].0.sequence.clone();
            set.rows[2].0.sequence = sequence;
        },
        "S000_002: anger, happy",
    );
    conflict(
        &|set| set.rows[2].1 = set.rows[1].1.clone(),
        "(anger) and S000/003/frame2.png (happy)",
    );
}

#[test]
fn labels_of_another_numbering_are_found() {
    let set = Set::new();
    let label = |names: [&str; 3], wrong: Option<usize>| {
        let mut table = "path,split,label\n".to_owned();
        for (at, (sample, _)) in set.rows.iter().enumerate() {
            let label = if wrong == Some(at) {
                names[2]
            } else {
                names[sample.label as usize]
            };
            let part = if sample.subject < 4 { "test" } else { "train" };
            table += &format!("{},{part},{label}\n", sample.path);
        }
        set.audit_split(&table)
    };
    assert!(
        leaks(&label(["6", "0", "3"], None)).is_empty(),
        "a consistent renumbering is none"
    );
    assert_eq!(
        leaks(&label(["6", "0", "3"], Some(0))),
        [(FindingKind::ClassMapConflict, 1)]
    );
    let swapped = label(["neutral", "happy", "anger"], None);
    assert_eq!(
        leaks(&swapped),
        [(FindingKind::ClassMapConflict, 2)],
        "{swapped}"
    );
    assert!(swapped.to_string().contains("their anger is our happy"));
}

#[test]
fn splits_that_come_with_the_data_may_test_an_image_twice() {
    let mut set = Set::new();
    (set.rule, set.folds) = (FoldRule::Given, 2);
    for (sample, _) in &mut set.rows {
        sample.parts = (0..2)
            .map(|split| match (sample.subject + split) % 4 {
                0 | 1 => Part::Train,
                2 => Part::Validation,
                _ => Part::Test,
            })
            .collect();
        sample.fold = -1;
    }
    assert!(leaks(&set.audit()).is_empty());
    set.rows[0].0.parts[1] = Part::Test;
    let found = set.audit();
    assert_eq!(
        leaks(&found),
        [
            (FindingKind::SubjectInTwoParts, 1),
            (FindingKind::SequenceInTwoParts, 1)
        ],
        "{found}"
    );
}

#[test]
fn unknown_people_are_said_to_be_unknown() {
    let mut set = Set::new();
    set.rows.iter_mut().for_each(|(sample, _)| {
        sample.subject = -1;
        sample.frame = 0;
    });
    let copy = set.rows[0].1.clone();
    set.rows[7].1 = copy;
    set.rows[7].0.label = set.rows[0].0.label;
    set.rows[7].0.label_name = set.rows[0].0.label_name.clone();
    let found = set.audit();
    assert!(
        leaks(&found)
            .iter()
            .any(|(kind, _)| *kind == FindingKind::NearDuplicate),
        "{found}"
    );
    assert!(
        found
            .findings
            .iter()
            .any(|f| f.kind == FindingKind::SubjectsUnknown && f.count == 120)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn whole_people_in_folds_never_leak(seed: u64, folds in 3usize..7) {
        let mut rng = keyed(seed, "test", &[]);
        let mut set = Set::new();
        set.folds = folds;
        let fold_of: Vec<i64> = (0..20).map(|_| rng.random_range(0..folds as i64)).collect();
        for (sample, _) in &mut set.rows {
            sample.fold = fold_of[sample.subject as usize];
        }
        // The order of rows is of no account.
        let count = set.rows.len();
        for at in 1..count {
            let other = rng.random_range(0..=at);
            set.rows.swap(at, other);
        }
        let found = set.audit();
        prop_assert!(leaks(&found).is_empty(), "{}", found);
    }
}
