//! One analysis for several networks, and their differences.

use faus_base::order::mean;
use serde::Serialize;

use crate::analysis::counts::{Counts, of_unit};
use crate::analysis::{Analysis, analyse_with};
use crate::chance::bootstrap::Range95;
use crate::chance::p_value;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::options::CheckedOptions;
use crate::input::samples::SampleRow;
use crate::study::numbers;
use crate::study::out_of_fold::{FoldActivations, OutOfFold, deal_subjects, out_of_fold};
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
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ControlUnit {
    /// The action unit.
    #[serde(skip)]
    pub au: u8,
    /// AUROC of its best filter, chosen on other people.
    pub auroc: f64,
    /// 95% interval over resampled subjects.
    pub range: Range95,
    /// Filters whose KL has a false-discovery rate of at most `fdr`.
    pub filters_q: usize,
    /// Filters that respond to it inside expression classes.
    pub filters_within_class_q: usize,
    /// The AUROC in every resampling.
    #[serde(skip)]
    resampled: Vec<f64>,
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

impl Control {
    /// Analyses `activations` of the samples' images.
    ///
    /// # Errors
    /// Errors from [`analyse`](crate::analyse).
    pub fn of(
        (name, words): (&'static str, &'static str),
        activations: &Activations,
        samples: &[SampleRow],
        options: &CheckedOptions,
        watch: &Watch,
    ) -> Result<Self, Error> {
        let analysis = analyse_with(activations, samples, options, &[], watch)?;
        let tests = deal_subjects(samples, FOLDS);
        let folds = tests
            .iter()
            .enumerate()
            .map(|(fold, test)| FoldActivations {
                fold,
                activations,
                test,
            });
        let scores = out_of_fold(&folds.collect::<Vec<_>>(), samples, options)?;
        Ok(Self::gather((name, words), &analysis, scores))
    }

    fn gather(
        (name, words): (&'static str, &'static str),
        analysis: &Analysis,
        scores: Vec<OutOfFold>,
    ) -> Self {
        let counts = Counts::of(analysis);
        let aurocs: Vec<f64> = scores.iter().map(|s| s.auroc).collect();
        let resampled = means(&scores);
        let unit = |(at, score): (usize, OutOfFold)| ControlUnit {
            au: score.count.au,
            auroc: score.auroc,
            range: score.range,
            filters_q: of_unit(analysis, at, |pair| pair.q),
            filters_within_class_q: of_unit(analysis, at, |pair| pair.q_within_class),
            resampled: score.resampled,
        };
        Self {
            name,
            words,
            filters: analysis.filters,
            pairs: counts.pairs,
            pairs_q: counts.pairs_q,
            filters_max_q: counts.filters_max_q,
            pairs_within_class_q: counts.pairs_within_class_q,
            filters_within_class_q: counts.filters_within_class_q,
            mean_auroc: mean(&numbers(aurocs)),
            range: Range95::percentile(&resampled),
            resampled,
            below_trained: None,
            units: scores.into_iter().enumerate().map(unit).collect(),
        }
    }

    /// How far `other` is below this one, over all action units.
    pub fn above(&self, other: &Self) -> Gap {
        let difference = self.mean_auroc - other.mean_auroc;
        gap(difference, &self.resampled, &other.resampled)
    }

    /// How far `other` is below this one for action unit `au`; `None` where either lacks it.
    pub fn above_for(&self, other: &Self, au: u8) -> Option<Gap> {
        let find = |control: &Self| control.units.iter().position(|u| u.au == au);
        let (own, theirs) = (&self.units[find(self)?], &other.units[find(other)?]);
        let difference = own.auroc - theirs.auroc;
        Some(gap(difference, &own.resampled, &theirs.resampled))
    }
}

fn gap(difference: f64, own: &[f64], theirs: &[f64]) -> Gap {
    let differences: Vec<f64> = own.iter().zip(theirs).map(|(a, b)| a - b).collect();
    let known = numbers(differences.iter().copied());
    let side = |keep: fn(&f64) -> bool| known.iter().filter(|d| keep(d)).count();
    let fewer = side(|d| *d <= 0.0).min(side(|d| *d >= 0.0));
    Gap {
        difference,
        range: Range95::percentile(&differences),
        p: match known.is_empty() {
            true => f64::NAN,
            false => (2.0 * p_value(fewer, known.len())).min(1.0),
        },
    }
}

/// Means over the action units in every resampling, leaving NaN out.
fn means(scores: &[OutOfFold]) -> Vec<f64> {
    let length = scores.first().map_or(0, |first| first.resampled.len());
    let at = |at: usize| mean(&numbers(scores.iter().map(|s| s.resampled[at])));
    (0..length).map(at).collect()
}
