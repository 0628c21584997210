//! The grey jitter.

use multiversion::multiversion;

/// y = xᵃ·b + c, then min–max to [0, 1], times 2, in place, for any values ≥ 0.
///
/// Min–max takes out b > 0 and c, and any factor of x as well, so the result is 2·(wᵃ − lᵃ)/(1 − lᵃ) with
/// w = x/max(x) and l the smallest w: the same numbers, cheaper, and as exact for dark images as for bright ones.
///
/// Also compiled for wider vectors, with bit-identical results: products and sums are fused everywhere or nowhere.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+fma", "x86_64+avx2+fma"))]
pub(super) fn jitter(a: f32, values: &mut [f32]) {
    let (low, high) = extremes(values);
    let to_share = if high > 0.0 { 1.0 / high } else { 0.0 };
    let (least, most) = (power(low * to_share, a), power(high * to_share, a));
    let stretch = match most > least {
        true => 2.0 / (most - least),
        false => 0.0,
    };
    for value in values.iter_mut() {
        let stretched = (power(*value * to_share, a) - least) * stretch;
        // The power is not monotonic in its last bit.
        *value = if stretched > 0.0 { stretched } else { 0.0 };
    }
}

/// Minimum and maximum of values ≥ 0, whose bits are in the order of the values: whole numbers have minima and maxima
/// without special cases for NaN.
#[inline(always)]
fn extremes(values: &[f32]) -> (f32, f32) {
    let (low, high) = values.iter().fold((u32::MAX, 0), |(low, high), value| {
        let bits = value.to_bits();
        (low.min(bits), high.max(bits))
    });
    (f32::from_bits(low), f32::from_bits(high))
}

/// xᵃ for x in [0, 2] and a > 0, to a relative error of 1e-5; 0 for x ≤ 0.
///
/// `powf` is a call into the system's library per pixel: several times slower than the rest of this module, and not
/// bit-identical across systems; this is plain arithmetic.
#[inline(always)]
fn power(x: f32, a: f32) -> f32 {
    const LEAST: f32 = f32::MIN_POSITIVE;
    let exponent = a * log2(if x > LEAST { x } else { LEAST });
    let result = exp2(if exponent > -126.0 { exponent } else { -126.0 });
    if x > 0.0 { result } else { 0.0 }
}

/// The exponent, plus z·P(z) for a mantissa 1 + z in [√½, √2): exact at 1, so that images of little contrast keep theirs.
/// P is the polynomial of `tests/golden/data_power.py`; its error is below 4e-7.
#[inline(always)]
fn log2(x: f32) -> f32 {
    const SQRT_HALF: i32 = 0x3f35_04f3;
    #[rustfmt::skip]
    const P: [f32; 7] = [1.442_699_2, -0.721_375_05, 0.480_487, -0.358_986_62, 0.297_041_15, -0.272_491_46, 0.171_078_04];
    let bits = x.to_bits() as i32;
    let exponent = bits.wrapping_sub(SQRT_HALF) >> 23;
    let mantissa = f32::from_bits(bits.wrapping_sub(exponent << 23) as u32);
    let z = mantissa - 1.0;
    z.mul_add(polynomial(&P, z), exponent as f32)
}

/// 2ʸ for y in [−126, 127]: the whole part through the exponent's bits, the rest, in [−½, ½], by the polynomial of
/// `tests/golden/data_power.py` with a constant of exactly 1; its relative error is below 2e-7.
#[inline(always)]
fn exp2(y: f32) -> f32 {
    // Adding 1.5·2²³ leaves no room for fractions, so the sum's last bits are y rounded to a whole number.
    const ROUND: f32 = 12_582_912.0;
    #[rustfmt::skip]
    const P: [f32; 6] = [1.0, 0.693_146_94, 0.240_221_2, 0.055_507_13, 0.009_675_542, 0.001_327_647_2];
    let rounded = y + ROUND;
    let whole = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let fraction = y - (rounded - ROUND);
    let scale = f32::from_bits((whole.wrapping_add(127) << 23) as u32);
    polynomial(&P, fraction) * scale
}

/// Horner's rule, the constant first.
#[inline(always)]
fn polynomial<const N: usize>(coefficients: &[f32; N], x: f32) -> f32 {
    let mut sum = coefficients[N - 1];
    for coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum.mul_add(x, *coefficient);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn power_holds_at_the_ends() {
        assert_eq!(
            (power(0.0, 0.25), power(1.0, 3.0), power(-1.0, 2.0)),
            (0.0, 1.0, 0.0)
        );
        assert!((power(2.0, 4.0) - 16.0).abs() < 1e-4);
        assert!(power(1e-30, 4.0) < 1e-30);
        assert_eq!(power(0.0, 1e-3), 0.0);
    }

    #[test]
    fn dark_images_and_faint_ones_keep_their_shape() {
        for scale in [1e-6, 1.0, 255.0] {
            let mut values = [0.0, 0.25 * scale, scale];
            jitter(0.5, &mut values);
            assert!(values[0] == 0.0 && (values[1] - 1.0).abs() < 1e-5 && values[2] == 2.0);
        }
        let mut faint = [200.0, 200.005, 200.01];
        jitter(2.0, &mut faint);
        assert!((faint[1] - 1.0).abs() < 0.01, "{faint:?}");
    }

    proptest! {
        #[test]
        fn power_agrees_with_powf(x in 0.0..2.0f32, a in 0.2..4.0f32) {
            let (got, want) = (f64::from(power(x, a)), f64::from(x).powf(f64::from(a)));
            prop_assert!((got - want).abs() <= 1e-5 * want + 1e-12, "{} {}", got, want);
        }
    }
}
