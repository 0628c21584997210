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

/// Max pooling over `tile`×`tile`, then ReLU, of maps `[n, side, side, channels]`.
pub(crate) fn pool_relu(maps: &[f32], side: usize, channels: usize, tile: usize) -> Pooled {
    let (n, out) = (maps.len() / (side * side * channels), side / tile);
    let mut values = vec![0.0; n * out * out * channels];
    let mut winners = vec![0; values.len()];
    for (unit, (best, winner)) in values
        .chunks_exact_mut(channels)
        .zip(winners.chunks_exact_mut(channels))
        .enumerate()
    {
        let (image, row, column) = (unit / (out * out), unit / out % out, unit % out);
        let corner = (image * side + row * tile) * side + column * tile;
        pool_unit(&maps[corner * channels..], side, tile, best, winner);
    }
    Pooled {
        values,
        winners,
        side: out,
        channels,
    }
}

/// One pooled position for all channels; `maps` begins at the tile's first pixel.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn pool_unit(maps: &[f32], side: usize, tile: usize, best: &mut [f32], winner: &mut [u32]) {
    let channels = best.len();
    best.copy_from_slice(&maps[..channels]);
    for position in 1..tile * tile {
        let start = (position / tile * side + position % tile) * channels;
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
