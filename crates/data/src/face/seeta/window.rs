//! Windows cut out of an image at the size of the model.

use std::ops::Range;

use multiversion::multiversion;

use super::{Place, WINDOW};

/// A grey image, row by row.
#[derive(Clone, Copy)]
pub(in super::super) struct Grey<'a> {
    pub pixels: &'a [u8],
    pub width: usize,
    pub height: usize,
}

impl Grey<'_> {
    /// Standard deviation of the window that begins at `x`, `y`. NaN if rounding makes the variance of a flat one negative.
    pub fn deviation(self, x: usize, y: usize) -> f64 {
        let (sum, squares) = sums(self, x, y);
        let area = (WINDOW * WINDOW) as f64;
        let mean = f64::from(sum) / area;
        (f64::from(squares) / area - mean * mean).sqrt()
    }
}

/// Sums of a window's pixels and of their squares.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw", "x86_64+avx2"))]
fn sums(image: Grey, x: usize, y: usize) -> (u32, u32) {
    let (mut sum, mut squares) = (0u32, 0u32);
    for row in y..y + WINDOW {
        for &pixel in &image.pixels[row * image.width + x..][..WINDOW] {
            sum += u32::from(pixel);
            // The square fits 16 bits, which multiply faster.
            squares += u32::from(u16::from(pixel) * u16::from(pixel));
        }
    }
    (sum, squares)
}

/// The pixels of a window, row by row.
pub(super) type Pixels = [u8; WINDOW * WINDOW];

/// Resizes an image and cuts windows out of it, by SeetaFace's rule, with which the model was trained: bilinear between
/// the pixels of the corners, cut to whole numbers.
///
/// Rows are resized first, and windows of the same columns share them.
#[derive(Default)]
pub(super) struct Cutter {
    padded: Vec<u8>,
    columns: Columns,
    /// Resized rows, by their number in the image.
    lines: Vec<f64>,
    /// Whether each row is computed.
    ready: Vec<bool>,
    /// Start and side of the box that the rows belong to.
    shared: Option<(i32, i32)>,
}

impl Cutter {
    /// The whole image at another size, `[height, width]`.
    pub fn level(&mut self, image: Grey, width: usize, height: usize, out: &mut Vec<u8>) {
        self.shared = None;
        out.resize(width * height, 0);
        self.begin(image.width, width, image.height);
        stretch(self, image.pixels, image.width, 0, image.height, out);
    }

    /// The box at the size of a window, zero outside the image; `false` if it is outside or smaller than two pixels.
    /// Fastest for consecutive boxes of the same columns.
    pub fn window(&mut self, image: Grey, place: Place, out: &mut Pixels) -> bool {
        let inside = |start: i32, limit: usize| {
            let behind = start.saturating_add(place.side).clamp(0, limit as i32);
            start.max(0) as usize..behind as usize
        };
        let (columns, rows) = (inside(place.x, image.width), inside(place.y, image.height));
        if columns.is_empty() || rows.is_empty() || place.side < 2 {
            return false;
        }
        let side = place.side as usize;
        if (columns.len(), rows.len()) != (side, side) {
            self.pad(image, place, columns, rows);
            let padded = std::mem::take(&mut self.padded);
            self.shared = None;
            self.begin(side, WINDOW, side);
            stretch(self, &padded, side, 0, side, out);
            self.padded = padded;
            return true;
        }
        let columns_of = Some((place.x, place.side));
        if self.shared != columns_of {
            self.shared = columns_of;
            self.begin(side, WINDOW, image.height);
        }
        let pixels = &image.pixels[columns.start..];
        stretch(self, pixels, image.width, rows.start, side, out);
        true
    }

    /// Copies the box with zeros outside the image.
    fn pad(&mut self, image: Grey, place: Place, columns: Range<usize>, rows: Range<usize>) {
        let side = place.side as usize;
        self.padded.clear();
        self.padded.resize(side * side, 0);
        let (left, top) = ((-place.x).max(0) as usize, (-place.y).max(0) as usize);
        for (line, row) in self.padded.chunks_exact_mut(side).skip(top).zip(rows) {
            let pixels = &image.pixels[row * image.width..][columns.clone()];
            line[left..][..pixels.len()].copy_from_slice(pixels);
        }
    }

    /// From here on, `rows` rows are resized from `from` to `to` pixels.
    fn begin(&mut self, from: usize, to: usize, rows: usize) {
        self.columns.set(from, to);
        self.ready.clear();
        self.ready.resize(rows, false);
        self.lines.resize(rows * to, 0.0);
    }
}

/// The first of the two pixels of `from` that pixel `at` of `to` lies between, and its distance from that.
#[inline(always)]
fn source(at: usize, from: usize, to: usize) -> (u32, f64) {
    let place = from as f64 / to as f64 * at as f64;
    let first = (place as u32).min(from as u32 - 2);
    (first, place - f64::from(first))
}

/// Fills `out` from the `side` rows that start at row `top`. Also compiled for wider vectors, with bit-identical
/// results: no product and sum are fused.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq", "x86_64+avx2"))]
fn stretch(
    cutter: &mut Cutter,
    pixels: &[u8],
    stride: usize,
    top: usize,
    side: usize,
    out: &mut [u8],
) {
    let width = cutter.columns.firsts.len();
    let height = out.len() / width;
    for (y, out) in out.chunks_exact_mut(width).enumerate() {
        let (first, weight) = source(y, side, height);
        let first = top + first as usize;
        for row in first..first + 2 {
            if !std::mem::replace(&mut cutter.ready[row], true) {
                let line = &mut cutter.lines[row * width..][..width];
                cutter.columns.along(&pixels[row * stride..], line);
            }
        }
        let (upper, lower) = cutter.lines[first * width..][..2 * width].split_at(width);
        for ((out, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
            *out = byte((1.0 - weight) * upper + weight * lower);
        }
    }
}

/// The pixels of a row that every column of the result lies between.
#[derive(Default)]
struct Columns {
    /// Pixels of a row.
    from: usize,
    firsts: Vec<u32>,
    weights: Vec<f64>,
    pairs: Vec<u16>,
}

impl Columns {
    fn set(&mut self, from: usize, to: usize) {
        self.from = from;
        self.firsts.clear();
        self.weights.clear();
        self.pairs.resize(to, 0);
        for (first, weight) in (0..to).map(|x| source(x, from, to)) {
            self.firsts.push(first);
            self.weights.push(weight);
        }
    }

    /// One row. Both neighbours are fetched by one load, and taken apart as vectors: this loop is bound by its loads.
    #[inline(always)]
    fn along(&mut self, row: &[u8], line: &mut [f64]) {
        // Equal lengths, so that one bounds check suffices.
        let (left, right) = (&row[..self.from - 1], &row[1..self.from]);
        for (pair, &first) in self.pairs.iter_mut().zip(&self.firsts) {
            let at = first as usize;
            *pair = u16::from_le_bytes([left[at], right[at]]);
        }
        for ((out, &pair), &weight) in line.iter_mut().zip(&self.pairs).zip(&self.weights) {
            let (left, right) = (f64::from(pair & 0xff), f64::from(pair >> 8));
            *out = (1.0 - weight) * left + weight * right;
        }
    }
}

/// `value as u8` in vector instructions, which compilers do not find: with 2⁵² added, the low bits of a float are those of
/// its whole number.
#[inline(always)]
fn byte(value: f64) -> u8 {
    const TWO_TO_52: f64 = (1u64 << 52) as f64;
    (value.clamp(0.0, 255.0).floor() + TWO_TO_52).to_bits() as u8
}
