//! Intervals by resampling people.

use std::sync::atomic::AtomicUsize;

use faus_base::order::quantile;
use rand::RngExt;
use rayon::prelude::*;
use serde::Serialize;

use crate::chance::random::{Purpose, keyed};
use crate::error::Error;
use crate::input::coded::grouped;
use crate::input::options::AnalysisOptions;
use crate::input::table::{Table, gather, pick, rows_of};
use crate::watch::Watch;

/// A 95% interval; NaN where undefined.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range95 {
    /// 2.5% end.
    pub low: f64,
    /// 97.5% end.
    pub high: f64,
}

impl Range95 {
    pub(crate) const NONE: Self = Self {
        low: f64::NAN,
        high: f64::NAN,
    };

    /// Percentile interval (Efron & Tibshirani 1993, §13.3) of resampled values; NaN values are left out, and there is
    /// no interval if fewer than half the resamplings are left.
    pub(crate) fn percentile(values: &[f64]) -> Self {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
        if sorted.is_empty() || 2 * sorted.len() < values.len() {
            return Self::NONE;
        }
        sorted.sort_unstable_by(f64::total_cmp);
        Self {
            low: quantile(&sorted, 0.025),
            high: quantile(&sorted, 0.975),
        }
    }

    /// The interval of the difference of two series that were resampled alike; NaN values are left out.
    pub fn of_difference(own: &[f64], theirs: &[f64]) -> Self {
        Self::percentile(&differences(own, theirs))
    }
}

/// The differences of two series that were resampled alike.
pub(crate) fn differences(own: &[f64], theirs: &[f64]) -> Vec<f64> {
    own.iter().zip(theirs).map(|(a, b)| a - b).collect()
}

/// How often each subject is drawn in resampling `index`; never more than 255 times in practice.
pub(crate) fn weights(subjects: usize, seed: u64, index: u64) -> Vec<u8> {
    let rng = &mut keyed(seed, Purpose::Bootstrap, index);
    let mut weights = vec![0_u8; subjects];
    for _ in 0..subjects {
        let drawn = &mut weights[rng.random_range(0..subjects)];
        *drawn = drawn.saturating_add(1);
    }
    weights
}

/// Weights of every row in every resampling of its subjects.
pub(crate) fn row_weights(subjects: &[u32], options: &AnalysisOptions) -> Vec<Vec<u8>> {
    let people = subjects.iter().max().map_or(0, |&last| last as usize + 1);
    let of = |index| gather(&weights(people, options.seed, index), subjects);
    let all = 0..options.bootstrap as u64;
    all.into_par_iter().map(of).collect()
}

/// The AUROC of some scores in every resampling of the subjects; NaN where one group was not drawn.
pub(crate) fn resampled_aurocs(
    scores: &[f64],
    positive: &[bool],
    subjects: &[u32],
    options: &AnalysisOptions,
) -> Vec<f64> {
    let rows = Ascending::new(scores);
    let list = rows_of(positive, true);
    let mut below = vec![0; scores.len()];
    let weights = row_weights(subjects, options);
    let auroc = |weights: &Vec<u8>| {
        let total = rows.doubled_weight_below(weights, &mut below);
        weighted_auroc(&list, weights, &below, total)
    };
    weights.iter().map(auroc).collect()
}

/// The AUROC over pairs of rows of one class, and the same in every resampling of the subjects. Rows without a class take no
/// part; NaN where no pair is left.
pub(crate) fn within_class_aurocs(
    scores: &[f64],
    positive: &[bool],
    classes: &[Option<i64>],
    subjects: &[u32],
    options: &AnalysisOptions,
) -> (f64, Vec<f64>) {
    let labelled = (0..scores.len()).filter_map(|row| Some((classes[row]?, row)));
    let strata = grouped(labelled).into_values().map(|rows| {
        let list = rows_of(&pick(positive, &rows), true);
        (Ascending::new(&pick(scores, &rows)), list, rows)
    });
    let strata: Vec<_> = strata.collect();
    let auroc = |weights: &Vec<u8>| {
        let (mut won, mut pairs) = (0, 0);
        for (order, list, rows) in &strata {
            let own = pick(weights, rows);
            let mut below = vec![0; rows.len()];
            let total = order.doubled_weight_below(&own, &mut below);
            let counted = counted_pairs(list, &own, &below, total);
            (won, pairs) = (won + counted.0, pairs + counted.1);
        }
        won as f64 / pairs as f64
    };
    let each = row_weights(subjects, options);
    let each = each.iter().map(auroc).collect();
    (auroc(&vec![1; scores.len()]), each)
}

