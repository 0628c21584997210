//! Association inside people, on activations less the person's mean.
//!
//! Faces differ more between people than one face between its expressions; without the person's mean a filter's response to
//! a unit stands out from less noise. Codes are exchanged inside people only, and what is exchanged against is fixed, so the
//! test is exact given that a person's recordings come in no order. People with one recording contribute nothing.

use faus_base::order::{auroc, doubled_midranks};
use multiversion::multiversion;
use rayon::prelude::*;

use crate::chance::exchange::{Exchange, Scheme};
use crate::chance::moments::{Centred, codes_centred, ranks_centred};
use crate::chance::p_value;
use crate::chance::random::Purpose;
use crate::error::Error;
use crate::input::coded::Coded;
use crate::input::options::AnalysisOptions;
use crate::input::table::{Table, rows_of};
use crate::watch::Watch;

/// Filters per task: few enough that their ranks stay in the cache.
const TILE: usize = 16;
/// Permutations drawn at a time.
const AT_ONCE: usize = 500;

/// Association of one pair inside people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WithinPerson {
    /// AUROC of the activation less its mean over the person's images.
    pub auroc: f64,
    /// Two-sided p: the distance from the mean under exchange; NaN where no exchange changes it.
    pub p: f64,
}

/// Tests every pair inside people, by filter, then unit. Independent of the number of threads.
///
/// # Errors
/// [`Error::Cancelled`].
pub(crate) fn within_person(
    coded: &Coded,
    table: &Table,
    options: &AnalysisOptions,
    watch: &Watch,
) -> Result<Vec<WithinPerson>, Error> {
    let scheme = Scheme::of_subjects(&coded.subjects, &coded.recordings, Exchange::Within);
    let columns = table.columns.par_iter();
    let columns: Vec<Vec<f64>> = columns
        .map(|column| of_people(column, &coded.subjects))
        .collect();
    let codes = table.presence.iter();
    let codes: Vec<Centred> = codes.map(|own| codes_centred(&scheme, own)).collect();
    let lists: Vec<Vec<u32>> = table
        .presence
        .iter()
        .map(|own| rows_of(own, true))
        .collect();
    let tiles = columns.par_chunks(TILE);
    let mut tiles: Vec<Tile> = tiles
        .map(|columns| Tile::new(columns, &codes, &lists, &scheme))
        .collect();
    let permutations = options.permutations;
    for first in (0..permutations).step_by(AT_ONCE) {
        watch.step(first, permutations)?;
        let some = first..(first + AT_ONCE).min(permutations);
        let draw = |index| {
            let source = scheme.draw(options.seed, Purpose::WithinPerson, index as u64);
            let moved = table.presence.iter().map(|own| {
                let rows = (0..).zip(&source).filter(|(_, from)| own[**from as usize]);
                rows.map(|(row, _)| row).collect()
            });
            moved.collect::<Vec<Vec<u32>>>()
        };
        let draws: Vec<_> = some.into_par_iter().map(draw).collect();
        tiles.par_iter_mut().for_each(|tile| tile.count(&draws));
    }
    Ok(table.each(|filter, unit| {
        let (tile, at) = (&tiles[filter / TILE], filter % TILE);
        let varies = tile.distance[unit][at] >= 0.0;
        WithinPerson {
            auroc: auroc(&columns[filter], &table.presence[unit]),
            p: match varies {
                true => p_value(tile.reached[unit][at], permutations),
                false => f64::NAN,
            },
        }
    }))
}

/// Activations less the person's mean, on a grid that makes those equal that differ only by the mean's rounding.
fn of_people(column: &[f64], subjects: &[u32]) -> Vec<f64> {
    let largest = column.iter().map(|x| x.abs()).fold(0.0, f64::max);
    let step = if largest > 0.0 { largest * 1e-12 } else { 1.0 };
    let less = less_means(column, subjects).into_iter();
    less.map(|x| (x / step).round() + 0.0).collect()
}

/// Values less their mean over the rows of the same group.
pub(super) fn less_means(values: &[f64], groups: &[u32]) -> Vec<f64> {
    let count = groups.iter().max().map_or(0, |&last| last as usize + 1);
    let (mut sums, mut sizes) = (vec![0.0; count], vec![0.0; count]);
    for (value, &group) in values.iter().zip(groups) {
        sums[group as usize] += value;
        sizes[group as usize] += 1.0;
    }
    let rows = values.iter().zip(groups);
    rows.map(|(value, &group)| value - sums[group as usize] / sizes[group as usize])
        .collect()
}

/// Some filters side by side.
struct Tile {
    /// Doubled midranks, `[rows][TILE]`, zeros beyond the last filter.
    ranks: Vec<[u32; TILE]>,
    /// Mean of the rank sum under exchange; its observed distance, -1 where no exchange changes it; `[units][TILE]`.
    mean: Vec<[f64; TILE]>,
    distance: Vec<[f64; TILE]>,
    reached: Vec<[usize; TILE]>,
}

