//! The CK+ reader on trees with everything odd that real copies hold.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod common;

use std::fs;

use common::{LONG, SHORT, Tree, go_on, save_rgb};
use faus_data::{
    Au, AuCoding, AuScore, CkPlus, ClassMap, CropMode, Error, PrepareOptions, Prepared, Role,
    Source, prepare,
};

fn options() -> PrepareOptions {
    PrepareOptions {
        image_size: 24,
        crop: CropMode::None,
        folds: Some(3),
        fold_rule: None,
        ..PrepareOptions::default()
    }
}

fn prepared(tree: &Tree, classes: ClassMap, options: &PrepareOptions) -> Prepared {
    let source = CkPlus::open(&tree.root, classes).unwrap();
    prepare(&source, options, &tree.output(), &go_on).unwrap();
    Prepared::open(&tree.output()).unwrap()
}

fn reason<'a>(set: &'a Prepared, path: &str) -> &'a str {
    let found = set
        .info()
        .skipped
        .iter()
        .find(|skipped| skipped.path == path);
    &found
        .unwrap_or_else(|| panic!("{path} is not in {:?}", set.info().skipped))
        .reason
}

#[test]
fn takes_the_first_frame_and_the_last_three() {
    for spelling in [SHORT, LONG] {
        let tree = Tree::new(spelling);
        tree.sequence(5, 1, 11, 3).sequence(10, 2, 4, 2);
        let set = prepared(&tree, ClassMap::eight(), &options());
        let rows: Vec<_> = set
            .samples()
            .iter()
            .map(|s| (s.subject, s.frame, s.label, s.label_name.as_str()))
            .collect();
        assert_eq!(
            rows,
            [
                (5, 1, 0, "neutral"),
                (5, 9, 3, "disgust"),
                (5, 10, 3, "disgust"),
                (5, 11, 3, "disgust"),
                (10, 1, 0, "neutral"),
                (10, 2, 2, "contempt"),
                (10, 3, 2, "contempt"),
                (10, 4, 2, "contempt"),
            ]
        );
        let first = &set.samples()[3];
        assert_eq!(first.sequence, "S005_001");
        assert_eq!(
            first.path,
            "cohn-kanade-images/S005/001/S005_001_00000011.png"
        );
        let coded = AuCoding::Coded(vec![
            AuScore {
                au: Au(6),
                intensity: 0,
            },
            AuScore {
                au: Au(12),
                intensity: 3,
            },
        ]);
        assert_eq!(first.aus, coded);
        assert!(
            set.samples()
                .iter()
                .filter(|s| s.aus != AuCoding::NotCoded)
                .all(|s| [4, 11].contains(&s.frame))
        );
        assert_eq!(set.folds(), [0, 0, 0, 0, 1, 1, 1, 1]);
    }
}

#[test]
fn six_classes_drop_neutral_and_contempt_but_keep_the_folds() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 5, 2)
        .sequence(2, 1, 5, 3)
        .sequence(3, 1, 5, 7);
    let six = prepared(&tree, ClassMap::six(), &options());
    assert_eq!(six.labels(), [1, 1, 1, 5, 5, 5]);
    // Subject 1 shows contempt alone, yet counts when subjects are dealt to folds.
    assert_eq!(six.folds(), [1, 1, 1, 2, 2, 2]);
    assert_eq!(
        six.info().classes,
        ["anger", "disgust", "fear", "happy", "sadness", "surprise"]
    );
    fs::remove_dir_all(tree.output()).unwrap();
    assert_eq!(
        prepared(&tree, ClassMap::seven(), &options()).labels(),
        [1, 1, 1, 2, 2, 2, 6, 6, 6]
    );
}

