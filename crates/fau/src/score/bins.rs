//! Histograms of one filter over images with and without an action unit.

use crate::input::options::{Prior, Smoothing};

/// Scores closer than this differ only by summation order.
pub(crate) const TIES: f64 = 1e-11;

/// The bin of every activation among `bins` equal-width bins from the smallest to the largest activation; the largest
/// belongs to the last bin. `None` for constant activations: there is no range to divide.
pub(crate) fn bin_numbers(activations: &[f32], bins: usize) -> Option<Vec<u32>> {
    let values = || activations.iter().map(|&x| f64::from(x));
    let low = values().fold(f64::INFINITY, f64::min);
    let width = values().fold(f64::NEG_INFINITY, f64::max) - low;
    if width.is_nan() || width <= 0.0 {
        return None;
    }
    let bin = |x: f64| (((x - low) / width * bins as f64) as usize).min(bins - 1) as u32;
    Some(values().map(bin).collect())
}

/// The two histograms of one filter and one action unit over the same bins.
pub(crate) struct SharedBins {
    pub with: Vec<u64>,
    pub without: Vec<u64>,
}

impl SharedBins {
    /// Counts; `None` for constant activations.
    pub fn count(activations: &[f32], with_au: &[bool], bins: usize) -> Option<Self> {
        let mut counts = Self {
            with: vec![0; bins],
            without: vec![0; bins],
        };
        for (bin, &with) in bin_numbers(activations, bins)?.into_iter().zip(with_au) {
            let side = if with {
                &mut counts.with
            } else {
                &mut counts.without
            };
            side[bin as usize] += 1;
        }
        Some(counts)
    }

    /// Smoothed probabilities (Q with, R without), each summing to 1.
    pub fn distributions(&self, smoothing: Smoothing) -> (Vec<f64>, Vec<f64>) {
        let sizes = Sizes {
            n_with: self.with.iter().sum(),
            n_without: self.without.iter().sum(),
            bins: self.with.len(),
            smoothing,
        };
        let pairs = self.with.iter().zip(&self.without);
        pairs
            .map(|(&with, &without)| sizes.pair(with, without))
            .unzip()
    }

    /// Plug-in mutual information of bin and presence, in nats.
    pub fn mutual_information(&self) -> f64 {
        let n_with: u64 = self.with.iter().sum();
        let n_without: u64 = self.without.iter().sum();
        let n = (n_with + n_without) as f64;
        let term = |count: u64, of_bin: u64, of_group: u64| match count {
            0 => 0.0,
            _ => count as f64 / n * (count as f64 * n / (of_bin as f64 * of_group as f64)).ln(),
        };
        let pairs = self.with.iter().zip(&self.without);
        let sum: f64 = pairs
            .map(|(&with, &without)| {
                term(with, with + without, n_with) + term(without, with + without, n_without)
            })
            .sum();
        sum.max(0.0)
    }
}

/// The sizes of both groups and the smoothing: with a bin's counts, these determine its probabilities.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub n_with: u64,
    pub n_without: u64,
    pub bins: usize,
    pub smoothing: Smoothing,
}

impl Sizes {
    /// Smoothed probabilities of a bin that holds `with` images with the action unit and `without` without.
    pub fn pair(&self, with: u64, without: u64) -> (f64, f64) {
        let share = match self.smoothing.prior {
            Prior::Pooled => (with + without) as f64 / (self.n_with + self.n_without) as f64,
            Prior::Uniform => 1.0 / self.bins as f64,
        };
        let extra = self.smoothing.pseudo_samples * share;
        let q = (with as f64 + extra) / (self.n_with as f64 + self.smoothing.pseudo_samples);
        let r = (without as f64 + extra) / (self.n_without as f64 + self.smoothing.pseudo_samples);
        (q, r)
    }

    /// The bin's term of KL(Q‖R), in nats.
    pub fn kl_term(&self, with: u64, without: u64) -> f64 {
        let (q, r) = self.pair(with, without);
        if q > 0.0 { q * (q / r).ln() } else { 0.0 }
    }
}
