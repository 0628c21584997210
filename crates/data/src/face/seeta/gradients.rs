use multiversion::multiversion;

use super::WINDOW;
use super::window::Pixels;

/// Sums that describe a cell of a feature.
const CHANNELS: usize = 8;
/// Columns of a line, a whole number of vectors.
const LINE: usize = 48;
/// Cells of a feature, two by two.
const CELLS: usize = 4;
/// Numbers that describe a feature.
pub(super) const FEATURE: usize = CELLS * CHANNELS;

/// A rectangle of the window, cut into two by two cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Feature {
    rows: [usize; 3],
    /// One in the columns of the left cells and of the right cells, else zero.
    masks: [[i16; LINE]; 2],
}

impl Feature {
    fn new(x: usize, y: usize, width: usize, height: usize) -> Self {
        let mask = |from: usize| {
            std::array::from_fn(|column| i16::from((from..from + width / 2).contains(&column)))
        };
        Self {
            rows: [y, y + height / 2, y + height],
            masks: [mask(x), mask(x + width / 2)],
        }
    }

    /// All features in the order of their numbers in the model file: rectangles of five proportions, 16 pixels or more a
    /// side, every 16 pixels (SeetaFace's code).
    pub fn all() -> Vec<Self> {
        const PROPORTIONS: [(usize, usize); 5] = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2)];
        const LEAST: usize = 16;
        const STEP: usize = 16;
        let mut all = Vec::new();
        for (across, down) in PROPORTIONS {
            for height in (LEAST..=WINDOW)
                .step_by(2)
                .filter(|height| height % down == 0)
            {
                let width = height / down * across;
                if !width.is_multiple_of(2) || !(LEAST..=WINDOW).contains(&width) {
                    continue;
                }
                for y in (0..=WINDOW - height).step_by(STEP) {
                    let row = (0..=WINDOW - width).step_by(STEP);
                    all.extend(row.map(|x| Self::new(x, y, width, height)));
                }
            }
        }
        all
    }
}

/// The speeded-up-robust-features sums of one window (Bay, Ess, Tuytelaars, Van Gool 2008): dx, |dx|, dy and |dy|, the
/// first two apart for dy ≥ 0 and dy < 0, the others apart for dx ≥ 0 and dx < 0.
pub(super) struct Gradients {
    /// For each row and channel the sum of the rows above it, column by column: at most 40 · 510, so 16 bits do.
    above: Box<[[[i16; LINE]; CHANNELS]; WINDOW + 1]>,
}

impl Default for Gradients {
    fn default() -> Self {
        Self {
            above: Box::new([[[0; LINE]; CHANNELS]; WINDOW + 1]),
        }
    }
}

impl Gradients {
    pub fn compute(&mut self, window: &Pixels) {
        accumulate(window, &mut self.above);
    }

    /// Writes the features' numbers, [`FEATURE`] each, those of a feature scaled to length 1.
    pub fn describe(&self, features: &[Feature], out: &mut [f32]) {
        for (feature, out) in features.iter().zip(out.as_chunks_mut().0) {
            scale(&cells(&self.above, feature), out);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw", "x86_64+avx2"))]
fn accumulate(window: &Pixels, above: &mut [[[i16; LINE]; CHANNELS]; WINDOW + 1]) {
    // Columns beyond the window stay zero and so do their gradients but for the last one's, which no mask lets through.
    let rows = window.as_chunks::<WINDOW>().0;
    let (mut dx, mut dy) = ([0i16; LINE], [0i16; LINE]);
    for y in 0..WINDOW {
        let row = rows[y].map(i16::from);
        for x in 1..WINDOW - 1 {
            dx[x] = row[x + 1] - row[x - 1];
        }
        // At the border there is one neighbour only, so its difference counts twice.
        dx[0] = (row[1] - row[0]) * 2;
        dx[WINDOW - 1] = (row[WINDOW - 1] - row[WINDOW - 2]) * 2;
        let (up, down) = (y.saturating_sub(1), (y + 1).min(WINDOW - 1));
        let factor = 2 / (down - up) as i16;
        for x in 0..WINDOW {
            dy[x] = (i16::from(rows[down][x]) - i16::from(rows[up][x])) * factor;
        }
        let (before, after) = above.split_at_mut(y + 1);
        let (before, after) = (&before[y], &mut after[0]);
        add(&dx, &dy, before, after, 0);
        add(&dy, &dx, before, after, 4);
    }
}

/// The four channels of one direction's gradient, `value`, told apart by the sign of the other's.
#[inline(always)]
fn add(
    value: &[i16; LINE],
    sign: &[i16; LINE],
    before: &[[i16; LINE]; CHANNELS],
    after: &mut [[i16; LINE]; CHANNELS],
    channel: usize,
) {
    for x in 0..LINE {
        let not_below = !(sign[x] >> 15);
        let (signed, size) = (value[x], value[x].abs());
        let parts = [
            signed & not_below,
            size & not_below,
            signed & !not_below,
            size & !not_below,
        ];
        for (part, channel) in parts.into_iter().zip(channel..) {
            after[channel][x] = before[channel][x] + part;
        }
    }
}

/// The sums of all channels in each cell: upper left, upper right, lower left, lower right.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw", "x86_64+avx2"))]
fn cells(above: &[[[i16; LINE]; CHANNELS]; WINDOW + 1], feature: &Feature) -> [i32; FEATURE] {
    let mut sums = [0; FEATURE];
    for (band, rows) in feature.rows.windows(2).enumerate() {
        let (top, bottom) = (&above[rows[0]], &above[rows[1]]);
        for channel in 0..CHANNELS {
            let (top, bottom) = (&top[channel], &bottom[channel]);
            for (side, mask) in feature.masks.iter().enumerate() {
                let mut sum = 0;
                for x in 0..LINE {
                    sum += i32::from(bottom[x] - top[x]) * i32::from(mask[x]);
                }
                sums[(band * 2 + side) * CHANNELS + channel] = sum;
            }
        }
    }
    sums
}

fn scale(sums: &[i32; FEATURE], out: &mut [f32; FEATURE]) {
    let squares: i64 = sums
        .iter()
        .map(|&sum| i64::from(sum) * i64::from(sum))
        .sum();
    let length = if squares == 0 {
        1.0
    } else {
        (squares as f64).sqrt() as f32
    };
    for (out, &sum) in out.iter_mut().zip(sums) {
        *out = sum as f32 / length;
    }
}