#[test]
fn holds_out_the_peak_of_sequences_without_a_class() {
    let tree = Tree::new(LONG);
    tree.sequence(1, 1, 6, 5);
    tree.frames(1, 2, 7).facs(1, 2, 7, "4b+L14\n");
    tree.frames(9, 1, 5).facs(9, 1, 5, "27 5\n");
    fs::create_dir_all(tree.root.join("Emotion_labels/S009/001")).unwrap();
    let set = prepared(&tree, ClassMap::eight(), &options());
    let held: Vec<_> = set
        .samples()
        .iter()
        .filter(|s| s.role == Role::HeldOut)
        .collect();
    assert_eq!(held.len(), 2);
    assert_eq!(
        (held[0].subject, held[0].frame, held[0].label, held[0].fold),
        (1, 7, -1, 0)
    );
    assert_eq!(
        (held[1].subject, held[1].frame, held[1].label, held[1].fold),
        (9, 5, -1, -1)
    );
    assert_eq!(held[1].aus.to_string(), "27:5");
    let coded = (held[0].aus.to_string(), held[0].sides.as_str());
    assert_eq!(coded, ("4:2;14:0".to_owned(), "L14:0"));
    assert_eq!(
        (set.info().held_out, set.info().subjects, set.info().images),
        (2, 1, 6)
    );
    assert!(
        set.info().skipped.is_empty(),
        "an empty label folder is no fault: {:?}",
        set.info().skipped
    );
}

#[test]
fn passes_over_what_finders_and_people_leave_behind() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 5, 1).sequence(2, 1, 5, 6);
    for folder in [
        "",
        "cohn-kanade-images/",
        "cohn-kanade-images/S001/",
        "cohn-kanade-images/S001/001/",
        "Emotion/S001/001/",
    ] {
        tree.write(&format!("{folder}.DS_Store"), b"\0\0\0\x01Bud1");
    }
    tree.write(
        "Emotion/S001/001/._S001_001_00000005_emotion.txt",
        b"\0\x05",
    );
    tree.write("cohn-kanade-images/S001/001/Thumbs.db", b"x")
        .write("Emotion/S001/001/Thumbs.db", b"x")
        .write("FACS/S001/001/desktop.ini", b"x")
        .write("ReadMe.txt", b"x");
    let plain = common::drawing(2, 1, 5);
    save_rgb(&tree.frame(2, 1, 5), &plain);
    let set = prepared(&tree, ClassMap::eight(), &options());
    assert_eq!(set.len(), 8);
    assert!(set.info().skipped.is_empty(), "{:?}", set.info().skipped);
    let crop = set.samples()[7].crop.unwrap();
    assert_eq!(
        set.image(7),
        faus_data::resize(&plain, crop, 24, 24),
        "grey stored as RGB is the same grey"
    );
}

#[test]
fn one_bad_input_is_skipped_with_its_reason() {
    let tree = Tree::new(SHORT);
    for subject in 1..=7 {
        tree.sequence(subject, 1, 6, 4);
    }
    fs::write(tree.frame(1, 1, 6), b"\x89PNG\r\n\x1a\n").unwrap();
    tree.emotion(2, 1, 6, "")
        .facs(3, 1, 6, "1 2\nx y\n")
        .facs(4, 1, 6, "");
    fs::remove_file(tree.frame(5, 1, 6)).unwrap();
    fs::remove_dir_all(tree.root.join("cohn-kanade-images/S006")).unwrap();
    for frame in 1..=3 {
        fs::remove_file(tree.frame(7, 1, frame)).unwrap();
    }
    let set = prepared(&tree, ClassMap::eight(), &options());
    assert!(
        reason(&set, "cohn-kanade-images/S001/001/S001_001_00000006.png")
            .contains("not a readable image")
    );
    assert!(reason(&set, "Emotion/S002/001/S002_001_00000006_emotion.txt").contains("empty"));
    assert!(reason(&set, "FACS/S003/001/S003_001_00000006_facs.txt").contains("line 2"));
    assert!(reason(&set, "cohn-kanade-images/S005/001").contains("frame 6"));
    assert!(reason(&set, "cohn-kanade-images/S006/001").contains("no frames"));
    assert!(reason(&set, "cohn-kanade-images/S007/001").contains("3 frames"));
    assert_eq!(set.info().skipped.len(), 6);
    // 1: three of four images; 3: uncoded but labelled; 4: coded, with nothing seen; the others are gone.
    let of = |subject| {
        set.samples()
            .iter()
            .filter(|s| s.subject == subject)
            .count()
    };
    assert_eq!((1..=7).map(of).collect::<Vec<_>>(), [3, 0, 4, 4, 0, 0, 0]);
    assert!(
        set.samples()
            .iter()
            .filter(|s| ![1, 4].contains(&s.subject))
            .all(|s| s.aus == AuCoding::NotCoded)
    );
    let empty = set.samples().iter().rfind(|s| s.subject == 4).unwrap();
    assert_eq!(empty.aus, AuCoding::Coded(Vec::new()));
    let note = &set.info().notes[1];
    assert!(
        note.contains("1 FACS files are empty") && note.contains("S004_001"),
        "{note}"
    );
}

