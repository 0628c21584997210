//! Do the networks of all folds have the same filters, with the same names?
//!
//! Filters of two networks are matched where each is the other's best by correlation of F(x) over the same images. A filter
//! without a counterpart then stays without one; an assignment of all (Hungarian method) would force a partner on it.

use std::collections::BTreeMap;

use faus_base::order::{mean, median};
use rayon::prelude::*;
use serde::Serialize;

use crate::analysis::names::{Name, filter_names};
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::options::CheckedOptions;
use crate::study::run::{CodedRows, RunView};
use crate::study::within::fewer_permutations;

/// Filters of several networks matched, over all pairs of networks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Stability {
    /// Pairs of networks.
    pub pairs: usize,
    /// Live filters of the first network of each pair.
    pub live: usize,
    /// Those with a counterpart in the second.
    pub matched: usize,
    /// Median correlation of the matches.
    pub median_correlation: f64,
    /// Matches of two filters with a name.
    pub named: usize,
    /// Share of these with the same unit and sign.
    pub same_name: f64,
    /// That share if the names of each pair's second network were permuted over its matches.
    pub same_name_chance: f64,
}

/// A unit and a sign.
type Label = (u8, i8);
/// Those of each filter with a name.
type Names = BTreeMap<usize, Label>;

impl Stability {
    /// Of networks that computed these activations of the coded rows.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn of(
        what: &str,
        networks: &[Activations],
        run: &RunView,
        coded: &CodedRows,
        options: &CheckedOptions,
    ) -> Result<Self, Error> {
        let options = fewer_permutations(options)?;
        let mut names = Vec::new();
        for (done, activations) in networks.iter().enumerate() {
            run.step(what, done, networks.len())?;
            let found = run.work(what, |_| {
                filter_names(activations, &coded.samples, &options)
            })?;
            let name = |name: &Name| (name.filter, (name.au, name.sign()));
            names.push(found.iter().map(name).collect::<Names>());
        }
        let networks: Vec<_> = networks.iter().zip(&names).collect();
        Ok(run.work(what, |_| Self::matched(&networks)))
    }

    fn matched(networks: &[(&Activations, &Names)]) -> Self {
        let mut all = Self::default();
        let (mut correlations, mut same, mut chance) = (Vec::new(), 0, 0.0);
        let scaled = networks
            .iter()
            .map(|(of, names)| (standardised(of), *names));
        let scaled: Vec<_> = scaled.collect();
        for (at, (first, own)) in scaled.iter().enumerate() {
            for (second, theirs) in &scaled[at + 1..] {
                let matches = mutual_best(first, second);
                let named = matches
                    .iter()
                    .filter_map(|(a, b, _)| Some((*own.get(a)?, *theirs.get(b)?)));
                let named: Vec<(Label, Label)> = named.collect();
                same += named.iter().filter(|(a, b)| a == b).count();
                chance += same_by_chance(&named);
                all.pairs += 1;
                all.live += first.len();
                all.matched += matches.len();
                all.named += named.len();
                correlations.extend(matches.iter().map(|(.., r)| f64::from(*r)));
            }
        }
        all.median_correlation = median(&correlations);
        all.same_name = same as f64 / all.named as f64;
        all.same_name_chance = chance / all.named as f64;
        all
    }

    /// In a sentence, beside untrained networks; `None` with a single network.
    pub fn sentence(&self, untrained: &Self) -> Option<String> {
        let share = |of: &Self| 100.0 * of.matched as f64 / of.live as f64;
        let names = match self.named {
            0 => "no match has names on both sides".to_owned(),
            named => format!(
                "of {named} matches of named filters {:.0}% have the same name (by chance {:.0}%); {}",
                100.0 * self.same_name,
                100.0 * self.same_name_chance,
                match untrained.named {
                    0 => "untrained networks have no such match".to_owned(),
                    theirs => format!(
                        "in untrained networks {:.0}% of {theirs} (by chance {:.0}%)",
                        100.0 * untrained.same_name,
                        100.0 * untrained.same_name_chance
                    ),
                }
            ),
        };
        (self.pairs > 0 && self.live > 0).then(|| {
            format!(
                "Over {} pairs of the folds' networks, {:.0}% of {} filters have a counterpart (each the other's best by the correlation of their responses, median r {:.2}; untrained {:.0}% of {}, {:.2}); {names}. Each fold's network starts from its own random weights; folds share most of their training people.",
                self.pairs,
                share(self),
                self.live,
                self.median_correlation,
                share(untrained),
                untrained.live,
                untrained.median_correlation
            )
        })
    }
}

