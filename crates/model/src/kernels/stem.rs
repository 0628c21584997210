use multiversion::multiversion;

use super::{Pooled, axpy};

/// Channels worked on at once: four positions of 16 accumulators stay in registers.
const LANES: usize = 16;
/// Side of the filters and of the pooling tiles these kernels are for.
const KERNEL: usize = 5;
const TAPS: usize = KERNEL * KERNEL;
const PAD: usize = KERNEL / 2;

/// Whether [`stem_forward`] covers this first stage: 5×5 filters on one grey channel, 2×2 pooling, even side.
pub(crate) fn stem_suits(weight: &[i64], tile: i64, side: usize) -> bool {
    matches!(*weight, [outputs, 1, 5, 5] if outputs % LANES as i64 == 0)
        && tile == 2
        && side.is_multiple_of(2)
}

/// 5×5 convolution of grey images `[n, side, side]`, 2×2 max pooling and ReLU in one pass, so that the full-size maps
/// never reach memory. `weight` is `[outputs, 5, 5]`.
pub(crate) fn stem_forward(images: &[f32], side: usize, weight: &[f32]) -> Pooled {
    let channels = weight.len() / TAPS;
    let (n, out) = (images.len() / (side * side), side / 2);
    let taps = transpose(weight, channels);
    let mut values = vec![0.0; n * out * out * channels];
    let mut winners = vec![0; values.len()];
    let image_out = out * out * channels;
    for image in 0..n {
        let padded = pad(&images[image * side * side..][..side * side], side);
        let range = image * image_out..(image + 1) * image_out;
        forward_image(
            &padded,
            side,
            &taps,
            channels,
            &mut values[range.clone()],
            &mut winners[range],
        );
    }
    Pooled {
        values,
        winners,
        side: out,
        channels,
    }
}

/// Gradient of [`stem_forward`] for its weight, `[outputs, 5, 5]`; `d_pooled` has the shape of `pooled.values`.
pub(crate) fn stem_backward(
    images: &[f32],
    side: usize,
    pooled: &Pooled,
    d_pooled: &[f32],
) -> Vec<f32> {
    let channels = pooled.channels;
    let mut taps = vec![0.0; TAPS * channels];
    let mut masked = vec![0.0; channels];
    let image_out = pooled.side * pooled.side * channels;
    for (image, d_image) in d_pooled.chunks_exact(image_out).enumerate() {
        let padded = pad(&images[image * side * side..][..side * side], side);
        let range = image * image_out..(image + 1) * image_out;
        backward_image(
            &padded,
            side,
            &pooled.values[range.clone()],
            &pooled.winners[range],
            d_image,
            &mut masked,
            &mut taps,
        );
    }
    (0..channels * TAPS)
        .map(|i| taps[i % TAPS * channels + i / TAPS])
        .collect()
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn forward_image(
    padded: &[f32],
    side: usize,
    taps: &[f32],
    channels: usize,
    values: &mut [f32],
    winners: &mut [u32],
) {
    let width = side + 2 * PAD;
    for unit in 0..(side / 2) * (side / 2) {
        let (row, column) = (unit / (side / 2) * 2, unit % (side / 2) * 2);
        for block in (0..channels).step_by(LANES) {
            let mut best = [f32::NEG_INFINITY; LANES];
            let mut winner = [0u32; LANES];
            for position in 0..4 {
                let corner = (row + position / 2) * width + column + position % 2;
                let mut sum = [0f32; LANES];
                for tap in 0..TAPS {
                    let x = padded[corner + tap / KERNEL * width + tap % KERNEL];
                    axpy(x, &taps[tap * channels + block..][..LANES], &mut sum);
                }
                for lane in 0..LANES {
                    // A NaN wins, so that a diverged network is seen.
                    let better = sum[lane] > best[lane] || sum[lane].is_nan();
                    best[lane] = if better { sum[lane] } else { best[lane] };
                    winner[lane] = if better {
                        position as u32
                    } else {
                        winner[lane]
                    };
                }
            }
            for lane in 0..LANES {
                let at = unit * channels + block + lane;
                values[at] = if best[lane] < 0.0 { 0.0 } else { best[lane] };
                winners[at] = winner[lane];
            }
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn backward_image(
    padded: &[f32],
    side: usize,
    values: &[f32],
    winners: &[u32],
    d_values: &[f32],
    masked: &mut [f32],
    taps: &mut [f32],
) {
    let width = side + 2 * PAD;
    let channels = masked.len();
    for unit in 0..(side / 2) * (side / 2) {
        let (row, column) = (unit / (side / 2) * 2, unit % (side / 2) * 2);
        let range = unit * channels..(unit + 1) * channels;
        let (values, winners, d) = (
            &values[range.clone()],
            &winners[range.clone()],
            &d_values[range],
        );
        for position in 0..4u32 {
            for channel in 0..channels {
                let passes = winners[channel] == position && values[channel] > 0.0;
                masked[channel] = if passes { d[channel] } else { 0.0 };
            }
            let corner = (row + position as usize / 2) * width + column + position as usize % 2;
            for tap in 0..TAPS {
                let x = padded[corner + tap / KERNEL * width + tap % KERNEL];
                axpy(x, masked, &mut taps[tap * channels..][..channels]);
            }
        }
    }
}

/// `[outputs, 25]` to `[25, outputs]`.
fn transpose(weight: &[f32], channels: usize) -> Vec<f32> {
    (0..TAPS * channels)
        .map(|i| weight[i % channels * TAPS + i / channels])
        .collect()
}

/// The image with two zeros on every side.
fn pad(image: &[f32], side: usize) -> Vec<f32> {
    let width = side + 2 * PAD;
    let mut padded = vec![0.0; width * width];
    for (row, values) in image.chunks_exact(side).enumerate() {
        padded[(row + PAD) * width + PAD..][..side].copy_from_slice(values);
    }
    padded
}