impl Tile {
    fn new(columns: &[Vec<f64>], codes: &[Centred], lists: &[Vec<u32>], scheme: &Scheme) -> Self {
        let rows = columns.first().map_or(0, Vec::len);
        let mut tile = Self {
            ranks: vec![[0; TILE]; rows],
            mean: vec![[0.0; TILE]; codes.len()],
            distance: vec![[-1.0; TILE]; codes.len()],
            reached: vec![[0; TILE]; codes.len()],
        };
        for (at, column) in columns.iter().enumerate() {
            let ranks = doubled_midranks(column);
            let centred = ranks_centred(scheme, &ranks);
            for (row, rank) in tile.ranks.iter_mut().zip(ranks) {
                row[at] = rank;
            }
            for (unit, (codes, list)) in codes.iter().zip(lists).enumerate() {
                let (mean, deviation) = centred.moments(codes);
                tile.mean[unit][at] = mean;
                if deviation > 0.0 {
                    let sum: f64 = list
                        .iter()
                        .map(|&r| f64::from(tile.ranks[r as usize][at]))
                        .sum();
                    tile.distance[unit][at] = (sum - mean).abs();
                }
            }
        }
        tile
    }

    fn count(&mut self, draws: &[Vec<Vec<u32>>]) {
        for lists in draws {
            for (unit, list) in lists.iter().enumerate() {
                let sums = sums(&self.ranks, list);
                let (mean, observed) = (&self.mean[unit], &self.distance[unit]);
                for (at, reached) in self.reached[unit].iter_mut().enumerate() {
                    // Half ranks are exact, their mean is not.
                    let distance = (sums[at] as f64 - mean[at]).abs();
                    *reached += usize::from(distance >= observed[at] - 1e-6);
                }
            }
        }
    }
}

/// Sums of the ranks of some rows.
#[multiversion(targets("x86_64+avx512f", "x86_64+avx2", "aarch64+neon"))]
fn sums(ranks: &[[u32; TILE]], rows: &[u32]) -> [u64; TILE] {
    let mut sums = [0_u64; TILE];
    for &row in rows {
        let own = &ranks[row as usize];
        for at in 0..TILE {
            sums[at] += u64::from(own[at]);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::input::samples::SampleRow;
    use faus_base::order::mean;
    use faus_base::person::Person;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// The literal version: subtract each person's mean, exchange inside people, compare AUROC with its mean.
        #[test]
        fn counts_are_the_literal_ones(rows in prop::collection::vec((-3..4_i8, any::<bool>(), 0..7_u8), 20..40)) {
            let samples: Vec<SampleRow> = rows.iter().enumerate().map(|(index, row)| SampleRow {
                index,
                subject: Some(Person::Number(row.2.into())),
                coded: Some(if row.1 { vec![(12, 1)] } else { vec![] }),
                ..SampleRow::default()
            }).collect();
            let coded = Coded::collect(&samples);
            let column: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let presence = coded.presence(12);
            let table = Table { columns: vec![column], presence: vec![presence.clone()] };
            let options = AnalysisOptions { permutations: 40, seed: 4, ..AnalysisOptions::default() };
            let found = within_person(&coded, &table, &options, &Watch::default()).unwrap()[0];
            let less = rows.iter().map(|row| {
                let own = rows.iter().filter(|other| other.2 == row.2).map(|other| f64::from(other.0));
                let less = f64::from(row.0) - mean(&own.collect::<Vec<_>>());
                (less * 1e9).round() / 1e9
            });
            let less: Vec<f64> = less.collect();
            let scheme = Scheme::of_subjects(&coded.subjects, &coded.recordings, Exchange::Within);
            let exchanged = |index| {
                let source = scheme.draw(4, Purpose::WithinPerson, index);
                auroc(&less, &source.iter().map(|&from| presence[from as usize]).collect::<Vec<_>>())
            };
            // The mean over many exchanges stands for the exact one; draws as far as observed may fall on either side of it.
            let many: Vec<f64> = (0..4000).map(exchanged).collect();
            let middle = mean(&many);
            prop_assert!((found.auroc - auroc(&less, &presence)).abs() < 1e-12 || found.auroc.is_nan());
            if found.p.is_nan() {
                prop_assert!(many.iter().all(|x| (x - middle).abs() < 1e-9 || x.is_nan()));
                return Ok(());
            }
            let distance = (found.auroc - middle).abs();
            let reached = |slack: f64| (0..40).filter(|i| (exchanged(*i) - middle).abs() >= distance + slack).count();
            let between = p_value(reached(0.02), 40)..=p_value(reached(-0.02), 40);
            prop_assert!(between.contains(&found.p), "{} {between:?}", found.p);
        }
    }
}
