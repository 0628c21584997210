//! Cuts a crop out of an image and resizes it.

use image::GrayImage;
use multiversion::multiversion;

use crate::picture::crop_box::CropBox;

/// Cuts `crop` out of `image` and resizes it to `[height, width]`, row by row.
///
/// An axis that shrinks is averaged over the exact area that each output pixel covers, so nothing aliases; one that
/// grows is interpolated linearly between pixel centres: OpenCV's `INTER_AREA` and `INTER_LINEAR`.
///
/// # Panics
/// If `crop` is empty or reaches outside the image, or a target side is 0.
pub fn resize(image: &GrayImage, crop: CropBox, width: u32, height: u32) -> Vec<u8> {
    assert!(width > 0 && height > 0, "nothing to resize to");
    let within = crop.is_within(image.width(), image.height());
    assert!(within, "crop empty or outside the image");
    let columns = taps(crop.w as usize, width as usize);
    let rows = taps(crop.h as usize, height as usize);
    let stride = image.width() as usize;
    let first = crop.y as usize * stride + crop.x as usize;
    let pixels = &image.as_raw()[first..];
    weigh(pixels, stride, crop.w as usize, &rows, &columns)
}

/// Rows first: this sums whole rows of `width` pixels and leaves little work along them.
#[multiversion(targets("x86_64+avx2"))]
fn weigh(pixels: &[u8], stride: usize, width: usize, rows: &[Tap], columns: &[Tap]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows.len() * columns.len());
    let mut sums = vec![0f32; width];
    for (first, weights) in rows {
        sums.fill(0.0);
        for (row, &weight) in (*first..).zip(weights) {
            let line = &pixels[row * stride..][..width];
            for (sum, &pixel) in sums.iter_mut().zip(line) {
                *sum += weight * f32::from(pixel);
            }
        }
        for (first, weights) in columns {
            let mut value = 0.5;
            for (pixel, weight) in sums[*first..].iter().zip(weights) {
                value += pixel * weight;
            }
            out.push(value as u8);
        }
    }
    out
}

/// The first source pixel of a target pixel, and the weights starting there, which add up to 1.
type Tap = (usize, Vec<f32>);

/// The weights of one axis.
fn taps(from: usize, to: usize) -> Vec<Tap> {
    let ratio = from as f64 / to as f64;
    let tap = if ratio >= 1.0 { area } else { linear };
    (0..to).map(|at| tap(at, ratio, from)).collect()
}

fn area(at: usize, ratio: f64, from: usize) -> Tap {
    let start = at as f64 * ratio;
    let end = ((at + 1) as f64 * ratio).min(from as f64);
    let first = (start as usize).min(from - 1);
    let last = (end.ceil() as usize).clamp(first + 1, from);
    let share = |pixel: usize| {
        let covered = end.min((pixel + 1) as f64) - start.max(pixel as f64);
        (covered.max(0.0) / (end - start)) as f32
    };
    (first, (first..last).map(share).collect())
}

fn linear(at: usize, ratio: f64, from: usize) -> Tap {
    let centre = ((at as f64 + 0.5) * ratio - 0.5).clamp(0.0, (from - 1) as f64);
    let first = (centre as usize).min(from.saturating_sub(2));
    let right = (centre - first as f64) as f32;
    match from {
        1 => (first, vec![1.0]),
        _ => (first, vec![1.0 - right, right]),
    }
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

    proptest! {
        #[test]
        fn a_flat_image_stays_flat(w in 1u32..60, h in 1u32..60, side in 1u32..40, grey: u8) {
            let image = GrayImage::from_pixel(w, h, image::Luma([grey]));
            prop_assert!(resize(&image, whole(&image), side, side).iter().all(|&p| p == grey));
        }
    }
}
