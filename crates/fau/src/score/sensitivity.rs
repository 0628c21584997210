//! Dependence of KL on two choices that the paper leaves open: bins and smoothing.

use faus_base::order::spearman;
use rayon::prelude::*;
use serde::Serialize;

use crate::input::options::{Prior, Smoothing};
use crate::input::table::Table;
use crate::score::association::{Association, Kl};
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
    let variant = |(bins, smoothing): (usize, Smoothing)| {
        let kl = Kl { bins, smoothing };
        let now = table.each_pair(|column, with| kl.score(column, with));
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
    grid().into_par_iter().map(variant).collect()
}

fn grid() -> Vec<(usize, Smoothing)> {
    let mut grid = Vec::new();
    for bins in BINS {
        for prior in [Prior::Pooled, Prior::Uniform] {
            grid.extend(PSEUDO_SAMPLES.map(|pseudo_samples| {
                let smoothing = Smoothing {
                    prior,
                    pseudo_samples,
                };
                (bins, smoothing)
            }));
        }
    }
    grid
}

/// The smallest value over the variants; NaN if there are none.
pub(crate) fn lowest(variants: &[Variant], value: fn(&Variant) -> f64) -> f64 {
    variants.iter().map(value).fold(f64::NAN, f64::min)
}
