//! Filters of action units chosen on some people and scored on others.

use faus_base::order::{auroc, deviation, doubled_midranks, mean};
use rayon::prelude::*;
use serde::Serialize;

use crate::chance::bootstrap::{Range95, resampled_aurocs};
use crate::chance::exchange::Scheme;
use crate::chance::p_value;
use crate::chance::random::Purpose;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::CheckedOptions;
use crate::input::samples::SampleRow;
use crate::input::table::{Table, check_rows, wide};
use crate::score::association::{Association, Kl};
use crate::score::first_largest;

/// One fold: a network's activations, and the people it is tested on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoldActivations<'a> {
    /// Number of the fold.
    pub fold: usize,
    /// F(x) of all rows.
    pub activations: &'a Activations,
    /// Whether each row of the array shows one of them.
    pub test: &'a [bool],
}

/// Detection of an action unit by its best filter, chosen on other people.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OutOfFold {
    /// The action unit and how often it occurs.
    pub count: AuCount,
    /// Folds in which a filter could be chosen and scored.
    pub folds: usize,
    /// The chosen filter of each of them.
    pub filters: Vec<usize>,
    /// AUROC of the chosen filters' activations (in standard deviations of the choosing rows, turned so that more means
    /// the unit), all left-out people pooled. NaN if there is nothing to score.
    pub auroc: f64,
    /// 95% interval over resampled subjects, for given choices.
    pub range: Range95,
    /// One-sided p of AUROC above 0.5 under exchange of codes between and within people, as the options say.
    pub p: f64,
    /// The AUROC in every resampling, for differences between networks.
    pub resampled: Vec<f64>,
}

/// A pair chosen on people outside a fold and scored on the fold's people.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Replicated {
    /// The fold.
    pub fold: usize,
    /// The filter.
    pub filter: usize,
    /// Its action unit: the largest KL on the choosing people.
    pub au: u8,
    /// That KL.
    pub train_kl: f64,
    /// AUROC on the choosing people.
    pub train_auroc: f64,
    /// Tested rows that show the unit.
    pub test_n_with: usize,
    /// Tested rows that do not.
    pub test_n_without: usize,
    /// AUROC on the tested people; NaN where one group is empty.
    pub test_auroc: f64,
}

impl Replicated {
    /// Whether both AUROCs lie on the same side of 0.5; `None` where the second is not defined.
    pub fn same_direction(&self) -> Option<bool> {
        (!self.test_auroc.is_nan())
            .then_some((self.test_auroc - 0.5) * (self.train_auroc - 0.5) > 0.0)
    }
}

/// Folds of people for activations of one network: subjects in order of appearance are assigned in turn.
pub(crate) fn deal_subjects(samples: &[SampleRow], folds: usize) -> Vec<Vec<bool>> {
    let coded = Coded::collect(samples);
    let mut test = vec![vec![false; samples.len()]; folds];
    for (&row, &subject) in coded.rows.iter().zip(&coded.subjects) {
        test[subject as usize % folds][row] = true;
    }
    test
}

/// Chooses and scores the best filter of every sufficiently frequent action unit. The filter's AUROC lies farthest from
/// 0.5 among the people who are not tested.
///
/// # Errors
/// Errors from [`analyse`](crate::analyse); [`Error::Mismatch`] where a fold's rows are not the samples'.
pub(crate) fn out_of_fold(
    folds: &[FoldActivations],
    samples: &[SampleRow],
    options: &CheckedOptions,
) -> Result<Vec<OutOfFold>, Error> {
    let coded = Coded::collect(samples);
    let (aus, _) = coded.usable(options.min_positives)?;
    let parts = parts(folds, samples, &coded)?;
    let unit = |count: &AuCount| score_unit(*count, &coded, &parts, options);
    Ok(aus.par_iter().map(unit).collect())
}

/// For every fold and live filter: the action unit with the largest KL among the people who are not tested (the paper's
/// rule), and the pair's AUROC on those who are.
///
/// # Errors
/// As [`out_of_fold`].
pub(crate) fn replicate(
    folds: &[FoldActivations],
    samples: &[SampleRow],
    options: &CheckedOptions,
) -> Result<Vec<Replicated>, Error> {
    let coded = Coded::collect(samples);
    let parts = parts(folds, samples, &coded)?;
    let each = parts
        .iter()
        .flat_map(|part| part.replicate(&coded, options));
    Ok(each.collect())
}

/// A fold over the coded rows.
struct Part<'a> {
    fold: usize,
    activations: &'a Activations,
    /// Whether each coded row is tested.
    test: Vec<bool>,
}

fn parts<'a>(
    folds: &[FoldActivations<'a>],
    samples: &[SampleRow],
    coded: &Coded,
) -> Result<Vec<Part<'a>>, Error> {
    let part = |fold: &FoldActivations<'a>| {
        check_rows(fold.activations, samples)?;
        Error::unless_equal("rows of a fold", fold.test.len(), samples.len())?;
        Ok(Part {
            fold: fold.fold,
            activations: fold.activations,
            test: coded.rows.iter().map(|&row| fold.test[row]).collect(),
        })
    };
    folds.iter().map(part).collect()
}

