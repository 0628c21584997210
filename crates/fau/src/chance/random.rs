//! Random numbers by seed, purpose and number of the draw, independent of the thread.

use rand_chacha::ChaCha8Rng;

/// Purposes of random numbers; each has its own streams.
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
    /// Untrained networks.
    Starts = 7,
    /// Permutations inside people.
    WithinPerson = 16,
    /// Permutations of intensities.
    Dose = 17,
    /// Random projections of the pixels.
    Projections = 18,
}

/// The generator of draw `index` for `purpose`.
pub(crate) fn keyed(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    faus_base::random::numbered(seed, purpose as u8, index)
}
