//! Responses of filters to one action unit switched on in the same face.
//!
//! For drawn faces the true alignment of a filter is known: the change of its activation when nothing but the unit
//! changes. Association measures from photographs are scored against it.

use faus_base::order::{deviation, mean, spearman};
use rand::RngExt;
use rayon::prelude::*;
use serde::Serialize;

use crate::chance::p_value;
use crate::chance::random::{Purpose, keyed};
use crate::chance::rates::correct;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::score::first_largest;

/// Number of sign flips per p-value.
const FLIPS: usize = 10_000;

/// An action unit, and activations of the same people with this unit switched on: `[people, filters]`, in the order of the
/// faces at rest.
pub(crate) type Switched = (u8, Activations);

/// One filter's response to one unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Response {
    /// The filter.
    pub filter: usize,
    /// The action unit.
    pub au: u8,
    /// People.
    pub people: usize,
    /// Mean change over people.
    pub mean_change: f64,
    /// Its standard deviation.
    pub sd_change: f64,
    /// Mean change in standard deviations of the filter over natural images; 0 for a dead filter.
    pub effect: f64,
    /// Share of people whose activation rises.
    pub share_up: f64,
    /// Two-sided p by sign flips over people (under the null each person's change is symmetric about 0).
    pub p: f64,
    /// Its false-discovery rate over all pairs.
    pub q: f64,
}

/// Every filter's response to every unit, by filter, then unit. `spread` is the filters' standard deviation over natural
/// images.
///
/// # Errors
/// [`Error::Mismatch`] where shapes differ.
pub(crate) fn responses(
    rest: &Activations,
    switched: &[Switched],
    spread: &[f64],
    seed: u64,
) -> Result<Vec<Response>, Error> {
    let (people, filters) = (rest.rows(), rest.filters());
    Error::unless_equal("filters' spreads", spread.len(), filters)?;
    for (_, activations) in switched {
        Error::unless_equal("people", activations.rows(), people)?;
        Error::unless_equal("filters", activations.filters(), filters)?;
    }
    let signs = |index: u64| -> Vec<bool> {
        let rng = &mut keyed(seed, Purpose::Signs, index);
        (0..people).map(|_| rng.random()).collect()
    };
    let signs: Vec<Vec<bool>> = (0..FLIPS as u64).into_par_iter().map(signs).collect();
    let of = |filter: usize| -> Vec<Response> {
        let (before, spread) = (rest.filter(filter), spread[filter]);
        let unit = |(au, activations): &Switched| {
            let after = activations.filter(filter);
            let pairs = after.iter().zip(&before);
            let changes: Vec<f64> = pairs.map(|(a, b)| change(*a, *b, spread)).collect();
            response(filter, *au, &changes, spread, &signs)
        };
        switched.iter().map(unit).collect()
    };
    let all: Vec<Vec<Response>> = (0..filters).into_par_iter().map(of).collect();
    let mut all = all.concat();
    correct(&mut all, |response| response.p, |response| &mut response.q);
    Ok(all)
}

/// Share of an activation, or of the filter's natural spread, below which a change is rounding: networks compute images in
/// tiles, so a change elsewhere in the image moves the last digits.
const ROUNDING: f64 = 1e-5;

/// The change of an activation; rounding is no change, so that people without one tie under sign flips.
fn change(after: f64, before: f64, spread: f64) -> f64 {
    let change = after - before;
    let rounding = ROUNDING * after.abs().max(before.abs()).max(spread);
    if change.abs() <= rounding {
        0.0
    } else {
        change
    }
}

fn response(filter: usize, au: u8, changes: &[f64], spread: f64, signs: &[Vec<bool>]) -> Response {
    let sum: f64 = changes.iter().sum();
    let flipped = |signs: &Vec<bool>| -> f64 {
        let pairs = changes.iter().zip(signs);
        let turned = pairs.map(|(change, up)| if *up { *change } else { -change });
        turned.sum()
    };
    // A sum of the same numbers in another order may differ by rounding.
    let least = sum.abs() * (1.0 - 1e-9);
    let reached = signs.iter().filter(|signs| flipped(signs).abs() >= least);
    let mean_change = mean(changes);
    Response {
        filter,
        au,
        people: changes.len(),
        mean_change,
        sd_change: deviation(changes),
        effect: match spread > 0.0 {
            true => mean_change / spread,
            false => 0.0,
        },
        share_up: share(changes, |change| *change > 0.0),
        p: p_value(reached.count(), signs.len()),
        q: f64::NAN,
    }
}

