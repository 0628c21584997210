//! The face detector on synthetic people: beside rustface, which is what it is made after, and beside their landmarks.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use std::io::Cursor;

use faus_data::face::{FaceDetector, FaceSearch, Landmarks, face_square, fit_square};
use faus_data::{CropBox, resize};
use faus_synth::{AuState, Identity, Rendered, Scene, render};
use image::GrayImage;

const SIZE: (u32, u32) = (640, 490);

fn portrait(person: u64, scene: &Scene) -> Rendered {
    render(
        &Identity::draw(3, person),
        &AuState::neutral(),
        scene,
        SIZE.0,
        SIZE.1,
    )
}

/// One search as it was written around rustface: shrunk so that the smallest face sought is 40 pixels.
fn by_rustface(image: &GrayImage, search: FaceSearch) -> Option<CropBox> {
    let (width, height) = image.dimensions();
    let shorter = f64::from(width.min(height));
    let shrink = 40.0 / (search.smallest * shorter);
    let [w, h] = [width, height].map(|side| (f64::from(side) * shrink).round() as u32);
    let (x, y) = (0, 0);
    let whole = CropBox {
        x,
        y,
        w: width,
        h: height,
    };
    let small = resize(image, whole, w, h);
    let model = include_bytes!(concat!(env!("OUT_DIR"), "/seeta_fd_frontal_v1.0.bin"));
    let model = rustface::read_model(Cursor::new(model)).unwrap();
    let mut detector = rustface::create_detector_with_model(model);
    detector.set_score_thresh(search.score);
    detector.set_pyramid_scale_factor(search.step);
    detector.set_slide_window_step(search.stride, search.stride);
    let faces = detector.detect(&rustface::ImageData::new(&small, w, h));
    let full = |at: f64| at / shrink;
    let sought = |face: &rustface::FaceInfo| {
        let side = full(f64::from(face.bbox().width())) / shorter;
        (search.smallest..=search.largest).contains(&side)
    };
    let best = faces.into_iter().filter(sought).reduce(|best, face| {
        if face.score() > best.score() {
            face
        } else {
            best
        }
    })?;
    let [x, y] = [best.bbox().x(), best.bbox().y()].map(|at| full(f64::from(at)));
    Some(fit_square(
        x,
        y,
        full(f64::from(best.bbox().width())),
        width,
        height,
    ))
}

#[test]
fn searches_give_the_boxes_of_rustface() {
    let detector = FaceDetector::new().unwrap();
    let mut found = 0;
    for person in 0..12 {
        let image = portrait(person, &Scene::default()).image;
        for search in [FaceSearch::FIRST, FaceSearch::LENIENT] {
            let ours = detector.search(&image, search);
            assert_eq!(
                ours,
                by_rustface(&image, search),
                "person {person}, {search:?}"
            );
            found += usize::from(ours.is_some());
        }
    }
    assert!(found >= 12, "{found} of 24 searches");
}

/// Faces as a careless photographer takes them: the square found is about the one that their landmarks give.
#[test]
fn finds_turned_dark_and_off_centre_faces() {
    let detector = FaceDetector::new().unwrap();
    let usual = Scene::default();
    let scenes = [
        (
            "turned left",
            Scene {
                roll: -0.2,
                ..usual.clone()
            },
        ),
        (
            "turned right",
            Scene {
                roll: 0.2,
                ..usual.clone()
            },
        ),
        (
            "dark",
            Scene {
                exposure: 0.35,
                ..usual.clone()
            },
        ),
        (
            "bright",
            Scene {
                exposure: 1.6,
                ..usual.clone()
            },
        ),
        (
            "left",
            Scene {
                center: [0.3, 0.46],
                ..usual.clone()
            },
        ),
        (
            "low right",
            Scene {
                center: [0.68, 0.56],
                ..usual.clone()
            },
        ),
        (
            "small",
            Scene {
                scale: 0.08,
                ..usual.clone()
            },
        ),
        (
            "large",
            Scene {
                scale: 0.13,
                ..usual.clone()
            },
        ),
    ];
    for (name, scene) in scenes {
        for person in 20..24 {
            let Rendered { image, landmarks } = portrait(person, &scene);
            let text: String = landmarks
                .iter()
                .map(|(x, y)| format!("{x} {y}\n"))
                .collect();
            let expected = face_square(&Landmarks::parse(&text).unwrap(), SIZE.0, SIZE.1).unwrap();
            let found = detector
                .find(&image)
                .unwrap_or_else(|| panic!("{name} {person}"));
            let apart = |a: u32, b: u32| f64::from(a.abs_diff(b)) / f64::from(expected.w);
            let centre = |b: CropBox| (b.x + b.w / 2, b.y + b.h / 2);
            let (a, b) = (centre(found), centre(expected));
            assert!(
                apart(a.0, b.0) < 0.15 && apart(a.1, b.1) < 0.15,
                "{name} {person}: {found:?} {expected:?}"
            );
            assert!(
                apart(found.w, expected.w) < 0.25,
                "{name} {person}: {found:?} {expected:?}"
            );
        }
    }
}
