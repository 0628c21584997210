//! Dependence of KL on two choices that the paper leaves open: bins and smoothing.

use faus_base::order::spearman;
use rayon::prelude::*;
use serde::Serialize;

use crate::input::options::{Prior, Smoothing};
use crate::input::table::Table;
use crate::score::association::Kl;
use crate::score::bins::{Sides, bin_numbers, histograms};
use crate::score::first_largest;

const BINS: [usize; 4] = [8, 16, 32, 64];
const PSEUDO_SAMPLES: [f64; 3] = [1.0, 16.0, 64.0];

/// KL with other bins or smoothing, compared with the analysis.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
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

/// All variants over a grid of bins, priors and pseudo-samples. `before` is KL of every pair, `live` are the live filters
/// and the places of their action units.
pub(crate) fn sensitivity(before: &[f64], live: &[(usize, usize)], table: &Table) -> Vec<Variant> {
    let variant = |(bins, smoothing, now): (usize, Smoothing, Vec<f64>)| {
        let of = |filter: usize| &now[filter * table.units()..][..table.units()];
        let kept = live
            .iter()
            .filter(|(f, unit)| first_largest(of(*f)) == *unit);
        Variant {
            bins,
            smoothing,
            spearman: spearman(before, &now),
            same_au: kept.count() as f64 / live.len() as f64,
        }
    };
    let all = BINS.into_par_iter().flat_map(|bins| with_bins(bins, table));
    all.map(variant).collect()
}

/// KL of every pair with these bins, for each smoothing.
fn with_bins(bins: usize, table: &Table) -> Vec<(usize, Smoothing, Vec<f64>)> {
    let of_filter = |column: &Vec<f64>| -> Vec<Option<Vec<Sides>>> {
        let numbers = bin_numbers(column, bins);
        let units = table.presence.iter();
        units
            .map(|with| Some(histograms(numbers.as_ref()?, with, bins)))
            .collect()
    };
    let counts: Vec<_> = table.columns.par_iter().flat_map_iter(of_filter).collect();
    let mut variants = Vec::new();
    for prior in [Prior::Pooled, Prior::Uniform] {
        for pseudo_samples in PSEUDO_SAMPLES {
            let smoothing = Smoothing {
                prior,
                pseudo_samples,
            };
            let kl = Kl { bins, smoothing };
            let of_pair = |counts: &Option<Vec<Sides>>| {
                counts.as_deref().map_or(0.0, |counts| kl.of_counts(counts))
            };
            variants.push((bins, smoothing, counts.par_iter().map(of_pair).collect()));
        }
    }
    variants
}

/// The smallest value over the variants; NaN if there are none.
pub(crate) fn lowest(variants: &[Variant], value: fn(&Variant) -> f64) -> f64 {
    variants.iter().map(value).fold(f64::NAN, f64::min)
}
