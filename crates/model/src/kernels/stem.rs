//! The first convolution of a network, on grey images.

use pulp::{Arch, Simd, WithSimd};

use super::buffer::{Buffer, PANEL, Row};
use super::pool::Pooled;
use super::{FILTER_SIDE, PAD};

const TAPS: usize = FILTER_SIDE * FILTER_SIDE;
/// Side of the pooling tiles.
const TILE: usize = 2;

/// 5×5 convolution of grey images, 2×2 max pooling and ReLU in one pass, so that the full-size maps never reach memory.
#[derive(Debug)]
pub(crate) struct Stem {
    arch: Arch,
    side: usize,
    channels: usize,
    /// `[channels / 32, 25]`.
    taps: Vec<Row>,
}

impl Stem {
    /// Whether weights of this shape, pooling and image side are supported: one grey channel, even side.
    pub fn suits(weight: &[i64], tile: i64, side: usize) -> bool {
        matches!(*weight, [outputs, 1, 5, 5] if outputs > 0 && outputs % PANEL as i64 == 0)
            && tile == TILE as i64
            && side.is_multiple_of(TILE)
    }

    /// `weight` is `[channels, 5, 5]`.
    pub fn new(side: usize, weight: &[f32]) -> Self {
        let channels = weight.len() / TAPS;
        let taps = (0..channels / PANEL * TAPS).map(|row| {
            let weights = &weight[row / TAPS * PANEL * TAPS + row % TAPS..];
            Row(std::array::from_fn(|lane| weights[lane * TAPS]))
        });
        Self {
            arch: Arch::new(),
            side,
            channels,
            taps: taps.collect(),
        }
    }

    /// Convolution, pooling and ReLU of grey images `[n, side, side]`.
    pub fn forward(&self, images: &[f32]) -> Pooled {
        let (n, out) = (images.len() / (self.side * self.side), self.side / TILE);
        let mut pooled = Pooled::new(n, out, self.channels, TILE);
        for (index, image) in images.chunks_exact(self.side * self.side).enumerate() {
            let padded = self.pad(image);
            let (values, winners) = pooled.lines_mut(index * out, out);
            self.arch.dispatch(Forward {
                stem: self,
                padded: &padded,
                values,
                winners,
            });
        }
        pooled
    }

    /// Gradient of [`Stem::forward`] for its weight, `[channels, 5, 5]`; `d_pooled` has the shape of `pooled.values`.
    pub fn backward(&self, images: &[f32], pooled: &Pooled, d_pooled: &[f32]) -> Vec<f32> {
        let (out, panels) = (self.side / TILE, self.channels / PANEL);
        let mut taps = vec![Row([0.0; PANEL]); panels * TAPS];
        let mut d_maps = Buffer::of(TILE * self.side * self.channels);
        for (index, image) in images.chunks_exact(self.side * self.side).enumerate() {
            let padded = self.pad(image);
            for line in 0..out {
                pooled.unpool_line(index * out + line, d_pooled, self.side, &mut d_maps);
                self.arch.dispatch(Backward {
                    side: self.side,
                    panels,
                    padded: &padded[line * TILE * (self.side + 2 * PAD)..],
                    d_maps: d_maps.rows(),
                    taps: &mut taps,
                });
            }
        }
        let channels = (0..self.channels).map(|channel| (channel / PANEL * TAPS, channel % PANEL));
        let taps = channels.flat_map(|(first, lane)| {
            let taps = taps[first..first + TAPS].iter();
            taps.map(move |tap| tap.0[lane])
        });
        taps.collect()
    }

    /// The image with two zeros on every side.
    fn pad(&self, image: &[f32]) -> Buffer {
        let width = self.side + 2 * PAD;
        let mut padded = Buffer::zeros(width * width);
        for (row, values) in image.chunks_exact(self.side).enumerate() {
            padded[(row + PAD) * width + PAD..][..self.side].copy_from_slice(values);
        }
        padded
    }
}

/// One image.
struct Forward<'a> {
    stem: &'a Stem,
    padded: &'a [f32],
    values: &'a mut [f32],
    winners: &'a mut [u32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (side, channels) = (self.stem.side, self.stem.channels);
        let (out, width) = (side / TILE, side + 2 * PAD);
        let units = self.values.chunks_exact_mut(channels);
        let units = units.zip(self.winners.chunks_exact_mut(channels));
        for (unit, (values, winners)) in units.enumerate() {
            let corner = unit / out * TILE * width + unit % out * TILE;
            let x = &self.padded[corner..];
            let panels = values.chunks_exact_mut(PANEL);
            let panels = panels.zip(winners.chunks_exact_mut(PANEL));
            for ((values, winners), taps) in panels.zip(self.stem.taps.chunks_exact(TAPS)) {
                let values = S::as_mut_simd_f32s(values).0;
                let winners = S::as_mut_simd_u32s(winners).0;
                for column in (0..PANEL / S::F32_LANES).step_by(2) {
                    let sums = positions(simd, x, width, taps, column);
                    for lane in 0..2 {
                        let column = column + lane;
                        (values[column], winners[column]) = winner(simd, sums.map(|s| s[lane]));
                    }
                }
            }
        }
    }
}

