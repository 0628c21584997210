//! How far KL depends on what the paper leaves open: bins and smoothing.

use rayon::prelude::*;

use crate::analysis::Analysis;
use crate::measures::{Association, Kl};
use crate::options::{Prior, Smoothing};
use crate::ranks::spearman;

const BINS: [usize; 4] = [8, 16, 32, 64];
const PSEUDO_SAMPLES: [f64; 3] = [1.0, 16.0, 64.0];

/// KL by other bins or smoothing, against the analysis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variant {
    /// Bins.
    pub bins: usize,
    /// How the pseudo-samples spread, and how many.
    pub smoothing: Smoothing,
    /// Spearman's correlation of all KL values with the analysis's.
    pub spearman: f64,
    /// Share of the live filters that keep their action unit.
    pub same_au: f64,
}

/// All variants over a grid of bins, priors and pseudo-samples.
pub(crate) fn sensitivity(
    analysis: &Analysis,
    columns: &[Vec<f32>],
    presence: &[Vec<bool>],
) -> Vec<Variant> {
    let Some(before) = analysis.scores("kl") else {
        return vec![];
    };
    let mut grid = Vec::new();
    for bins in BINS {
        for prior in [Prior::Pooled, Prior::Uniform] {
            for pseudo_samples in PSEUDO_SAMPLES {
                grid.push(Kl {
                    bins,
                    smoothing: Smoothing {
                        prior,
                        pseudo_samples,
                    },
                });
            }
        }
    }
    let units = presence.len();
    let variant = |kl: Kl| {
        let score = |column: &Vec<f32>| -> Vec<f64> {
            let unit = |with: &Vec<bool>| kl.score(column, with);
            presence.iter().map(unit).collect()
        };
        let now: Vec<f64> = columns.iter().flat_map(score).collect();
        let live = analysis.correspondences.iter();
        let kept = live.filter(|c| {
            let own = &now[c.filter * units..][..units];
            analysis.aus_used[first_largest(own)].au == c.au
        });
        Variant {
            bins: kl.bins,
            smoothing: kl.smoothing,
            spearman: spearman(&before, &now),
            same_au: kept.count() as f64 / analysis.correspondences.len() as f64,
        }
    };
    grid.into_par_iter().map(variant).collect()
}

/// Place of the first of the largest values.
pub(crate) fn first_largest(values: &[f64]) -> usize {
    (1..values.len()).fold(
        0,
        |best, at| if values[at] > values[best] { at } else { best },
    )
}
