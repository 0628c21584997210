//! One analysis for several networks, and their differences.

use serde::Serialize;

use crate::analysis::analyse_with;
use crate::analysis::counts::{Counts, of_unit};
use crate::analysis::names::Name;
use crate::chance::bootstrap::Range95;
use crate::chance::rates::correct;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::CheckedOptions;
use crate::input::samples::SampleRow;
use crate::lens::Memorised;
use crate::study::effective_rank::effective_rank;
use crate::study::gap::{Above, Gap, Resampled};
use crate::study::out_of_fold::{OutOfFold, deal_subjects, out_of_fold};
use crate::study::starts::{Networks, further_starts, score_starts};
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
    /// Directions in which they vary, see [`effective_rank`].
    pub effective_rank: f64,
    /// Of the network trained on shuffled labels: how well it knows them.
    pub memorised: Option<Memorised>,
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
    /// Its filters' names.
    #[serde(skip)]
    pub names: Vec<Name>,
    /// One for each action unit.
    #[serde(skip)]
    pub units: Vec<ControlUnit>,
    /// Mean over the action units of the AUROC of the best filter, chosen on other people.
    #[serde(rename = "mean_best_auroc")]
    pub mean: Resampled,
    /// Its 95% interval over resampled subjects, and for untrained networks over their starts.
    #[serde(flatten)]
    pub range: Range95,
    /// Its distance below the trained network; none for a network that has not learned its shuffled labels.
    pub below_trained: Option<Gap>,
    /// The same mean of each untrained start; empty for other controls.
    pub starts: Vec<f64>,
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
    /// Its distance below the trained network, over all pairs of images and over those of the same expression.
    pub below_trained: Above,
    pub within_below_trained: Above,
}

/// A control's name, and the same in words.
pub(crate) type Title = (&'static str, &'static str);

impl Control {
    /// Analyses `activations` of the samples' images.
    ///
    /// # Errors
    /// Errors from [`analyse`](crate::analyse).
    pub fn of(
        (name, words): Title,
        activations: &Activations,
        samples: &[SampleRow],
        options: &CheckedOptions,
        watch: &Watch,
    ) -> Result<Self, Error> {
        let analysis = analyse_with(activations, samples, options, &[], watch)?;
        let coded = Coded::collect(samples);
        let folds = deal_subjects(activations, &coded, FOLDS);
        let best = out_of_fold(&folds, &coded, options)?;
        let mean = mean_of(&best);
        let counts = Counts::of(&analysis);
        let unit = |(unit, best): (usize, OutOfFold)| ControlUnit {
            best,
            filters_q: of_unit(&analysis, unit, |pair| pair.q),
            filters_within_class_q: of_unit(&analysis, unit, |pair| pair.q_within_class),
            below_trained: Above::NONE,
            within_below_trained: Above::NONE,
        };
        Ok(Self {
            name,
            words,
            filters: analysis.filters,
            effective_rank: effective_rank(activations),
            memorised: None,
            pairs: counts.pairs,
            pairs_q: counts.pairs_q,
            filters_max_q: counts.filters_max_q,
            pairs_within_class_q: counts.pairs_within_class_q,
            filters_within_class_q: counts.filters_within_class_q,
            range: Range95::percentile(&mean.each),
            mean,
            names: analysis.names().copied().collect(),
            below_trained: None,
            starts: vec![],
            units: best.into_iter().enumerate().map(unit).collect(),
        })
    }

    /// The mean AUROC, as a line of progress.
    pub fn line(&self) -> String {
        let Range95 { low, high } = self.range;
        format!(
            "{:14} mean AUROC of the best filters, chosen on other people: {:.3} [{low:.3}, {high:.3}]; effective rank {:.1} of {}",
            self.name, self.mean.auroc, self.effective_rank, self.filters
        )
    }

    /// Sets the AUROCs to those of a further untrained start, see [`Resampled::further_start`].
    ///
    /// # Errors
    /// Errors from [`score_starts`].
    pub fn over_starts(
        &mut self,
        starts: &[Activations],
        coded: &Coded,
        options: &CheckedOptions,
    ) -> Result<(), Error> {
        let aus: Vec<AuCount> = self.units.iter().map(|unit| unit.best.count).collect();
        let tests = deal_subjects(&starts[0], coded, FOLDS).into_iter();
        let tests: Vec<Vec<bool>> = tests.map(|fold| fold.test).collect();
        let starts = score_starts(&aus, starts, (Networks::One, &tests), coded, options)?;
        let scores = further_starts(&starts, |unit| &unit.score, options.seed);
        let within = further_starts(&starts, |unit| &unit.within, options.seed);
        for (unit, (score, within)) in self.units.iter_mut().zip(scores.into_iter().zip(within)) {
            unit.best.range = Range95::percentile(&score.each);
            (unit.best.score, unit.best.within) = (score, within);
        }
        let means: Vec<Resampled> = starts.iter().map(|start| mean_of(start)).collect();
        self.starts = means.iter().map(|mean| mean.auroc).collect();
        self.mean = Resampled::further_start(&means.iter().collect::<Vec<_>>(), options.seed);
        self.range = Range95::percentile(&self.mean.each);
        Ok(())
    }

    /// Sets the distances below `trained`, which has the same action units. A network that has learned nothing is no control.
    pub fn compare(&mut self, trained: &Self) {
        if self
            .memorised
            .is_some_and(|memorised| memorised.at_chance())
        {
            return;
        }
        self.below_trained = Some(Gap::of(&trained.mean, &self.mean));
        for (unit, own) in self.units.iter_mut().zip(&trained.units) {
            let (best, own) = (&unit.best, &own.best);
            let testable = own.testable_within;
            unit.below_trained = Above::of(&own.score, &best.score, true);
            unit.within_below_trained = Above::of(&own.within, &best.within, testable);
        }
        let units = &mut self.units;
        correct(units, |u| u.below_trained.gap.p, |u| &mut u.below_trained.q);
        correct(
            units,
            |u| u.within_below_trained.gap.p,
            |u| &mut u.within_below_trained.q,
        );
    }

    /// The action units for which the trained network is above this one at a false-discovery rate of `fdr` over all units.
    pub fn clearly_below(&self, fdr: f64) -> Vec<u8> {
        let above = |unit: &&ControlUnit| unit.below_trained.clear(fdr);
        let units = self.units.iter().filter(above);
        units.map(|unit| unit.best.count.au).collect()
    }
}

/// The mean over action units.
fn mean_of(units: &[OutOfFold]) -> Resampled {
    Resampled::mean(&units.iter().map(|unit| &unit.score).collect::<Vec<_>>())
}
