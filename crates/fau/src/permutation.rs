//! The null distribution of KL and AUROC: what do they come to when codes are exchanged?

use rayon::prelude::*;

use crate::bins::{Sizes, bin_numbers};
use crate::exchange::Scheme;
use crate::options::Smoothing;
use crate::random::Purpose;
use crate::ranks::{doubled_midranks, quantile};
use crate::{Error, Watch};

/// Permutations whose KL values are kept for the shape of the null distribution (its 95% point).
const KEPT: usize = 2000;
/// Rows listed at a time, over permutations and action units: 64 MB.
const LISTED: usize = 16 << 20;
/// KL values closer than this are equal but for the order of summation.
const TIES: f64 = 1e-11;

/// What to permute.
pub(crate) struct Question<'a> {
    /// Activations, filter by filter, each `[rows]`.
    pub columns: &'a [Vec<f32>],
    /// Presence, action unit by action unit, each `[rows]`, with both kinds of rows.
    pub presence: &'a [Vec<bool>],
    pub scheme: &'a Scheme,
    pub bins: usize,
    pub smoothing: Smoothing,
    pub permutations: usize,
    pub seed: u64,
}

/// What chance gives for one filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FilterNull {
    /// One for each action unit.
    pub pairs: Vec<PairNull>,
    /// p of the largest KL over the action units.
    pub p_max: f64,
}

/// What chance gives for one pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PairNull {
    /// Share of exchanges with at least this KL.
    pub p_kl: f64,
    /// Share of exchanges with an AUROC at least as far from 0.5.
    pub p_auroc: f64,
    /// Share of exchanges with at least, and with at most, this AUROC.
    pub p_above: f64,
    pub p_below: f64,
    /// Mean and 95% point of KL under the null.
    pub kl_mean: f64,
    pub kl_95: f64,
}

/// p = (b + 1) / (m + 1): never 0, and exact (Phipson & Smyth 2010).
pub(crate) fn p_value(at_least: u64, permutations: usize) -> f64 {
    (at_least + 1) as f64 / (permutations + 1) as f64
}

/// Permutes; the result does not depend on the number of threads.
///
/// # Errors
/// [`Error::Cancelled`].
pub(crate) fn permute(question: &Question, watch: &Watch) -> Result<Vec<FilterNull>, Error> {
    let listed: Vec<bool> = question.presence.iter().map(|p| listed(p)).collect();
    let mut tallies: Vec<Tally> = question
        .columns
        .par_iter()
        .map(|column| Tally::new(column, question, &listed))
        .collect();
    let rows_listed: usize = question
        .presence
        .iter()
        .zip(&listed)
        .map(|(p, &listed)| p.iter().filter(|with| **with == listed).count())
        .sum();
    let at_once = (LISTED / rows_listed.max(1)).clamp(1, 1000);
    for first in (0..question.permutations).step_by(at_once) {
        watch.step(first, question.permutations)?;
        let last = (first + at_once).min(question.permutations);
        let lists: Vec<Vec<Vec<u32>>> = (first..last)
            .into_par_iter()
            .map(|index| lists(question, &listed, index as u64))
            .collect();
        tallies.par_iter_mut().for_each(|tally| {
            lists.iter().for_each(|lists| tally.count(lists));
        });
    }
    Ok(tallies.into_iter().map(Tally::finish).collect())
}

/// Which kind of row is listed: the rarer.
fn listed(presence: &[bool]) -> bool {
    2 * presence.iter().filter(|with| **with).count() <= presence.len()
}

/// For every action unit the rows of the rarer kind after exchange `index`.
fn lists(question: &Question, listed: &[bool], index: u64) -> Vec<Vec<u32>> {
    let source = question
        .scheme
        .draw(question.seed, Purpose::Exchange, index);
    let list = |(presence, &listed): (&Vec<bool>, &bool)| {
        let rows = source.iter().enumerate();
        rows.filter(|(_, from)| presence[**from as usize] == listed)
            .map(|(row, _)| row as u32)
            .collect()
    };
    question.presence.iter().zip(listed).map(list).collect()
}

/// One row of one filter, as the inner loop wants it.
#[derive(Clone, Copy)]
struct Cell {
    rank: u32,
    /// Number among the filled bins.
    bin: u32,
}

/// What is counted for one filter.
struct Tally {
    cells: Vec<Cell>,
    /// Where each filled bin's terms begin.
    starts: Vec<u32>,
    counts: Vec<u32>,
    units: Vec<UnitTally>,
    largest: f64,
    largest_reached: u64,
    permutations: usize,
}

struct UnitTally {
    /// KL's term of filled bin b with c listed rows: `terms[starts[b] + c]`.
    terms: Vec<f64>,
    /// 2U − n₁n₀ is `sign` · (doubled rank sum of the listed rows − `centre`).
    centre: i64,
    sign: i64,
    observed: Outcome,
    kl_reached: u64,
    farther: u64,
    above: u64,
    below: u64,
    kl_sum: f64,
    kept: Vec<f32>,
}

