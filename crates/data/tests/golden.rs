//! Numbers from scipy, scikit-image, torch and Pillow; `tests/golden/data_images.py` makes the file.

use faus_data::augment::{self, AugmentParams};
use faus_data::normalise::{Normalisation, to_unit_range};
use faus_data::{CropBox, decode_grey, resize};
use image::{GrayImage, ImageFormat, RgbImage};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    side: usize,
    augment: Vec<Augment>,
    normalise: Vec<Normalise>,
    resize: Vec<Resize>,
    grey: Grey,
}

#[derive(Deserialize)]
struct Augment {
    params: AugmentParams,
    image: Vec<u8>,
    out: Vec<f32>,
}

#[derive(Deserialize)]
struct Normalise {
    side: usize,
    image: Vec<u8>,
    subtractive: Vec<f64>,
    epsilon: f32,
    divisor: Vec<f64>,
    divisive: Vec<f64>,
}

#[derive(Deserialize)]
struct Resize {
    height: u32,
    width: u32,
    image: Vec<u8>,
    to_height: u32,
    to_width: u32,
    out: Vec<f32>,
}

#[derive(Deserialize)]
struct Grey {
    rgb: Vec<u8>,
    grey: Vec<u8>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/images.json")).expect("golden file")
}

fn largest_difference(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    got.iter()
        .zip(want)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn augmentation_agrees_with_scipy() {
    let golden = golden();
    for case in &golden.augment {
        let mut out = vec![0.0; golden.side * golden.side];
        augment::apply(
            &case.params,
            &case.image,
            golden.side,
            &mut out,
            &mut Vec::new(),
        );
        // Coordinates in f32 are off by 1e-6 pixels, and a power of 1/4 makes more of that near zero.
        let tolerance = if case.params.a < 1.0 { 1e-4 } else { 2e-5 };
        let difference = largest_difference(&out, &case.out);
        assert!(difference < tolerance, "{difference} for {:?}", case.params);
    }
}

#[test]
fn normalisation_agrees_with_scipy() {
    for case in &golden().normalise {
        let subtractive = normalised(Normalisation::Subtractive, case);
        for (got, want) in subtractive.iter().zip(&case.subtractive) {
            assert!((got - want).abs() < 1e-6, "{got} for {want}");
        }
        let epsilon = case.epsilon;
        let divisive = normalised(Normalisation::Divisive { epsilon }, case);
        let wanted = case.divisive.iter().zip(&case.divisor);
        for (got, (want, divisor)) in divisive.iter().zip(wanted) {
            // The same 1e-6 of an image in [0, 2]; what it is divided by magnifies it.
            let difference = (got - want).abs() * divisor;
            assert!(difference < 1e-6, "{got} for {want}, divided by {divisor}");
        }
    }
}

fn normalised(normalisation: Normalisation, case: &Normalise) -> Vec<f64> {
    let mut image = vec![0.0; case.image.len()];
    to_unit_range(&case.image, &mut image);
    normalisation.apply(&mut image, case.side, &mut Vec::new());
    assert_eq!(image.len(), case.subtractive.len());
    image.into_iter().map(f64::from).collect()
}

#[test]
fn resizing_agrees_with_exact_areas() {
    for case in golden().resize {
        let image = GrayImage::from_raw(case.width, case.height, case.image).expect("whole image");
        let all = CropBox {
            x: 0,
            y: 0,
            w: case.width,
            h: case.height,
        };
        let got: Vec<f32> = resize(&image, all, case.to_width, case.to_height)
            .into_iter()
            .map(f32::from)
            .collect();
        // Ours is rounded to whole grey values.
        let difference = largest_difference(&got, &case.out);
        assert!(
            difference <= 0.501,
            "{difference} for {}×{}",
            case.to_width,
            case.to_height
        );
    }
}

#[test]
fn grey_agrees_with_pillow() {
    let case = golden().grey;
    let colours = RgbImage::from_raw(5, 5, case.rgb).expect("whole image");
    let mut png = std::io::Cursor::new(Vec::new());
    colours
        .write_to(&mut png, ImageFormat::Png)
        .expect("in memory");
    let grey = decode_grey(png.get_ref(), std::path::Path::new("colours.png")).expect("a PNG");
    assert_eq!(grey.into_raw(), case.grey);
}