impl Part<'_> {
    /// Every live filter's action unit, chosen on the rows that are not tested.
    fn replicate(&self, coded: &Coded, options: &CheckedOptions) -> Vec<Replicated> {
        let kl = Kl::of(options);
        let chosen_on = coded.only(|row| !self.test[row]);
        let scored_on = coded.only(|row| self.test[row]);
        let Ok((aus, _)) = chosen_on.usable(options.min_positives) else {
            return vec![];
        };
        let before = Table::new(&chosen_on, self.activations, aus.iter().map(|c| c.au));
        let after = Table::new(&scored_on, self.activations, aus.iter().map(|c| c.au));
        let scores = before.each_pair(|column, with| kl.score(column, with));
        let pair = |(filter, scores): (usize, &[f64])| {
            let unit = first_largest(scores);
            let test = &after.presence[unit];
            let n_with = test.iter().filter(|with| **with).count();
            (scores[unit] > 0.0).then(|| Replicated {
                fold: self.fold,
                filter,
                au: aus[unit].au,
                train_kl: scores[unit],
                train_auroc: auroc(&wide(&before.columns[filter]), &before.presence[unit]),
                test_n_with: n_with,
                test_n_without: test.len() - n_with,
                test_auroc: auroc(&wide(&after.columns[filter]), test),
            })
        };
        let filters = scores.par_chunks(aus.len()).enumerate();
        filters.filter_map(pair).collect()
    }
}

fn score_unit(
    count: AuCount,
    coded: &Coded,
    parts: &[Part],
    options: &CheckedOptions,
) -> OutOfFold {
    let presence = coded.presence(count.au);
    let mut scores = vec![f64::NAN; coded.len()];
    let mut filters = Vec::new();
    for part in parts {
        if let Some((filter, own)) = chosen(part, coded, &presence) {
            filters.push(filter);
            own.into_iter().for_each(|(row, score)| scores[row] = score);
        }
    }
    let scored: Vec<usize> = (0..coded.len())
        .filter(|&row| !scores[row].is_nan())
        .collect();
    let pick = |row: &usize| (scores[*row], presence[*row]);
    let (values, codes): (Vec<f64>, Vec<bool>) = scored.iter().map(pick).unzip();
    let rows = coded.only(|row| !scores[row].is_nan());
    let resampled = resampled_aurocs(&values, &codes, &rows.subjects, options);
    OutOfFold {
        count,
        folds: filters.len(),
        filters,
        auroc: auroc(&values, &codes),
        range: Range95::percentile(&resampled),
        p: exchange_p(&values, &codes, &rows, options),
        resampled,
    }
}

/// The best filter among the rows that are not tested, and its turned, standardised activation on each row that is;
/// `None` if there is no basis for a choice.
fn chosen(part: &Part, coded: &Coded, presence: &[bool]) -> Option<(usize, Vec<(usize, f64)>)> {
    let rows = |tested: bool| (0..coded.len()).filter(move |&row| part.test[row] == tested);
    let train: Vec<usize> = rows(false).collect();
    let codes: Vec<bool> = train.iter().map(|&row| presence[row]).collect();
    let values = |rows: &[usize], filter: usize| -> Vec<f64> {
        let value = |&row: &usize| f64::from(part.activations.get(coded.rows[row], filter));
        rows.iter().map(value).collect()
    };
    let mut best: Option<(usize, f64)> = None;
    for filter in 0..part.activations.filters() {
        let lean = auroc(&values(&train, filter), &codes) - 0.5;
        if lean.abs() > best.map_or(0.0, |(_, best)| best.abs()) {
            best = Some((filter, lean));
        }
    }
    let (filter, lean) = best?;
    let before = values(&train, filter);
    let (centre, spread) = (mean(&before), deviation(&before));
    let test: Vec<usize> = rows(true).collect();
    let turned = values(&test, filter)
        .into_iter()
        .map(|x| (x - centre) / spread * lean.signum());
    Some((filter, test.iter().copied().zip(turned).collect()))
}

/// Share of exchanges with at least this AUROC.
fn exchange_p(values: &[f64], codes: &[bool], rows: &Coded, options: &CheckedOptions) -> f64 {
    if options.permutations == 0 || values.is_empty() {
        return f64::NAN;
    }
    let scheme = Scheme::of_subjects(&rows.subjects, &rows.recordings, options.exchange);
    let ranks = doubled_midranks(values);
    let sum = |code: &mut dyn FnMut(usize) -> bool| -> u64 {
        let with = (0..ranks.len()).filter(|&row| code(row));
        with.map(|row| u64::from(ranks[row])).sum()
    };
    let observed = sum(&mut |row| codes[row]);
    let reached = (0..options.permutations as u64).filter(|&index| {
        let source = scheme.draw(options.seed, Purpose::Exchange, index);
        sum(&mut |row| codes[source[row] as usize]) >= observed
    });
    p_value(reached.count(), options.permutations)
}
