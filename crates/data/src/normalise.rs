//! From bytes to what a network sees: values in [0, 2], then local contrast normalisation over a 5×5 box (DESIGN 2).

use std::fmt;
use std::str::FromStr;

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Half the side of the 5×5 box, less its centre.
const REACH: usize = 2;
/// Pixels of the box; outside the image they count as zero, so the divisor is the same everywhere.
const BOX: f32 = 25.0;

/// Local contrast normalisation over a 5×5 box with zero padding. In JSON `"subtractive"` or
/// `{"divisive": {"epsilon": 0.01}}`; as text `subtractive`, `divisive:0.01`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Normalisation {
    /// v − mean(v): what the paper's published results were computed with (the authors' exponent `1/2` is 0 under
    /// Python 2, so their division was by one).
    #[default]
    Subtractive,
    /// d = v − mean(v), then d / max(ε, √mean(d²)): what the authors' code meant to do.
    Divisive {
        /// The smallest deviation divided by, in units of the [0, 2] image. Our choice 0.01: about one grey step, so
        /// flat skin is not blown up to noise.
        #[serde(default = "default_epsilon")]
        epsilon: f32,
    },
}

fn default_epsilon() -> f32 {
    0.01
}

impl fmt::Display for Normalisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subtractive => f.write_str("subtractive"),
            Self::Divisive { epsilon } => write!(f, "divisive:{epsilon}"),
        }
    }
}

impl FromStr for Normalisation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || {
            Error::parse(format!(
                "expected 'subtractive', 'divisive' or 'divisive:EPSILON', found '{text}'"
            ))
        };
        match text.split_once(':') {
            None if text == "subtractive" => Ok(Self::Subtractive),
            None if text == "divisive" => Ok(Self::Divisive {
                epsilon: default_epsilon(),
            }),
            Some(("divisive", epsilon)) => {
                let epsilon = epsilon
                    .parse()
                    .ok()
                    .filter(|e: &f32| e.is_finite() && *e > 0.0)
                    .ok_or_else(bad)?;
                Ok(Self::Divisive { epsilon })
            }
            _ => Err(bad()),
        }
    }
}

impl Normalisation {
    /// Normalises one image in place: `[side, side]` f32 in [0, 2] to values around 0.
    ///
    /// `scratch` is working memory that grows to `[side, side]` once and is reused from call to call.
    ///
    /// # Panics
    /// If `image` does not hold `side`² values.
    pub fn apply(&self, image: &mut [f32], side: usize, scratch: &mut Vec<f32>) {
        assert_eq!(image.len(), side * side, "image is not side × side");
        scratch.clear();
        scratch.resize(side * side, 0.0);
        subtract_mean(image, side, scratch);
        if let Self::Divisive { epsilon } = *self {
            divide_by_deviation(image, side, scratch, epsilon);
        }
    }
}

/// v ← v − mean over the box.
///
/// Compiled for wider vectors too, which changes no bit: every value is computed by the same operations in the same
/// order, and Rust never fuses a product and a sum by itself.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn subtract_mean(image: &mut [f32], side: usize, scratch: &mut [f32]) {
    for (row, sums) in image.chunks_exact(side).zip(scratch.chunks_exact_mut(side)) {
        sums_of_five(row, sums, |v| v);
        for sum in sums {
            *sum /= BOX;
        }
    }
    for row in 0..side {
        let target = &mut image[row * side..][..side];
        if row >= REACH && row + REACH < side {
            let lines: [&[f32]; 2 * REACH + 1] =
                std::array::from_fn(|line| &scratch[(row - REACH + line) * side..][..side]);
            for (column, value) in target.iter_mut().enumerate() {
                for line in lines {
                    *value -= line[column];
                }
            }
        } else {
            for line in rows_of_box(row, side) {
                for (value, share) in target.iter_mut().zip(&scratch[line * side..][..side]) {
                    *value -= share;
                }
            }
        }
    }
}

