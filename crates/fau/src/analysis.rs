//! From activations and codings to a table of associations.

use rayon::prelude::*;

use crate::coded::Coded;
use crate::inference::Inference;
use crate::measures::{Association, Auroc, JensenShannon, Kl, MutualInformation, PointBiserial};
use crate::{Activations, CheckedOptions, Error, SampleRow, Watch};

/// How often an action unit occurs in the coded rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuCount {
    /// The action unit.
    pub au: u8,
    /// Coded rows that show it.
    pub n_with: usize,
    /// Coded rows that do not.
    pub n_without: usize,
}

/// The scores of one filter and one action unit.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterAu {
    /// Filter, from 0.
    pub filter: usize,
    /// The action unit and how often it occurs.
    pub count: AuCount,
    /// One score per measure, in the order of [`Analysis::measures`].
    pub scores: Vec<f64>,
}

/// The action unit with a filter's largest first score; of equals the lower number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correspondence {
    /// Filter, from 0.
    pub filter: usize,
    /// Its action unit.
    pub au: u8,
    /// The score of the first measure, KL in nats by default.
    pub score: f64,
}

/// What [`analyse`] found.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// Options it ran with.
    pub options: CheckedOptions,
    /// Names of the measures; the first decides the correspondences.
    pub measures: Vec<&'static str>,
    /// Rows of the activations array.
    pub rows: usize,
    /// Rows that are coded, and so used.
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
    /// One per filter that is not dead, by filter.
    pub correspondences: Vec<Correspondence>,
    /// What chance and the expression class give; only [`analyse`] asks.
    pub inference: Option<Inference>,
}

impl Analysis {
    /// Place of a filter and the action unit number `unit` (of [`aus_used`](Self::aus_used)) in
    /// [`associations`](Self::associations).
    pub fn place(&self, filter: usize, unit: usize) -> usize {
        filter * self.aus_used.len() + unit
    }

    /// The score of measure `name` in every association; `None` where it was not asked for.
    pub fn scores(&self, name: &str) -> Option<Vec<f64>> {
        let at = self.measures.iter().position(|measure| *measure == name)?;
        Some(self.associations.iter().map(|row| row.scores[at]).collect())
    }
}

/// Scores every filter against every sufficiently frequent action unit by KL, Jensen-Shannon, AUROC, mutual information
/// and point-biserial correlation, and sets each score against what chance, and what the expression class, would give
/// ([`Inference`]). The largest KL decides the correspondence.
///
/// Only coded rows are used. `samples` may come in any order: `index` says which row of `activations`
/// each describes, and results do not depend on the order to the last bit, nor on the number of threads.
///
/// # Errors
/// [`Error::NoFilters`], [`Error::LengthMismatch`] and [`Error::BadIndex`] where the two do not belong
/// together; [`Error::NotFinite`] for NaN or infinite activations; [`Error::NoCodedRows`] and
/// [`Error::NoUsableAu`] where there is nothing to analyse.
pub fn analyse(
    activations: &Activations,
    samples: &[SampleRow],
    options: &CheckedOptions,
) -> Result<Analysis, Error> {
    analyse_watched(activations, samples, options, &Watch::default())
}

/// [`analyse`] for someone who waits.
///
/// # Errors
/// Those of [`analyse`], and [`Error::Cancelled`].
pub fn analyse_watched(
    activations: &Activations,
    samples: &[SampleRow],
    options: &CheckedOptions,
    watch: &Watch,
) -> Result<Analysis, Error> {
    let (bins, smoothing) = (options.bins, options.smoothing);
    let kl = Kl { bins, smoothing };
    let js = JensenShannon { bins, smoothing };
    let mi = MutualInformation { bins };
    let measures: [&dyn Association; 5] = [&kl, &js, &Auroc, &mi, &PointBiserial];
    let mut analysis = analyse_with(activations, samples, options, &measures)?;
    analysis.inference = Some(Inference::of(&analysis, activations, samples, watch)?);
    Ok(analysis)
}

