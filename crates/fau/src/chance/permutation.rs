//! The null distribution of KL and AUROC together, by exchange of codes.

use std::collections::BTreeMap;

use faus_base::order::{doubled_midranks, quantile};
use rayon::prelude::*;

use crate::chance::exchange::Scheme;
use crate::chance::moments::{Centred, codes_centred, ranks_centred, shift_moments};
use crate::chance::p_value;
use crate::chance::random::Purpose;
use crate::error::Error;
use crate::input::coded::positives;
use crate::input::options::{AnalysisOptions, Smoothing};
use crate::input::table::{Table, rows_of};
use crate::score::bins::{Sides, TIES, bin_numbers};
use crate::watch::Watch;

/// Permutations whose KL values are kept for the shape of the null distribution (its 95% point).
const KEPT: usize = 2000;
/// Rows up to which the terms of KL are computed once (our choice: 32 kB for each filter and unit).
const TABULATED: u64 = 4096;
/// Rows listed at a time, over permutations and action units: 64 MB.
const LISTED: usize = 16 << 20;

/// Chance for one filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FilterNull {
    /// One for each action unit.
    pub pairs: Vec<PairNull>,
    /// p of the largest KL over the action units.
    pub p_max: f64,
    /// p of the largest |z| over the action units.
    pub p_largest_z: f64,
}

/// Chance for one pair.
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
    /// The AUROC's distance from its exact mean under exchange, in exact standard deviations; NaN where it does not vary.
    pub z: f64,
    /// That standard deviation of the AUROC; NaN likewise.
    pub auroc_sd: f64,
}

/// Permutes; the result does not depend on the number of threads.
///
/// # Errors
/// [`Error::Cancelled`].
pub(crate) fn permute(
    table: &Table,
    scheme: &Scheme,
    options: &AnalysisOptions,
    watch: &Watch,
) -> Result<Vec<FilterNull>, Error> {
    let presence = table.presence.iter();
    let units: Vec<Unit> = presence.map(|p| Unit::new(p, scheme)).collect();
    let columns = table.columns.par_iter();
    let mut tallies: Vec<Tally> = columns
        .map(|column| Tally::new(column, &units, scheme, options))
        .collect();
    let rows_listed: usize = units.iter().map(|unit| unit.list.len()).sum();
    let at_once = (LISTED / rows_listed.max(1)).clamp(1, 1000);
    for first in (0..options.permutations).step_by(at_once) {
        watch.step(first, options.permutations)?;
        let last = (first + at_once).min(options.permutations);
        let draw = |index: usize| -> Vec<Vec<u32>> {
            let source = scheme.draw(options.seed, Purpose::Exchange, index as u64);
            units.iter().map(|unit| unit.exchanged(&source)).collect()
        };
        let lists: Vec<_> = (first..last).into_par_iter().map(draw).collect();
        tallies
            .par_iter_mut()
            .for_each(|tally| lists.iter().for_each(|lists| tally.count(lists)));
    }
    let permutations = options.permutations;
    let finish = |tally: Tally| FilterNull {
        p_max: p_value(tally.largest_reached, permutations),
        p_largest_z: p_value(tally.largest_z_reached, permutations),
        pairs: tally
            .units
            .into_iter()
            .map(|unit| unit.finish(permutations))
            .collect(),
    };
    Ok(tallies.into_iter().map(finish).collect())
}

/// The codes of one action unit. Only rows of the rarer kind are listed.
struct Unit<'a> {
    presence: &'a [bool],
    /// The kind of row listed.
    listed: bool,
    /// Rows of that kind.
    list: Vec<u32>,
    centred: Centred,
}

impl<'a> Unit<'a> {
    fn new(presence: &'a [bool], scheme: &Scheme) -> Self {
        let listed = 2 * positives(presence) <= presence.len();
        Self {
            presence,
            listed,
            list: rows_of(presence, listed),
            centred: codes_centred(scheme, presence),
        }
    }

    /// The rows of the listed kind after an exchange.
    fn exchanged(&self, source: &[u32]) -> Vec<u32> {
        let rows = (0..).zip(source);
        rows.filter(|(_, from)| self.presence[**from as usize] == self.listed)
            .map(|(row, _)| row)
            .collect()
    }
}