/// Intervals of the AUROC of every pair, filter by filter.
///
/// # Errors
/// [`Error::Cancelled`].
pub(crate) fn resample(
    table: &Table,
    subjects: &[u32],
    options: &AnalysisOptions,
    watch: &Watch,
) -> Result<Vec<Range95>, Error> {
    let weights = row_weights(subjects, options);
    let lists: Vec<Vec<u32>> = table.presence.iter().map(|p| rows_of(p, true)).collect();
    let (begun, of) = (AtomicUsize::new(0), table.columns.len());
    let ranges = table.columns.par_iter().map(|column| {
        watch.next(&begun, of)?;
        let rows = Ascending::new(column);
        Ok(ranges(&rows, &lists, &weights))
    });
    Ok(ranges.collect::<Result<Vec<_>, Error>>()?.concat())
}

/// One filter's interval for every unit, whose rows are `lists`.
fn ranges(rows: &Ascending, lists: &[Vec<u32>], weights: &[Vec<u8>]) -> Vec<Range95> {
    let mut aurocs = vec![Vec::with_capacity(weights.len()); lists.len()];
    let mut below = vec![0; rows.order.len()];
    for weights in weights {
        let total = rows.doubled_weight_below(weights, &mut below);
        for (aurocs, list) in aurocs.iter_mut().zip(lists) {
            aurocs.push(weighted_auroc(list, weights, &below, total));
        }
    }
    aurocs
        .iter()
        .map(|aurocs| Range95::percentile(aurocs))
        .collect()
}

/// Rows in ascending order of their values; `ends` are the ends of ties.
struct Ascending {
    order: Vec<u32>,
    ends: Vec<usize>,
}

impl Ascending {
    fn new(values: &[f64]) -> Self {
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
        let same = |a: &u32, b: &u32| values[*a as usize] == values[*b as usize];
        let ends = order.chunk_by(same).scan(0, |end, tied| {
            *end += tied.len();
            Some(*end)
        });
        Self {
            ends: ends.collect(),
            order,
        }
    }

    /// For each row, twice the weight below it plus the weight tied with it; returns the total weight.
    fn doubled_weight_below(&self, weights: &[u8], below: &mut [u64]) -> u64 {
        let (mut before, mut start) = (0, 0);
        for &end in &self.ends {
            let tied = &self.order[start..end];
            let weights = tied.iter().map(|&row| u64::from(weights[row as usize]));
            let own: u64 = weights.sum();
            for &row in tied {
                below[row as usize] = 2 * before + own;
            }
            before += own;
            start = end;
        }
        before
    }
}

/// AUROC of rows that count `weights` times, from [`Ascending::doubled_weight_below`]; NaN where a group has no weight.
fn weighted_auroc(list: &[u32], weights: &[u8], below: &[u64], total: u64) -> f64 {
    let (won, pairs) = counted_pairs(list, weights, below, total);
    won as f64 / pairs as f64
}

/// Twice the weight of the pairs that the rows of the list win, ties half, and twice that of all.
fn counted_pairs(list: &[u32], weights: &[u8], below: &[u64], total: u64) -> (u64, u64) {
    let (mut sum, mut with) = (0, 0);
    for &row in list {
        let weight = u64::from(weights[row as usize]);
        with += weight;
        sum += weight * below[row as usize];
    }
    // Pairs within the group itself come to half its squared weight, ties and a row with itself counted half.
    (sum - with * with, 2 * with * (total - with))
}

#[cfg(test)]
mod tests {
    use faus_base::order::auroc;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Weights are copies: the literal version repeats every row.
        #[test]
        fn weights_are_copies(rows in prop::collection::vec((-5..6_i8, any::<bool>(), 0..4_u8), 2..40)) {
            let column: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let list: Vec<u32> = (0..).zip(&rows).filter(|(_, r)| r.1).map(|(row, _)| row).collect();
            let weights: Vec<u8> = rows.iter().map(|r| r.2).collect();
            let ascending = Ascending::new(&column);
            let mut below = vec![0; rows.len()];
            let total = ascending.doubled_weight_below(&weights, &mut below);
            let copies: Vec<(f64, bool)> = rows.iter().flat_map(|r| vec![(f64::from(r.0), r.1); usize::from(r.2)]).collect();
            let (values, with): (Vec<f64>, Vec<bool>) = copies.into_iter().unzip();
            let (fast, slow) = (weighted_auroc(&list, &weights, &below, total), auroc(&values, &with));
            prop_assert!((fast - slow).abs() < 1e-12 || fast.is_nan() && slow.is_nan());
        }

        #[test]
        fn as_many_people_are_drawn_as_there_are(people in 1..200_usize, index in 0..50_u64) {
            let drawn = weights(people, 4, index);
            prop_assert_eq!(drawn.iter().map(|&w| usize::from(w)).sum::<usize>(), people);
            prop_assert_eq!(&drawn, &weights(people, 4, index));
        }
    }

    #[test]
    fn intervals_need_half_of_the_resamplings() {
        let nan = f64::NAN;
        assert!(Range95::percentile(&[1.0, nan, nan]).low.is_nan());
        assert_eq!(Range95::percentile(&[1.0, 1.0, nan]).high, 1.0);
    }
}