/// The scores alone by measures of one's own, without nulls; the first decides the correspondences.
///
/// # Errors
/// Those of [`analyse`], and [`Error::BadOption`] if `measures` is empty.
pub fn analyse_with(
    activations: &Activations,
    samples: &[SampleRow],
    options: &CheckedOptions,
    measures: &[&dyn Association],
) -> Result<Analysis, Error> {
    if measures.is_empty() {
        return Err(Error::BadOption {
            name: "measures",
            value: "empty".to_owned(),
            expected: "give at least one measure",
        });
    }
    check_rows(activations, samples)?;
    activations.check_finite()?;
    let coded = Coded::collect(samples);
    let (aus_used, aus_left_out) = coded.usable(options.min_positives)?;
    let presence: Vec<Vec<bool>> = aus_used.iter().map(|au| coded.presence(au.au)).collect();

    let per_filter: Vec<FilterResult> = (0..activations.filters())
        .into_par_iter()
        .map(|filter| {
            let column = coded.column(activations, filter);
            score_filter(filter, &column, &aus_used, &presence, measures)
        })
        .collect();

    Ok(Analysis {
        options: options.clone(),
        measures: measures.iter().map(|measure| measure.name()).collect(),
        rows: activations.rows(),
        rows_used: coded.len(),
        filters: activations.filters(),
        aus_used,
        aus_left_out,
        dead_filters: filters_without_correspondence(&per_filter),
        correspondences: per_filter.iter().filter_map(|f| f.correspondence).collect(),
        associations: per_filter.into_iter().flat_map(|f| f.scores).collect(),
        inference: None,
    })
}

/// Samples must number the rows of the activations array, each once.
pub(crate) fn check_rows(activations: &Activations, samples: &[SampleRow]) -> Result<(), Error> {
    let rows = activations.rows();
    if activations.filters() == 0 {
        return Err(Error::NoFilters { rows });
    }
    if rows != samples.len() {
        return Err(Error::LengthMismatch {
            activations: rows,
            samples: samples.len(),
        });
    }
    let mut used = vec![false; rows];
    for &SampleRow { index, .. } in samples {
        let problem = match used.get_mut(index) {
            None => "outside the array",
            Some(true) => "used twice",
            Some(free) => {
                *free = true;
                continue;
            }
        };
        return Err(Error::BadIndex {
            index,
            problem,
            rows,
        });
    }
    Ok(())
}

struct FilterResult {
    filter: usize,
    scores: Vec<FilterAu>,
    correspondence: Option<Correspondence>,
}

fn score_filter(
    filter: usize,
    column: &[f32],
    aus: &[AuCount],
    presence: &[Vec<bool>],
    measures: &[&dyn Association],
) -> FilterResult {
    let scores: Vec<FilterAu> = aus
        .iter()
        .zip(presence)
        .map(|(&count, with_au)| FilterAu {
            filter,
            count,
            scores: measures
                .iter()
                .map(|measure| measure.score(column, with_au))
                .collect(),
        })
        .collect();
    let constant = column.windows(2).all(|pair| pair[0] == pair[1]);
    FilterResult {
        filter,
        correspondence: if constant { None } else { strongest(&scores) },
        scores,
    }
}

/// The first of the largest first scores; action units ascend, so ties go to the lower number.
fn strongest(scores: &[FilterAu]) -> Option<Correspondence> {
    let mut best: Option<Correspondence> = None;
    for row in scores {
        let score = row.scores[0];
        if !score.is_nan() && best.is_none_or(|best| score > best.score) {
            best = Some(Correspondence {
                filter: row.filter,
                au: row.count.au,
                score,
            });
        }
    }
    best
}

fn filters_without_correspondence(per_filter: &[FilterResult]) -> Vec<usize> {
    let dead = per_filter.iter().filter(|f| f.correspondence.is_none());
    dead.map(|f| f.filter).collect()
}