/// One row of one filter, in the layout of the inner loop.
#[derive(Clone, Copy)]
struct Cell {
    rank: u32,
    /// Number among the filled bins.
    bin: u32,
}

/// The counts of one filter.
struct Tally {
    cells: Vec<Cell>,
    /// Where each filled bin's terms begin, and where the last one's end.
    starts: Vec<u32>,
    counts: Vec<u32>,
    units: Vec<UnitTally>,
    largest: f64,
    largest_reached: usize,
    largest_z: f64,
    largest_z_reached: usize,
}

struct UnitTally {
    /// KL's term of filled bin b with c listed rows: `terms[starts[b] + c]`; empty for more rows than [`TABULATED`].
    terms: Vec<f64>,
    /// The same term of a bin with c of n rows listed.
    term: Term,
    /// 2U − n₁n₀ is `sign` · (doubled rank sum of the listed rows − `centre`).
    centre: i64,
    sign: i64,
    /// Mean of 2U − n₁n₀ under exchange, and one over its standard deviation (0 where it does not vary).
    expected: f64,
    per_deviation: f64,
    observed: Outcome,
    /// Exchanges with at least the observed KL, distance of AUROC from 0.5 and AUROC, and with at most this AUROC.
    reached: [usize; 4],
    kl_sum: f64,
    kept: Vec<f32>,
}

/// KL's term of one bin.
#[derive(Clone, Copy)]
struct Term {
    listed: bool,
    sizes: Sides,
    smoothing: Smoothing,
    bins: usize,
}

impl Term {
    fn of(&self, count: u64, total: u64) -> f64 {
        let sides = match self.listed {
            true => [count, total - count],
            false => [total - count, count],
        };
        self.smoothing.kl_term(sides, self.sizes, self.bins)
    }
}

#[derive(Clone, Copy, Default)]
struct Outcome {
    kl: f64,
    /// 2U − n₁n₀: 0 at an AUROC of 0.5.
    shift: i64,
}

impl Tally {
    fn new(column: &[f64], units: &[Unit], scheme: &Scheme, options: &AnalysisOptions) -> Self {
        // A constant filter has one bin; every KL is then 0, and every p is 1.
        let bins = bin_numbers(column, options.bins).unwrap_or_else(|| vec![0; column.len()]);
        let mut totals: BTreeMap<u32, u64> = BTreeMap::new();
        for &bin in &bins {
            *totals.entry(bin).or_default() += 1;
        }
        let place: BTreeMap<u32, u32> = totals.keys().copied().zip(0..).collect();
        let totals: Vec<u64> = totals.into_values().collect();
        // A bin with n rows has n + 1 possible counts.
        let mut starts = vec![0];
        starts.extend(totals.iter().scan(0, |next, &total| {
            *next += total as u32 + 1;
            Some(*next)
        }));
        let ranks = doubled_midranks(column);
        let centred = ranks_centred(scheme, &ranks);
        let cells = ranks.into_iter().zip(bins).map(|(rank, bin)| Cell {
            rank,
            bin: place[&bin],
        });
        let tallies = units.iter();
        let tallies = tallies.map(|unit| UnitTally::new(unit, &centred, &totals, options));
        let mut tally = Self {
            starts,
            cells: cells.collect(),
            counts: vec![0; totals.len()],
            units: tallies.collect(),
            largest: f64::NEG_INFINITY,
            largest_reached: 0,
            largest_z: 0.0,
            largest_z_reached: 0,
        };
        for (tally_of, unit) in tally.units.iter_mut().zip(units) {
            // By the same sums as the permuted ones, so that equal histograms are equal.
            tally_of.observed =
                tally_of.outcome(&tally.cells, &tally.starts, &mut tally.counts, &unit.list);
            tally.largest = tally.largest.max(tally_of.observed.kl);
            tally.largest_z = tally.largest_z.max(tally_of.z(tally_of.observed).abs());
        }
        tally
    }

