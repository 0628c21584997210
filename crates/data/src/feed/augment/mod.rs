//! The authors' augmentation "A": flip, one affine resampling, grey jitter. Training only, before normalisation.

mod jitter;
mod resample;
#[cfg(target_arch = "x86_64")]
mod shuffle;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use jitter::jitter;
use resample::{Padded, resample};

/// Ranges of an augmentation's parameters. The defaults are those of the authors' published code.
///
/// Ranges `[low, high]` mean uniform in `low ≤ v < high`; equal ends fix the value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentRanges {
    /// Probability of a left-right flip. Authors' code: 0.5.
    pub flip_probability: f64,
    /// Rotation, degrees. Authors' code: [−5, 5].
    pub rotation_deg: [f32; 2],
    /// Scale s; above 1 shows more than the image. Authors' code: [0.7, 1.4].
    pub scale: [f32; 2],
    /// Translation as a share of `(W − sW)/2`, drawn separately in x and y. Authors' code: [−1, 1].
    pub translation: [f32; 2],
    /// Exponent `a` of the grey jitter y = xᵃ·b + c. Authors' code: [0.25, 4].
    pub a: [f32; 2],
    /// Factor `b` of the grey jitter. Authors' code: [0.7, 1.4].
    pub b: [f32; 2],
    /// Offset `c` of the grey jitter. Authors' code: [−0.1, 0.1].
    pub c: [f32; 2],
}

impl Default for AugmentRanges {
    fn default() -> Self {
        Self {
            flip_probability: 0.5,
            rotation_deg: [-5.0, 5.0],
            scale: [0.7, 1.4],
            translation: [-1.0, 1.0],
            a: [0.25, 4.0],
            b: [0.7, 1.4],
            c: [-0.1, 0.1],
        }
    }
}

