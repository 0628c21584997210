//! The written data set: layout, labels, determinism, and interrupted writing.

#![allow(clippy::unwrap_used)]

use faus_synth::{Error, SynthOptions, generate};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

fn small() -> SynthOptions {
    SynthOptions {
        subjects: 12,
        width: 160,
        height: 120,
        ..SynthOptions::default()
    }
}

/// Every file below `root` with its bytes, and every folder with none.
fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_path_buf()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_path_buf();
            if path.is_dir() {
                found.insert(name, Vec::new());
                left.push(path);
            } else {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn sequences(root: &Path, kind: &str) -> BTreeSet<PathBuf> {
    contents(&root.join(kind))
        .into_keys()
        .filter(|path| path.components().count() == 2)
        .collect()
}

#[test]
fn the_layout_is_that_of_ck_plus() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("ck");
    let summary = generate(&small(), &root, &|_, _| true).unwrap();
    assert_eq!(summary.subjects, 12);
    assert_eq!(summary.emotions.len(), 7);
    let images = sequences(&root, "cohn-kanade-images");
    assert_eq!(images.len(), summary.sequences);
    for kind in ["Emotion", "FACS", "Landmarks"] {
        assert_eq!(sequences(&root, kind), images, "{kind}");
    }
    let files = contents(&root);
    let count = |end: &str| {
        files
            .keys()
            .filter(|path| path.to_string_lossy().ends_with(end))
            .count()
    };
    assert_eq!(count(".png"), summary.images);
    assert_eq!(count("_landmarks.txt"), summary.images);
    assert_eq!(count("_emotion.txt"), summary.labelled);
    assert_eq!(count("_facs.txt"), summary.sequences);
    let stamp: serde_json::Value =
        serde_json::from_slice(&files[Path::new("synthetic.json")]).unwrap();
    assert_eq!(stamp["generator"], "faus-synth");
    assert_eq!(stamp["seed"], 1);
}

#[test]
fn label_files_are_named_after_the_peak_and_hold_what_ck_plus_holds() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("ck");
    generate(&small(), &root, &|_, _| true).unwrap();
    for (path, bytes) in contents(&root.join("Emotion")) {
        if path.extension().is_none() {
            continue;
        }
        let text = String::from_utf8(bytes).unwrap();
        let code: f32 = text.trim().parse().unwrap();
        assert!(
            (1.0..=7.0).contains(&code) && text.starts_with("   ") && text.contains(".0000000e+00")
        );
        let stem = path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .replace("_emotion.txt", ".png");
        let images = root.join("cohn-kanade-images").join(path.parent().unwrap());
        let mut names: Vec<String> = fs::read_dir(images)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names.len(), 4);
        assert!(names[0].ends_with("_00000001.png"));
        assert_eq!(names[3], stem);
    }
    for (path, bytes) in contents(&root.join("Landmarks")) {
        if path.extension().is_some() {
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(text.lines().count(), 68);
            for number in text.split_whitespace() {
                assert!(
                    (0.0..160.0).contains(&number.parse::<f32>().unwrap()),
                    "{number}"
                );
            }
        }
    }
    for (path, bytes) in contents(&root.join("cohn-kanade-images")) {
        if path.extension().is_some() {
            let image = image::load_from_memory(&bytes).unwrap();
            assert_eq!((image.width(), image.height()), (160, 120));
            assert_eq!(image.color(), image::ColorType::L8);
        }
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let options = SynthOptions {
        subjects: 5,
        ..small()
    };
    let written = [1, 3].map(|threads| {
        let root = folder.path().join(threads.to_string());
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| generate(&options, &root, &|_, _| true))
            .unwrap();
        contents(&root)
    });
    assert!(written[0] == written[1]);
    let other = folder.path().join("other");
    let options = SynthOptions { seed: 2, ..options };
    generate(&options, &other, &|_, _| true).unwrap();
    assert!(contents(&other) != written[0]);
}

#[test]
fn full_sequences_hold_every_frame_and_the_same_peak() {
    let folder = tempfile::tempdir().unwrap();
    let options = SynthOptions {
        subjects: 1,
        width: 96,
        height: 74,
        ..small()
    };
    let (short, full) = (folder.path().join("short"), folder.path().join("full"));
    let few = generate(&options, &short, &|_, _| true).unwrap();
    let options = SynthOptions {
        full_sequences: true,
        ..options
    };
    let all = generate(&options, &full, &|_, _| true).unwrap();
    assert!(all.images >= 9 * all.sequences && few.sequences == all.sequences);
    let (few, all) = (contents(&short), contents(&full));
    for (path, bytes) in few {
        if path != Path::new("synthetic.json") {
            assert!(all[&path] == bytes, "{}", path.display());
        }
    }
}

#[test]
fn what_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
    let error = generate(&small(), folder.path(), &|_, _| true).unwrap_err();
    assert!(matches!(error, Error::OutputNotEmpty { .. }), "{error}");
    assert_eq!(
        fs::read_to_string(folder.path().join("thesis.txt")).unwrap(),
        "mine"
    );
}

#[test]
fn stopping_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("ck");
    let calls = AtomicUsize::new(0);
    let stop = |_: usize, _: usize| calls.fetch_add(1, Ordering::Relaxed) < 3;
    let error = generate(&small(), &root, &stop).unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn options_out_of_range_are_named() {
    for options in [
        SynthOptions {
            subjects: 0,
            ..small()
        },
        SynthOptions {
            width: 10,
            ..small()
        },
        SynthOptions {
            width: 100,
            height: 400,
            ..small()
        },
    ] {
        assert!(matches!(options.check(), Err(Error::Option { .. })));
    }
}

#[test]
fn true_parameters_stand_beside_the_same_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let options = SynthOptions {
        subjects: 1,
        width: 64,
        height: 49,
        ..small()
    };
    let truth = SynthOptions {
        truth: true,
        ..options.clone()
    };
    let [plain, told] = [options, truth].map(|options| {
        let root = folder.path().join(options.truth.to_string());
        generate(&options, &root, &|_, _| true).unwrap();
        contents(&root)
    });
    let json = |path: &Path| -> serde_json::Value { serde_json::from_slice(&told[path]).unwrap() };
    let pictures = |path: &&PathBuf| path.extension().is_some_and(|end| end == "png");
    for picture in plain.keys().filter(pictures) {
        assert!(plain[picture] == told[picture]);
        let within = picture.strip_prefix("cohn-kanade-images").unwrap();
        let truth = json(&Path::new("Parameters").join(within).with_extension("json"));
        assert!(truth["scene"]["roll"].is_number() && truth["strength"].is_object());
        let subject = within.components().next().unwrap();
        let person = json(&Path::new("Parameters").join(subject).join("identity.json"));
        assert!(person["gains"]["12"].is_number() && person["skin"].is_number());
    }
}