#[test]
fn strict_makes_a_bad_input_an_error() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 6, 4)
        .sequence(2, 1, 6, 4)
        .emotion(2, 1, 6, "nine");
    let source = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
    let strict = PrepareOptions {
        strict: true,
        ..options()
    };
    let error = prepare(&source, &strict, &tree.output(), &go_on).unwrap_err();
    assert!(
        matches!(&error, Error::Strict { path, .. } if path.ends_with("_emotion.txt")),
        "{error}"
    );
    assert!(!tree.output().exists());
}

#[test]
fn label_files_of_absurd_size_and_number_are_refused() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 5, 4)
        .sequence(2, 1, 5, 4)
        .sequence(3, 1, 5, 4);
    tree.facs(2, 1, 5, &"1 1\n".repeat(20_000));
    tree.emotion(3, 1, 4, "1.0");
    let set = prepared(&tree, ClassMap::eight(), &options());
    assert!(reason(&set, "FACS/S002/001/S002_001_00000005_facs.txt").contains("larger"));
    assert!(reason(&set, "Emotion/S003/001").contains("one label file"));
}

#[test]
fn label_files_in_capitals_or_with_a_byte_order_mark_are_read_and_others_are_named() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 5, 4)
        .sequence(2, 1, 5, 4)
        .sequence(3, 1, 5, 4);
    let label = |s: u32| {
        tree.root.join(format!(
            "Emotion/S{s:03}/001/S{s:03}_001_00000005_emotion.txt"
        ))
    };
    fs::rename(label(1), label(1).with_extension("TXT")).unwrap();
    fs::write(label(2), "\u{feff}   3.0000000e+00\n").unwrap();
    tree.write("Emotion/S003/001/notes.doc", b"?");
    let set = prepared(&tree, ClassMap::eight(), &options());
    assert_eq!(set.len(), 12);
    assert!(reason(&set, "Emotion/S003/001/notes.doc").contains("not a label file"));
}

#[test]
fn labels_of_a_frame_before_the_last_are_taken_and_named() {
    let tree = Tree::new(SHORT);
    tree.frames(1, 1, 6).emotion(1, 1, 4, "3.0");
    let set = prepared(&tree, ClassMap::eight(), &options());
    assert_eq!(set.len(), 4);
    assert!(reason(&set, "cohn-kanade-images/S001/001").contains("of frame 4"));
}

#[test]
fn more_folds_than_subjects_and_missing_folders_are_named() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 5, 4).sequence(2, 1, 5, 4);
    let has = |part: &str| {
        let source = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
        let info = prepare(&source, &options(), &tree.output(), &|_, _| true).unwrap();
        fs::remove_dir_all(tree.output()).unwrap();
        info.notes.iter().any(|note| note.contains(part))
    };
    assert!(has("fewer subjects (2) than folds (3)"));
    assert!(!has("no folder"));
    for folder in ["FACS", "Landmarks"] {
        fs::remove_dir_all(tree.root.join(folder)).unwrap();
        assert!(has(&format!("no folder {folder}")), "{folder}");
    }
}

