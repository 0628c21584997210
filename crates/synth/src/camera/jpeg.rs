//! The loss of JPEG's block compression, without the file: 8×8 cosine transforms, quantised and undone.

use std::array::from_fn;
use std::f32::consts::PI;

const SIDE: usize = 8;
type Block = [[f32; SIDE]; SIDE];

/// Steps of the luminance coefficients at quality 50 (ITU-T T.81, table K.1).
const LUMINANCE: [[u8; SIDE]; SIDE] = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
];

/// Passes grey levels (0 to 255, row by row) through JPEG's quantisation at `quality` in [1, 99]; 100 changes nothing.
///
/// Quality scales the steps as the Independent JPEG Group's library does. Entropy coding loses nothing, so it is left
/// out. A real codec's integer arithmetic would change pixels and require a new version of the faces.
pub(super) fn compress(pixels: &mut [u8], width: usize, quality: u8) {
    if quality >= 100 || pixels.is_empty() {
        return;
    }
    let (steps, basis) = (steps(quality), basis());
    let height = pixels.len() / width;
    // Blocks beyond the image repeat the border.
    let at = |row: usize, column: usize| row.min(height - 1) * width + column.min(width - 1);
    for top in (0..height).step_by(SIDE) {
        for left in (0..width).step_by(SIDE) {
            let level = |y, x| f32::from(pixels[at(top + y, left + x)]) - 128.0;
            let block = quantised(&from_fn(|y| from_fn(|x| level(y, x))), &steps, &basis);
            for (y, line) in block.iter().enumerate().take(height - top) {
                for (x, value) in line.iter().enumerate().take(width - left) {
                    pixels[at(top + y, left + x)] = (value + 128.5).clamp(0.0, 255.0) as u8;
                }
            }
        }
    }
}

fn steps(quality: u8) -> Block {
    let quality = u32::from(quality.max(1));
    let scale = match quality < 50 {
        true => 5000 / quality,
        false => 200 - 2 * quality,
    };
    let scaled = |step: u8| ((u32::from(step) * scale + 50) / 100).clamp(1, 255) as f32;
    LUMINANCE.map(|line| line.map(scaled))
}

/// Row k holds the k-th orthonormal cosine.
fn basis() -> Block {
    let cosine = |k: f32, x: f32| {
        let norm = if k == 0.0 { 0.125f32 } else { 0.25 }.sqrt();
        norm * ((2.0 * x + 1.0) * k * PI / 16.0).cos()
    };
    from_fn(|k| from_fn(|x| cosine(k as f32, x as f32)))
}

fn quantised(block: &Block, steps: &Block, basis: &Block) -> Block {
    let turned: Block = from_fn(|i| from_fn(|j| basis[j][i]));
    let coefficients = product(&product(basis, block), &turned);
    let rounded = |i: usize, j: usize| (coefficients[i][j] / steps[i][j]).round() * steps[i][j];
    let rounded = from_fn(|i| from_fn(|j| rounded(i, j)));
    product(&product(&turned, &rounded), basis)
}

fn product(a: &Block, b: &Block) -> Block {
    let add = |line: [f32; SIDE], (factor, terms): (&f32, &[f32; SIDE])| {
        from_fn(|k| line[k] + factor * terms[k])
    };
    a.map(|row| row.iter().zip(b).fold([0.0; SIDE], add))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageFormat};

    fn picture(width: usize, height: usize) -> Vec<u8> {
        (0..width * height)
            .map(|i| {
                let (x, y) = ((i % width) as f32, (i / width) as f32);
                (128.0 + 60.0 * (x / 5.0).sin() * (y / 9.0).cos() + 30.0 * ((x * y) / 70.0).sin())
                    as u8
            })
            .collect()
    }

    #[test]
    fn loses_what_a_jpeg_file_loses() {
        let (width, height) = (53, 37);
        let original = picture(width, height);
        for quality in [30, 65, 90] {
            let mut file = Vec::new();
            JpegEncoder::new_with_quality(&mut file, quality)
                .encode(
                    &original,
                    width as u32,
                    height as u32,
                    ExtendedColorType::L8,
                )
                .unwrap();
            let file = image::load_from_memory_with_format(&file, ImageFormat::Jpeg)
                .unwrap()
                .into_luma8();
            let mut ours = original.clone();
            compress(&mut ours, width, quality);
            // Real encoders use integer arithmetic, so a few coefficients are quantised differently.
            let mean = ours
                .iter()
                .zip(file.iter())
                .map(|(a, b)| f32::from(a.abs_diff(*b)))
                .sum::<f32>()
                / ours.len() as f32;
            assert!(mean < 1.0, "quality {quality}: {mean}");
        }
    }

    #[test]
    fn the_highest_quality_changes_nothing() {
        let original = picture(20, 20);
        let mut same = original.clone();
        compress(&mut same, 20, 100);
        assert_eq!(same, original);
    }
}
