//! Tests on images without an expression label whether the names that filters have on labelled images hold.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::analysis::names::{Name, strongest};
use crate::chance::exchange::Scheme;
use crate::chance::permutation::{FilterNull, permute};
use crate::chance::rates::{at_most, correct};
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::AnalysisOptions;
use crate::input::table::Table;
use crate::watch::Watch;

/// Pairs chosen on labelled rows, scored on held-out ones (CK+: sequences with FACS codes and no expression label, on
/// which the network was not trained; their people may have other, labelled sequences).
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Coded held-out rows.
    pub rows: usize,
    /// Coded labelled rows.
    pub labelled_rows: usize,
    /// People with coded rows of both kinds: their habits may carry a name over.
    pub shared_people: usize,
    /// The filters that have a name on the labelled rows, each with the unit that it is named after there.
    pub pairs: Vec<HeldOutPair>,
}

/// One chosen pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HeldOutPair {
    /// Filter.
    pub filter: usize,
    /// Action unit.
    pub au: u8,
    /// AUROC on the labelled rows.
    pub auroc_labelled: f64,
    /// Held-out rows that show the unit.
    pub n_with: usize,
    /// Held-out rows that do not.
    pub n_without: usize,
    /// AUROC on the held-out rows.
    pub auroc: f64,
    /// One-sided p, in the direction of the name.
    pub p: f64,
    /// Its false-discovery rate over the chosen pairs.
    pub q: f64,
}

impl HeldOut {
    /// `None` without permutations, or if either side has no usable action unit.
    pub(crate) fn of(
        coded: &Coded,
        activations: &Activations,
        options: &AnalysisOptions,
        watch: &Watch,
    ) -> Result<Option<Self>, Error> {
        let labelled = coded.only(|row| coded.classes[row].is_some());
        let held_out = coded.only(|row| coded.classes[row].is_none());
        let aus = usable_in_both(&labelled, &held_out, options.min_positives);
        if options.permutations == 0 || aus.is_empty() {
            return Ok(None);
        }
        let side = |coded: &Coded| side(coded, activations, &aus, options, watch);
        let (chosen_on, scored_on) = (side(&labelled)?, side(&held_out)?);
        let names = strongest(&chosen_on.1, &aus, &chosen_on.0).into_iter();
        let named = names.filter(|name| name.holds(options.fdr));
        let mut pairs: Vec<HeldOutPair> = named.map(|name| pair(&name, &scored_on)).collect();
        correct(&mut pairs, |pair| pair.p, |pair| &mut pair.q);
        Ok(Some(Self {
            rows: held_out.len(),
            labelled_rows: labelled.len(),
            shared_people: shared_people(coded),
            pairs,
        }))
    }

    /// Pairs whose false-discovery rate on the held-out rows is at most `fdr`.
    pub fn replicated(&self, fdr: f64) -> usize {
        at_most(self.pairs.iter().map(|pair| pair.q), fdr)
    }

    /// Share of the pairs on the same side of 0.5 as before; NaN if there are none.
    pub fn same_direction(&self) -> f64 {
        let same = |pair: &&HeldOutPair| (pair.auroc - 0.5) * (pair.auroc_labelled - 0.5) > 0.0;
        self.pairs.iter().filter(same).count() as f64 / self.pairs.len() as f64
    }
}

fn shared_people(coded: &Coded) -> usize {
    let people = |labelled: bool| -> BTreeSet<u32> {
        let rows = coded.subjects.iter().zip(&coded.classes);
        let own = rows.filter(|(_, class)| class.is_some() == labelled);
        own.map(|(person, _)| *person).collect()
    };
    people(true).intersection(&people(false)).count()
}

/// A filter's named unit on the held-out rows, not yet corrected.
fn pair(name: &Name, (table, nulls): &Side) -> HeldOutPair {
    let (filter, unit) = (name.filter, name.unit);
    let null = &nulls[filter].pairs[unit];
    let count = AuCount::of(name.au, &table.presence[unit]);
    HeldOutPair {
        filter,
        au: count.au,
        auroc_labelled: name.auroc,
        n_with: count.n_with,
        n_without: count.n_without,
        auroc: table.auroc(filter, unit),
        p: match name.sign() > 0 {
            true => null.p_above,
            false => null.p_below,
        },
        q: f64::NAN,
    }
}

fn usable_in_both(labelled: &Coded, held_out: &Coded, min_positives: usize) -> Vec<u8> {
    let usable = |coded: &Coded| -> Vec<u8> {
        let used = coded.usable(min_positives).map(|(used, _)| used);
        used.unwrap_or_default().iter().map(|c| c.au).collect()
    };
    let there = usable(held_out);
    let both = usable(labelled).into_iter();
    both.filter(|au| there.contains(au)).collect()
}

/// One part of the coded rows, and its nulls by filter.
type Side = (Table, Vec<FilterNull>);

fn side(
    coded: &Coded,
    activations: &Activations,
    aus: &[u8],
    options: &AnalysisOptions,
    watch: &Watch,
) -> Result<Side, Error> {
    let table = Table::new(coded, activations, aus.iter().copied());
    let scheme = Scheme::of_subjects(&coded.subjects, &coded.recordings, options.exchange);
    let nulls = permute(&table, &scheme, options, watch)?;
    Ok((table, nulls))
}
