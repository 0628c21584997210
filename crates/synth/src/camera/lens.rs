//! Tone curve and optical blur.

use crate::face::geometry::mix;

/// Grey levels (0 to 255) of linear light: gamma, then the S-shape with which cameras deepen shadows and lift lights.
pub(super) fn develop(light: Vec<f32>, gamma: f32) -> Vec<f32> {
    const ENTRIES: usize = 8192;
    let last = (ENTRIES - 1) as f32;
    let tone: Vec<f32> = (0..ENTRIES)
        .map(|k| {
            let even = (k as f32 / last).powf(2.0 / gamma);
            255.0 * mix(even, even * even * (3.0 - 2.0 * even), 0.75)
        })
        .collect();
    // The square root spreads the dark greys over the table.
    let at = |value: f32| tone[(value.clamp(0.0, 1.0).sqrt() * last) as usize];
    light.into_iter().map(at).collect()
}

/// Separable Gaussian blur, borders repeated.
pub(super) fn blur(grey: &[f32], width: usize, height: usize, sigma: f32) -> Vec<f32> {
    let kernel = kernel(sigma);
    let reach = kernel.len() / 2;
    let mut across = vec![0.0; grey.len()];
    let mut padded = vec![0.0; width + 2 * reach];
    for (line, sums) in grey.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        padded[..reach].fill(line[0]);
        padded[reach..reach + width].copy_from_slice(line);
        padded[reach + width..].fill(line[width - 1]);
        for (shift, &weight) in kernel.iter().enumerate() {
            add(sums, &padded[shift..], weight);
        }
    }
    let mut out = vec![0.0; grey.len()];
    for (row, sums) in out.chunks_exact_mut(width).enumerate() {
        for (shift, &weight) in kernel.iter().enumerate() {
            let source = (row + shift).saturating_sub(reach).min(height - 1);
            add(sums, &across[source * width..], weight);
        }
    }
    out
}

fn kernel(sigma: f32) -> Vec<f32> {
    let reach = (2.5 * sigma).ceil() as isize;
    let weights: Vec<f32> = (-reach..=reach)
        .map(|k| (-0.5 * (k as f32 / sigma).powi(2)).exp())
        .collect();
    let total: f32 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / total).collect()
}

fn add(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}