/// The convolution at the four positions of a pooling tile, for two registers of channels.
#[inline(always)]
fn positions<S: Simd>(
    simd: S,
    x: &[f32],
    width: usize,
    taps: &[Row],
    column: usize,
) -> [[S::f32s; 2]; TILE * TILE] {
    let mut sums = [[simd.splat_f32s(0.0); 2]; TILE * TILE];
    let x: [&[f32]; FILTER_SIDE + 1] =
        std::array::from_fn(|row| &x[row * width..][..FILTER_SIDE + 1]);
    for row in 0..FILTER_SIDE {
        for k in 0..FILTER_SIDE {
            let tap = S::as_simd_f32s(&taps[row * FILTER_SIDE + k].0).0;
            let tap = [tap[column], tap[column + 1]];
            for position in 0..TILE * TILE {
                let x = simd.splat_f32s(x[row + position / TILE][k + position % TILE]);
                sums[position][0] = simd.mul_add_e_f32s(x, tap[0], sums[position][0]);
                sums[position][1] = simd.mul_add_e_f32s(x, tap[1], sums[position][1]);
            }
        }
    }
    sums
}

/// The largest of four, rectified, and which it is, the first on ties. A NaN propagates, so that divergence is visible.
#[inline(always)]
fn winner<S: Simd>(simd: S, sums: [S::f32s; TILE * TILE]) -> (S::f32s, S::u32s) {
    let (mut best, mut winner, mut total) = (sums[0], simd.splat_u32s(0), sums[0]);
    for (position, sum) in sums.into_iter().enumerate().skip(1) {
        let better = simd.less_than_f32s(best, sum);
        best = simd.select_f32s(better, sum, best);
        winner = simd.select_u32s(better, simd.splat_u32s(position as u32), winner);
        total = simd.add_f32s(total, sum);
    }
    let zero = simd.splat_f32s(0.0);
    let rectified = simd.select_f32s(simd.less_than_f32s(best, zero), zero, best);
    let is_number = simd.equal_f32s(total, total);
    (simd.select_f32s(is_number, rectified, total), winner)
}

/// Two lines of one image.
struct Backward<'a> {
    side: usize,
    panels: usize,
    /// From the line above the first of the two that the filter reaches.
    padded: &'a [f32],
    /// `[2, side, panels]`.
    d_maps: &'a [Row],
    /// `[panels, 25]`, added to.
    taps: &'a mut [Row],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.side + 2 * PAD;
        let lines = self.d_maps.chunks_exact(self.side * self.panels);
        for (line, d_line) in lines.enumerate() {
            for (panel, taps) in self.taps.chunks_exact_mut(TAPS).enumerate() {
                for (row, taps) in taps.chunks_exact_mut(FILTER_SIDE).enumerate() {
                    let x = &self.padded[(line + row) * width..][..width];
                    for column in (0..PANEL / S::F32_LANES).step_by(2) {
                        add_line(simd, x, &d_line[panel..], self.panels, taps, column);
                    }
                }
            }
        }
    }
}

/// One line of pixels for one row of the filter and two registers of channels.
#[inline(always)]
fn add_line<S: Simd>(
    simd: S,
    x: &[f32],
    d_line: &[Row],
    panels: usize,
    taps: &mut [Row],
    column: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); 2]; FILTER_SIDE];
    for (x, d) in x.windows(FILTER_SIDE).zip(d_line.chunks(panels)) {
        let d = S::as_simd_f32s(&d[0].0).0;
        let d = [d[column], d[column + 1]];
        for (sums, x) in sums.iter_mut().zip(x) {
            let x = simd.splat_f32s(*x);
            sums[0] = simd.mul_add_e_f32s(x, d[0], sums[0]);
            sums[1] = simd.mul_add_e_f32s(x, d[1], sums[1]);
        }
    }
    for (tap, sums) in taps.iter_mut().zip(sums) {
        let tap = S::as_mut_simd_f32s(&mut tap.0).0;
        tap[column] = simd.add_f32s(tap[column], sums[0]);
        tap[column + 1] = simd.add_f32s(tap[column + 1], sums[1]);
    }
}