#[test]
fn landmarks_place_the_crop_and_the_detector_stands_in() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 4, 4);
    let with_detector = PrepareOptions {
        crop: CropMode::Auto,
        ..options()
    };
    tree.write(
        "Landmarks/S001/001/S001_001_00000002_landmarks.txt",
        b"1 2\n",
    );
    let lost = tree
        .root
        .join("Landmarks/S001/001/S001_001_00000003_landmarks.txt");
    fs::remove_file(lost).unwrap();
    let set = prepared(&tree, ClassMap::eight(), &with_detector);
    // The drawn discs are no faces, so the detector finds none where it has to stand in.
    assert_eq!(
        set.samples().iter().map(|s| s.frame).collect::<Vec<_>>(),
        [1, 4]
    );
    let crop = set.samples()[0].crop.unwrap();
    assert!(
        set.samples()[0].face_found && crop.w == 32 && crop.w == crop.h,
        "{crop:?}"
    );
    assert!(reason(&set, "cohn-kanade-images/S001/001/S001_001_00000003.png").contains("no face"));

    fs::remove_dir_all(tree.output()).unwrap();
    let set = prepared(
        &tree,
        ClassMap::eight(),
        &PrepareOptions {
            crop: CropMode::Landmarks,
            ..options()
        },
    );
    assert!(
        reason(&set, "cohn-kanade-images/S001/001/S001_001_00000003.png")
            .contains("no landmark file")
    );
    assert!(reason(&set, "cohn-kanade-images/S001/001/S001_001_00000002.png").contains("68"));
}

#[test]
fn images_without_landmarks_beside_others_with_them_are_counted() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 4, 4).sequence(2, 1, 4, 5);
    let notes = |tree: &Tree| {
        let source = CkPlus::open(&tree.root, ClassMap::eight()).unwrap();
        source.scan().unwrap().notes.join("\n")
    };
    assert!(!notes(&tree).contains("Landmarks"));
    fs::remove_dir_all(tree.root.join("Landmarks/S002")).unwrap();
    let some = notes(&tree);
    assert!(
        some.contains(
            "Images without a file in Landmarks: 4 of 8 (first cohn-kanade-images/S002/001/"
        ),
        "{some}"
    );
}

#[test]
fn landmarks_of_images_that_were_resized_are_noticed() {
    let with_landmarks = PrepareOptions {
        crop: CropMode::Landmarks,
        ..options()
    };
    let copy = |factor: u32| {
        let tree = Tree::new(SHORT);
        tree.sequence(1, 1, 4, 4).sequence(2, 1, 4, 5);
        for (subject, frame) in [1, 2]
            .into_iter()
            .flat_map(|s| (1..=4).map(move |f| (s, f)))
        {
            let path = tree.frame(subject, 1, frame);
            let image = image::open(&path).unwrap();
            let (w, h) = (factor * image.width(), factor * image.height());
            let resized = image.resize_exact(w, h, image::imageops::FilterType::Triangle);
            resized.save(&path).unwrap();
        }
        let notes = prepared(&tree, ClassMap::eight(), &with_landmarks)
            .info()
            .notes
            .join("\n");
        notes.contains("at the side of their image")
    };
    assert!(!copy(1) && copy(2));
}

