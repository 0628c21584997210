//! 8-bit grey images: decoding with limits and resizing.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageReader, Limits};

use crate::{CropBox, Error};

/// Most columns or rows of an image; CK+ has 640×490.
const SIDE_LIMIT: u32 = 8192;
/// Most bytes that decoding one image may take.
const DECODE_LIMIT: u64 = 512 << 20;

/// Decodes a PNG or JPEG to 8-bit grey. `path` is for the message alone.
///
/// # Errors
/// [`Error::Image`] for anything that is no whole PNG or JPEG, or has more than 8192 columns or rows.
pub fn decode_grey(bytes: &[u8], path: &Path) -> Result<GrayImage, Error> {
    let bad = |reason: String| Error::Image {
        path: path.to_path_buf(),
        reason,
    };
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| bad(e.to_string()))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(DECODE_LIMIT);
    reader.limits(limits);
    let grey = to_grey(reader.decode().map_err(|e| bad(e.to_string()))?);
    if grey.width() == 0 || grey.height() == 0 {
        return Err(bad("it has no pixels".to_owned()));
    }
    Ok(grey)
}

/// Grey by Rec. 601, 0.299 R + 0.587 G + 0.114 B, as OpenCV and Pillow weigh colours (the authors read with OpenCV);
/// `image` itself would use Rec. 709. Transparency is dropped.
fn to_grey(image: DynamicImage) -> GrayImage {
    match image {
        DynamicImage::ImageLuma8(grey) => grey,
        grey @ (DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageLumaA16(_)) => grey.into_luma8(),
        colour => {
            let rgb = colour.into_rgb8();
            GrayImage::from_fn(rgb.width(), rgb.height(), |x, y| {
                let [r, g, b] = rgb.get_pixel(x, y).0.map(u32::from);
                image::Luma([((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8])
            })
        }
    }
}

/// Cuts `crop` out of `image` and resizes it to `[height, width]`, row by row.
///
/// An axis that shrinks is averaged over the exact area that each output pixel covers, so nothing aliases; one that
/// grows is interpolated linearly between pixel centres (what OpenCV calls `INTER_AREA` does both too).
///
/// # Panics
/// If `crop` is empty or reaches outside the image, or a target side is 0.
pub fn resize(image: &GrayImage, crop: CropBox, width: u32, height: u32) -> Vec<u8> {
    assert!(
        width > 0 && height > 0 && crop.w > 0 && crop.h > 0,
        "nothing to resize"
    );
    assert!(
        crop.x + crop.w <= image.width() && crop.y + crop.h <= image.height(),
        "crop outside the image"
    );
    let columns = taps(crop.w as usize, width as usize);
    let rows = taps(crop.h as usize, height as usize);
    let stride = image.width() as usize;
    let (x, y) = (crop.x as usize, crop.y as usize);
    let pixels = image.as_raw();

    // [crop.h, width]: every source row brought to the target width.
    let mut narrow = Vec::with_capacity(crop.h as usize * width as usize);
    for row in 0..crop.h as usize {
        let line = &pixels[(y + row) * stride + x..][..crop.w as usize];
        narrow.extend(
            columns
                .iter()
                .map(|tap| tap.weigh(|at| f32::from(line[at]))),
        );
    }
    let width = width as usize;
    let mut out = Vec::with_capacity(rows.len() * width);
    for tap in &rows {
        for column in 0..width {
            let value = tap.weigh(|row| narrow[row * width + column]);
            out.push((value + 0.5).clamp(0.0, 255.0) as u8);
        }
    }
    out
}

/// The source pixels that one target pixel is made of: `weights[k]` goes with pixel `first + k`. They add up to 1.
struct Tap {
    first: usize,
    weights: Vec<f32>,
}

impl Tap {
    fn weigh(&self, pixel: impl Fn(usize) -> f32) -> f32 {
        self.weights
            .iter()
            .enumerate()
            .map(|(at, weight)| pixel(self.first + at) * weight)
            .sum()
    }
}

fn taps(from: usize, to: usize) -> Vec<Tap> {
    let ratio = from as f64 / to as f64;
    (0..to)
        .map(|at| {
            if ratio >= 1.0 {
                area_tap(at, ratio, from)
            } else {
                linear_tap(at, ratio, from)
            }
        })
        .collect()
}

fn area_tap(at: usize, ratio: f64, from: usize) -> Tap {
    let (start, end) = (
        at as f64 * ratio,
        ((at + 1) as f64 * ratio).min(from as f64),
    );
    let first = (start as usize).min(from - 1);
    let last = (end.ceil() as usize).clamp(first + 1, from);
    let share = |pixel: usize| {
        (end.min((pixel + 1) as f64) - start.max(pixel as f64)).max(0.0) / (end - start)
    };
    Tap {
        first,
        weights: (first..last).map(|pixel| share(pixel) as f32).collect(),
    }
}

fn linear_tap(at: usize, ratio: f64, from: usize) -> Tap {
    let centre = ((at as f64 + 0.5) * ratio - 0.5).clamp(0.0, (from - 1) as f64);
    let first = (centre as usize).min(from.saturating_sub(2));
    let right = (centre - first as f64) as f32;
    let weights = if from == 1 {
        vec![1.0]
    } else {
        vec![1.0 - right, right]
    };
    Tap { first, weights }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(image: &GrayImage) -> CropBox {
        CropBox {
            x: 0,
            y: 0,
            w: image.width(),
            h: image.height(),
        }
    }

    #[test]
    fn averages_exact_areas() {
        let image = GrayImage::from_raw(3, 1, vec![0, 90, 240]).unwrap();
        // Three pixels onto two: each takes one whole pixel and half of the middle one.
        assert_eq!(resize(&image, whole(&image), 2, 1), [30, 190]);
    }

    #[test]
    fn same_size_is_the_crop_itself() {
        let image = GrayImage::from_fn(7, 5, |x, y| image::Luma([(x * 30 + y) as u8]));
        assert_eq!(
            resize(
                &image,
                CropBox {
                    x: 2,
                    y: 1,
                    w: 2,
                    h: 2
                },
                2,
                2
            ),
            [61, 91, 62, 92]
        );
    }

    #[test]
    fn refuses_what_is_no_image() {
        let path = Path::new("broken.png");
        assert!(decode_grey(b"", path).is_err());
        assert!(
            decode_grey(b"\x89PNG\r\n\x1a\nrubbish", path)
                .unwrap_err()
                .to_string()
                .contains("broken.png")
        );
    }

    proptest! {
        #[test]
        fn a_flat_image_stays_flat(w in 1u32..60, h in 1u32..60, side in 1u32..40, grey: u8) {
            let image = GrayImage::from_pixel(w, h, image::Luma([grey]));
            prop_assert!(resize(&image, whole(&image), side, side).iter().all(|&p| p == grey));
        }
    }
}
