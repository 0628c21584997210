//! From bytes to a network's input: values in [0, 2], then local contrast normalisation over a 5×5 box.

use std::fmt;
use std::str::FromStr;

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Half the side of the 5×5 box, less its centre.
const REACH: usize = 2;
/// Rows of the box.
const ROWS: usize = 2 * REACH + 1;
/// Pixels of the box; outside the image they count as zero, so the divisor is the same everywhere.
const BOX: f32 = 25.0;

/// Local contrast normalisation over a 5×5 box with zero padding. In JSON `"subtractive"` or
/// `{"divisive": {"epsilon": 0.01}}`; as text `subtractive`, `divisive:0.01`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Normalisation {
    /// v − mean(v), as in the paper's published results (the authors' exponent `1/2` is 0 under Python 2, so they divided
    /// by one).
    #[default]
    Subtractive,
    /// d = v − mean(v), then d / max(ε, √mean(d²)): the intention of the authors' code.
    Divisive {
        /// Lower bound of the divisor, in units of the [0, 2] image. Our choice 0.01: about one grey step, so that
        /// noise in flat skin is not amplified.
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
        let epsilon = match (text, text.split_once(':')) {
            ("subtractive", _) => return Ok(Self::Subtractive),
            ("divisive", _) => Some(default_epsilon()),
            (_, Some(("divisive", epsilon))) => epsilon.parse().ok(),
            _ => None,
        };
        let usable = epsilon.filter(|epsilon: &f32| epsilon.is_finite() && *epsilon > 0.0);
        let divisive = usable.map(|epsilon| Self::Divisive { epsilon });
        divisive.ok_or_else(|| {
            let forms = "'subtractive', 'divisive' or 'divisive:EPSILON'";
            Error::parse(format!("expected {forms}, found '{text}'"))
        })
    }
}

impl Normalisation {
    /// Normalises one image in place: `[side, side]` f32 in [0, 2] to values around 0.
    ///
    /// `scratch` is working memory that grows once and is reused from call to call.
    ///
    /// # Panics
    /// If `image` does not hold `side`² values.
    pub fn apply(&self, image: &mut [f32], side: usize, scratch: &mut Vec<f32>) {
        assert_eq!(image.len(), side * side, "image is not side × side");
        subtract_mean(image, side, scratch);
        if let Self::Divisive { epsilon } = *self {
            divide_by_deviation(image, side, scratch, epsilon);
        }
    }
}

/// v ← v − mean over the box.
///
/// Also compiled for wider vectors, with bit-identical results: every value is computed by the same operations in the
/// same order, and Rust never fuses products and sums implicitly.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn subtract_mean(image: &mut [f32], side: usize, scratch: &mut Vec<f32>) {
    with_means(image, side, scratch, |v| v, |v, mean| v - mean);
}

/// v ← v / max(ε, √(mean of v² over the box)).
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn divide_by_deviation(image: &mut [f32], side: usize, scratch: &mut Vec<f32>, epsilon: f32) {
    let divisor = |deviation| match deviation > epsilon {
        true => deviation,
        false => epsilon,
    };
    let change = |v: f32, mean: f32| v / divisor(mean.sqrt());
    with_means(image, side, scratch, |v| v * v, change);
}

/// Replaces every v by `change(v, mean of `of` over its box)`.
///
/// `scratch` holds a row with zeros on both sides and, in turn, the row sums of the five rows of a box: sums of five
/// are recomputed each time, since a running sum would accumulate rounding along the image.
#[inline(always)]
fn with_means(
    image: &mut [f32],
    side: usize,
    scratch: &mut Vec<f32>,
    of: impl Fn(f32) -> f32,
    change: impl Fn(f32, f32) -> f32,
) {
    scratch.clear();
    scratch.resize(side + 2 * REACH + ROWS * side, 0.0);
    let (padded, sums) = scratch.split_at_mut(side + 2 * REACH);
    // Row r of the image keeps its sums in slot r mod 5; slots of missing rows are zero.
    for ahead in 0..side + REACH {
        let slot = &mut sums[ahead % ROWS * side..][..side];
        if ahead < side {
            let row = &image[ahead * side..][..side];
            for (value, v) in padded[REACH..].iter_mut().zip(row) {
                *value = of(*v);
            }
            sums_of_five(padded, slot);
        } else {
            slot.fill(0.0);
        }
        let Some(row) = ahead.checked_sub(REACH) else {
            continue;
        };
        let row = &mut image[row * side..][..side];
        let [a, b, c, d, e] = std::array::from_fn(|slot| &sums[slot * side..][..side]);
        for (x, v) in row.iter_mut().enumerate() {
            *v = change(*v, (a[x] + b[x] + c[x] + d[x] + e[x]) * (1.0 / BOX));
        }
    }
}

/// `sums[x]` = the sum of `padded[x ..= x + 4]`.
#[inline(always)]
fn sums_of_five(padded: &[f32], sums: &mut [f32]) {
    for (sum, v) in sums.iter_mut().zip(padded.windows(ROWS)) {
        *sum = v[0] + v[1] + v[2] + v[3] + v[4];
    }
}

/// Bytes to the network's input range: pixel / 255 · 2, `[H·W]` u8 to `[H·W]` f32 in [0, 2] (the authors' code).
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