/// How many pairs have the same name on average over all permutations of the second names.
fn same_by_chance(named: &[(Label, Label)]) -> f64 {
    let like = |(own, _): &(Label, Label)| named.iter().filter(|(_, other)| other == own).count();
    let pairs: usize = named.iter().map(like).sum();
    pairs as f64 / named.len().max(1) as f64
}

/// The live filters, their activations centred and of length 1.
fn standardised(activations: &Activations) -> Vec<(usize, Vec<f32>)> {
    let column = |filter: usize| {
        let mut column = activations.filter(filter);
        let middle = mean(&column);
        column.iter_mut().for_each(|x| *x -= middle);
        let length = column.iter().map(|x| x * x).sum::<f64>().sqrt();
        let scaled = column.iter().map(|x| (x / length) as f32);
        (length > 0.0).then(|| (filter, scaled.collect()))
    };
    let filters = (0..activations.filters()).into_par_iter();
    filters.filter_map(column).collect()
}

/// Filters of two networks that are each the other's best, and their correlation.
fn mutual_best(
    first: &[(usize, Vec<f32>)],
    second: &[(usize, Vec<f32>)],
) -> Vec<(usize, usize, f32)> {
    let best = |own: &[f32], theirs: &[(usize, Vec<f32>)]| {
        let r = theirs.iter().map(|(_, other)| dot(own, other)).enumerate();
        r.reduce(|best, r| if r.1 > best.1 { r } else { best })
    };
    let back = second.par_iter().map(|(_, own)| best(own, first));
    let back: Vec<Option<(usize, f32)>> = back.collect();
    let matched = first
        .par_iter()
        .enumerate()
        .filter_map(|(at, (filter, own))| {
            let (there, r) = best(own, second)?;
            (back[there]?.0 == at).then_some((*filter, second[there].0, r))
        });
    matched.collect()
}

/// In eight lanes, which the compiler keeps in vector registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a8.remainder().iter().zip(b8.remainder());
    let rest: f32 = rest.map(|(a, b)| a * b).sum();
    let mut lanes = [0.0; 8];
    for (a, b) in a8.zip(b8) {
        (0..8).for_each(|lane| lanes[lane] += a[lane] * b[lane]);
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of filters without relation, and the same filters in another order, one of them replaced.
    #[test]
    fn filters_are_found_again_in_another_order_and_those_without_a_counterpart_are_not() {
        let value = |row: usize, filter: usize| ((row * (filter + 3) * 7919) % 101) as f32;
        let of = |filters: [usize; 4]| {
            let values = (0..200).flat_map(|row| filters.map(|filter| value(row, filter)));
            Activations::new(200, 4, values.collect()).unwrap()
        };
        let (first, second) = (of([0, 1, 2, 3]), of([3, 0, 9, 1]));
        let matches = mutual_best(&standardised(&first), &standardised(&second));
        let sure: Vec<_> = matches.iter().filter(|(.., r)| *r > 0.99).collect();
        let places: Vec<_> = sure.iter().map(|(a, b, _)| (*a, *b)).collect();
        assert_eq!(places, [(0, 1), (1, 3), (3, 0)]);
        let names = |names: [(usize, u8); 3]| names.map(|(filter, au)| (filter, (au, 1))).into();
        let (own, theirs): (Names, Names) = (
            names([(0, 12), (1, 4), (3, 12)]),
            names([(1, 12), (3, 12), (0, 12)]),
        );
        let found = Stability::matched(&[(&first, &own), (&second, &theirs)]);
        assert_eq!((found.pairs, found.live, found.named), (1, 4, 3));
        assert!((found.same_name - 2.0 / 3.0).abs() < 1e-12);
        assert!((found.same_name_chance - 2.0 / 3.0).abs() < 1e-12);
    }
}
