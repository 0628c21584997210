//! The crop of the authors' code (docs/PROTOCOL.md): the square that OpenCV's frontal Haar cascade would give, estimated
//! from ours, and the authors' grey and resampling.

use image::{DynamicImage, GrayImage};

use crate::face::{FaceSearch, fit_square};
use crate::picture::CropBox;
use crate::picture::decode::weighted;

/// Side of OpenCV's box over the side of our detector's box, and of our square about landmarks.
///
/// With `HIGHER` these are means of two medians, over drawn and over photographic faces of CK+'s size
/// (tests/golden/data_authors.py prints them; docs/PROTOCOL.md lists them and what remains).
const PER_DETECTED: f64 = 1.10;
const PER_MARKED: f64 = 1.16;
/// Distance of OpenCV's centre above that of our square about landmarks, over our side.
const HIGHER: f64 = 0.027;

/// The authors' first search: boxes of 0.5 to 0.8 of the image's shorter side.
pub(crate) const FIRST: FaceSearch = FaceSearch {
    smallest: 0.5 / PER_DETECTED,
    largest: 0.8 / PER_DETECTED,
    ..FaceSearch::FIRST
};
/// Their second search, with the same limits: it only accepts weaker detections.
pub(crate) const SECOND: FaceSearch = FaceSearch {
    score: FaceSearch::LENIENT.score,
    ..FIRST
};

/// OpenCV's box about a face that our detector has found at `ours`.
pub(crate) fn about_detected(ours: CropBox, width: u32, height: u32) -> CropBox {
    about(ours, PER_DETECTED, 0.0, width, height)
}

/// OpenCV's box about a face whose landmarks give the square `ours`.
pub(crate) fn about_marked(ours: CropBox, width: u32, height: u32) -> CropBox {
    about(ours, PER_MARKED, HIGHER, width, height)
}

fn about(ours: CropBox, scale: f64, higher: f64, width: u32, height: u32) -> CropBox {
    let side = f64::from(ours.w);
    let margin = side * (scale - 1.0) / 2.0;
    let (left, top) = (f64::from(ours.x), f64::from(ours.y));
    fit_square(
        left - margin,
        top - margin - higher * side,
        side * scale,
        width,
        height,
    )
}

/// 8-bit grey by Rec. 709 with scikit-image's weights, truncated: ⌊0.2125 R + 0.7154 G + 0.0721 B⌋. Exact, where
/// scikit-image's sum in floating point may fall just below a whole number.
pub(crate) fn grey(image: DynamicImage) -> GrayImage {
    weighted(image, |[r, g, b]| (2125 * r + 7154 * g + 721 * b) / 10_000)
}

/// Cuts `crop` out of `image` and resizes it to `[side, side]` by bilinear interpolation between pixel centres,
/// without smoothing before shrinking, truncated to 8 bit: scikit-image's `resize` of order 1, which works in double
/// precision and in this order.
pub(crate) fn resize(image: &GrayImage, crop: CropBox, side: u32) -> Vec<u8> {
    let (rows, columns) = (taps(crop.h, side), taps(crop.w, side));
    let pixel = |row, column| f64::from(image.get_pixel(crop.x + column, crop.y + row).0[0]);
    let mut out = Vec::with_capacity(rows.len() * columns.len());
    for (row, [up, down]) in rows {
        for &(column, [left, right]) in &columns {
            let mut value = pixel(row[0], column[0]) * up * left;
            value += pixel(row[0], column[1]) * up * right;
            value += pixel(row[1], column[0]) * down * left;
            value += pixel(row[1], column[1]) * down * right;
            out.push(value as u8);
        }
    }
    out
}

/// For each output pixel of an axis the two source pixels and their weights.
fn taps(from: u32, to: u32) -> Vec<([u32; 2], [f64; 2])> {
    let (ratio, last) = (f64::from(from) / f64::from(to), from - 1);
    let tap = |at: u32| {
        let centre = ((f64::from(at) + 0.5) * ratio - 0.5).clamp(0.0, f64::from(last));
        let first = centre as u32;
        let second = centre - f64::from(first);
        ([first, (first + 1).min(last)], [1.0 - second, second])
    };
    (0..to).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authors_box_is_wider_higher_and_inside() {
        let place = |x, y, w| CropBox { x, y, w, h: w };
        let ours = place(200, 100, 240);
        assert_eq!(about_marked(ours, 640, 490), place(181, 74, 278));
        assert_eq!(about_detected(ours, 640, 490), place(188, 88, 264));
        assert_eq!(about_marked(place(0, 0, 90), 100, 100), place(0, 0, 100));
    }

    #[derive(serde::Deserialize)]
    struct Golden {
        resize: Vec<Resize>,
        grey: Colours,
    }

    #[derive(serde::Deserialize)]
    struct Resize {
        size: u32,
        image: Vec<u8>,
        crop: [u32; 4],
        side: u32,
        out: Vec<u8>,
    }

    #[derive(serde::Deserialize)]
    struct Colours {
        rgb: Vec<u8>,
        grey: Vec<u8>,
    }

    fn golden() -> Golden {
        serde_json::from_str(include_str!("../../tests/golden/authors.json")).unwrap()
    }

    #[test]
    fn pixels_are_those_of_scikit_image() {
        for case in golden().resize {
            let image = GrayImage::from_raw(case.size, case.size, case.image).unwrap();
            let [x, y, w, h] = case.crop;
            assert_eq!(resize(&image, CropBox { x, y, w, h }, case.side), case.out);
        }
    }

    #[test]
    fn grey_is_exact() {
        let case = golden().grey;
        let colours = image::RgbImage::from_raw(12, 12, case.rgb).unwrap();
        assert_eq!(grey(colours.into()).into_raw(), case.grey);
        let already = GrayImage::from_raw(2, 1, vec![7, 250]).unwrap();
        assert_eq!(grey(already.clone().into()), already);
    }
}
