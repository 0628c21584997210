//! Histograms of one filter over images with and without an action unit.

use crate::input::options::{Prior, Smoothing};

/// Scores closer than this differ only by summation order.
pub(crate) const TIES: f64 = 1e-11;

/// The bin of every activation among `bins` equal-width bins from the smallest to the largest activation; the largest
/// belongs to the last bin. `None` for constant activations: there is no range to divide.
pub(crate) fn bin_numbers(activations: &[f64], bins: usize) -> Option<Vec<u32>> {
    let values = || activations.iter().copied();
    let low = values().fold(f64::INFINITY, f64::min);
    let width = values().fold(f64::NEG_INFINITY, f64::max) - low;
    if width.is_nan() || width <= 0.0 {
        return None;
    }
    let bin = |x: f64| (((x - low) / width * bins as f64) as usize).min(bins - 1) as u32;
    Some(values().map(bin).collect())
}

/// Images with and without the action unit: of one bin, or in all.
pub(crate) type Sides = [u64; 2];

/// Both histograms of one filter and one action unit over the same bins; `None` for constant activations.
pub(crate) fn shared_bins(
    activations: &[f64],
    with_au: &[bool],
    bins: usize,
) -> Option<Vec<Sides>> {
    Some(histograms(&bin_numbers(activations, bins)?, with_au, bins))
}

/// Both histograms, from the bin of each image.
pub(crate) fn histograms(numbers: &[u32], with_au: &[bool], bins: usize) -> Vec<Sides> {
    let mut counts = vec![[0; 2]; bins];
    for (bin, with) in numbers.iter().zip(with_au) {
        counts[*bin as usize][usize::from(!with)] += 1;
    }
    counts
}

/// Sizes of both groups.
pub(crate) fn sizes(counts: &[Sides]) -> Sides {
    [0, 1].map(|side| counts.iter().map(|bin| bin[side]).sum())
}

/// Smoothed probabilities (Q with, R without), each summing to 1.
pub(crate) fn distributions(counts: &[Sides], smoothing: Smoothing) -> (Vec<f64>, Vec<f64>) {
    let sizes = sizes(counts);
    let bins = counts.iter();
    bins.map(|&bin| smoothing.pair(bin, sizes, counts.len()))
        .unzip()
}

impl Smoothing {
    /// Smoothed probabilities of one of `bins` bins, in groups of these sizes.
    fn pair(self, [with, without]: Sides, [n_with, n_without]: Sides, bins: usize) -> (f64, f64) {
        let share = match self.prior {
            Prior::Pooled => (with + without) as f64 / (n_with + n_without) as f64,
            Prior::Uniform => 1.0 / bins as f64,
        };
        let extra = self.pseudo_samples * share;
        let q = (with as f64 + extra) / (n_with as f64 + self.pseudo_samples);
        let r = (without as f64 + extra) / (n_without as f64 + self.pseudo_samples);
        (q, r)
    }

    /// The bin's term of KL(Q‖R), in nats.
    pub(crate) fn kl_term(self, bin: Sides, sizes: Sides, bins: usize) -> f64 {
        let (q, r) = self.pair(bin, sizes, bins);
        if q > 0.0 { q * (q / r).ln() } else { 0.0 }
    }
}
