//! Augmentation "A" (DESIGN 2): flip, one affine resampling, grey jitter. Training only, before normalisation.

use std::ops::Range;

use multiversion::multiversion;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::Error;

/// From what the parameters of one augmentation are drawn. The defaults are the paper authors' published code.
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
    /// Translation as a share of `(W − sW)/2`, drawn in x and in y on its own. Authors' code: [−1, 1].
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
    /// [`Error::Setting`] naming the range that is not finite, is upside down, or lets a scale, exponent or factor
    /// be 0 or negative.
    pub fn check(&self) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&self.flip_probability) {
            let given = self.flip_probability;
            return Err(Error::setting(
                "augment.flip_probability",
                format!("must lie in 0 to 1, not {given}"),
            ));
        }
        let any = f32::NEG_INFINITY;
        let ranges = [
            ("augment.rotation_deg", self.rotation_deg, any),
            ("augment.scale", self.scale, 0.0),
            ("augment.translation", self.translation, any),
            ("augment.a", self.a, 0.0),
            ("augment.b", self.b, 0.0),
            ("augment.c", self.c, any),
        ];
        for (what, [low, high], above) in ranges {
            if !(low.is_finite() && high.is_finite() && low <= high && low > above) {
                let floor = if above == 0.0 { " and above 0" } else { "" };
                return Err(Error::setting(
                    what,
                    format!("must be [low, high], finite{floor}, not [{low}, {high}]"),
                ));
            }
        }
        Ok(())
    }

    /// Draws the parameters for one image of side `image_size` pixels.
    ///
    /// The draws come in the order of [`AugmentParams`]' fields, one each, so a fixed range shifts no other draw.
    pub fn draw(&self, image_size: usize, rng: &mut impl Rng) -> AugmentParams {
        let flip = f64::from(rng.random::<f32>()) < self.flip_probability;
        let mut within = |[low, high]: [f32; 2]| low + (high - low) * rng.random::<f32>();
        let rotation_deg = within(self.rotation_deg);
        let scale = within(self.scale);
        let side = image_size as f32;
        // Above s = 1 the span is negative; the range is symmetric, so its sign is of no account.
        let span = (side - scale * side) / 2.0;
        let (tx, ty) = (
            span * within(self.translation),
            span * within(self.translation),
        );
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

impl AugmentParams {
    /// The parameters that change the geometry not at all and stretch the grey values to the full range only.
    pub const IDENTITY: Self = Self {
        flip: false,
        rotation_deg: 0.0,
        scale: 1.0,
        tx: 0.0,
        ty: 0.0,
        a: 1.0,
        b: 1.0,
        c: 0.0,
    };
}

/// Augments one image: `[side, side]` u8 to `[side, side]` f32 in [0, 2]. Allocates nothing.
///
/// In order (DESIGN 2): flip; bilinear resampling, zero outside, where output pixel o = (column, row) reads input point
/// i = s·R(θ)·(o − m) + m + t with m = (W/2, W/2) and pixel k at coordinate k; on [0, 2] values y = xᵃ·b + c; min–max to
/// [0, 1]; times 2. An image that is left with one grey value alone becomes zero everywhere (our choice: min–max has no
/// answer there).
///
/// # Panics
/// If `image` or `out` does not hold `side`² values.
pub fn apply(params: &AugmentParams, image: &[u8], side: usize, out: &mut [f32]) {
    assert_eq!(image.len(), side * side, "image is not side × side");
    assert_eq!(out.len(), side * side, "out is not side × side");
    resample(params, image, side, out);
    jitter(params, out);
}

/// Flip and affine resampling to values in [0, 2].
fn resample(params: &AugmentParams, image: &[u8], side: usize, out: &mut [f32]) {
    let (sin, cos) = f64::from(params.rotation_deg).to_radians().sin_cos();
    let (scale, m) = (f64::from(params.scale), side as f64 / 2.0);
    let (dx, dy) = (scale * cos, scale * sin);
    for (row, line) in out.chunks_exact_mut(side).enumerate() {
        let v = row as f64 - m;
        // The input point of column 0; every further column adds (dx, dy).
        let mut x0 = -dx * m - dy * v + m + f64::from(params.tx);
        let y0 = -dy * m + dx * v + m + f64::from(params.ty);
        let mut step = dx;
        if params.flip {
            // The flipped image at x is the image at W − 1 − x.
            (x0, step) = (side as f64 - 1.0 - x0, -dx);
        }
        let path = Path {
            x: Along::new(x0, step),
            y: Along::new(y0, dy),
        };
        resample_line(image, side, &path, line);
    }
}

/// One coordinate of the input points of a row: a straight line over the columns.
#[derive(Clone, Copy)]
struct Along {
    start: f32,
    step: f32,
    /// 1 / step: near enough to guess where the line meets a border.
    columns: f32,
}

impl Along {
    fn new(start: f64, step: f64) -> Self {
        Self {
            start: start as f32,
            step: step as f32,
            columns: (1.0 / step) as f32,
        }
    }

    /// A product instead of a running sum: no error piles up along the row, and the loop has no chain.
    #[inline(always)]
    fn at(&self, column: usize) -> f32 {
        self.start + column as f32 * self.step
    }

    /// The columns where `low` ≤ coordinate < `high` (for `strict`: `low` < coordinate < `high`), within `0..columns`.
    /// They are in one piece, since rounding keeps a line monotonic.
    fn within(&self, low: f32, strict: bool, high: f32, columns: usize) -> Range<usize> {
        let above = |column| match strict {
            true => self.at(column) > low,
            false => self.at(column) >= low,
        };
        let below = |column| self.at(column) < high;
        if [0, columns - 1]
            .into_iter()
            .all(|end| above(end) && below(end))
        {
            return 0..columns;
        }
        let meets = |value: f32| ((value - self.start) * self.columns) as usize;
        if self.step < 0.0 {
            let from = leading(meets(high), columns, |column| !below(column));
            from..leading(meets(low), columns, above).max(from)
        } else {
            let from = leading(meets(low), columns, |column| !above(column));
            from..leading(meets(high), columns, below).max(from)
        }
    }
}

/// How many of the first of `count` positions hold, where those that hold come first; looked for from `guess` on.
fn leading(guess: usize, count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let mut at = guess.min(count);
    while at > 0 && !holds(at - 1) {
        at -= 1;
    }
    while at < count && holds(at) {
        at += 1;
    }
    at
}

/// The input points of one output row.
struct Path {
    x: Along,
    y: Along,
}

impl Path {
    /// The columns whose points have both coordinates in a range, see [`Along::within`].
    fn within(&self, low: f32, strict: bool, high: f32, columns: usize) -> Range<usize> {
        let x = self.x.within(low, strict, high, columns);
        let y = self.y.within(low, strict, high, columns);
        let from = x.start.max(y.start);
        from..x.end.min(y.end).max(from)
    }
}

/// Bytes to [0, 2].
const TO_UNIT: f32 = 2.0 / 255.0;

/// One output row: bilinear samples along a straight line through the image. Where the line runs is found once, so
/// that the columns whose neighbours all lie in the image go through a loop without a question in it.
fn resample_line(image: &[u8], side: usize, path: &Path, line: &mut [f32]) {
    let touched = path.within(-1.0, true, side as f32, side);
    let inner = path.within(0.0, false, (side - 1) as f32, side);
    // The inner columns are among the touched ones, unless there are none.
    let inner = if inner.is_empty() {
        touched.end..touched.end
    } else {
        inner
    };
    line[..touched.start].fill(0.0);
    line[touched.end..].fill(0.0);
    for column in (touched.start..inner.start).chain(inner.end..touched.end) {
        line[column] = TO_UNIT * at_border(image, side, path.x.at(column), path.y.at(column));
    }
    inside(image, side, path, inner.start, &mut line[inner]);
}

/// Samples whose four neighbours all lie in the image, from column `from` on.
///
/// Compiled for wider vectors too, which changes no bit: Rust never fuses a product and a sum by itself.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq", "x86_64+avx2"))]
fn inside(image: &[u8], side: usize, path: &Path, from: usize, line: &mut [f32]) {
    let mut chunks = line.chunks_exact_mut(LANES);
    let mut column = from;
    for chunk in chunks.by_ref() {
        // A whole chunk at a time, so that all but the loads becomes vector instructions.
        let chunk: &mut [f32; LANES] = chunk.try_into().expect("LANES values");
        *chunk = inside_lanes(image, side, path, column);
        column += LANES;
    }
    let rest = chunks.into_remainder();
    for (at, out) in rest.iter_mut().enumerate() {
        *out = inside_one(image, side, path.x.at(column + at), path.y.at(column + at));
    }
}

#[inline(always)]
fn inside_lanes(image: &[u8], side: usize, path: &Path, column: usize) -> [f32; LANES] {
    let (mut fx, mut fy, mut index) = ([0f32; LANES], [0f32; LANES], [0i32; LANES]);
    for lane in 0..LANES {
        let (x, y) = (path.x.at(column + lane), path.y.at(column + lane));
        let (whole_x, whole_y) = (x as i32, y as i32);
        fx[lane] = x - whole_x as f32;
        fy[lane] = y - whole_y as f32;
        index[lane] = whole_y * side as i32 + whole_x;
    }
    // Two neighbours by one load, and taken apart as vectors: the loads are what this loop waits for.
    let (mut upper, mut lower) = ([0u16; LANES], [0u16; LANES]);
    for lane in 0..LANES {
        let four = &image[index[lane] as usize..][..side + 2];
        upper[lane] = u16::from_le_bytes([four[0], four[1]]);
        lower[lane] = u16::from_le_bytes([four[side], four[side + 1]]);
    }
    let mut out = [0f32; LANES];
    for lane in 0..LANES {
        let [upper, lower] = [upper[lane], lower[lane]];
        let four = [upper & 0xff, upper >> 8, lower & 0xff, lower >> 8].map(f32::from);
        out[lane] = TO_UNIT * bilinear(four, fx[lane], fy[lane]);
    }
    out
}

/// One sample whose four neighbours all lie in the image.
#[inline(always)]
fn inside_one(image: &[u8], side: usize, x: f32, y: f32) -> f32 {
    let (column, row) = (x as usize, y as usize);
    let at = row * side + column;
    let four = [at, at + 1, at + side, at + side + 1].map(|at| f32::from(image[at]));
    TO_UNIT * bilinear(four, x - column as f32, y - row as f32)
}

/// Between top left, top right, bottom left and bottom right.
#[inline(always)]
fn bilinear(four: [f32; 4], fx: f32, fy: f32) -> f32 {
    let upper = four[0] + fx * (four[1] - four[0]);
    let lower = four[2] + fx * (four[3] - four[2]);
    upper + fy * (lower - upper)
}

/// A sample some of whose neighbours may lie outside, where the image is zero.
fn at_border(image: &[u8], side: usize, x: f32, y: f32) -> f32 {
    let limit = side as f32;
    if !(x > -1.0 && y > -1.0 && x < limit && y < limit) {
        return 0.0;
    }
    let (column, row) = (x.floor(), y.floor());
    let (fx, fy) = (x - column, y - row);
    let pixel = |column: f32, row: f32| {
        let inside = column >= 0.0 && row >= 0.0 && column < limit && row < limit;
        if inside {
            f32::from(image[row as usize * side + column as usize])
        } else {
            0.0
        }
    };
    let upper = pixel(column, row) * (1.0 - fx) + pixel(column + 1.0, row) * fx;
    let lower = pixel(column, row + 1.0) * (1.0 - fx) + pixel(column + 1.0, row + 1.0) * fx;
    upper * (1.0 - fy) + lower * fy
}

/// Values that are worked on at a time: what the compiler turns into vector instructions.
const LANES: usize = 16;

/// y = xᵃ·b + c, then min–max to [0, 1], times 2, in place.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq", "x86_64+avx2"))]
fn jitter(params: &AugmentParams, values: &mut [f32]) {
    let (mut low, mut high) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    let mut chunks = values.chunks_exact_mut(LANES);
    for chunk in chunks.by_ref() {
        change(params, chunk, &mut low, &mut high);
    }
    change(params, chunks.into_remainder(), &mut low, &mut high);
    let low = low.into_iter().fold(f32::INFINITY, f32::min);
    let high = high.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let stretch = if high > low { 2.0 / (high - low) } else { 0.0 };
    for value in values.iter_mut() {
        *value = (*value - low) * stretch;
    }
}

/// y = xᵃ·b + c, and each lane's extremes.
#[inline(always)]
fn change(
    params: &AugmentParams,
    lanes: &mut [f32],
    low: &mut [f32; LANES],
    high: &mut [f32; LANES],
) {
    for ((value, low), high) in lanes.iter_mut().zip(low).zip(high) {
        *value = power(*value, params.a) * params.b + params.c;
        *low = if *value < *low { *value } else { *low };
        *high = if *value > *high { *value } else { *high };
    }
}

/// xᵃ for x in [0, 2] and a > 0, to a relative error of 1e-5; 0 for x ≤ 0.
///
/// `powf` is a call into the system's library per pixel: several times slower than all the rest of this module, and not
/// the same to the last bit on every system; this is plain arithmetic.
#[inline(always)]
fn power(x: f32, a: f32) -> f32 {
    let result = exp2((a * log2(x.max(f32::MIN_POSITIVE))).max(-126.0));
    if x > 0.0 { result } else { 0.0 }
}

/// Exponent plus 2·atanh((m − 1)/(m + 1))/ln 2 for a mantissa m in [√½, √2), the series cut after its fifth term.
#[inline(always)]
fn log2(x: f32) -> f32 {
    const SQRT_HALF: i32 = 0x3f35_04f3;
    let bits = x.to_bits() as i32;
    let exponent = (bits - SQRT_HALF) >> 23;
    let mantissa = f32::from_bits((bits - (exponent << 23)) as u32);
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let t = s * s;
    let series = 1.0 + t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * (1.0 / 7.0 + t / 9.0)));
    exponent as f32 + 2.0 * std::f32::consts::LOG2_E * s * series
}

