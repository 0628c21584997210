//! Intervals by resampling people.

use std::array::from_fn;
use std::sync::atomic::AtomicUsize;

use faus_base::order::quantile;
use multiversion::multiversion;
use rand::RngExt;
use rayon::prelude::*;
use serde::Serialize;

use crate::chance::random::{Purpose, keyed};
use crate::error::Error;
use crate::input::coded::grouped;
use crate::input::options::AnalysisOptions;
use crate::input::table::{Table, gather, pick};
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
fn weights(subjects: usize, seed: u64, index: u64) -> Vec<u8> {
    let rng = &mut keyed(seed, Purpose::Bootstrap, index);
    let mut weights = vec![0_u8; subjects];
    for _ in 0..subjects {
        let drawn = &mut weights[rng.random_range(0..subjects)];
        *drawn = drawn.saturating_add(1);
    }
    weights
}

/// Weights of the subjects, resampling by resampling.
fn all_weights(subjects: &[u32], options: &AnalysisOptions) -> Vec<Vec<u8>> {
    let people = subjects.iter().max().map_or(0, |&last| last as usize + 1);
    let all = (0..options.bootstrap as u64).into_par_iter();
    all.map(|index| weights(people, options.seed, index))
        .collect()
}

/// Weights of every row in every resampling of its subjects.
pub(crate) fn row_weights(subjects: &[u32], options: &AnalysisOptions) -> Vec<Vec<u8>> {
    let all = all_weights(subjects, options).into_par_iter();
    all.map(|weights| gather(&weights, subjects)).collect()
}

/// Resamplings that are counted side by side, a vector register's worth.
const LANES: usize = 8;
/// One number of each of them. Whole numbers throughout, so that sums are exact in any order (below 2^53, or 67 million rows).
type Lanes = [f64; LANES];

/// Weights of the subjects, [`LANES`] resamplings at a time; the last ones may be filled up with zeros.
fn side_by_side(subjects: &[u32], options: &AnalysisOptions) -> Vec<Vec<Lanes>> {
    let all = all_weights(subjects, options);
    let beside = |some: &[Vec<u8>]| {
        let people = 0..some[0].len();
        let of = |person| from_fn(|lane| some.get(lane).map_or(0.0, |all| f64::from(all[person])));
        people.map(of).collect()
    };
    all.chunks(LANES).map(beside).collect()
}

/// The AUROC of some scores in every resampling of the subjects; NaN where one group was not drawn.
pub(crate) fn resampled_aurocs(
    scores: &[f64],
    positive: &[bool],
    subjects: &[u32],
    options: &AnalysisOptions,
) -> Vec<f64> {
    let rows = Ascending::new(scores, subjects, &[positive]);
    let weights = side_by_side(subjects, options);
    let each = weights.iter().flat_map(|some| rows.pairs(some)[0].auroc());
    each.take(options.bootstrap).collect()
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
        let (scores, subjects) = (pick(scores, &rows), pick(subjects, &rows));
        Ascending::new(&scores, &subjects, &[&pick(positive, &rows)])
    });
    let strata: Vec<_> = strata.collect();
    let aurocs = |weights: &[Lanes]| {
        let counted = strata.iter().map(|rows| rows.pairs(weights)[0]);
        counted.fold(Pairs::default(), Pairs::plus).auroc()
    };
    let weights = side_by_side(subjects, options);
    let each = weights.iter().flat_map(|some| aurocs(some));
    let people = subjects.iter().max().map_or(0, |&last| last as usize + 1);
    let once = vec![[1.0; LANES]; people];
    (aurocs(&once)[0], each.take(options.bootstrap).collect())
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
    let weights = side_by_side(subjects, options);
    let presence: Vec<&[bool]> = table.presence.iter().map(Vec::as_slice).collect();
    let (begun, of) = (AtomicUsize::new(0), table.columns.len());
    let ranges = table.columns.par_iter().map(|column| {
        watch.next(&begun, of)?;
        let rows = Ascending::new(column, subjects, &presence);
        let counted: Vec<Vec<Pairs>> = weights.iter().map(|some| rows.pairs(some)).collect();
        let range = |unit: usize| {
            let aurocs = counted.iter().flat_map(|some| some[unit].auroc());
            Range95::percentile(&aurocs.take(options.bootstrap).collect::<Vec<_>>())
        };
        Ok((0..presence.len()).map(range).collect())
    });
    Ok(ranges.collect::<Result<Vec<Vec<_>>, Error>>()?.concat())
}

