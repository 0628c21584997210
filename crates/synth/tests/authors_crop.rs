//! `--crop authors` frames drawn faces as OpenCV's cascade does; `tests/golden/data_authors.py --boxes` makes its boxes.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::collections::HashMap;
use std::path::Path;

use faus_data::{CkPlus, ClassMap, CropMode, PrepareOptions, Prepared, prepare};
use faus_synth::{SynthOptions, generate};

/// Medians of OpenCV's side over ours, and of the way from our centre to OpenCV's right and down, over our side.
fn medians(faces: &Path, output: &Path) -> [f64; 3] {
    let options = PrepareOptions {
        crop: CropMode::Authors,
        folds: Some(3),
        ..PrepareOptions::default()
    };
    let source = CkPlus::open(faces, ClassMap::eight()).unwrap();
    prepare(&source, &options, output, &|_, _| true).unwrap();
    let set = Prepared::open(output).unwrap();
    let boxes: HashMap<&str, [f64; 4]> = include_str!("golden/opencv_boxes.csv")
        .lines()
        .skip(1)
        .map(|line| {
            let (path, place) = line.split_once(',').unwrap();
            let place: Vec<f64> = place.split(',').map(|n| n.parse().unwrap()).collect();
            (path, place.try_into().unwrap())
        })
        .collect();
    let mut found: [Vec<f64>; 3] = Default::default();
    for sample in set.samples() {
        let (Some(&[left, top, width, _]), Some(ours)) =
            (boxes.get(sample.path.as_str()), sample.crop)
        else {
            continue;
        };
        let side = f64::from(ours.w);
        let away =
            |start: f64, own: u32| (start + width / 2.0 - f64::from(own) - side / 2.0) / side;
        found[0].push(width / side);
        found[1].push(away(left, ours.x));
        found[2].push(away(top, ours.y));
    }
    assert!(found[0].len() > 90, "{} faces", found[0].len());
    found.map(|mut values| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    })
}

#[test]
fn the_authors_boxes_are_within_three_percent_of_opencvs() {
    let dir = tempfile::tempdir().unwrap();
    let faces = dir.path().join("faces");
    let options = SynthOptions {
        subjects: 10,
        ..SynthOptions::default()
    };
    generate(&options, &faces, &|_, _| true).unwrap();
    let marked = medians(&faces, &dir.path().join("marked"));
    // Without landmarks the detector finds the faces.
    std::fs::remove_dir_all(faces.join("Landmarks")).unwrap();
    let detected = medians(&faces, &dir.path().join("detected"));
    for [side, right, down] in [marked, detected] {
        assert!((side - 1.0).abs() < 0.03, "side {side}");
        assert!(
            right.abs() < 0.03 && down.abs() < 0.03,
            "centre {right} {down}"
        );
    }
}