#[derive(Clone, Copy, Default)]
struct Outcome {
    kl: f64,
    /// 2U − n₁n₀: 0 at an AUROC of 0.5.
    shift: i64,
}

impl Tally {
    fn new(column: &[f32], question: &Question, listed: &[bool]) -> Self {
        let values: Vec<f64> = column.iter().map(|&x| f64::from(x)).collect();
        // A constant filter has one bin; every KL is then 0, and every p is 1.
        let bins = bin_numbers(column, question.bins).unwrap_or_else(|| vec![0; column.len()]);
        let mut totals = vec![0_u64; question.bins];
        bins.iter().for_each(|&bin| totals[bin as usize] += 1);
        let filled: Vec<usize> = (0..totals.len()).filter(|&bin| totals[bin] > 0).collect();
        let mut place = vec![0; totals.len()];
        (0..).zip(&filled).for_each(|(at, &bin)| place[bin] = at);
        let cell = |(rank, bin): (u32, u32)| Cell {
            rank,
            bin: place[bin as usize],
        };
        let totals: Vec<u64> = filled.iter().map(|&bin| totals[bin]).collect();
        // A bin with n rows has n + 1 possible counts.
        let starts = totals.iter().scan(0, |next, &total| {
            let start = *next;
            *next += total as u32 + 1;
            Some(start)
        });
        let mut tally = Self {
            starts: starts.collect(),
            cells: doubled_midranks(&values)
                .into_iter()
                .zip(bins)
                .map(cell)
                .collect(),
            counts: vec![0; totals.len()],
            units: vec![],
            largest: f64::NEG_INFINITY,
            largest_reached: 0,
            permutations: question.permutations,
        };
        for (presence, &listed) in question.presence.iter().zip(listed) {
            let unit = tally.unit(presence, listed, &totals, question);
            tally.largest = tally.largest.max(unit.observed.kl);
            tally.units.push(unit);
        }
        tally
    }

    fn unit(
        &mut self,
        presence: &[bool],
        listed: bool,
        totals: &[u64],
        question: &Question,
    ) -> UnitTally {
        let n_with = presence.iter().filter(|with| **with).count() as u64;
        let sizes = Sizes {
            n_with,
            n_without: presence.len() as u64 - n_with,
            bins: question.bins,
            smoothing: question.smoothing,
        };
        let terms = totals.iter().flat_map(|&total| {
            (0..=total).map(move |count| match listed {
                true => sizes.kl_term(count, total - count),
                false => sizes.kl_term(total - count, count),
            })
        });
        let rows = (0..).zip(presence).filter(|(_, with)| **with == listed);
        let list: Vec<u32> = rows.map(|(row, _)| row).collect();
        let mut unit = UnitTally {
            terms: terms.collect(),
            centre: list.len() as i64 * (presence.len() as i64 + 1),
            sign: if listed { 1 } else { -1 },
            observed: Outcome::default(),
            kl_reached: 0,
            farther: 0,
            above: 0,
            below: 0,
            kl_sum: 0.0,
            kept: vec![],
        };
        // By the same sums as the permuted ones, so that equal histograms are equal.
        unit.observed = outcome(&self.cells, &self.starts, &mut self.counts, &unit, &list);
        unit
    }

    fn count(&mut self, lists: &[Vec<u32>]) {
        let mut largest = f64::NEG_INFINITY;
        for (unit, list) in self.units.iter_mut().zip(lists) {
            let now = outcome(&self.cells, &self.starts, &mut self.counts, unit, list);
            unit.kl_reached += u64::from(now.kl >= unit.observed.kl - TIES);
            unit.farther += u64::from(now.shift.abs() >= unit.observed.shift.abs());
            unit.above += u64::from(now.shift >= unit.observed.shift);
            unit.below += u64::from(now.shift <= unit.observed.shift);
            unit.kl_sum += now.kl;
            if unit.kept.len() < KEPT {
                unit.kept.push(now.kl as f32);
            }
            largest = largest.max(now.kl);
        }
        self.largest_reached += u64::from(largest >= self.largest - TIES);
    }

    fn finish(self) -> FilterNull {
        let permutations = self.permutations;
        let p = |reached| p_value(reached, permutations);
        let pair = |unit: UnitTally| {
            let mut kept: Vec<f64> = unit.kept.iter().map(|&kl| f64::from(kl)).collect();
            kept.sort_unstable_by(f64::total_cmp);
            PairNull {
                p_kl: p(unit.kl_reached),
                p_auroc: p(unit.farther),
                p_above: p(unit.above),
                p_below: p(unit.below),
                kl_mean: unit.kl_sum / permutations as f64,
                kl_95: quantile(&kept, 0.95),
            }
        };
        FilterNull {
            pairs: self.units.into_iter().map(pair).collect(),
            p_max: p(self.largest_reached),
        }
    }
}

