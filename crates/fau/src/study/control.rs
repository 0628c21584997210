//! One analysis for several networks, and their differences.

use serde::Serialize;

use crate::analysis::analyse_with;
use crate::analysis::counts::{Counts, of_unit};
use crate::chance::bootstrap::{Range95, differences};
use crate::chance::p_value;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::Coded;
use crate::input::options::CheckedOptions;
use crate::input::samples::SampleRow;
use crate::study::mean_known;
use crate::study::out_of_fold::{OutOfFold, deal_subjects, out_of_fold};
use crate::watch::Watch;

/// Folds of people over which filters are chosen and scored.
const FOLDS: usize = 10;

/// The analysis of one network or control.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Control {
    /// `trained`, `untrained`, `label_shuffled`, `au_shuffled` or `pixels`.
    #[serde(rename = "control")]
    pub name: &'static str,
    /// The name in words.
    pub words: &'static str,
    /// Columns of its activations.
    pub filters: usize,
    /// Filter × action-unit pairs.
    pub pairs: usize,
    /// Pairs whose KL has a false-discovery rate of at most `fdr`.
    pub pairs_q: usize,
    /// Filters whose largest KL has one.
    pub filters_max_q: usize,
    /// Pairs that hold inside expression classes.
    pub pairs_within_class_q: usize,
    /// Filters of these pairs.
    pub filters_within_class_q: usize,
    /// One for each action unit.
    #[serde(skip)]
    pub units: Vec<ControlUnit>,
    /// Mean over the action units of the AUROC of the best filter, chosen on other people.
    #[serde(rename = "mean_best_auroc")]
    pub mean_auroc: f64,
    /// Its 95% interval over resampled subjects.
    #[serde(flatten)]
    pub range: Range95,
    /// The mean in every resampling.
    #[serde(skip)]
    resampled: Vec<f64>,
    /// Its distance below the trained network.
    pub below_trained: Option<Gap>,
}

/// A control's result for one action unit.
#[derive(Debug, Clone)]
pub(crate) struct ControlUnit {
    /// Its best filter, chosen on other people.
    pub best: OutOfFold,
    /// Filters whose KL has a false-discovery rate of at most `fdr`.
    pub filters_q: usize,
    /// Filters that respond to it inside expression classes.
    pub filters_within_class_q: usize,
}

/// Difference of two networks in AUROC, the same people resampled for both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Gap {
    /// Mean over the action units of the difference.
    pub difference: f64,
    /// 95% interval over resampled subjects.
    #[serde(flatten)]
    pub range: Range95,
    /// Two-sided p: twice the smaller share of resamplings on either side of 0, each share (b + 1)/(m + 1).
    pub p: f64,
}

/// A control's name, and the same in words.
pub(crate) type Name = (&'static str, &'static str);

impl Control {
    /// Analyses `activations` of the samples' images.
    ///
    /// # Errors
    /// Errors from [`analyse`](crate::analyse).
    pub fn of(
        (name, words): Name,
        activations: &Activations,
        samples: &[SampleRow],
        options: &CheckedOptions,
        watch: &Watch,
    ) -> Result<Self, Error> {
        let analysis = analyse_with(activations, samples, options, &[], watch)?;
        let coded = Coded::collect(samples);
        let folds = deal_subjects(activations, &coded, FOLDS);
        let best = out_of_fold(&folds, &coded, options)?;
        let mean_at = |at: usize| mean_known(best.iter().map(|best| best.resampled[at]));
        let resampled: Vec<f64> = (0..options.bootstrap).map(mean_at).collect();
        let counts = Counts::of(&analysis);
        let unit = |(unit, best): (usize, OutOfFold)| ControlUnit {
            best,
            filters_q: of_unit(&analysis, unit, |pair| pair.q),
            filters_within_class_q: of_unit(&analysis, unit, |pair| pair.q_within_class),
        };
        Ok(Self {
            name,
            words,
            filters: analysis.filters,
            pairs: counts.pairs,
            pairs_q: counts.pairs_q,
            filters_max_q: counts.filters_max_q,
            pairs_within_class_q: counts.pairs_within_class_q,
            filters_within_class_q: counts.filters_within_class_q,
            mean_auroc: mean_known(best.iter().map(|best| best.auroc)),
            range: Range95::percentile(&resampled),
            resampled,
            below_trained: None,
            units: best.into_iter().enumerate().map(unit).collect(),
        })
    }

    /// How far `other` is below this one, over all action units.
    pub fn above(&self, other: &Self) -> Gap {
        let differences = differences(&self.resampled, &other.resampled);
        let side = |keep: fn(&f64) -> bool| differences.iter().filter(|d| keep(d)).count();
        let fewer = side(|d| *d <= 0.0).min(side(|d| *d >= 0.0));
        Gap {
            difference: self.mean_auroc - other.mean_auroc,
            range: Range95::percentile(&differences),
            p: (2.0 * p_value(fewer, side(|d| !d.is_nan()))).clamp(0.0, 1.0),
        }
    }

    /// The action units for which `other` is clearly below this one; both have the same units.
    pub fn clearly_above(&self, other: &Self) -> Vec<u8> {
        let units = self.units.iter().zip(&other.units);
        let units = units.map(|(own, theirs)| (&own.best, &theirs.best));
        let clear = units.filter(|(own, theirs)| {
            Range95::of_difference(&own.resampled, &theirs.resampled).low > 0.0
        });
        clear.map(|(own, _)| own.count.au).collect()
    }
}
