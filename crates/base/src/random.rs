//! Random generators by key: the key alone decides the numbers, not the thread or the order of the draws.
//!
//! Three schemes, one for each kind of result that depends on them. They stay the same across versions, so that old
//! seeds stay reproducible.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The generator for a named purpose (data, training), a function of `(seed, purpose, key)` alone.
///
/// The ChaCha8 seed is the SHA-256 of `faus-rng-1`, the seed, the length of `purpose` in bytes, `purpose`, the length
/// of `key` and its numbers; every number as 8 little-endian bytes. The lengths keep different keys from running into
/// each other.
///
/// ```
/// use rand::RngExt;
///
/// let draw = |key: &[u64]| -> u64 { faus_base::random::named(7, "augment", key).random() };
/// assert_eq!(draw(&[1, 2]), draw(&[1, 2]));
/// assert_ne!(draw(&[1, 2]), draw(&[2, 1]));
/// ```
pub fn named(seed: u64, purpose: &str, key: &[u64]) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(b"faus-rng-1");
    hash.update(seed.to_le_bytes());
    hash.update((purpose.len() as u64).to_le_bytes());
    hash.update(purpose.as_bytes());
    hash.update((key.len() as u64).to_le_bytes());
    for number in key {
        hash.update(number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// The generator whose ChaCha8 seed is these four numbers, little-endian (drawn faces).
pub fn of_words(words: [u64; 4]) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (slot, word) in key.chunks_exact_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// The generator of draw `index` for a numbered purpose (permutations, resamplings): one of 2⁵⁶ streams per purpose.
pub fn numbered(seed: u64, purpose: u8, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(purpose) << 56 | (index & ((1 << 56) - 1)));
    rng
}

/// Draws `n` of `0..n` with replacement, `resamples` times, and returns the `statistic` of each draw, ascending: its
/// quantiles are a percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13).
pub fn bootstrap(
    mut rng: ChaCha8Rng,
    resamples: usize,
    n: usize,
    statistic: impl Fn(&[usize]) -> f64,
) -> Vec<f64> {
    let mut drawn = vec![0; n];
    let resample = |_| {
        drawn.fill_with(|| rng.random_range(0..n));
        statistic(&drawn)
    };
    let mut values: Vec<f64> = (0..resamples).map(resample).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bootstrap_draws_as_many_as_there_are() {
        let sum = |drawn: &[usize]| drawn.iter().sum::<usize>() as f64;
        let values = bootstrap(numbered(1, 0, 0), 200, 3, sum);
        assert!(values.is_sorted() && values[0] >= 0.0 && values[199] <= 6.0);
        assert!(values[0] < values[199]);
    }

    /// Results of earlier versions depend on these numbers.
    #[test]
    fn draws_stay_what_they_were() {
        let draws: [u64; 3] = [
            named(7, "augment", &[1, 2]).random(),
            of_words([1, 2, 3, 4]).random(),
            numbered(1, 3, 5).random(),
        ];
        let known = [
            2_280_719_684_423_391_107,
            1_223_844_302_487_303_164,
            16_474_660_318_984_492_856,
        ];
        assert_eq!(draws, known);
    }
}
