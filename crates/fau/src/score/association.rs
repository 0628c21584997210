//! Association measures: how strongly a filter's activation separates images with an action unit from images without
//! it.

use faus_base::order::{auroc, deviation, mean};

use crate::input::options::{AnalysisOptions, Smoothing};
use crate::score::bins::{Sides, TIES, distributions, shared_bins, sizes};
use crate::score::column::Sorted;

/// A measure of association between one filter and one action unit: a score, and its null.
///
/// Both receive one finite activation per image and whether the image shows the action unit, in equal lengths, with at
/// least one image of each kind. Scores must not depend on the order of the images, to the last bit.
pub trait Association: Sync {
    /// Column name in `associations.csv`: lower-case letters, digits and `_`, and no name of another column. The report
    /// shows it as it is.
    fn name(&self) -> &'static str;

    /// The score; NaN where it is undefined.
    fn score(&self, activations: &[f64], with_au: &[bool]) -> f64;

    /// How extreme a score is, for the null and for rankings: by default the score itself, which assumes that no
    /// association has the smallest score. A signed score needs `score.abs()`, one around 0.5 `(score - 0.5).abs()`; with the
    /// default their p is one-sided and misses filters that are less active with the action unit.
    fn strength(&self, score: f64) -> f64 {
        score
    }

    /// How many of the `exchanged` codes give at least the strength of `with_au`, equal up to rounding included. The
    /// default is literal, a score for each; a faster version must return the same count.
    fn null(&self, activations: &[f64], with_au: &[bool], exchanged: &[Vec<bool>]) -> usize {
        let strength = |codes: &[bool]| self.strength(self.score(activations, codes));
        let observed = strength(with_au);
        let least = observed - TIES * observed.abs().max(1.0);
        let reached = exchanged.iter().filter(|codes| strength(codes) >= least);
        reached.count()
    }
}

/// Kullback-Leibler divergence KL(Q‖R) in nats: Q is the histogram of images with the action unit, R of
/// those without (the measure of Khorrami, Paine & Huang 2015). At least 0; 0 for constant activations.
///
/// Any difference of the two distributions counts, not only "more active with the action unit".
/// It fails silently where a single extreme activation stretches the range so far that all others share a bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kl {
    /// Equal-width bins over the pooled range.
    pub bins: usize,
    /// How empty bins are filled.
    pub smoothing: Smoothing,
}

impl Kl {
    pub(crate) fn of(options: &AnalysisOptions) -> Self {
        Self {
            bins: options.bins,
            smoothing: options.smoothing,
        }
    }
}

impl Kl {
    pub(crate) fn of_counts(&self, counts: &[Sides]) -> f64 {
        let (q, r) = distributions(counts, self.smoothing);
        divergence(&q, &r)
    }
}

impl Association for Kl {
    fn name(&self) -> &'static str {
        "kl"
    }

    fn score(&self, activations: &[f64], with_au: &[bool]) -> f64 {
        let counts = shared_bins(activations, with_au, self.bins);
        counts.map_or(0.0, |counts| self.of_counts(&counts))
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

    fn score(&self, activations: &[f64], with_au: &[bool]) -> f64 {
        let counts = shared_bins(activations, with_au, self.bins);
        counts.map_or(0.0, |counts| self.of_counts(&counts))
    }
}

impl JensenShannon {
    pub(crate) fn of_counts(&self, counts: &[Sides]) -> f64 {
        let (q, r) = distributions(counts, self.smoothing);
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

    fn score(&self, activations: &[f64], with_au: &[bool]) -> f64 {
        auroc(activations, with_au)
    }

    fn strength(&self, score: f64) -> f64 {
        (score - 0.5).abs()
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

    fn score(&self, activations: &[f64], with_au: &[bool]) -> f64 {
        Sorted::new(activations).r(with_au)
    }

    fn strength(&self, score: f64) -> f64 {
        score.abs()
    }
}

/// d′, the difference of the mean activation with and without the action unit over the root of the mean of both variances
/// (Green & Swets 1966; over n − 1). NaN where a group has one image or both are constant.
pub(crate) fn d_prime(activations: &[f64], with_au: &[bool]) -> f64 {
    let group = |kind: bool| -> Vec<f64> {
        let own = activations
            .iter()
            .zip(with_au)
            .filter(|(_, with)| **with == kind);
        own.map(|(x, _)| *x).collect()
    };
    let (with, without) = (group(true), group(false));
    let spread = (deviation(&with).powi(2) + deviation(&without).powi(2)) / 2.0;
    match spread > 0.0 {
        true => (mean(&with) - mean(&without)) / spread.sqrt(),
        false => f64::NAN,
    }
}

/// Mutual information of the binned activation and presence in nats, in [0, ln 2]; 0 for constant activations.
///
/// The plug-in estimate, without smoothing: it is biased upwards by about (filled bins − 1) / 2n (Miller 1955), so
/// small values alone are not meaningful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MutualInformation {
    /// Equal-width bins over the pooled range.
    pub bins: usize,
}

impl Association for MutualInformation {
    fn name(&self) -> &'static str {
        "mutual_information"
    }

    fn score(&self, activations: &[f64], with_au: &[bool]) -> f64 {
        let counts = shared_bins(activations, with_au, self.bins);
        counts.map_or(0.0, |counts| Self::of_counts(&counts))
    }
}

impl MutualInformation {
    pub(crate) fn of_counts(counts: &[Sides]) -> f64 {
        let [n_with, n_without] = sizes(counts);
        let n = (n_with + n_without) as f64;
        let term = |count: u64, of_bin: u64, of_group: u64| match count {
            0 => 0.0,
            _ => count as f64 / n * (count as f64 * n / (of_bin as f64 * of_group as f64)).ln(),
        };
        let terms = counts.iter().map(|[with, without]| {
            let of_bin = with + without;
            term(*with, of_bin, n_with) + term(*without, of_bin, n_without)
        });
        terms.sum::<f64>().max(0.0)
    }
}

/// Σ q ln(q/r) over the bins where q is not 0; bins are summed in order. Clamped at 0, since rounding could make it
/// negative for equal distributions.
fn divergence(q: &[f64], r: &[f64]) -> f64 {
    let terms = q.iter().zip(r).filter(|(q, _)| **q > 0.0);
    let sum: f64 = terms.map(|(q, r)| q * (q / r).ln()).sum();
    sum.max(0.0)
}