impl AugmentRanges {
    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Setting`] naming a range that is reversed or beyond its limits: a scale of 0.01 to 100, rotations up to
    /// a full turn, an exponent and a factor of 0.001 to 1000.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |reason| Err(Error::setting("train.augmentation", reason));
        let flip = self.flip_probability;
        if !(0.0..=1.0).contains(&flip) {
            return wrong(format!("flip_probability must lie in 0 to 1, not {flip}"));
        }
        // Far beyond any face in the picture; further out, f32 coordinates lose their precision.
        let ranges = [
            ("rotation_deg", self.rotation_deg, [-360.0, 360.0]),
            ("scale", self.scale, [0.01, 100.0]),
            ("translation", self.translation, [-100.0, 100.0]),
            ("a", self.a, [1e-3, 1e3]),
            ("b", self.b, [1e-3, 1e3]),
            ("c", self.c, [-1e3, 1e3]),
        ];
        for (name, [low, high], [least, most]) in ranges {
            // Written so that NaN is rejected.
            if !(least <= low && low <= high && high <= most) {
                return wrong(format!(
                    "{name} must be [low, high] within {least} to {most}, not [{low}, {high}]"
                ));
            }
        }
        Ok(())
    }

    /// Draws the parameters for one image of side `image_size` pixels.
    ///
    /// The draws come in the order of [`AugmentParams`]' fields, one each, so fixing one range does not shift the other
    /// draws.
    pub fn draw(&self, image_size: usize, rng: &mut impl Rng) -> AugmentParams {
        let flip = f64::from(rng.random::<f32>()) < self.flip_probability;
        let mut within = |[low, high]: [f32; 2]| low + (high - low) * rng.random::<f32>();
        let rotation_deg = within(self.rotation_deg);
        let scale = within(self.scale);
        let side = image_size as f32;
        // Above s = 1 the span is negative; the range is symmetric, so its sign does not matter.
        let span = (side - scale * side) / 2.0;
        let [tx, ty] = [self.translation; 2].map(|range| span * within(range));
        AugmentParams {
            flip,
            rotation_deg,
            scale,
            tx,
            ty,
            a: within(self.a),
            b: within(self.b),
            c: within(self.c),
        }
    }
}

/// One drawn augmentation: a row of `params.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AugmentParams {
    /// Whether the image is flipped left to right first.
    pub flip: bool,
    /// Rotation, degrees.
    pub rotation_deg: f32,
    /// Scale; above 1 shows more than the image.
    pub scale: f32,
    /// Translation in x, pixels.
    pub tx: f32,
    /// Translation in y, pixels.
    pub ty: f32,
    /// Exponent of the grey jitter.
    pub a: f32,
    /// Factor of the grey jitter.
    pub b: f32,
    /// Offset of the grey jitter.
    pub c: f32,
}

/// Augments one image: `[side, side]` u8 to `[side, side]` f32 in [0, 2].
///
/// In order, as in the authors' code: flip; bilinear resampling, zero outside, where output pixel o = (column, row) reads input point
/// i = s·R(θ)·(o − m) + m + t with m = (W/2, W/2) and pixel k at coordinate k; on [0, 2] values y = xᵃ·b + c; min–max to
/// [0, 1]; times 2. An image left with one grey value becomes zero everywhere (our choice: min–max is undefined
/// there).
///
/// `scratch` is working memory that grows once and is reused from call to call.
///
/// # Panics
/// If `image` or `out` does not hold `side`² values.
pub fn apply(
    params: &AugmentParams,
    image: &[u8],
    side: usize,
    out: &mut [f32],
    scratch: &mut Vec<u8>,
) {
    assert_eq!(image.len(), side * side, "image is not side × side");
    assert_eq!(out.len(), side * side, "out is not side × side");
    let padded = Padded::new(image, side, scratch);
    #[cfg(target_arch = "x86_64")]
    let done = shuffle::resample(params, padded, out);
    #[cfg(not(target_arch = "x86_64"))]
    let done = false;
    if !done {
        resample(params, padded, out);
    }
    jitter(params.a, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Only stretches the grey values to the full range.
    const IDENTITY: AugmentParams = AugmentParams {
        flip: false,
        rotation_deg: 0.0,
        scale: 1.0,
        tx: 0.0,
        ty: 0.0,
        a: 1.0,
        b: 1.0,
        c: 0.0,
    };

    fn noise(side: usize) -> Vec<u8> {
        let mut rng = faus_base::random::named(3, "test", &[]);
        (0..side * side).map(|_| rng.random()).collect()
    }

    /// The literal definition, one f64 sample at a time without incremental geometry: the oracle of the fast routine.
    fn literal(params: &AugmentParams, image: &[u8], side: usize) -> Vec<f64> {
        let m = side as f64 / 2.0;
        let (s, theta) = (
            f64::from(params.scale),
            f64::from(params.rotation_deg).to_radians(),
        );
        let pixel = |column: i64, row: i64| -> f64 {
            let n = side as i64;
            if !(0..n).contains(&column) || !(0..n).contains(&row) {
                return 0.0;
            }
            let column = if params.flip { n - 1 - column } else { column };
            f64::from(image[(row * n + column) as usize]) / 255.0 * 2.0
        };
        let mut out = Vec::new();
        for row in 0..side {
            for column in 0..side {
                let (u, v) = (column as f64 - m, row as f64 - m);
                let x = s * (theta.cos() * u - theta.sin() * v) + m + f64::from(params.tx);
                let y = s * (theta.sin() * u + theta.cos() * v) + m + f64::from(params.ty);
                let (c, r) = (x.floor() as i64, y.floor() as i64);
                let (fx, fy) = (x - x.floor(), y - y.floor());
                let value = pixel(c, r) * (1.0 - fx) * (1.0 - fy)
                    + pixel(c + 1, r) * fx * (1.0 - fy)
                    + pixel(c, r + 1) * (1.0 - fx) * fy
                    + pixel(c + 1, r + 1) * fx * fy;
                out.push(
                    value.powf(f64::from(params.a)) * f64::from(params.b) + f64::from(params.c),
                );
            }
        }
        let low = out.iter().copied().fold(f64::INFINITY, f64::min);
        let high = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        out.iter().map(|v| (v - low) / (high - low) * 2.0).collect()
    }

    #[test]
    fn identity_stretches_the_greys_only() {
        let image = [51, 102, 153, 204];
        let mut out = [0.0; 4];
        apply(&IDENTITY, &image, 2, &mut out, &mut Vec::new());
        for (got, want) in out.iter().zip([0.0, 2.0 / 3.0, 4.0 / 3.0, 2.0]) {
            assert!((got - want).abs() < 1e-6, "{out:?}");
        }
    }

    #[test]
    fn flip_mirrors_columns() {
        let image = [0, 85, 255, 0, 85, 255, 0, 85, 255];
        let mut out = [0.0; 9];
        apply(
            &AugmentParams {
                flip: true,
                ..IDENTITY
            },
            &image,
            3,
            &mut out,
            &mut Vec::new(),
        );
        for (got, want) in out[..3].iter().zip([2.0, 2.0 / 3.0, 0.0]) {
            assert!((got - want).abs() < 1e-6, "{out:?}");
        }
    }

    #[test]
    fn one_grey_becomes_zero() {
        let mut out = [9.0; 16];
        apply(&IDENTITY, &[200; 16], 4, &mut out, &mut Vec::new());
        assert_eq!(out, [0.0; 16]);
    }

    #[test]
    fn refuses_ranges_that_make_no_sense() {
        assert!(AugmentRanges::default().check().is_ok());
        assert!(
            AugmentRanges {
                scale: [1.4, 0.7],
                ..Default::default()
            }
            .check()
            .is_err()
        );
        assert!(
            AugmentRanges {
                a: [0.0, 1.0],
                ..Default::default()
            }
            .check()
            .is_err()
        );
        assert!(
            AugmentRanges {
                c: [f32::NAN, 1.0],
                ..Default::default()
            }
            .check()
            .is_err()
        );
        assert!(
            AugmentRanges {
                flip_probability: 1.5,
                ..Default::default()
            }
            .check()
            .is_err()
        );
        assert!(serde_json::from_str::<AugmentRanges>(r#"{"scales": [1, 2]}"#).is_err());
    }

    proptest! {
        #[test]
        fn draws_stay_in_their_ranges_and_outputs_in_0_to_2(seed: u64, side in 4usize..40) {
            let ranges = AugmentRanges::default();
            let p = ranges.draw(side, &mut faus_base::random::named(seed, "test", &[]));
            let limit = (side as f32 - p.scale * side as f32).abs() / 2.0;
            prop_assert!(p.rotation_deg.abs() <= 5.0 && (0.7..1.4).contains(&p.scale));
            prop_assert!(p.tx.abs() <= limit && p.ty.abs() <= limit);
            prop_assert!((0.25..4.0).contains(&p.a) && (0.7..1.4).contains(&p.b) && p.c.abs() <= 0.1);
            let mut out = vec![0.0; side * side];
            apply(&p, &noise(side), side, &mut out, &mut Vec::new());
            prop_assert!(out.iter().all(|v| (0.0..=2.000_001).contains(v)));
        }

        #[test]
        fn agrees_with_the_literal_routine(seed: u64, side in 4usize..40) {
            let p = AugmentRanges::default().draw(side, &mut faus_base::random::named(seed, "test", &[]));
            let image = noise(side);
            let mut out = vec![0.0; side * side];
            apply(&p, &image, side, &mut out, &mut Vec::new());
            // Grey steps are up to 2 per pixel, coordinates in f32 hold 1e-5 pixels, and exponents below 1 are steep
            // near zero: 1e-5 of a grey value may become (1e-5)^0.25.
            for (got, want) in out.iter().zip(literal(&p, &image, side)) {
                let steep = if p.a < 1.0 && want < 0.5 { 0.08 } else { 2e-3 };
                prop_assert!((f64::from(*got) - want).abs() < steep, "{} {} {:?}", got, want, p);
            }
        }
    }
}
