//! Sensor noise and eight bits.

use rand::Rng;

use crate::random::{Purpose, keyed};
use crate::scene::Scene;

/// Grey levels as whole numbers, with the scene's noise.
pub(super) fn read_out(grey: &[f32], scene: &Scene) -> Vec<u8> {
    let [seed, a, b] = scene.noise_key;
    let rng = &mut keyed(seed, Purpose::Sensor, a, b);
    let mut pixels = Vec::with_capacity(grey.len());
    for pair in grey.chunks(2) {
        let bits = rng.next_u64();
        for (k, value) in pair.iter().enumerate() {
            let noise = scene.noise * nearly_normal((bits >> (32 * k)) as u32);
            pixels.push((value + noise + 0.5).clamp(0.0, 255.0) as u8);
        }
    }
    pixels
}

/// Sum of four uniform bytes, scaled to mean 0 and deviation 1: normal enough for a sensor.
fn nearly_normal(bits: u32) -> f32 {
    let sum: u32 = bits.to_le_bytes().iter().map(|&byte| u32::from(byte)).sum();
    (sum as f32 - 510.0) / 147.8
}
