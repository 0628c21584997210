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
use crate::input::table::{Table, rows_of, wide};
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
        .map(|column| less_means(&wide(column), &coded.subjects))
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

/// Values less their mean over the rows of the same group; equal up to rounding are equal.
pub(super) fn less_means(values: &[f64], groups: &[u32]) -> Vec<f64> {
    let count = groups.iter().max().map_or(0, |&last| last as usize + 1);
    let (mut sums, mut sizes) = (vec![0.0; count], vec![0.0; count]);
    for (value, &group) in values.iter().zip(groups) {
        sums[group as usize] += value;
        sizes[group as usize] += 1.0;
    }
    let scale = values.iter().map(|x| x.abs()).fold(0.0, f64::max);
    let rows = values.iter().zip(groups);
    let less = rows.map(|(value, &group)| value - sums[group as usize] / sizes[group as usize]);
    // Rounding of the mean must not rank images of people with one image, or of a silent filter.
    less.map(|x| if x.abs() < 1e-12 * scale { 0.0 } else { x })
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