    fn count(&mut self, lists: &[Vec<u32>]) {
        let (mut largest, mut largest_z) = (f64::NEG_INFINITY, 0.0_f64);
        for (unit, list) in self.units.iter_mut().zip(lists) {
            let now = unit.outcome(&self.cells, &self.starts, &mut self.counts, list);
            let then = unit.observed;
            unit.reached[0] += usize::from(now.kl >= then.kl - TIES);
            unit.reached[1] += usize::from(now.shift.abs() >= then.shift.abs());
            unit.reached[2] += usize::from(now.shift >= then.shift);
            unit.reached[3] += usize::from(now.shift <= then.shift);
            unit.kl_sum += now.kl;
            if unit.kept.len() < KEPT {
                unit.kept.push(now.kl as f32);
            }
            largest = largest.max(now.kl);
            largest_z = largest_z.max(unit.z(now).abs());
        }
        self.largest_reached += usize::from(largest >= self.largest - TIES);
        self.largest_z_reached += usize::from(largest_z >= self.largest_z - TIES);
    }
}

impl UnitTally {
    fn new(unit: &Unit, ranks: &Centred, totals: &[u64], options: &AnalysisOptions) -> Self {
        let (expected, per_deviation) = shift_moments(ranks, &unit.centred, unit.presence);
        let (listed, rows) = (unit.list.len() as u64, unit.presence.len() as u64);
        let term = Term {
            listed: unit.listed,
            sizes: match unit.listed {
                true => [listed, rows - listed],
                false => [rows - listed, listed],
            },
            smoothing: options.smoothing,
            bins: options.bins,
        };
        let terms = totals.iter().filter(|_| rows <= TABULATED);
        let terms = terms.flat_map(|&total| (0..=total).map(move |count| term.of(count, total)));
        Self {
            terms: terms.collect(),
            term,
            centre: listed as i64 * (rows as i64 + 1),
            sign: if unit.listed { 1 } else { -1 },
            expected,
            per_deviation,
            observed: Outcome::default(),
            reached: [0; 4],
            kl_sum: 0.0,
            kept: vec![],
        }
    }

    /// KL and the shift of U when the rows of `list` are the listed ones.
    fn outcome(&self, cells: &[Cell], starts: &[u32], counts: &mut [u32], list: &[u32]) -> Outcome {
        counts.fill(0);
        let mut ranks = 0_u64;
        for &row in list {
            let cell = cells[row as usize];
            ranks += u64::from(cell.rank);
            counts[cell.bin as usize] += 1;
        }
        let places = starts.windows(2).zip(&*counts);
        let terms = places.map(|(bin, count)| match self.terms.is_empty() {
            true => self
                .term
                .of(u64::from(*count), u64::from(bin[1] - bin[0] - 1)),
            false => self.terms[(bin[0] + count) as usize],
        });
        Outcome {
            kl: terms.sum(),
            shift: self.sign * (ranks as i64 - self.centre),
        }
    }

    /// 0 where no exchange changes it.
    fn z(&self, outcome: Outcome) -> f64 {
        (outcome.shift as f64 - self.expected) * self.per_deviation
    }

