//! Association measures: how strongly does a filter's activation tell images with an action unit from
//! images without it?

use crate::options::{Prior, Smoothing};

/// A measure of association between one filter and one action unit.
///
/// `score` receives one activation per image (finite) and whether the image shows the action unit, in
/// equal lengths, with at least one image of each kind. It must not depend on the order of the images,
/// to the last bit. A measure that decides correspondences (the first given to
/// [`analyse_with`](crate::analyse_with)) must grow with the strength of the association.
pub trait Association: Sync {
    /// Column name in `associations.csv`: lower case, no spaces.
    fn name(&self) -> &'static str;

    /// The score; NaN where it is undefined.
    fn score(&self, activations: &[f32], with_au: &[bool]) -> f64;
}

/// Kullback-Leibler divergence KL(Q‖R) in nats: Q is the histogram of images with the action unit, R of
/// those without (the measure of Khorrami, Paine & Huang 2015). At least 0; 0 for constant activations.
///
/// It sees any difference of the two distributions, not only "more active with the action unit".
/// It fails silently where a single extreme activation stretches the range so far that all others share a bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kl {
    /// Equal-width bins over the pooled range.
    pub bins: usize,
    /// How empty bins are filled.
    pub smoothing: Smoothing,
}

impl Association for Kl {
    fn name(&self) -> &'static str {
        "kl"
    }

    fn score(&self, activations: &[f32], with_au: &[bool]) -> f64 {
        let Some(bins) = SharedBins::count(activations, with_au, self.bins) else {
            return 0.0;
        };
        let (q, r) = bins.distributions(self.smoothing);
        divergence(&q, &r)
    }
}

/// Jensen-Shannon divergence in nats (not its square root), in [0, ln 2], of the same Q and R as [`Kl`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JensenShannon {
    /// Equal-width bins over the pooled range.
    pub bins: usize,
    /// How empty bins are filled.
    pub smoothing: Smoothing,
}

impl Association for JensenShannon {
    fn name(&self) -> &'static str {
        "js"
    }

    fn score(&self, activations: &[f32], with_au: &[bool]) -> f64 {
        let Some(bins) = SharedBins::count(activations, with_au, self.bins) else {
            return 0.0;
        };
        let (q, r) = bins.distributions(self.smoothing);
        let middle: Vec<f64> = q.iter().zip(&r).map(|(q, r)| 0.5 * (q + r)).collect();
        0.5 * divergence(&q, &middle) + 0.5 * divergence(&r, &middle)
    }
}

/// Area under the ROC curve: the chance that an image with the action unit excites the filter more than
/// one without, ties counted half (Mann-Whitney U over n₁n₀). 0.5 means no association; below 0.5 the
/// filter is less active with the action unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auroc;

impl Association for Auroc {
    fn name(&self) -> &'static str {
        "auroc"
    }

    fn score(&self, activations: &[f32], with_au: &[bool]) -> f64 {
        let sorted = sorted(activations, with_au);
        let positives = with_au.iter().filter(|&&with| with).count() as u64;
        let negatives = with_au.len() as u64 - positives;
        // Ranks are kept doubled: midranks are halves, so all sums stay whole and exact.
        let mut doubled_rank_sum = 0;
        let mut before = 0;
        for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
            let doubled_midrank = 2 * before + tied.len() as u64 + 1;
            let tied_positives = tied.iter().filter(|(_, with)| *with).count() as u64;
            doubled_rank_sum += doubled_midrank * tied_positives;
            before += tied.len() as u64;
        }
        let doubled_u = doubled_rank_sum - positives * (positives + 1);
        doubled_u as f64 / (2.0 * positives as f64 * negatives as f64)
    }
}

/// Point-biserial correlation: Pearson's r between activation and presence (0/1), in [-1, 1].
/// NaN for constant activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointBiserial;

impl Association for PointBiserial {
    fn name(&self) -> &'static str {
        "r"
    }

    fn score(&self, activations: &[f32], with_au: &[bool]) -> f64 {
        // Sorted first, so that the floating-point sums do not depend on the order of the images.
        let sorted = sorted(activations, with_au);
        if sorted.first().map(|s| s.0) == sorted.last().map(|s| s.0) {
            return f64::NAN;
        }
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = values.fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
            (sum / count, count)
        };
        let (all, n) = mean(&mut sorted.iter().map(|s| s.0));
        let (with, n_with) = mean(&mut sorted.iter().filter(|s| s.1).map(|s| s.0));
        let (without, n_without) = mean(&mut sorted.iter().filter(|s| !s.1).map(|s| s.0));
        let squares: f64 = sorted.iter().map(|s| (s.0 - all).powi(2)).sum();
        let r = (with - without) * (n_with * n_without / (n * squares)).sqrt();
        r.clamp(-1.0, 1.0)
    }
}

/// The two histograms of one filter and one action unit over the same bins.
struct SharedBins {
    with: Vec<u64>,
    without: Vec<u64>,
}

impl SharedBins {
    /// Counts over `bins` equal-width bins from the smallest to the largest activation of both groups;
    /// the largest belongs to the last bin. `None` for constant activations: there is no range to divide.
    fn count(activations: &[f32], with_au: &[bool], bins: usize) -> Option<Self> {
        let values = || activations.iter().map(|&x| f64::from(x));
        let low = values().fold(f64::INFINITY, f64::min);
        let width = values().fold(f64::NEG_INFINITY, f64::max) - low;
        if width <= 0.0 {
            return None;
        }
        let mut counts = Self {
            with: vec![0; bins],
            without: vec![0; bins],
        };
        for (x, &with) in values().zip(with_au) {
            let bin = (((x - low) / width * bins as f64) as usize).min(bins - 1);
            let side = if with {
                &mut counts.with
            } else {
                &mut counts.without
            };
            side[bin] += 1;
        }
        Some(counts)
    }

    /// Smoothed probabilities (Q with, R without), each summing to 1.
    fn distributions(&self, smoothing: Smoothing) -> (Vec<f64>, Vec<f64>) {
        let n_with: u64 = self.with.iter().sum();
        let n_without: u64 = self.without.iter().sum();
        let bins = self.with.len() as f64;
        let pseudo = |with: u64, without: u64| {
            let share = match smoothing.prior {
                Prior::Pooled => (with + without) as f64 / (n_with + n_without) as f64,
                Prior::Uniform => 1.0 / bins,
            };
            smoothing.pseudo_samples * share
        };
        let total_with = n_with as f64 + smoothing.pseudo_samples;
        let total_without = n_without as f64 + smoothing.pseudo_samples;
        let pairs = self.with.iter().zip(&self.without);
        pairs
            .map(|(&with, &without)| {
                let extra = pseudo(with, without);
                let q = (with as f64 + extra) / total_with;
                let r = (without as f64 + extra) / total_without;
                (q, r)
            })
            .unzip()
    }
}

/// Σ q ln(q/r) over the bins where q is not 0; bins are summed in order. Never below 0, though rounding
/// would take it there for equal distributions.
fn divergence(q: &[f64], r: &[f64]) -> f64 {
    let terms = q.iter().zip(r).filter(|(q, _)| **q > 0.0);
    let sum: f64 = terms.map(|(q, r)| q * (q / r).ln()).sum();
    sum.max(0.0)
}

/// Activations with their labels in ascending order, one order for every order of the input.
fn sorted(activations: &[f32], with_au: &[bool]) -> Vec<(f64, bool)> {
    let pairs = activations.iter().map(|&x| f64::from(x));
    let mut pairs: Vec<(f64, bool)> = pairs.zip(with_au.iter().copied()).collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    pairs
}
