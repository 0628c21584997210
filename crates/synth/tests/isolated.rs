//! Isolated action units: each picture's coding, its neutral partner, and masks that hold what the unit changes.

#![allow(clippy::unwrap_used)]

use faus_synth::{AuState, Identity, Scene, SynthOptions, au_mask, generate, generate_isolated};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn options() -> SynthOptions {
    SynthOptions {
        subjects: 1,
        width: 128,
        height: 98,
        ..SynthOptions::default()
    }
}

fn grey(path: &Path) -> Vec<u8> {
    image::open(path).unwrap().into_luma8().into_raw()
}

#[test]
fn masks_hold_the_energy_of_every_pair() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("isolated");
    let options = SynthOptions {
        subjects: 3,
        width: 192,
        height: 147,
        ..options()
    };
    let summary = generate_isolated(&options, &root, &|_, _| true).unwrap();
    assert_eq!(summary.images, 3 * 139);
    let table = fs::read_to_string(root.join("isolated.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(
        lines.next(),
        Some("path,subject,sequence,au,intensity,neutral,mask")
    );
    let (mut rows, mut within, mut whole) = (0, 0.0, 0.0);
    let mut by_unit: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for line in lines {
        rows += 1;
        let cells: Vec<&str> = line.split(',').collect();
        let [path, subject, sequence, au, intensity, neutral, mask] = cells[..] else {
            panic!("{line}");
        };
        let stem = format!("{subject}_{sequence}_00000001");
        let facs = root.join(format!("FACS/{subject}/{sequence}/{stem}_facs.txt"));
        let coded = fs::read_to_string(facs).unwrap();
        assert_eq!(
            coded.lines().count(),
            au.split('+').filter(|u| !u.is_empty()).count()
        );
        if au.is_empty() {
            assert_eq!((path, intensity, mask), (neutral, "0", ""));
            continue;
        }
        let (shown, rest) = (grey(&root.join(path)), grey(&root.join(neutral)));
        let inside = grey(&root.join(mask));
        let sums = by_unit.entry(au.to_owned()).or_default();
        for ((a, b), m) in shown.iter().zip(&rest).zip(&inside) {
            let energy = f64::from(a.abs_diff(*b)).powi(2);
            assert!(*m == 0 || *m == 255);
            whole += energy;
            sums.1 += energy;
            if *m == 255 {
                within += energy;
                sums.0 += energy;
            }
        }
        let area = inside.iter().filter(|&&m| m == 255).count();
        assert!(
            area > 0 && area < inside.len() / 2,
            "{au}:{intensity}: {area}"
        );
    }
    assert_eq!(rows, 3 * 139);
    assert!(within >= 0.99 * whole, "{within} of {whole}");
    for (au, (within, whole)) in by_unit {
        assert!(within >= 0.99 * whole, "AU {au}: {within} of {whole}");
    }
}

#[test]
fn masks_lie_where_the_muscles_are() {
    let person = Identity::draw(1, 4);
    let scene = Scene::default();
    // Shares of the picture's height: the eyes lie at 0.46 and the mouth about 0.23 below.
    for (au, top, bottom) in [
        (1, 0.15, 0.50),
        (4, 0.20, 0.52),
        (6, 0.28, 0.78),
        (12, 0.48, 0.85),
        (15, 0.55, 0.92),
        (43, 0.36, 0.56),
    ] {
        let state = AuState::neutral().with(au, 1.0).unwrap();
        let mask = au_mask(&person, &state, au, &scene, 160, 122);
        let rows: Vec<u32> = mask
            .enumerate_pixels()
            .filter(|(_, _, pixel)| pixel[0] > 0)
            .map(|(_, row, _)| row)
            .collect();
        let inside = rows
            .iter()
            .filter(|&&row| (top * 122.0..bottom * 122.0).contains(&f64::from(row)))
            .count();
        assert!(
            !rows.is_empty() && inside as f64 >= 0.9 * rows.len() as f64,
            "AU {au}: {inside} of {}",
            rows.len()
        );
        let none = au_mask(&person, &AuState::neutral(), au, &scene, 160, 122);
        assert!(none.iter().all(|&value| value == 0));
    }
}

#[test]
fn the_truth_of_a_data_set_stands_beside_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, told) = (folder.path().join("plain"), folder.path().join("told"));
    let options = SynthOptions {
        width: 64,
        height: 49,
        ..options()
    };
    generate(&options, &plain, &|_, _| true).unwrap();
    let options = SynthOptions {
        truth: true,
        ..options
    };
    generate(&options, &told, &|_, _| true).unwrap();
    let subject = fs::read_dir(told.join("Parameters"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let name = subject.file_name().unwrap().to_owned();
    let identity: serde_json::Value =
        serde_json::from_slice(&fs::read(subject.join("identity.json")).unwrap()).unwrap();
    assert!(identity["gains"]["12"].is_number() && identity["skin"].is_number());
    for sequence in fs::read_dir(plain.join("cohn-kanade-images").join(&name)).unwrap() {
        let sequence = sequence.unwrap().file_name();
        let part = Path::new(&name).join(&sequence);
        for picture in fs::read_dir(plain.join("cohn-kanade-images").join(&part)).unwrap() {
            let picture = picture.unwrap();
            let same = told
                .join("cohn-kanade-images")
                .join(&part)
                .join(picture.file_name());
            assert_eq!(fs::read(picture.path()).unwrap(), fs::read(same).unwrap());
            let truth = told
                .join("Parameters")
                .join(&part)
                .join(picture.file_name())
                .with_extension("json");
            let truth: serde_json::Value =
                serde_json::from_slice(&fs::read(truth).unwrap()).unwrap();
            for au in truth["coded"].as_object().unwrap().keys() {
                let stem = picture.path();
                let stem = stem.file_stem().unwrap().to_string_lossy().into_owned();
                let mask = told
                    .join("Masks")
                    .join(&part)
                    .join(format!("{stem}_au{au}.png"));
                assert!(mask.exists(), "{}", mask.display());
            }
        }
    }
}