    fn finish(self, permutations: usize) -> PairNull {
        let pairs = self.term.sizes.iter().product::<u64>() as f64;
        let (z, auroc_sd) = match self.per_deviation > 0.0 {
            true => (self.z(self.observed), 0.5 / (self.per_deviation * pairs)),
            false => (f64::NAN, f64::NAN),
        };
        let mut kept: Vec<f64> = self.kept.iter().map(|&kl| f64::from(kl)).collect();
        kept.sort_unstable_by(f64::total_cmp);
        let [p_kl, p_auroc, p_above, p_below] = self.reached.map(|b| p_value(b, permutations));
        PairNull {
            p_kl,
            p_auroc,
            p_above,
            p_below,
            kl_mean: self.kl_sum / permutations as f64,
            kl_95: quantile(&kept, 0.95),
            z,
            auroc_sd,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::chance::exchange::Exchange;
    use crate::chance::moments::z_scores;
    use crate::input::table::gather;
    use crate::score::association::{Association, Auroc, Kl};

    /// The literal version: permute the codes, rescore, count.
    fn slowly(table: &Table, scheme: &Scheme, options: &AnalysisOptions) -> Vec<FilterNull> {
        let kl = Kl::of(options);
        let z = |column: &[f64], codes: Vec<Vec<bool>>| {
            let (columns, presence) = (vec![column.to_vec()], codes);
            z_scores(&Table { columns, presence }, scheme)
        };
        let largest_z = |z: &[f64]| z.iter().map(|z| z.abs()).fold(0.0, f64::max);
        let score = |column: &[f64], with: &[bool]| {
            let with_count = with.iter().filter(|w| **w).count() as f64;
            let pairs = with_count * (with.len() as f64 - with_count);
            (
                (kl.score(column, with)),
                ((2.0 * Auroc.score(column, with) - 1.0) * pairs).round(),
            )
        };
        table
            .columns
            .iter()
            .map(|column| {
                let observed: Vec<_> = table.presence.iter().map(|p| score(column, p)).collect();
                let largest = observed.iter().map(|o| o.0).fold(f64::MIN, f64::max);
                let mut counts = vec![[0_usize; 4]; observed.len()];
                let (mut sums, mut reached) = (vec![0.0; observed.len()], 0);
                let observed_z = z(column, table.presence.clone());
                let mut reached_z = 0;
                for index in 0..options.permutations {
                    let source = scheme.draw(options.seed, Purpose::Exchange, index as u64);
                    let mut most = f64::MIN;
                    for (unit, presence) in table.presence.iter().enumerate() {
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
                            *count += usize::from(hit);
                        }
                        sums[unit] += now.0;
                        most = most.max(now.0);
                    }
                    reached += usize::from(most >= largest - TIES);
                    let moved = table.presence.iter().map(|own| gather(own, &source));
                    let now = largest_z(&z(column, moved.collect()));
                    reached_z += usize::from(now >= largest_z(&observed_z) - TIES);
                }
                let p = |count| p_value(count, options.permutations);
                let pair = |((c, sum), z): ((&[usize; 4], &f64), &f64)| PairNull {
                    p_kl: p(c[0]),
                    p_auroc: p(c[1]),
                    p_above: p(c[2]),
                    p_below: p(c[3]),
                    kl_mean: sum / options.permutations as f64,
                    kl_95: 0.0,
                    z: *z,
                    auroc_sd: 0.0,
                };
                FilterNull {
                    pairs: counts
                        .iter()
                        .zip(&sums)
                        .zip(&observed_z)
                        .map(pair)
                        .collect(),
                    p_max: p(reached),
                    p_largest_z: p(reached_z),
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
            let columns = vec![
                values.iter().map(|v| f64::from(v.0)).collect::<Vec<_>>(),
                values.iter().map(|v| f64::from(v.1.max(3))).collect(),
                vec![1.5; 30],
            ];
            let recordings: Vec<u32> = (0..30).collect();
            let scheme = Scheme::of_subjects(&subjects, &recordings, Exchange::Both);
            let table = Table { columns, presence };
            let options = AnalysisOptions { bins: 7, permutations: 60, seed: 3, ..AnalysisOptions::default() };
            let fast = permute(&table, &scheme, &options, &Watch::default()).unwrap();
            for (fast, slow) in fast.iter().zip(slowly(&table, &scheme, &options)) {
                prop_assert_eq!(fast.p_max, slow.p_max);
                prop_assert_eq!(fast.p_largest_z, slow.p_largest_z);
                for (fast, slow) in fast.pairs.iter().zip(slow.pairs) {
                    prop_assert!((fast.kl_mean - slow.kl_mean).abs() < 1e-12);
                    prop_assert!((fast.z - slow.z).abs() < 1e-9 || fast.z.is_nan() && slow.z.is_nan());
                    let counts = |null: PairNull| PairNull { kl_mean: 0.0, kl_95: 0.0, z: 0.0, auroc_sd: 0.0, ..null };
                    prop_assert_eq!(counts(*fast), counts(slow));
                }
            }
        }
    }
}
