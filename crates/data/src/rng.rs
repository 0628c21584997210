//! Random generators by key: who draws, not when or on which thread, decides what is drawn.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The generator of one draw: a function of `(seed, purpose, key)` alone.
///
/// The ChaCha8 seed is the SHA-256 of `faus-rng-1`, the seed, the length of `purpose` in bytes, `purpose`, the length
/// of `key` and its numbers; every number as 8 little-endian bytes. The lengths keep different keys from running into
/// each other. This does not change between versions: it is what makes a seed mean the same tomorrow.
///
/// ```
/// use rand::RngExt;
///
/// let draw = |key: &[u64]| -> u64 { faus_data::rng::keyed(7, "augment", key).random() };
/// assert_eq!(draw(&[1, 2]), draw(&[1, 2]));
/// assert_ne!(draw(&[1, 2]), draw(&[2, 1]));
/// ```
pub fn keyed(seed: u64, purpose: &str, key: &[u64]) -> ChaCha8Rng {
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
