//! Seeded value noise for skin, hair and cloth.

use crate::geometry::mix;

/// A lattice of random values in [−1, 1], interpolated smoothly; one field per seed.
#[derive(Clone, Copy)]
pub(crate) struct Noise(u32);

impl Noise {
    pub fn new(seed: u64, layer: u32) -> Self {
        Self((seed ^ (seed >> 32)) as u32 ^ layer.wrapping_mul(0x9E37_79B9))
    }

    /// Value in [−1, 1]; neighbouring lattice points lie 1 apart.
    pub fn at(self, x: f32, y: f32) -> f32 {
        let (i, j) = (floor(x), floor(y));
        let (fx, fy) = (i as f32, j as f32);
        let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
        let (u, v) = (smooth(x - fx), smooth(y - fy));
        let top = mix(self.lattice(i, j), self.lattice(i + 1, j), u);
        let bottom = mix(self.lattice(i, j + 1), self.lattice(i + 1, j + 1), u);
        mix(top, bottom, v)
    }

    /// Sum of `octaves` fields, each twice as fine and half as strong.
    pub fn fractal(self, x: f32, y: f32, octaves: u32) -> f32 {
        let (mut sum, mut weight, mut scale) = (0.0, 0.5, 1.0);
        for octave in 0..octaves {
            let field = Self(self.0.wrapping_add(octave.wrapping_mul(0x85EB_CA6B)));
            sum += weight * field.at(x * scale, y * scale);
            weight *= 0.5;
            scale *= 2.0;
        }
        sum
    }

    fn lattice(self, i: i32, j: i32) -> f32 {
        // Finaliser of MurmurHash3 over the mixed lattice coordinates.
        let mut h = self.0
            ^ (i as u32).wrapping_mul(0x27D4_EB2D)
            ^ (j as u32).wrapping_mul(0x1656_67B1).rotate_left(13);
        h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
        h ^= h >> 16;
        (h >> 8) as f32 * (2.0 / 16_777_215.0) - 1.0
    }
}

/// Largest whole number not above `x`, without a call into the mathematics library.
fn floor(x: f32) -> i32 {
    let truncated = x as i32;
    truncated - i32::from(truncated as f32 > x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stays_in_range_and_is_continuous(seed: u64, x in -50.0f32..50.0, y in -50.0f32..50.0) {
            let noise = Noise::new(seed, 3);
            let here = noise.at(x, y);
            prop_assert!(here.abs() <= 1.0);
            prop_assert!((noise.at(x + 1e-3, y) - here).abs() < 0.02);
        }
    }
}
