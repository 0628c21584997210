//! Eight samples at a time by byte shuffles, on processors with AVX2.
//!
//! Eight neighbouring samples of a slightly turned image lie within three rows of 16 bytes, which fit into three registers:
//! one shuffle of each fetches all left and right neighbours that are in that row, instead of 16 loads. The arithmetic is
//! that of [`resample`](super::resample), bit for bit.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::AugmentParams;
use super::resample::{Padded, Path, for_each_row, sample};

/// Samples at a time.
const LANES: usize = 8;
/// Bytes of a row in a register.
const COLUMNS: usize = 16;
/// Rows in registers.
const ROWS: usize = 3;

/// Resamples if the processor has AVX2 and FMA; returns `false` otherwise.
pub(super) fn resample(params: &AugmentParams, image: Padded, out: &mut [f32]) -> bool {
    let able = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    if able {
        // SAFETY: the processor has the features that the function is compiled for.
        unsafe { resample_avx2(params, image, out) };
    }
    able
}

#[target_feature(enable = "avx2,fma")]
fn resample_avx2(params: &AugmentParams, image: Padded, out: &mut [f32]) {
    for_each_row(params, image, out, |path, from, line| {
        let length = line.len();
        let eight = |at: usize, out: &mut [f32; LANES]| match window(image, path, from + at) {
            Some(window) => window.sample(path, from + at, out),
            None => sample(image, path, from + at, out),
        };
        let (chunks, rest) = line.as_chunks_mut::<LANES>();
        for (at, chunk) in chunks.iter_mut().enumerate() {
            eight(at * LANES, chunk);
        }
        if rest.is_empty() {
            return;
        }
        // The last eight, partly repeated: one more window costs less than single samples.
        match line.last_chunk_mut() {
            Some(last) => eight(length - LANES, last),
            None => sample(image, path, from, line),
        }
    });
}

/// Three rows of 16 bytes in which the neighbours of eight samples lie.
struct Window {
    rows: [__m128i; ROWS],
    left: i32,
    top: i32,
}

/// The window of the samples starting at `column`; `None` if they are too far apart.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn window(image: Padded, path: &Path, column: usize) -> Option<Window> {
    let last = column + LANES - 1;
    let whole = |coordinate| _mm_cvttss_si32(_mm_set_ss(coordinate));
    let (x0, x1) = (whole(path.x.at(column)), whole(path.x.at(last)));
    let (y0, y1) = (whole(path.y.at(column)), whole(path.y.at(last)));
    let (left, top) = (x0.min(x1), y0.min(y1));
    // The right and lower neighbours have to be inside as well.
    if x0.abs_diff(x1) as usize + 2 > COLUMNS || y0.abs_diff(y1) as usize + 2 > ROWS {
        return None;
    }
    let start = usize::try_from(top).ok()? * image.stride + usize::try_from(left).ok()?;
    let span = (ROWS - 1) * image.stride + COLUMNS;
    let bytes = image.pixels.get(start..start + span)?.as_ptr();
    // SAFETY: `bytes` are the window from its first byte to its last, and the loads need no alignment.
    let row = |at: usize| unsafe { _mm_loadu_si128(bytes.add(at * image.stride).cast()) };
    Some(Window {
        rows: [row(0), row(1), row(2)],
        left,
        top,
    })
}

impl Window {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn sample(&self, path: &Path, column: usize, out: &mut [f32; LANES]) {
        let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let columns = _mm256_cvtepi32_ps(_mm256_add_epi32(lane, _mm256_set1_epi32(column as i32)));
        let (start_x, step_x) = (_mm256_set1_ps(path.x.start), _mm256_set1_ps(path.x.step));
        let (start_y, step_y) = (_mm256_set1_ps(path.y.start), _mm256_set1_ps(path.y.step));
        let x = _mm256_fmadd_ps(columns, step_x, start_x);
        let y = _mm256_fmadd_ps(columns, step_y, start_y);
        let (whole_x, whole_y) = (_mm256_cvttps_epi32(x), _mm256_cvttps_epi32(y));
        let fx = _mm256_sub_ps(x, _mm256_cvtepi32_ps(whole_x));
        let fy = _mm256_sub_ps(y, _mm256_cvtepi32_ps(whole_y));

        // Left and right neighbour, as the bytes of a 16-bit number for each sample.
        let within_x = sixteen_bits(_mm256_sub_epi32(whole_x, _mm256_set1_epi32(self.left)));
        let low_byte_twice = _mm_setr_epi8(0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14);
        let places = _mm_add_epi8(
            _mm_shuffle_epi8(within_x, low_byte_twice),
            _mm_set1_epi16(0x0100),
        );
        let [first, second, third] = self.rows.map(|row| _mm_shuffle_epi8(row, places));
        let is_lower = sixteen_bits(_mm256_cmpgt_epi32(whole_y, _mm256_set1_epi32(self.top)));
        let (left_top, right_top) = split(_mm_blendv_epi8(first, second, is_lower));
        let (left_low, right_low) = split(_mm_blendv_epi8(second, third, is_lower));

        let upper = _mm256_fmadd_ps(fx, _mm256_sub_ps(right_top, left_top), left_top);
        let lower = _mm256_fmadd_ps(fx, _mm256_sub_ps(right_low, left_low), left_low);
        let value = _mm256_fmadd_ps(fy, _mm256_sub_ps(lower, upper), upper);
        // SAFETY: eight values are stored into eight.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), value) };
    }
}

/// Narrows eight 32-bit numbers that fit into 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn sixteen_bits(numbers: __m256i) -> __m128i {
    _mm_packs_epi32(
        _mm256_castsi256_si128(numbers),
        _mm256_extracti128_si256::<1>(numbers),
    )
}

/// The low and the high bytes of eight 16-bit numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn split(pairs: __m128i) -> (__m256, __m256) {
    let pairs = _mm256_cvtepu16_epi32(pairs);
    let low = _mm256_and_si256(pairs, _mm256_set1_epi32(0xff));
    let high = _mm256_srli_epi32::<8>(pairs);
    (_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high))
}

#[cfg(test)]
mod tests {
    use super::super::AugmentRanges;
    use super::*;
    use proptest::prelude::*;
    use rand::RngExt;

    proptest! {
        #[test]
        fn gives_the_bits_of_single_loads(
            seed: u64, side in 1usize..120, turn in 1f32..20.0, scale in 0.2f32..3.0,
        ) {
            let ranges = AugmentRanges {
                rotation_deg: [-5.0 * turn, 5.0 * turn],
                scale: [0.5 * scale, 1.5 * scale],
                translation: [-2.0, 2.0],
                ..AugmentRanges::default()
            };
            let mut rng = faus_base::random::named(seed, "test", &[]);
            let params = ranges.draw(side, &mut rng);
            let image: Vec<u8> = (0..side * side).map(|_| rng.random()).collect();
            let mut scratch = Vec::new();
            let padded = Padded::new(&image, side, &mut scratch);
            let (mut fast, mut slow) = (vec![7.0; side * side], vec![7.0; side * side]);
            if resample(&params, padded, &mut fast) {
                for_each_row(&params, padded, &mut slow, |path, from, line| {
                    sample(padded, path, from, line);
                });
                prop_assert_eq!(fast, slow);
            }
        }
    }
}
