//! Flip and affine resampling.

use std::ops::Range;

use super::AugmentParams;

/// An image with zeros around it, so that samples over its border need no check.
#[derive(Clone, Copy)]
pub(super) struct Padded<'a> {
    pub pixels: &'a [u8],
    pub stride: usize,
    /// Side of the image, without its margin.
    side: usize,
}

/// Zeros before the first row and column: one for samples between −1 and 0, and one more for [`SLACK`].
const BEFORE: usize = 2;
/// Zeros after the last column: two for the same reasons, plus the bytes that the shuffles read past the end.
const BEHIND: usize = 18;
/// The same below the last row.
const BELOW: usize = 4;
/// Pixels by which the part of a row that is sampled reaches beyond what touches the image: more than rounding errs,
/// less than the margin of zeros allows.
const SLACK: f64 = 0.25;

impl<'a> Padded<'a> {
    pub fn new(image: &[u8], side: usize, scratch: &'a mut Vec<u8>) -> Self {
        let stride = BEFORE + side + BEHIND;
        scratch.clear();
        scratch.resize(stride * (BEFORE + side + BELOW), 0);
        if side > 0 {
            let rows = scratch.chunks_exact_mut(stride).skip(BEFORE);
            for (line, row) in rows.zip(image.chunks_exact(side)) {
                line[BEFORE..][..side].copy_from_slice(row);
            }
        }
        Self {
            pixels: scratch,
            stride,
            side,
        }
    }
}

/// Flip and affine resampling; grey values 0 to 255.
pub(super) fn resample(params: &AugmentParams, image: Padded, out: &mut [f32]) {
    for_each_row(params, image, out, |path, from, line| {
        sample(image, path, from, line);
    });
}

/// Calls `row(path, from, line)` for every row of the result: `line` contains the columns starting at `from` whose
/// points touch the image; the others are set to zero.
#[inline(always)]
pub(super) fn for_each_row(
    params: &AugmentParams,
    image: Padded,
    out: &mut [f32],
    row: impl Fn(&Path, usize, &mut [f32]),
) {
    let side = image.side;
    if side == 0 {
        return;
    }
    let (sin, cos) = f64::from(params.rotation_deg).to_radians().sin_cos();
    let (scale, m) = (f64::from(params.scale), side as f64 / 2.0);
    let (dx, dy) = (scale * cos, scale * sin);
    let step = if params.flip { -dx } else { dx };
    let (columns_x, columns_y) = (1.0 / step, 1.0 / dy);
    for (at, line) in out.chunks_exact_mut(side).enumerate() {
        let v = at as f64 - m;
        // The input point of column 0; every further column adds (dx, dy).
        let mut x0 = -dx * m - dy * v + m + f64::from(params.tx);
        let y0 = -dy * m + dx * v + m + f64::from(params.ty);
        if params.flip {
            // The flipped image at x is the image at W − 1 − x.
            x0 = side as f64 - 1.0 - x0;
        }
        let (in_x, in_y) = (touched(x0, columns_x, side), touched(y0, columns_y, side));
        let from = in_x.start.max(in_y.start);
        let touched = from..in_x.end.min(in_y.end).max(from);
        line[..touched.start].fill(0.0);
        line[touched.end..].fill(0.0);
        let path = Path {
            x: Along::new(x0, step),
            y: Along::new(y0, dy),
        };
        row(&path, touched.start, &mut line[touched]);
    }
}

/// The columns whose coordinate, `start` and one more every `columns` columns, lies between −1 and `side`, give or take
/// [`SLACK`].
#[inline(always)]
fn touched(start: f64, columns: f64, side: usize) -> Range<usize> {
    let (low, high) = (-1.0 - SLACK, side as f64 + SLACK);
    // A change this slow counts as none.
    if columns.abs() > 1e6 {
        return 0..if start > low && start < high { side } else { 0 };
    }
    let meets = [(low - start) * columns, (high - start) * columns];
    let first = meets[0].min(meets[1]).ceil().max(0.0) as usize;
    let behind = (meets[0].max(meets[1]).floor() + 1.0).max(0.0) as usize;
    first.min(side)..behind.min(side).max(first.min(side))
}

/// The input points of one output row, in pixels of the padded image.
pub(super) struct Path {
    pub x: Along,
    pub y: Along,
}

/// One coordinate of the input points of a row: a straight line over the columns.
#[derive(Clone, Copy)]
pub(super) struct Along {
    pub start: f32,
    pub step: f32,
}

impl Along {
    fn new(start: f64, step: f64) -> Self {
        Self {
            start: (start + BEFORE as f64) as f32,
            step: step as f32,
        }
    }

    /// A product instead of a running sum: rounding does not accumulate along the row, and iterations are independent.
    #[inline(always)]
    pub fn at(&self, column: usize) -> f32 {
        (column as f32).mul_add(self.step, self.start)
    }
}

/// Bilinear samples along a straight line, starting at column `from`.
#[inline(always)]
pub(super) fn sample(image: Padded, path: &Path, from: usize, line: &mut [f32]) {
    for (column, out) in (from..).zip(line) {
        let (x, y) = (path.x.at(column), path.y.at(column));
        let (whole_x, whole_y) = (x as usize, y as usize);
        let at = whole_y * image.stride + whole_x;
        let four = [at, at + 1, at + image.stride, at + image.stride + 1];
        let four = four.map(|at| f32::from(image.pixels[at]));
        *out = bilinear(four, x - whole_x as f32, y - whole_y as f32);
    }
}

/// Between top left, top right, bottom left and bottom right.
#[inline(always)]
fn bilinear(four: [f32; 4], fx: f32, fy: f32) -> f32 {
    let upper = fx.mul_add(four[1] - four[0], four[0]);
    let lower = fx.mul_add(four[3] - four[2], four[2]);
    fy.mul_add(lower - upper, upper)
}
