use multiversion::multiversion;

/// Feature maps after pooling and ReLU, with where each maximum came from.
#[derive(Debug, Default)]
pub(crate) struct Pooled {
    /// `[n, side, side, channels]`, ≥ 0.
    pub values: Vec<f32>,
    /// Same shape: position of the maximum in its tile, row · tile + column; the first of equals.
    pub winners: Vec<u32>,
    /// Height and width after pooling.
    pub side: usize,
    /// Feature maps.
    pub channels: usize,
}

impl Pooled {
    /// Room for `n` images.
    pub fn new(n: usize, side: usize, channels: usize) -> Self {
        let len = n * side * side * channels;
        Self {
            values: vec![0.0; len],
            winners: vec![0; len],
            side,
            channels,
        }
    }

    /// Max pooling over `tile`×`tile`, then ReLU, of maps `[images, width, width, channels]`, into the images from
    /// `first` on. What lies beyond the tiles in `width` is not looked at.
    pub fn fill(&mut self, first: usize, maps: &[f32], width: usize, tile: usize) {
        let (out, channels) = (self.side, self.channels);
        let image_len = out * out * channels;
        let images = maps.len() / (width * width * channels);
        let range = first * image_len..(first + images) * image_len;
        let units = self.values[range.clone()]
            .chunks_exact_mut(channels)
            .zip(self.winners[range].chunks_exact_mut(channels));
        for (unit, (best, winner)) in units.enumerate() {
            let corner = corner(unit, out, width, tile);
            pool_unit(&maps[corner * channels..], width, tile, best, winner);
        }
    }
}

/// The first pixel of pooled position `unit`, counted through all images.
fn corner(unit: usize, out: usize, width: usize, tile: usize) -> usize {
    let (image, row, column) = (unit / (out * out), unit / out % out, unit % out);
    (image * width + row * tile) * width + column * tile
}

/// Max pooling over `tile`×`tile`, then ReLU, of maps `[n, side, side, channels]`.
pub(crate) fn pool_relu(maps: &[f32], side: usize, channels: usize, tile: usize) -> Pooled {
    let mut pooled = Pooled::new(maps.len() / (side * side * channels), side / tile, channels);
    pooled.fill(0, maps, side, tile);
    pooled
}

/// The gradient of [`Pooled::fill`] for its maps: `d_pooled` at the winners, zero elsewhere.
pub(crate) fn unpool(
    pooled: &Pooled,
    d_pooled: &[f32],
    first: usize,
    d_maps: &mut [f32],
    width: usize,
    tile: usize,
) {
    let (out, channels) = (pooled.side, pooled.channels);
    if out * tile != width {
        d_maps.fill(0.0);
    }
    let units = d_maps.len() / (width * width * channels) * out * out;
    for unit in 0..units {
        let at = (first * out * out + unit) * channels..(first * out * out + unit + 1) * channels;
        let corner = corner(unit, out, width, tile) * channels;
        unpool_unit(
            &pooled.values[at.clone()],
            &pooled.winners[at.clone()],
            &d_pooled[at],
            &mut d_maps[corner..],
            width,
            tile,
        );
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
            let better = z > *best;
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
