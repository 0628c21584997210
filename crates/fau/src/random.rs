//! Random numbers by key: seed, purpose and number of the draw decide, never the thread.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random numbers are for; each purpose has streams of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Permutations of action-unit codes between and within subjects.
    Exchange = 1,
    /// Permutations inside an expression class.
    WithinClass = 2,
    /// Resampled subjects.
    Bootstrap = 3,
    /// Codes shuffled once, as a control.
    Control = 4,
    /// Signs flipped over people.
    Signs = 5,
    /// Random sets of filters.
    FilterSets = 6,
}

/// The generator of draw `index` for `purpose`.
pub(crate) fn keyed(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // 56 bits of index are more draws than anyone makes.
    rng.set_stream((purpose as u64) << 56 | (index & ((1 << 56) - 1)));
    rng
}