/// 2ʸ for y in [−126, 127]: the whole part through the exponent's bits, the rest, in [−½, ½], by eight terms of the
/// exponential series.
#[inline(always)]
fn exp2(y: f32) -> f32 {
    // Adding 1.5·2²³ leaves no room for fractions, so the sum's last bits are y rounded to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let rounded = y + ROUND;
    let whole = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let u = (y - (rounded - ROUND)) * std::f32::consts::LN_2;
    let upper = 1.0 / 24.0 + u * (1.0 / 120.0 + u * (1.0 / 720.0 + u / 5040.0));
    let series = 1.0 + u * (1.0 + u * (0.5 + u * (1.0 / 6.0 + u * upper)));
    series * f32::from_bits(((whole + 127) << 23) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(side: usize) -> Vec<u8> {
        let mut rng = crate::rng::keyed(3, "test", &[]);
        (0..side * side).map(|_| rng.random()).collect()
    }

    /// DESIGN 2 literally: one f64 sample at a time, no incremental geometry. The oracle of the fast routine.
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
        apply(&AugmentParams::IDENTITY, &image, 2, &mut out);
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
                ..AugmentParams::IDENTITY
            },
            &image,
            3,
            &mut out,
        );
        for (got, want) in out[..3].iter().zip([2.0, 2.0 / 3.0, 0.0]) {
            assert!((got - want).abs() < 1e-6, "{out:?}");
        }
    }

    #[test]
    fn one_grey_becomes_zero() {
        let mut out = [9.0; 16];
        apply(&AugmentParams::IDENTITY, &[200; 16], 4, &mut out);
        assert_eq!(out, [0.0; 16]);
    }

    #[test]
    fn power_holds_at_the_ends() {
        assert_eq!(
            (power(0.0, 0.25), power(1.0, 3.0), power(-1.0, 2.0)),
            (0.0, 1.0, 0.0)
        );
        assert!((power(2.0, 4.0) - 16.0).abs() < 1e-4);
        assert!(power(1e-30, 4.0) < 1e-30);
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
        fn power_agrees_with_powf(x in 0.0..2.0f32, a in 0.2..4.0f32) {
            let (got, want) = (f64::from(power(x, a)), f64::from(x).powf(f64::from(a)));
            prop_assert!((got - want).abs() <= 1e-5 * want + 1e-12, "{} {}", got, want);
        }

        #[test]
        fn draws_stay_in_their_ranges_and_outputs_in_0_to_2(seed: u64, side in 4usize..40) {
            let ranges = AugmentRanges::default();
            let p = ranges.draw(side, &mut crate::rng::keyed(seed, "test", &[]));
            let limit = (side as f32 - p.scale * side as f32).abs() / 2.0;
            prop_assert!(p.rotation_deg.abs() <= 5.0 && (0.7..1.4).contains(&p.scale));
            prop_assert!(p.tx.abs() <= limit && p.ty.abs() <= limit);
            prop_assert!((0.25..4.0).contains(&p.a) && (0.7..1.4).contains(&p.b) && p.c.abs() <= 0.1);
            let mut out = vec![0.0; side * side];
            apply(&p, &noise(side), side, &mut out);
            prop_assert!(out.iter().all(|v| (0.0..=2.000_001).contains(v)));
        }

        #[test]
        fn agrees_with_the_literal_routine(seed: u64, side in 4usize..40) {
            let p = AugmentRanges::default().draw(side, &mut crate::rng::keyed(seed, "test", &[]));
            let image = noise(side);
            let mut out = vec![0.0; side * side];
            apply(&p, &image, side, &mut out);
            // Grey steps are up to 2 per pixel, coordinates in f32 hold 1e-5 pixels, and exponents below 1 are steep
            // near zero: 1e-5 of a grey value may become (1e-5)^0.25.
            for (got, want) in out.iter().zip(literal(&p, &image, side)) {
                let steep = if p.a < 1.0 && want < 0.5 { 0.08 } else { 2e-3 };
                prop_assert!((f64::from(*got) - want).abs() < steep, "{} {} {:?}", got, want, p);
            }
        }
    }
}
