//! Random numbers by purpose and index, independent of threads and order.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Purpose of a stream of random numbers. The number is part of the data set's format: never reuse one.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Identity = 1,
    Plan = 2,
    Recipe = 3,
    Scene = 4,
    Frame = 5,
    Sensor = 6,
    Habits = 7,
}

/// The generator for one purpose and two indices (subject, sequence, frame …).
pub(crate) fn keyed(seed: u64, purpose: Purpose, a: u64, b: u64) -> ChaCha8Rng {
    faus_base::random::of_words([seed, purpose as u64, a, b])
}

/// Distributions of the generative model.
pub(crate) trait Draw: Rng {
    /// Uniform in `[low, high)`.
    fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.random::<f32>()
    }

    /// Normal around `mean`, truncated at 2.2 deviations so that no face is distorted.
    fn around(&mut self, mean: f32, deviation: f32) -> f32 {
        let draw: f32 = StandardNormal.sample(self);
        mean + deviation * draw.clamp(-2.2, 2.2)
    }

    /// True with probability `p`.
    fn chance(&mut self, p: f32) -> bool {
        self.random::<f32>() < p
    }
}

impl Draw for ChaCha8Rng {}
