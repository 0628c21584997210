//! Max pooling with ReLU, and its gradient.

use multiversion::multiversion;

use super::buffer::Buffer;

/// Feature maps after pooling and ReLU, with the place of each maximum.
#[derive(Debug)]
pub(crate) struct Pooled {
    /// `[n, side, side, channels]`, ≥ 0.
    pub values: Buffer,
    winners: Buffer,
    /// Height and width after pooling.
    pub side: usize,
    /// Feature maps.
    pub channels: usize,
    /// Side of a pooling tile.
    pub tile: usize,
}

impl Pooled {
    /// Memory for `n` images of this side, with arbitrary contents.
    pub fn new(n: usize, side: usize, channels: usize, tile: usize) -> Self {
        let len = n * side * side * channels;
        Self {
            values: Buffer::of(len),
            winners: Buffer::of(len),
            side,
            channels,
            tile,
        }
    }

    /// Position of each maximum in its tile, in the shape of the values: row · tile + column; the first on ties.
    pub fn winners(&self) -> &[u32] {
        bytemuck::cast_slice(&self.winners)
    }

    /// Values and winners of pooled lines `first ..`, counted through all images.
    pub fn lines_mut(&mut self, first: usize, count: usize) -> (&mut [f32], &mut [u32]) {
        let line = self.side * self.channels;
        let range = first * line..(first + count) * line;
        let winners = bytemuck::cast_slice_mut(&mut self.winners[range.clone()]);
        (&mut self.values[range], winners)
    }

    /// Max pooling, then ReLU, of maps `[images, width, width, channels]`, into the images starting at `first`. Pixels
    /// beyond the last whole tile are ignored.
    pub fn fill(&mut self, first: usize, maps: &[f32], width: usize) {
        let (out, channels, tile) = (self.side, self.channels, self.tile);
        let images = maps.len() / (width * width * channels);
        let (values, winners) = self.lines_mut(first * out, images * out);
        let units = values.chunks_exact_mut(channels);
        let units = units.zip(winners.chunks_exact_mut(channels));
        for (unit, (best, winner)) in units.enumerate() {
            let (line, column) = (unit / out, unit % out * tile);
            let corner = (line / out * width + line % out * tile) * width + column;
            pool_unit(&maps[corner * channels..], width, tile, best, winner);
        }
    }

    /// The gradient of [`Pooled::fill`] for its maps, of one pooled line counted through all images:
    /// `d_maps` is `[tile, width, channels]`, `d_pooled` at the winners and zero elsewhere. `d_pooled` has the shape of the
    /// values.
    pub fn unpool_line(&self, line: usize, d_pooled: &[f32], width: usize, d_maps: &mut [f32]) {
        let (channels, side, tile) = (self.channels, self.side, self.tile);
        if side * tile != width {
            d_maps.fill(0.0);
        }
        for unit in 0..side {
            let start = (line * side + unit) * channels;
            let range = start..start + channels;
            unpool_unit(
                &self.values[range.clone()],
                &self.winners()[range.clone()],
                &d_pooled[range],
                &mut d_maps[unit * tile * channels..],
                width,
                tile,
            );
        }
    }

    /// [`Pooled::unpool_line`] of all lines of the images from `first` on, into `[images, width, width, channels]`.
    pub fn unpool(&self, first: usize, d_pooled: &[f32], width: usize, d_maps: &mut [f32]) {
        let line_len = self.tile * width * self.channels;
        let maps = d_maps.chunks_exact_mut(width * width * self.channels);
        for (image, d_map) in maps.enumerate() {
            let (tiles, rest) = d_map.split_at_mut(self.side * line_len);
            for (line, d_line) in tiles.chunks_exact_mut(line_len).enumerate() {
                let line = (first + image) * self.side + line;
                self.unpool_line(line, d_pooled, width, d_line);
            }
            rest.fill(0.0);
        }
    }
}

/// One pooled position for all channels; `maps` begins at the tile's first pixel.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn pool_unit(maps: &[f32], width: usize, tile: usize, best: &mut [f32], winner: &mut [u32]) {
    let channels = best.len();
    best.copy_from_slice(&maps[..channels]);
    winner.fill(0);
    for position in 1..tile * tile {
        let start = (position / tile * width + position % tile) * channels;
        let candidates = &maps[start..start + channels];
        for ((best, winner), &z) in best.iter_mut().zip(winner.iter_mut()).zip(candidates) {
            // A NaN wins, so that divergence is visible.
            let better = z > *best || z.is_nan();
            *best = if better { z } else { *best };
            *winner = if better { position as u32 } else { *winner };
        }
    }
    for best in best.iter_mut() {
        *best = if *best < 0.0 { 0.0 } else { *best };
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn unpool_unit(
    values: &[f32],
    winners: &[u32],
    d: &[f32],
    d_maps: &mut [f32],
    width: usize,
    tile: usize,
) {
    let channels = d.len();
    for position in 0..tile * tile {
        let start = (position / tile * width + position % tile) * channels;
        let out = &mut d_maps[start..start + channels];
        for (((out, value), winner), d) in out.iter_mut().zip(values).zip(winners).zip(d) {
            let passes = *winner == position as u32 && *value > 0.0;
            *out = if passes { *d } else { 0.0 };
        }
    }
}