#[test]
fn finds_the_parts_however_the_archives_were_unpacked() {
    let nested = Tree::nested(SHORT, "extended-cohn-kanade-images/cohn-kanade-images");
    nested.sequence(1, 1, 4, 1);
    for below in [
        "",
        "extended-cohn-kanade-images",
        "extended-cohn-kanade-images/cohn-kanade-images",
    ] {
        let source = CkPlus::open(&nested.root.join(below), ClassMap::eight()).unwrap();
        assert_eq!(source.scan().unwrap().samples.len(), 4, "{below}");
    }

    let tree = Tree::new(LONG);
    tree.sequence(1, 1, 4, 1);
    for given in [
        tree.root.clone(),
        tree.root.join("cohn-kanade-images"),
        tree.dir.path().to_path_buf(),
    ] {
        let source = CkPlus::open(&given, ClassMap::eight()).unwrap();
        let scan = source.scan().unwrap();
        assert_eq!(scan.samples.len(), 4, "{}", given.display());
        assert!(scan.samples.iter().all(|s| s.landmarks.is_some()));
    }
    // Deeper in a download, and in the case that a file system or a person made of it.
    let deep = tempfile::tempdir().unwrap();
    let root = deep.path().join("archive/CK+");
    fs::create_dir_all(&root).unwrap();
    for (from, to) in [
        ("cohn-kanade-images", "Cohn-Kanade-Images"),
        ("Emotion_labels", "emotion_LABELS"),
        ("FACS_labels", "facs_labels"),
        ("Landmarks", "landmarks"),
    ] {
        for (path, bytes) in common::files_below(&tree.root.join(from)) {
            let inner = path.strip_prefix(tree.root.join(from)).unwrap();
            let path = root.join(to).join(inner);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    for given in [deep.path().to_path_buf(), root.join("Cohn-Kanade-Images")] {
        let scan = CkPlus::open(&given, ClassMap::eight())
            .unwrap()
            .scan()
            .unwrap();
        assert_eq!(scan.samples.len(), 4, "{}", given.display());
        assert!(scan.samples.iter().all(|s| s.landmarks.is_some()));
        assert!(scan.samples[3].aus.scores().is_some());
    }
    fs::rename(tree.root.join("Emotion_labels"), tree.root.join("Emotion")).unwrap();
    fs::create_dir(tree.root.join("Emotion_labels")).unwrap();
    fs::rename(
        tree.root.join("Emotion"),
        tree.root.join("Emotion_labels/Emotion"),
    )
    .unwrap();
    assert_eq!(
        CkPlus::open(&tree.root, ClassMap::eight())
            .unwrap()
            .scan()
            .unwrap()
            .samples
            .len(),
        4
    );
}

#[test]
fn a_wrong_folder_says_what_was_expected_and_what_was_found() {
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path| {
        CkPlus::open(path, ClassMap::eight())
            .unwrap_err()
            .to_string()
    };
    let nowhere = open(&dir.path().join("nowhere"));
    assert!(
        nowhere.contains("nowhere") && nowhere.contains("cohn-kanade-images"),
        "{nowhere}"
    );
    assert!(open(dir.path()).contains("an empty folder"));
    fs::create_dir(dir.path().join("holiday")).unwrap();
    assert!(open(dir.path()).contains("found holiday"));

    let tree = Tree::new(SHORT);
    tree.frames(1, 1, 4);
    assert!(open(&tree.root).contains("Emotion_labels"));
    fs::create_dir_all(tree.dir.path().join("other/cohn-kanade-images")).unwrap();
    assert!(
        open(tree.dir.path()).contains("2 copies"),
        "{}",
        open(tree.dir.path())
    );
    fs::create_dir(tree.root.join("Emotion")).unwrap();
    let error = CkPlus::open(&tree.root, ClassMap::eight())
        .unwrap()
        .scan()
        .unwrap_err();
    assert!(matches!(error, Error::NothingLabelled { .. }), "{error}");
}

#[test]
fn the_mark_of_faus_synth_makes_a_set_synthetic() {
    let tree = Tree::new(SHORT);
    tree.sequence(1, 1, 4, 1);
    assert!(
        !CkPlus::open(&tree.root, ClassMap::eight())
            .unwrap()
            .synthetic()
    );
    tree.write(
        "synthetic.json",
        br#"{"generator":"faus-synth","version":"0.1.0","seed":1}"#,
    );
    let set = prepared(&tree, ClassMap::eight(), &options());
    assert!(set.info().synthetic && set.info().name.contains("synthetic"));
    assert!(
        CkPlus::open(tree.dir.path(), ClassMap::eight())
            .unwrap()
            .synthetic(),
        "given the folder above"
    );
    tree.write("synthetic.json", b"[]");
    assert!(CkPlus::open(&tree.root, ClassMap::eight()).is_err());
}

#[test]
fn a_copy_of_the_true_size_gives_the_true_counts() {
    // 327 labelled sequences of 118 subjects in CK+'s class counts, 266 coded ones, 5 subjects with these alone.
    let tree = Tree::new(SHORT);
    let counts = [
        (1, 45),
        (2, 18),
        (3, 59),
        (4, 25),
        (5, 69),
        (6, 28),
        (7, 83),
    ];
    let emotions = counts
        .into_iter()
        .flat_map(|(code, count)| std::iter::repeat_n(code, count));
    for (at, emotion) in emotions.enumerate() {
        let (subject, sequence) = (at as u32 % 118 + 5, at as u32 / 118 + 1);
        tree.frames(subject, sequence, 4)
            .emotion(subject, sequence, 4, &format!("{emotion}"));
        tree.facs(subject, sequence, 4, "1 0\n");
    }
    for at in 0..266 {
        let (subject, sequence) = (at % 123 + 5, at / 123 + 10);
        tree.frames(subject, sequence, 1)
            .facs(subject, sequence, 1, "2 0\n");
    }
    let set = prepared(
        &tree,
        ClassMap::eight(),
        &PrepareOptions {
            folds: Some(10),
            ..options()
        },
    );
    let info = set.info();
    assert_eq!(
        (info.images, info.held_out, info.subjects),
        (1308 + 266, 266, 118)
    );
    for (class, count) in [
        ("neutral", 327),
        ("anger", 135),
        ("contempt", 54),
        ("disgust", 177),
        ("surprise", 249),
    ] {
        assert_eq!(info.counts[class], count, "{class}");
    }
    for sample in set.samples() {
        let fold = if sample.subject < 5 + 118 {
            (sample.subject - 5) % 10
        } else {
            -1
        };
        assert_eq!(sample.fold, fold);
    }
}

#[test]
fn a_person_without_a_readable_label_is_named() {
    let tree = Tree::new(SHORT);
    (1..=9).for_each(|subject| {
        tree.sequence(subject, 1, 4, subject % 7 + 1);
    });
    tree.emotion(4, 1, 4, "not a number");
    let set = prepared(&tree, ClassMap::eight(), &options());
    let notes = set.info().notes.join("\n");
    assert!(notes.contains("No emotion file of S004"), "{notes}");
}

#[test]
fn a_frame_in_two_formats_is_taken_once_and_named() {
    let tree = Tree::new(SHORT);
    (1..=6).for_each(|subject| {
        tree.sequence(subject, 1, 4, subject);
    });
    let png = tree.frame(2, 1, 4);
    image::open(&png)
        .unwrap()
        .save(png.with_extension("jpg"))
        .unwrap();
    let set = prepared(&tree, ClassMap::eight(), &options());
    assert_eq!(set.len(), 24);
    let path = "cohn-kanade-images/S002/001/S002_001_00000004.png";
    assert!(reason(&set, path).contains("frame 4 again"));
}

#[test]
fn recordings_of_peaks_alone_are_read_where_neutral_is_no_class() {
    let tree = Tree::new(SHORT);
    (1..=6).for_each(|subject| {
        tree.sequence(subject, 1, 7, subject);
        for frame in 1..=4 {
            fs::remove_file(tree.frame(subject, 1, frame)).unwrap();
        }
    });
    // Two frames are too few for any classes.
    tree.sequence(7, 1, 3, 5);
    fs::remove_file(tree.frame(7, 1, 1)).unwrap();
    let scan = |classes| CkPlus::open(&tree.root, classes).unwrap().scan().unwrap();
    for (classes, images) in [(ClassMap::seven(), 18), (ClassMap::six(), 15)] {
        let scan = scan(classes);
        assert_eq!(
            (scan.samples.len(), scan.skipped.len()),
            (images, 1),
            "{:?}",
            scan.skipped
        );
        assert!(
            scan.skipped[0]
                .reason
                .contains("2 frames; at least 3 are needed")
        );
        assert!(
            !scan.notes.join("\n").contains("neutral"),
            "{:?}",
            scan.notes
        );
    }
    let eight = scan(ClassMap::eight());
    assert!(eight.samples.is_empty() && eight.skipped.len() == 7);
    assert!(
        eight.skipped[0].reason.contains("--classes seven"),
        "{:?}",
        eight.skipped
    );
}

#[test]
fn missing_frames_are_told() {
    let tree = Tree::new(SHORT);
    (1..=6).for_each(|subject| {
        tree.sequence(subject, 1, 7, subject);
    });
    fs::remove_file(tree.frame(2, 1, 1)).unwrap();
    fs::remove_file(tree.frame(3, 1, 6)).unwrap();
    let first = tree.frame(4, 1, 1);
    fs::rename(&first, first.with_extension("webp")).unwrap();
    let set = prepared(&tree, ClassMap::eight(), &options());
    let notes = set.info().notes.join("\n");
    assert!(
        notes.contains("may not be neutral: 2 (first S002_001 with 2)"),
        "{notes}"
    );
    assert!(
        notes.contains("used instead: 1 (first S003_001 with [4, 5, 7])"),
        "{notes}"
    );
    let path = "cohn-kanade-images/S004/001/S004_001_00000001.webp";
    assert!(reason(&set, path).contains("neither PNG nor JPEG"));
}

#[test]
fn every_part_may_write_its_folders_in_other_capitals() {
    let copy = || {
        let tree = Tree::new(SHORT);
        (1..=6).for_each(|subject| {
            tree.sequence(subject, 1, 5, subject);
        });
        tree.facs(2, 1, 5, "1 2\n");
        tree
    };
    let (tree, plain) = (copy(), copy());
    let whole = prepared(&plain, ClassMap::eight(), &options());
    for (part, subject) in [("Emotion", 1), ("FACS", 2), ("cohn-kanade-images", 3)] {
        let part = tree.root.join(part);
        fs::rename(
            part.join(format!("S00{subject}")),
            part.join(format!("s00{subject}")),
        )
        .unwrap();
    }
    let set = prepared(&tree, ClassMap::eight(), &options());
    assert!(set.info().skipped.is_empty(), "{:?}", set.info().skipped);
    let rows = |set: &Prepared| {
        let rows = set.samples().iter();
        rows.map(|s| (s.subject, s.frame, s.label, s.aus.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&set), rows(&whole));
}

#[test]
fn a_folder_named_like_a_frame_is_no_frame() {
    let tree = Tree::new(SHORT);
    (1..=6).for_each(|subject| {
        tree.sequence(subject, 1, 4, subject);
    });
    fs::create_dir(tree.frame(2, 1, 5)).unwrap();
    let set = prepared(&tree, ClassMap::eight(), &options());
    assert_eq!(set.len(), 24);
    let path = "cohn-kanade-images/S002/001/S002_001_00000005.png";
    assert_eq!(reason(&set, path), "not a file");
}

#[test]
fn folders_that_are_named_otherwise_are_read_or_named() {
    let tree = Tree::new(SHORT);
    tree.sequence(5, 1, 11, 3).sequence(6, 1, 5, 4);
    tree.sequence(10, 2, 4, 2);
    for part in ["cohn-kanade-images", "Emotion", "FACS"] {
        let part = tree.root.join(part);
        if part.join("S005").exists() {
            fs::rename(part.join("S005"), part.join("s005")).unwrap();
        }
        fs::create_dir_all(part.join("S006/take2")).unwrap();
        fs::create_dir_all(part.join("person7/001")).unwrap();
        fs::create_dir_all(part.join(".cache")).unwrap();
    }
    let emotion = tree.root.join("Emotion/S010/002");
    fs::rename(
        emotion.join("S010_002_00000004_emotion.txt"),
        emotion.join("S010_002_00000004_EMOTION.txt"),
    )
    .unwrap();
    let set = prepared(&tree, ClassMap::eight(), &options());
    let people: std::collections::BTreeSet<i64> = set.subjects().iter().copied().collect();
    assert_eq!(people.into_iter().collect::<Vec<_>>(), [5, 6, 10]);
    assert!(reason(&set, "cohn-kanade-images/person7").contains("S005"));
    assert!(reason(&set, "Emotion/S006/take2").contains("001"));
    let hidden = |s: &faus_data::Skipped| s.path.contains(".cache");
    assert!(!set.info().skipped.iter().any(hidden));
}
