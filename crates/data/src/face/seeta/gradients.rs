//! Sums of gradients over the cells of a window.

use multiversion::multiversion;

use super::WINDOW;
use super::window::Pixels;

/// Sums that describe a cell of a feature.
const CHANNELS: usize = 8;
/// Numbers that describe a feature of two by two cells.
pub(super) const FEATURE: usize = 4 * CHANNELS;

/// A rectangle of the window, cut into two by two cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Feature {
    columns: [usize; 3],
    rows: [usize; 3],
}

impl Feature {
    /// All features in the order of their numbers in the model file: rectangles of five proportions, 16 pixels or more a
    /// side, every 16 pixels (SeetaFace's code).
    pub fn all() -> Vec<Self> {
        const PROPORTIONS: [(usize, usize); 5] = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2)];
        const LEAST: usize = 16;
        const STEP: usize = 16;
        let borders = |length: usize| {
            let starts = (0..=WINDOW - length).step_by(STEP);
            starts.map(move |start| [start, start + length / 2, start + length])
        };
        let mut all = Vec::new();
        for (across, down) in PROPORTIONS {
            let heights = (LEAST..=WINDOW).step_by(2);
            for height in heights.filter(|height| height % down == 0) {
                let width = height / down * across;
                if width.is_multiple_of(2) && (LEAST..=WINDOW).contains(&width) {
                    for rows in borders(height) {
                        all.extend(borders(width).map(|columns| Self { columns, rows }));
                    }
                }
            }
        }
        all
    }
}

type Sums = [i32; CHANNELS];

/// The speeded-up-robust-features sums of one window (Bay, Ess, Tuytelaars, Van Gool 2008): dx, |dx|, dy and |dy|, the
/// first two apart for dy ≥ 0 and dy < 0, the others apart for dx ≥ 0 and dx < 0.
#[derive(Default)]
pub(super) struct Gradients {
    /// For each row and column the sums of the pixels above it and left of it.
    before: Vec<[Sums; WINDOW + 1]>,
}

impl Gradients {
    pub fn compute(&mut self, window: &Pixels) {
        let border = [[0; CHANNELS]; WINDOW + 1];
        self.before.resize(WINDOW + 1, border);
        accumulate(window, &mut self.before);
    }

    /// Writes the features' numbers, [`FEATURE`] each, those of a feature scaled to length 1.
    pub fn describe(&self, features: &[Feature], out: &mut [f32]) {
        for (feature, out) in features.iter().zip(out.as_chunks_mut().0) {
            scale(&self.cells(feature), out);
        }
    }

    /// The sums of each cell: upper left, upper right, lower left, lower right.
    fn cells(&self, feature: &Feature) -> [i32; FEATURE] {
        let mut sums = [0; FEATURE];
        for (cell, sums) in sums.as_chunks_mut::<CHANNELS>().0.iter_mut().enumerate() {
            let (row, column) = (cell / 2, cell % 2);
            let [top, bottom] = [row, row + 1].map(|row| &self.before[feature.rows[row]]);
            let [left, right] = [column, column + 1].map(|column| feature.columns[column]);
            for (channel, sum) in sums.iter_mut().enumerate() {
                *sum = bottom[right][channel] - bottom[left][channel] - top[right][channel]
                    + top[left][channel];
            }
        }
        sums
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw", "x86_64+avx2"))]
fn accumulate(window: &Pixels, before: &mut [[Sums; WINDOW + 1]]) {
    let rows = window.as_chunks::<WINDOW>().0;
    for y in 0..WINDOW {
        let mut row = [0; CHANNELS];
        for x in 0..WINDOW {
            let dx = difference(x, |x| rows[y][x]);
            let dy = difference(y, |y| rows[y][x]);
            let parts = channels(dx, dy);
            for channel in 0..CHANNELS {
                row[channel] += parts[channel];
                before[y + 1][x + 1][channel] = before[y][x + 1][channel] + row[channel];
            }
        }
    }
}

/// The pixel after `at` less the one before it; at the border, twice the one-sided difference.
#[inline(always)]
fn difference(at: usize, pixel: impl Fn(usize) -> u8) -> i32 {
    let (before, after) = (at.saturating_sub(1), (at + 1).min(WINDOW - 1));
    let difference = i32::from(pixel(after)) - i32::from(pixel(before));
    difference * (2 / (after - before) as i32)
}

#[inline(always)]
fn channels(dx: i32, dy: i32) -> Sums {
    // All bits set if the other direction's gradient is not negative.
    let (not_x, not_y) = (!(dx >> 31), !(dy >> 31));
    let (size_x, size_y) = (dx.abs(), dy.abs());
    [
        dx & not_y,
        size_x & not_y,
        dx & !not_y,
        size_x & !not_y,
        dy & not_x,
        size_y & not_x,
        dy & !not_x,
        size_y & !not_x,
    ]
}

fn scale(sums: &[i32; FEATURE], out: &mut [f32; FEATURE]) {
    let squares = sums.iter().map(|&sum| i64::from(sum) * i64::from(sum));
    let length = match squares.sum::<i64>() {
        0 => 1.0,
        squares => (squares as f64).sqrt() as f32,
    };
    for (out, &sum) in out.iter_mut().zip(sums) {
        *out = sum as f32 / length;
    }
}