/// Rows in ascending order of their values.
struct Ascending {
    subjects: Vec<u32>,
    /// Ends of ties, in rows.
    ties: Vec<usize>,
    /// The units of all rows, one row after the other.
    units: Vec<u16>,
    /// Where the units of each row end.
    ends: Vec<usize>,
    count: usize,
}

impl Ascending {
    /// `presence` is of each unit, by row.
    fn new(values: &[f64], subjects: &[u32], presence: &[&[bool]]) -> Self {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut units = Vec::new();
        let ends = order.iter().map(|&row| {
            units.extend(
                (0..)
                    .zip(presence)
                    .filter(|(_, of)| of[row])
                    .map(|(unit, _)| unit),
            );
            units.len()
        });
        let ends = ends.collect();
        let ties = order.chunk_by(|&a, &b| values[a] == values[b]);
        let ties = ties.scan(0, |end, tied| {
            *end += tied.len();
            Some(*end)
        });
        Self {
            subjects: pick(subjects, &order),
            ties: ties.collect(),
            units,
            ends,
            count: presence.len(),
        }
    }

    /// The pairs of each unit's rows with the others, each row counted as often as its subject.
    fn pairs(&self, weights: &[Lanes]) -> Vec<Pairs> {
        let mut pairs = vec![Pairs::default(); self.count];
        let total = count(self, weights, &mut pairs);
        for unit in &mut pairs {
            for (lane, total) in total.iter().enumerate() {
                let with = unit.all[lane];
                // Pairs within the group itself come to half its squared weight, ties and a row with itself counted half.
                unit.won[lane] -= with * with;
                unit.all[lane] = 2.0 * with * (total - with);
            }
        }
        pairs
    }
}

/// Sums up for each unit its rows' weight times twice the weight below plus the weight tied (`won`), and their weight (`all`);
/// returns the weight of all rows.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn count(rows: &Ascending, weights: &[Lanes], units: &mut [Pairs]) -> Lanes {
    let (mut below, mut start, mut first) = (Lanes::default(), 0, 0);
    for &end in &rows.ties {
        let mut tied = Lanes::default();
        for &subject in &rows.subjects[start..end] {
            let weight = &weights[subject as usize];
            (0..LANES).for_each(|lane| tied[lane] += weight[lane]);
        }
        let twice: Lanes = from_fn(|lane| 2.0 * below[lane] + tied[lane]);
        for row in start..end {
            let weight = &weights[rows.subjects[row] as usize];
            for &unit in &rows.units[first..rows.ends[row]] {
                let unit = &mut units[usize::from(unit)];
                (0..LANES).for_each(|lane| unit.won[lane] += weight[lane] * twice[lane]);
                (0..LANES).for_each(|lane| unit.all[lane] += weight[lane]);
            }
            first = rows.ends[row];
        }
        (0..LANES).for_each(|lane| below[lane] += tied[lane]);
        start = end;
    }
    below
}

/// Twice the weight of the pairs that a unit's rows win, ties half, and twice that of all.
#[derive(Clone, Copy, Default)]
struct Pairs {
    won: Lanes,
    all: Lanes,
}

impl Pairs {
    fn plus(self, other: Self) -> Self {
        Self {
            won: from_fn(|lane| self.won[lane] + other.won[lane]),
            all: from_fn(|lane| self.all[lane] + other.all[lane]),
        }
    }

    /// NaN where there is no pair.
    fn auroc(&self) -> Lanes {
        from_fn(|lane| self.won[lane] / self.all[lane])
    }
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
            let with: Vec<bool> = rows.iter().map(|r| r.1).collect();
            let subjects: Vec<u32> = (0..rows.len() as u32).collect();
            let weights: Vec<Lanes> = rows.iter().map(|r| [f64::from(r.2); LANES]).collect();
            let fast = Ascending::new(&column, &subjects, &[&with]).pairs(&weights)[0].auroc()[0];
            let copies: Vec<(f64, bool)> = rows.iter().flat_map(|r| vec![(f64::from(r.0), r.1); usize::from(r.2)]).collect();
            let (values, with): (Vec<f64>, Vec<bool>) = copies.into_iter().unzip();
            let slow = auroc(&values, &with);
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