/// KL and the shift of U when the rows of `list` are the listed ones.
fn outcome(
    cells: &[Cell],
    starts: &[u32],
    counts: &mut [u32],
    unit: &UnitTally,
    list: &[u32],
) -> Outcome {
    counts.fill(0);
    let mut ranks = 0_u64;
    for &row in list {
        let cell = cells[row as usize];
        ranks += u64::from(cell.rank);
        counts[cell.bin as usize] += 1;
    }
    let terms = starts.iter().zip(&*counts);
    Outcome {
        kl: terms
            .map(|(start, count)| unit.terms[(start + count) as usize])
            .sum(),
        shift: unit.sign * (ranks as i64 - unit.centre),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Exchange;
    use crate::{Association, Auroc, Kl};
    use proptest::prelude::*;

    /// The literal version: permute the codes, score anew, count.
    fn slowly(question: &Question) -> Vec<FilterNull> {
        let (bins, smoothing) = (question.bins, question.smoothing);
        let kl = Kl { bins, smoothing };
        let score = |column: &[f32], with: &[bool]| {
            let with_count = with.iter().filter(|w| **w).count() as f64;
            let pairs = with_count * (with.len() as f64 - with_count);
            (
                (kl.score(column, with)),
                ((2.0 * Auroc.score(column, with) - 1.0) * pairs).round(),
            )
        };
        question
            .columns
            .iter()
            .map(|column| {
                let observed: Vec<_> = question.presence.iter().map(|p| score(column, p)).collect();
                let largest = observed.iter().map(|o| o.0).fold(f64::MIN, f64::max);
                let mut counts = vec![[0_u64; 4]; observed.len()];
                let (mut sums, mut reached) = (vec![0.0; observed.len()], 0);
                for index in 0..question.permutations {
                    let source =
                        question
                            .scheme
                            .draw(question.seed, Purpose::Exchange, index as u64);
                    let mut most = f64::MIN;
                    for (unit, presence) in question.presence.iter().enumerate() {
                        let moved: Vec<bool> =
                            source.iter().map(|&from| presence[from as usize]).collect();
                        let (now, then) = (score(column, &moved), observed[unit]);
                        let hits = [
                            now.0 >= then.0 - TIES,
                            now.1.abs() >= then.1.abs(),
                            now.1 >= then.1,
                            now.1 <= then.1,
                        ];
                        for (count, hit) in counts[unit].iter_mut().zip(hits) {
                            *count += u64::from(hit);
                        }
                        sums[unit] += now.0;
                        most = most.max(now.0);
                    }
                    reached += u64::from(most >= largest - TIES);
                }
                let p = |count| p_value(count, question.permutations);
                let pair = |(c, sum): (&[u64; 4], &f64)| PairNull {
                    p_kl: p(c[0]),
                    p_auroc: p(c[1]),
                    p_above: p(c[2]),
                    p_below: p(c[3]),
                    kl_mean: sum / question.permutations as f64,
                    kl_95: 0.0,
                };
                FilterNull {
                    pairs: counts.iter().zip(&sums).map(pair).collect(),
                    p_max: p(reached),
                }
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn fast_counts_are_the_literal_ones(
            values in prop::collection::vec((-4..5_i8, 0..6_i8), 30),
            units in prop::collection::vec(any::<[bool; 2]>(), 30),
            subjects in prop::collection::vec(0..8_u32, 30),
        ) {
            let mut presence: Vec<Vec<bool>> = (0..2).map(|at| units.iter().map(|u| u[at]).collect()).collect();
            presence.iter_mut().for_each(|p| { p[0] = true; p[1] = false; });
            let columns = [
                values.iter().map(|v| f32::from(v.0)).collect::<Vec<_>>(),
                values.iter().map(|v| f32::from(v.1.max(3))).collect(),
                vec![1.5; 30],
            ];
            let recordings: Vec<u32> = (0..30).collect();
            let scheme = Scheme::of_subjects(&subjects, &recordings, Exchange::Both);
            let question = Question {
                columns: &columns, presence: &presence, scheme: &scheme, bins: 7, smoothing: Smoothing::default(),
                permutations: 60, seed: 3,
            };
            let fast = permute(&question, &Watch::default()).unwrap();
            for (fast, slow) in fast.iter().zip(slowly(&question)) {
                prop_assert_eq!(fast.p_max, slow.p_max);
                for (fast, slow) in fast.pairs.iter().zip(slow.pairs) {
                    prop_assert!((fast.kl_mean - slow.kl_mean).abs() < 1e-12);
                    prop_assert_eq!(PairNull { kl_mean: 0.0, kl_95: 0.0, ..*fast }, PairNull { kl_mean: 0.0, kl_95: 0.0, ..slow });
                }
            }
        }
    }
}
