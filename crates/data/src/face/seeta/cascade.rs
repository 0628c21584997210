//! Boosted cascades over a map of grey comparisons.

use multiversion::multiversion;

use super::WINDOW;
use super::window::Grey;

/// Side of the squares whose sums are compared.
const BLOCK: usize = 3;
/// Side of the three by three squares that one code compares.
pub(super) const REACH: usize = 3 * BLOCK;
/// Features between the checks that reject a window (SeetaFace's code).
pub(super) const GROUP: usize = 10;
/// Windows whose grey values deviate by no more than this are not faces (SeetaFace's code).
const LEAST_DEVIATION: f64 = 10.0;

/// One boosted cascade: the code at each feature's place gives a weight.
pub(super) struct Cascade {
    /// Column and row in the window, at most [`WINDOW`] − [`REACH`].
    pub places: Vec<(u8, u8)>,
    /// The weight of each code of each feature.
    pub weights: Vec<[f32; 256]>,
    /// For each [`GROUP`] of features, the minimum cumulative sum of weights.
    pub thresholds: Vec<f32>,
}

/// The locally assembled binary features of an image (Yan, Shan, Chen, Gao 2008): which of the eight squares of 3×3
/// pixels around the middle one are no brighter than it, one bit each.
#[derive(Default)]
pub(super) struct Codes {
    /// `[height, width]` sums of 3×3 pixels, starting at each pixel.
    sums: Vec<u16>,
    /// `[height, width]` codes of 9×9 pixels, starting at each pixel.
    codes: Vec<u8>,
    offsets: Vec<usize>,
    /// First pixels of the windows not yet rejected, and their sums of weights.
    open: Vec<(u32, f32)>,
}

impl Codes {
    /// Computes the codes of an image of at least [`WINDOW`] pixels a side.
    pub fn compute(&mut self, image: Grey) {
        let pixels = image.width * image.height;
        self.sums.resize(pixels, 0);
        self.codes.resize(pixels, 0);
        sum_squares(image, &mut self.sums);
        compare(image.width, image.height, &self.sums, &mut self.codes);
    }
}

/// Also compiled for wider vectors; integer arithmetic is exact.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw", "x86_64+avx2"))]
fn sum_squares(image: Grey, sums: &mut [u16]) {
    let (pixels, width) = (image.pixels, image.width);
    for y in 0..=image.height - BLOCK {
        let [a, b, c] = [0, 1, 2].map(|row| &pixels[(y + row) * width..][..width]);
        let out = &mut sums[y * width..][..width - 2];
        let column = |x: usize| u16::from(a[x]) + u16::from(b[x]) + u16::from(c[x]);
        for (x, out) in out.iter_mut().enumerate() {
            *out = column(x) + column(x + 1) + column(x + 2);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw", "x86_64+avx2"))]
fn compare(width: usize, height: usize, sums: &[u16], codes: &mut [u8]) {
    /// Each bit's square, lowest bit first; the squares are numbered row by row.
    const BITS: [usize; 8] = [8, 7, 6, 5, 3, 2, 1, 0];
    let columns = width - REACH + 1;
    for y in 0..=height - REACH {
        let start = |square| (y + square / 3 * BLOCK) * width + square % 3 * BLOCK;
        let square = |square: usize| &sums[start(square)..][..columns];
        let middle = square(4);
        let around = BITS.map(square);
        let out = &mut codes[y * width..][..columns];
        for x in 0..columns {
            let mut code = 0;
            for (bit, square) in around.iter().enumerate() {
                code |= u8::from(middle[x] >= square[x]) << bit;
            }
            out[x] = code;
        }
    }
}

impl Cascade {
    /// The windows of an image, every `stride` pixels, that pass: column, row and score, row by row. `codes` are the
    /// image's.
    pub fn slide<'a>(
        &'a self,
        codes: &'a mut Codes,
        image: Grey<'a>,
        stride: usize,
    ) -> impl Iterator<Item = (usize, usize, f32)> + 'a {
        let width = image.width;
        let at = |&(x, y): &(u8, u8)| usize::from(y) * width + usize::from(x);
        codes.offsets.clear();
        codes.offsets.extend(self.places.iter().map(at));
        codes.open.clear();
        for y in (0..=image.height - WINDOW).step_by(stride) {
            let row = (0..=width - WINDOW).step_by(stride);
            let starts = row.map(|x| ((y * width + x) as u32, 0.0));
            codes.open.extend(starts);
        }
        let groups = codes.offsets.chunks(GROUP).zip(self.weights.chunks(GROUP));
        for ((offsets, weights), &threshold) in groups.zip(&self.thresholds) {
            let left = narrow(&codes.codes, offsets, weights, threshold, &mut codes.open);
            codes.open.truncate(left);
        }
        let open = codes.open.iter();
        open.map(move |&(start, score)| (start as usize % width, start as usize / width, score))
            .filter(move |&(x, y, _)| image.deviation(x, y) > LEAST_DEVIATION)
    }
}

/// Adds a group's weights to all remaining windows, moves those that reach the threshold to the front and counts them.
/// All windows go through a group before the next one: no branch can be mispredicted, and the sums of many windows are
/// computed in parallel.
fn narrow(
    codes: &[u8],
    offsets: &[usize],
    weights: &[[f32; 256]],
    threshold: f32,
    open: &mut [(u32, f32)],
) -> usize {
    let mut left = 0;
    for at in 0..open.len() {
        let (start, mut score) = open[at];
        let codes = &codes[start as usize..];
        for (&offset, weights) in offsets.iter().zip(weights) {
            score += weights[usize::from(codes[offset])];
        }
        open[left] = (start, score);
        left += usize::from(score >= threshold);
    }
    left
}
