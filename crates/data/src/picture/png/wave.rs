//! Undoes the filters of eight lines at once. A pixel waits for its left neighbour, so within a line there is nothing to
//! share out; but line k can be worked on k pixels behind the first one. One vector then holds a pixel of each line, and
//! one step takes all of them one pixel to the right. SSE2 alone, which every x86-64 processor has.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::Filter;

/// Lines at a time, and pixels that are turned from lines into steps at a time.
const LINES: usize = 8;
/// Zeros before each line: what the lines further down read before they begin, and what they then predict.
const BEFORE: usize = LINES;
/// Room behind each line, which the lines further up run into when they have ended.
const BEHIND: usize = 2 * LINES;

/// Undoes the filters of `filtered`, lines of a filter's number and as many bytes as a row of `pixels` has.
pub(super) fn unfilter(filtered: &[u8], filters: &[Filter], pixels: &mut [u8]) {
    // SAFETY: SSE2 is part of x86-64.
    unsafe { unfilter_sse2(filtered, filters, pixels) }
}

#[target_feature(enable = "sse2")]
fn unfilter_sse2(filtered: &[u8], filters: &[Filter], pixels: &mut [u8]) {
    let width = pixels.len() / filters.len();
    let stride = BEFORE + width + BEHIND;
    let mut lines = vec![0; LINES * stride];
    let mut above = vec![0; width + BEHIND];
    let groups = filtered
        .chunks(LINES * (width + 1))
        .zip(filters.chunks(LINES));
    for (rows, (group, filters)) in pixels.chunks_mut(LINES * width).zip(groups) {
        for (line, filtered) in lines
            .chunks_exact_mut(stride)
            .zip(group.chunks_exact(width + 1))
        {
            line[BEFORE..][..width].copy_from_slice(&filtered[1..]);
        }
        run(&mut lines, stride, &above, &Kinds::of(filters));
        for (row, line) in rows.chunks_exact_mut(width).zip(lines.chunks_exact(stride)) {
            row.copy_from_slice(&line[BEFORE..][..width]);
        }
        if let Some(last) = rows.chunks_exact(width).last() {
            above[..width].copy_from_slice(last);
        }
    }
}

/// Which lines have which filter: all bits set in their lanes.
struct Kinds {
    left: __m128i,
    above: __m128i,
    average: __m128i,
    paeth: __m128i,
}

impl Kinds {
    #[target_feature(enable = "sse2")]
    fn of(filters: &[Filter]) -> Self {
        let lanes = |kind| {
            let lane = |at: usize| -i16::from(filters.get(at) == Some(&kind));
            _mm_setr_epi16(
                lane(0),
                lane(1),
                lane(2),
                lane(3),
                lane(4),
                lane(5),
                lane(6),
                lane(7),
            )
        };
        Self {
            left: lanes(Filter::Left),
            above: lanes(Filter::Above),
            average: lanes(Filter::Average),
            paeth: lanes(Filter::Paeth),
        }
    }
}

/// Undoes the filters of [`LINES`] padded lines in place; `above` is the row above them, padded behind.
#[target_feature(enable = "sse2")]
fn run(lines: &mut [u8], stride: usize, above: &[u8], kinds: &Kinds) {
    let zero = _mm_setzero_si128();
    let (mut left, mut above_left) = (zero, zero);
    for (block, above) in above.chunks_exact(LINES).enumerate() {
        // Line k is k pixels behind.
        let place = |line: usize| line * stride + BEFORE + block * LINES - line;
        let raw: [__m128i; LINES] = std::array::from_fn(|line| load(&lines[place(line)..]));
        let pairs = transposed(raw);
        let mut steps = [zero; LINES];
        for (at, step) in steps.iter_mut().enumerate() {
            let pair = pairs[at / 2];
            let raw = match at % 2 {
                0 => _mm_unpacklo_epi8(pair, zero),
                _ => _mm_unpackhi_epi8(pair, zero),
            };
            // The line above each line had its pixel of this column at the step before.
            let above = _mm_insert_epi16::<0>(_mm_slli_si128::<2>(left), i32::from(above[at]));
            let predicted = predicted(left, above, above_left, kinds);
            let value = _mm_and_si128(_mm_add_epi16(raw, predicted), _mm_set1_epi16(0xff));
            (left, above_left) = (value, above);
            *step = _mm_packus_epi16(value, zero);
        }
        for (pair, values) in transposed(steps).into_iter().enumerate() {
            store(values, &mut lines[place(2 * pair)..]);
            store(
                _mm_srli_si128::<8>(values),
                &mut lines[place(2 * pair + 1)..],
            );
        }
    }
}

/// Each lane's prediction by its own filter.
#[inline]
#[target_feature(enable = "sse2")]
fn predicted(left: __m128i, above: __m128i, above_left: __m128i, kinds: &Kinds) -> __m128i {
    let both = _mm_add_epi16(left, above);
    let simple = _mm_or_si128(
        _mm_or_si128(
            _mm_and_si128(left, kinds.left),
            _mm_and_si128(above, kinds.above),
        ),
        _mm_and_si128(_mm_srli_epi16::<1>(both), kinds.average),
    );
    // Paeth's predictor in the form of stb_image, which takes few steps: with t = 3c − (a + b) it is the larger of a and b
    // where t is not above the smaller, the smaller where t is not below the larger, and c between.
    let three = _mm_add_epi16(above_left, _mm_add_epi16(above_left, above_left));
    let threshold = _mm_sub_epi16(three, both);
    let (low, high) = (_mm_min_epi16(left, above), _mm_max_epi16(left, above));
    let unless_high = choose(_mm_cmpgt_epi16(high, threshold), above_left, low);
    let paeth = choose(_mm_cmpgt_epi16(threshold, low), unless_high, high);
    _mm_or_si128(_mm_and_si128(paeth, kinds.paeth), simple)
}

/// `yes` where the mask is set, else `no`.
#[inline]
#[target_feature(enable = "sse2")]
fn choose(mask: __m128i, yes: __m128i, no: __m128i) -> __m128i {
    _mm_or_si128(_mm_and_si128(mask, yes), _mm_andnot_si128(mask, no))
}

/// Eight vectors of eight bytes, turned: vector k's bytes become byte k of eight vectors, two of them in each result.
#[inline]
#[target_feature(enable = "sse2")]
fn transposed(rows: [__m128i; LINES]) -> [__m128i; LINES / 2] {
    let [a, b, c, d, e, f, g, h] = rows;
    let (ab, cd) = (_mm_unpacklo_epi8(a, b), _mm_unpacklo_epi8(c, d));
    let (ef, gh) = (_mm_unpacklo_epi8(e, f), _mm_unpacklo_epi8(g, h));
    let (first, second) = (_mm_unpacklo_epi16(ab, cd), _mm_unpacklo_epi16(ef, gh));
    let (third, fourth) = (_mm_unpackhi_epi16(ab, cd), _mm_unpackhi_epi16(ef, gh));
    [
        _mm_unpacklo_epi32(first, second),
        _mm_unpackhi_epi32(first, second),
        _mm_unpacklo_epi32(third, fourth),
        _mm_unpackhi_epi32(third, fourth),
    ]
}

/// The first eight bytes.
#[inline]
#[target_feature(enable = "sse2")]
fn load(bytes: &[u8]) -> __m128i {
    let eight = bytes.first_chunk().copied().unwrap_or_default();
    _mm_cvtsi64_si128(i64::from_le_bytes(eight))
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(values: __m128i, bytes: &mut [u8]) {
    bytes[..LINES].copy_from_slice(&_mm_cvtsi128_si64(values).to_le_bytes());
}
