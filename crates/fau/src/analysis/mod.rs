//! From activations and codings to a table of associations with their nulls.

pub(crate) mod columns;
pub(crate) mod counts;
pub(crate) mod dose;
pub(crate) mod inference;
pub(crate) mod names;
pub(crate) mod partial;
pub(crate) mod scores;

use crate::analysis::columns::check_measures;
use crate::analysis::dose::Dose;
use crate::analysis::inference::{Inference, Work};
use crate::analysis::names::{Name, best_filter, ranked};
use crate::analysis::partial::Partial;
use crate::analysis::scores::{Correspondence, FilterAu, MEASURES, Scores};
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::CheckedOptions;
use crate::input::samples::SampleRow;
use crate::input::table::{Table, check_rows};
use crate::score::association::Association;
use crate::watch::Watch;

/// The result of [`analyse`].
#[derive(Debug, Clone)]
pub struct Analysis {
    /// Its options; without permutations and resamplings where the coded rows show fewer than three people.
    pub options: CheckedOptions,
    /// Names of the measures: the built-in ones ([`MEASURES`]), then the others.
    pub measures: Vec<&'static str>,
    /// Rows of the activations array.
    pub rows: usize,
    /// Coded rows, the only ones used.
    pub rows_used: usize,
    /// Filters of the activations array.
    pub filters: usize,
    /// Action units analysed, ascending.
    pub aus_used: Vec<AuCount>,
    /// Action units too rare or too frequent, ascending.
    pub aus_left_out: Vec<AuCount>,
    /// Filters that are constant over all rows used, ascending: they correspond to nothing.
    pub dead_filters: Vec<usize>,
    /// Every filter × every action unit used, by filter, then action unit.
    pub associations: Vec<FilterAu>,
    /// One per live filter, by filter.
    pub correspondences: Vec<Correspondence>,
    /// Chance, intervals, and the share of the expression class.
    pub inference: Inference,
}

impl Analysis {
    /// Place of a filter and the action unit number `unit` (of [`aus_used`](Self::aus_used)) in
    /// [`associations`](Self::associations).
    pub fn place(&self, filter: usize, unit: usize) -> usize {
        filter * self.aus_used.len() + unit
    }

    /// The score of measure `name` in every association; `None` for an unknown measure.
    pub fn scores(&self, name: &str) -> Option<Vec<f64>> {
        let at = self.measures.iter().position(|measure| *measure == name)?;
        Some(self.column(at))
    }

    /// The score of measure number `at` in every association.
    pub(crate) fn column(&self, at: usize) -> Vec<f64> {
        self.associations.iter().map(|row| row.scores[at]).collect()
    }

    /// Names of the additional measures.
    pub fn own_measures(&self) -> &[&'static str] {
        &self.measures[MEASURES.len()..]
    }

    /// Correspondences by descending KL, then by filter.
    pub(crate) fn by_kl(&self) -> Vec<Correspondence> {
        let mut ranked = self.correspondences.clone();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.filter.cmp(&b.filter)));
        ranked
    }

    /// The filters with a name: the action unit with the largest |z|, if its q is at most the false-discovery rate.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.named().map(|(name, ..)| name)
    }

    /// [`names`](Self::names) with their partial association and their response to intensity.
    pub fn named(&self) -> impl Iterator<Item = (&Name, &Partial, &Dose)> {
        let Inference {
            names,
            partial,
            dose,
            ..
        } = &self.inference;
        let all = names.iter().zip(partial).zip(dose);
        all.map(|((name, partial), dose)| (name, partial, dose))
            .filter(|(name, ..)| name.holds(self.options.fdr))
    }

    /// The best filter of action unit number `unit`: the z farthest from 0. `None` where all filters are dead.
    pub fn best_filter(&self, unit: usize) -> Option<usize> {
        let z: Vec<f64> = self.inference.pairs.iter().map(|pair| pair.z).collect();
        best_filter(&z, self.aus_used.len(), unit)
    }

    /// The first `count` filters to draw: those with a name, the best of each action unit first, then the others by |z|.
    pub fn best_filters(&self, count: usize) -> Vec<usize> {
        let (named, others): (Vec<Name>, Vec<Name>) = self
            .inference
            .names
            .iter()
            .partition(|name| name.holds(self.options.fdr));
        let all = [named, others].map(|names| ranked(names.into_iter()));
        all.concat()
            .iter()
            .map(|name| name.filter)
            .take(count)
            .collect()
    }
}

/// Scores every filter against every sufficiently frequent action unit by KL, Jensen-Shannon, AUROC, mutual information
/// and point-biserial correlation, and compares each score with chance and with the share of the expression class
/// ([`Inference`]). The largest KL decides the correspondence.
///
/// Only coded rows are used. `samples` may come in any order: `index` is the row of `activations` that each describes,
/// and results are bit-identical for any order and any number of threads.
///
/// # Errors
/// [`Error::NoFilters`], [`Error::Mismatch`] and [`Error::BadIndex`] where the two do not belong
/// together; [`Error::NotFinite`] for NaN or infinite activations; [`Error::NoCodedRows`] and
/// [`Error::NoUsableAu`] where there is nothing to analyse.
pub fn analyse(
    activations: &Activations,
    samples: &[SampleRow],
    options: &CheckedOptions,
) -> Result<Analysis, Error> {
    analyse_with(activations, samples, options, &[], &Watch::default())
}

/// [`analyse`] with further measures, each with p, q and interval, and with progress.
///
/// # Errors
/// Errors from [`analyse`], [`Error::BadOption`] for a measure whose column names are taken, and [`Error::Cancelled`].
pub fn analyse_with(
    activations: &Activations,
    samples: &[SampleRow],
    options: &CheckedOptions,
    own: &[&dyn Association],
    watch: &Watch,
) -> Result<Analysis, Error> {
    check_measures(own)?;
    check_rows(activations, samples)?;
    let coded = Coded::collect(samples);
    let options = &options.for_people(coded.subject_count());
    let (aus_used, aus_left_out) = coded.usable(options.min_positives)?;
    let table = Table::new(&coded, activations, aus_used.iter().map(|count| count.au));
    let scores = Scores::new(&table, aus_used, options, own);
    let work = Work {
        options,
        activations,
        coded: &coded,
        table: &table,
        scores: &scores,
        own,
    };
    let inference = work.infer(watch)?;
    let names = own.iter().map(|measure| measure.name());
    Ok(Analysis {
        options: options.clone(),
        measures: MEASURES.into_iter().chain(names).collect(),
        rows: activations.rows(),
        rows_used: coded.len(),
        filters: activations.filters(),
        aus_used: scores.aus,
        aus_left_out,
        dead_filters: scores.dead,
        associations: scores.pairs,
        correspondences: scores.correspondences,
        inference,
    })
}
