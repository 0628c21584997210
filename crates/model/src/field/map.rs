//! Rectangles of units, and their values.

use crate::kernels::Buffer;

/// A rectangle of units of a map, or of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First row.
    pub row: usize,
    /// First column.
    pub column: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Region {
    /// One unit.
    pub fn unit(row: usize, column: usize) -> Self {
        Self {
            row,
            column,
            height: 1,
            width: 1,
        }
    }

    /// A whole map of this side.
    pub fn whole(side: usize) -> Self {
        Self::unit(0, 0).map(|_, _| (0, side))
    }

    /// The rectangle whose first row and number of rows are `f` of these, and likewise the columns.
    pub(super) fn map(self, f: impl Fn(usize, usize) -> (usize, usize)) -> Self {
        let (row, height) = f(self.row, self.height);
        let (column, width) = f(self.column, self.width);
        Self {
            row,
            column,
            height,
            width,
        }
    }

    /// Whether the rectangle is not empty and lies in a map of this side.
    pub(super) fn fits(self, side: usize) -> bool {
        let fits = |first: usize, count: usize| count > 0 && first.saturating_add(count) <= side;
        fits(self.row, self.height) && fits(self.column, self.width)
    }
}

/// Values of a rectangle of units, `[height, width, channels]`.
#[derive(Debug)]
pub(super) struct Map {
    pub region: Region,
    pub channels: usize,
    pub values: Buffer,
}

impl Map {
    /// Working memory with arbitrary contents.
    pub fn of(region: Region, channels: usize) -> Self {
        Self {
            region,
            channels,
            values: Buffer::of(region.height * region.width * channels),
        }
    }

    /// max(0, x) of every value.
    pub fn rectified(&self) -> Self {
        let mut out = Self::of(self.region, self.channels);
        for (out, &x) in out.values.iter_mut().zip(self.values.iter()) {
            *out = if x < 0.0 { 0.0 } else { x };
        }
        out
    }

    /// Max pooling over tiles, with the winners' places in their tiles; the first wins ties.
    pub fn pool(&self, tile: usize, rectified: bool, outputs: Region) -> (Map, Vec<u32>) {
        let mut out = Map::of(outputs, self.channels);
        let mut winners = vec![0; out.values.len()];
        let floor = if rectified { 0.0 } else { f32::NEG_INFINITY };
        let (width, channels) = (self.region.width, self.channels);
        let units = out.values.chunks_exact_mut(channels);
        for (unit, (best, winners)) in units.zip(winners.chunks_exact_mut(channels)).enumerate() {
            let corner = unit / outputs.width * tile * width + unit % outputs.width * tile;
            best.fill(floor);
            for place in 0..tile * tile {
                let pixel = corner + place / tile * width + place % tile;
                let candidates = &self.values[pixel * channels..][..channels];
                for ((best, winner), &x) in best.iter_mut().zip(winners.iter_mut()).zip(candidates)
                {
                    let better = x > *best;
                    *best = if better { x } else { *best };
                    *winner = if better { place as u32 } else { *winner };
                }
            }
        }
        (out, winners)
    }

    /// The gradient at the winners of [`Map::pool`], zero elsewhere.
    pub fn unpool(&self, tile: usize, winners: &[u32], inputs: Region) -> Map {
        let mut out = Map::of(inputs, self.channels);
        out.values.fill(0.0);
        for (at, (&value, &winner)) in self.values.iter().zip(winners).enumerate() {
            let (unit, channel) = (at / self.channels, at % self.channels);
            let row = unit / self.region.width * tile + winner as usize / tile;
            let column = unit % self.region.width * tile + winner as usize % tile;
            out.values[(row * inputs.width + column) * self.channels + channel] = value;
        }
        out
    }
}

/// A projection onto the pixels of [`FieldMap::region`].
#[derive(Debug, Clone, PartialEq)]
pub struct FieldMap {
    /// The pixels.
    pub region: Region,
    /// `[height, width]`, any range.
    pub values: Vec<f32>,
}