/// The image rows that the box around `row` covers.
fn rows_of_box(row: usize, side: usize) -> std::ops::Range<usize> {
    row.saturating_sub(REACH)..(row + REACH + 1).min(side)
}

/// `sums[x]` = the sum of `f(row[x − 2 ..= x + 2])`, zero outside. Sums of five are added up afresh: a running sum
/// would carry its rounding along the row, and this way the loop is free of dependencies.
#[inline(always)]
fn sums_of_five(row: &[f32], sums: &mut [f32], f: impl Fn(f32) -> f32) {
    let side = row.len();
    let windows = row.windows(2 * REACH + 1);
    let inner = sums.get_mut(REACH..side.saturating_sub(REACH).max(REACH));
    for (sum, five) in inner.unwrap_or_default().iter_mut().zip(windows) {
        *sum = five.iter().fold(0.0, |sum, value| sum + f(*value));
    }
    for at in (0..REACH.min(side)).chain(side.saturating_sub(REACH).max(REACH)..side) {
        let five = &row[at.saturating_sub(REACH)..(at + REACH + 1).min(side)];
        sums[at] = five.iter().fold(0.0, |sum, value| sum + f(*value));
    }
}

/// v ← v / max(ε, √(mean of v² over the box)).
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn divide_by_deviation(image: &mut [f32], side: usize, scratch: &mut [f32], epsilon: f32) {
    for (row, sums) in image.chunks_exact(side).zip(scratch.chunks_exact_mut(side)) {
        sums_of_five(row, sums, |v| v * v);
    }
    for row in 0..side {
        for column in 0..side {
            let energy: f32 = rows_of_box(row, side)
                .map(|line| scratch[line * side + column])
                .sum();
            image[row * side + column] /= (energy / BOX).sqrt().max(epsilon);
        }
    }
}

/// Bytes to the network's input range: pixel / 255 · 2, `[H·W]` u8 to `[H·W]` f32 in [0, 2] (DESIGN 2).
///
/// # Panics
/// If the two slices differ in length.
pub fn to_unit_range(image: &[u8], out: &mut [f32]) {
    assert_eq!(image.len(), out.len(), "image and out differ in length");
    for (value, &pixel) in out.iter_mut().zip(image) {
        *value = f32::from(pixel) * (2.0 / 255.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_0_to_2() {
        let mut out = [0.0; 3];
        to_unit_range(&[0, 51, 255], &mut out);
        assert_eq!(out[0], 0.0);
        assert!((out[1] - 0.4).abs() < 1e-7 && (out[2] - 2.0).abs() < 1e-6);
    }

    #[test]
    fn padding_counts_as_zero() {
        let mut image = [1.0; 36];
        Normalisation::Subtractive.apply(&mut image, 6, &mut Vec::new());
        assert!((image[0] - (1.0 - 9.0 / 25.0)).abs() < 1e-6);
        assert!(image[2 * 6 + 2].abs() < 1e-6);
    }

    #[test]
    fn images_smaller_than_the_box_work() {
        for side in 1..5 {
            let mut image = vec![1.0; side * side];
            Normalisation::Divisive { epsilon: 0.01 }.apply(&mut image, side, &mut Vec::new());
            assert!(image.iter().all(|v| v.is_finite()), "side {side}");
        }
    }

    #[test]
    fn texts_round_trip() {
        for n in [
            Normalisation::Subtractive,
            Normalisation::Divisive { epsilon: 0.25 },
        ] {
            assert_eq!(n.to_string().parse::<Normalisation>().unwrap(), n);
            assert_eq!(
                serde_json::from_str::<Normalisation>(&serde_json::to_string(&n).unwrap()).unwrap(),
                n
            );
        }
        for bad in [
            "",
            "Subtractive",
            "divisive:",
            "divisive:-1",
            "divisive:nan",
            "subtractive:1",
        ] {
            assert!(bad.parse::<Normalisation>().is_err(), "{bad}");
        }
    }
}
