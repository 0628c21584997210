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
    assert!(
        width > 0 && height > 0 && crop.w > 0 && crop.h > 0,
        "nothing to resize"
    );
    assert!(
        crop.x + crop.w <= image.width() && crop.y + crop.h <= image.height(),
        "crop outside the image"
    );
    let columns = Taps::new(crop.w as usize, width as usize);
    let rows = Taps::new(crop.h as usize, height as usize);
    let stride = image.width() as usize;
    let first = crop.y as usize * stride + crop.x as usize;
    weigh(&image.as_raw()[first..], stride, &rows, &columns)
}

/// Rows first: those are sums of whole rows, and what is left to do along them is little.
#[multiversion(targets("x86_64+avx2"))]
fn weigh(pixels: &[u8], stride: usize, rows: &Taps, columns: &Taps) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows.len() * columns.len());
    let mut sums = vec![0f32; columns.from];
    for (first, weights) in rows.iter() {
        sums.fill(0.0);
        for (row, &weight) in (first..).zip(weights) {
            let line = &pixels[row * stride..][..columns.from];
            for (sum, &pixel) in sums.iter_mut().zip(line) {
                *sum += weight * f32::from(pixel);
            }
        }
        for (first, weights) in columns.iter() {
            let pixels = &sums[first..][..weights.len()];
            let mut value = 0.5;
            for (pixel, weight) in pixels.iter().zip(weights) {
                value += pixel * weight;
            }
            out.push(value as u8);
        }
    }
    out
}

/// The source pixels that the target pixels of one axis are made of.
struct Taps {
    /// Source pixels.
    from: usize,
    /// For each target pixel its first source pixel, and where in `weights` its weights end.
    spans: Vec<(usize, usize)>,
    /// Those of one target pixel add up to 1.
    weights: Vec<f32>,
}

impl Taps {
    fn new(from: usize, to: usize) -> Self {
        let ratio = from as f64 / to as f64;
        let mut taps = Self {
            from,
            spans: Vec::with_capacity(to),
            weights: Vec::with_capacity(from + 2 * to),
        };
        for at in 0..to {
            let first = if ratio >= 1.0 {
                taps.area(at, ratio)
            } else {
                taps.linear(at, ratio)
            };
            taps.spans.push((first, taps.weights.len()));
        }
        taps
    }

    fn len(&self) -> usize {
        self.spans.len()
    }

    /// The first source pixel of each target pixel, and the weights from it on.
    fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let mut start = 0;
        self.spans.iter().map(move |&(first, end)| {
            let weights = &self.weights[start..end];
            start = end;
            (first, weights)
        })
    }

    fn area(&mut self, at: usize, ratio: f64) -> usize {
        let (start, end) = (
            at as f64 * ratio,
            ((at + 1) as f64 * ratio).min(self.from as f64),
        );
        let first = (start as usize).min(self.from - 1);
        let last = (end.ceil() as usize).clamp(first + 1, self.from);
        let share = |pixel: usize| {
            (end.min((pixel + 1) as f64) - start.max(pixel as f64)).max(0.0) / (end - start)
        };
        self.weights
            .extend((first..last).map(|pixel| share(pixel) as f32));
        first
    }

    fn linear(&mut self, at: usize, ratio: f64) -> usize {
        let centre = ((at as f64 + 0.5) * ratio - 0.5).clamp(0.0, (self.from - 1) as f64);
        let first = (centre as usize).min(self.from.saturating_sub(2));
        let right = (centre - first as f64) as f32;
        if self.from == 1 {
            self.weights.push(1.0);
        } else {
            self.weights.extend([1.0 - right, right]);
        }
        first
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