impl Response {
    /// Whether the filter responds clearly: a false-discovery rate of at most `fdr`, and an effect of at least [`CLEAR`].
    pub fn clear(&self, fdr: f64) -> bool {
        self.q <= fdr && self.effect.abs() >= CLEAR
    }
}

/// How well an association measure agrees with the intervention.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Agreement {
    /// The measure.
    pub measure: &'static str,
    /// Spearman's correlation of strength and absolute effect over all pairs.
    pub spearman: f64,
    /// Share of live filters with the same strongest unit by the measure and by response.
    #[serde(rename = "same_au_share")]
    pub same_au: f64,
    /// That share for units assigned to the filters at random.
    pub same_au_chance: f64,
    /// Average precision of the measure's ranking of pairs in finding the clear responses.
    pub average_precision: f64,
    /// Share of clear responses: the average precision of a random ranking.
    pub average_precision_chance: f64,
}

/// Effect from which a filter counts as responding: a fifth of its standard deviation over natural images ("small" in
/// Cohen 1988). Our choice: with enough people any filter responds a little to anything.
pub(crate) const CLEAR: f64 = 0.2;

/// Agreement of one measure; `strength` (larger is stronger) and `responses` are by filter, then by the same units.
///
/// # Errors
/// [`Error::Mismatch`] if their numbers differ.
pub(crate) fn agreement(
    measure: &'static str,
    strength: &[f64],
    responses: &[Response],
    units: usize,
    fdr: f64,
) -> Result<Agreement, Error> {
    Error::unless_equal("pairs", strength.len(), responses.len())?;
    let effects: Vec<f64> = responses.iter().map(|r| r.effect.abs()).collect();
    // An undefined strength (r of a constant filter) counts as no association.
    let strength = strength.iter().map(|s| if s.is_nan() { 0.0 } else { *s });
    let strength: Vec<f64> = strength.collect();
    let live = strongest_units(&strength, &effects, units);
    let n = live.len() as f64;
    let count = |unit: usize, of: fn(&(usize, usize)) -> usize| {
        live.iter().filter(|pair| of(pair) == unit).count() as f64
    };
    let by_chance = |unit| count(unit, |pair| pair.0) / n * count(unit, |pair| pair.1) / n;
    let clear: Vec<bool> = responses.iter().map(|r| r.clear(fdr)).collect();
    Ok(Agreement {
        measure,
        spearman: spearman(&strength, &effects),
        same_au: share(&live, |(a, b)| a == b),
        same_au_chance: (0..units).map(by_chance).sum(),
        average_precision: average_precision(&strength, &clear),
        average_precision_chance: share(&clear, |clear| *clear),
    })
}

/// Share of the values for which `counts` holds; NaN without values.
fn share<T>(values: &[T], counts: impl Fn(&T) -> bool) -> f64 {
    values.iter().filter(|value| counts(value)).count() as f64 / values.len() as f64
}

/// The strongest unit of every live filter by the measure and by response.
fn strongest_units(strength: &[f64], effects: &[f64], units: usize) -> Vec<(usize, usize)> {
    let filters = strength.chunks(units).zip(effects.chunks(units));
    let any = |values: &[f64]| values.iter().any(|value| *value > 0.0);
    filters
        .filter(|(strength, effects)| any(strength) && any(effects))
        .map(|(strength, effects)| (first_largest(strength), first_largest(effects)))
        .collect()
}

/// Mean precision over recalls, tied scores taken together (as scikit-learn's `average_precision_score`); NaN where
/// there is nothing to find.
pub fn average_precision(scores: &[f64], wanted: &[bool]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let all = wanted.iter().filter(|w| **w).count() as f64;
    let (mut seen, mut found, mut sum) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let hits = tied.iter().filter(|&&at| wanted[at]).count() as f64;
        seen += tied.len() as f64;
        found += hits;
        sum += hits / all * found / seen;
    }
    if all > 0.0 { sum } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_within_rounding_is_none_and_a_larger_one_counts() {
        let of = |values: Vec<f32>| Activations::new(20, 1, values).unwrap();
        let switched = |au, by: f32| (au, of(vec![1.0 + by; 20]));
        let rest = of(vec![1.0; 20]);
        let units = [switched(1, 1e-6), switched(12, 1e-3)];
        let found = responses(&rest, &units, &[0.1], 1).unwrap();
        assert_eq!((found[0].mean_change, found[0].p), (0.0, 1.0));
        assert!(found[1].mean_change > 0.0 && found[1].p < 0.01, "{found:?}");
    }
}
