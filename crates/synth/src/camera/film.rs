//! From linear light to eight bits: tone curve, optical blur, sensor noise.

use rand::Rng;

use crate::geometry::mix;
use crate::random::{Purpose, keyed};
use crate::scene::Scene;

/// Grey levels (0 to 255) of linear light: gamma, then the S-curve by which cameras darken shadows and brighten highlights.
pub(super) fn develop(light: Vec<f32>, gamma: f32) -> Vec<f32> {
    const ENTRIES: usize = 8192;
    let last = (ENTRIES - 1) as f32;
    let tone = |k: usize| {
        let even = (k as f32 / last).powf(2.0 / gamma);
        255.0 * mix(even, even * even * (3.0 - 2.0 * even), 0.75)
    };
    let tones: Vec<f32> = (0..ENTRIES).map(tone).collect();
    // The square root gives dark greys more table entries.
    let at = |value: f32| tones[(value.clamp(0.0, 1.0).sqrt() * last) as usize];
    light.into_iter().map(at).collect()
}

/// Gaussian blur along rows of `width` values, borders repeated; the result is transposed.
pub(super) fn blur_and_turn(grey: &[f32], width: usize, sigma: f32) -> Vec<f32> {
    let height = grey.len() / width;
    let reach = (2.5 * sigma).ceil() as isize;
    let bell = |k: isize| (-0.5 * (k as f32 / sigma).powi(2)).exp();
    let total: f32 = (-reach..=reach).map(bell).sum();
    let kernel: Vec<(isize, f32)> = (-reach..=reach).map(|k| (k, bell(k) / total)).collect();
    let mut out = vec![0.0; grey.len()];
    for (row, line) in grey.chunks_exact(width).enumerate() {
        for column in 0..width {
            let at = |k: isize| line[column.saturating_add_signed(k).min(width - 1)];
            out[column * height + row] = kernel.iter().map(|&(k, weight)| weight * at(k)).sum();
        }
    }
    out
}

/// Grey levels as whole numbers, with the scene's sensor noise.
pub(super) fn read_out(grey: &[f32], scene: &Scene) -> Vec<u8> {
    let [seed, a, b] = scene.noise_key;
    let rng = &mut keyed(seed, Purpose::Sensor, a, b);
    let noisy = |value: &f32| {
        let noise = scene.noise * nearly_normal(rng.next_u32());
        (value + noise + 0.5).clamp(0.0, 255.0) as u8
    };
    grey.iter().map(noisy).collect()
}

/// Sum of four uniform bytes, scaled to mean 0 and deviation 1: close enough to normal for sensor noise.
fn nearly_normal(bits: u32) -> f32 {
    let sum: u32 = bits.to_le_bytes().iter().map(|&byte| u32::from(byte)).sum();
    (sum as f32 - 510.0) / 147.8
}
