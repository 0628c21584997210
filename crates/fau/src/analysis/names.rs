//! The names of filters: one rule for pictures, tables, the page and the studies.
//!
//! A filter's name is the action unit with the largest |z|, the distance of the pair's AUROC from its mean under exchange of
//! codes in standard deviations, if that |z| is beyond the largest over all units under exchange (q over the live filters).
//! Unlike the largest KL it favours no rare unit, and it has a sign.

use std::cmp::Reverse;

use serde::Serialize;

use crate::chance::exchange::Scheme;
use crate::chance::permutation::{FilterNull, permute};
use crate::chance::rates::{benjamini_hochberg, correct};
use crate::chance::within_class::{Classes, WithinPair, within_class};
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::Coded;
use crate::input::options::CheckedOptions;
use crate::input::samples::SampleRow;
use crate::input::table::{Table, check_rows};
use crate::watch::Watch;
use crate::write::front::label;

/// The action unit with a live filter's largest |z|; its name if `q` is at most the analysis's false-discovery rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Name {
    /// The filter.
    pub filter: usize,
    /// The action unit.
    pub au: u8,
    /// Place of that unit among those analysed.
    pub unit: usize,
    /// Distance of the AUROC from its mean under exchange, in standard deviations; below 0 the filter is less active with
    /// the unit.
    pub z: f64,
    /// The AUROC.
    pub auroc: f64,
    /// Its mean under exchange: 0.5 but for what people's habits and numbers of recordings do.
    pub auroc_expected: f64,
    /// p of |z| against the largest |z| over all units under exchange; NaN without permutations.
    pub p: f64,
    /// Its false-discovery rate over the live filters.
    pub q: f64,
    /// The pair inside expression classes, for a name that was tested there.
    pub within: WithinName,
}

/// A named pair inside expression classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WithinName {
    /// Two-sided p; NaN where the unit hardly varies inside any class.
    pub p: f64,
    /// Its false-discovery rate over the names that can be tested.
    pub q: f64,
    /// AUROC over pairs of images of the same class.
    pub auroc: f64,
    /// Whether the pair holds there.
    pub standing: Standing,
}

/// Whether a filter follows its named unit inside expression classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In the same direction, with a q of at most the false-discovery rate.
    Holds,
    /// It does not.
    Fails,
    /// The unit hardly varies inside any class.
    Untestable,
}

/// Numbers of named filters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct NameCounts {
    /// Filters with a name.
    pub named: usize,
    /// Those that are less active with their unit.
    pub named_less: usize,
    /// Named filters that follow their unit inside expression classes.
    pub within_holds: usize,
    /// Those that do not.
    pub within_fails: usize,
    /// Those whose unit hardly varies inside any class.
    pub within_untestable: usize,
}

impl Name {
    /// 1 where the filter is more active with its unit, -1 where it is less active.
    pub fn sign(&self) -> i8 {
        if self.z < 0.0 { -1 } else { 1 }
    }

    /// The name under the filter's pictures: `AU12 Lip corner puller`, or `less with AU27 …`, and the AUROC.
    pub fn label(&self) -> String {
        label(self.au, self.sign(), self.auroc)
    }

    /// Whether the filter has this name at a false-discovery rate of `fdr`.
    pub fn holds(&self, fdr: f64) -> bool {
        self.q <= fdr
    }
}

impl WithinName {
    const NONE: Self = Self {
        p: f64::NAN,
        q: f64::NAN,
        auroc: f64::NAN,
        standing: Standing::Untestable,
    };
}

impl NameCounts {
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a Name>) -> Self {
        let mut counts = Self::default();
        for name in names {
            counts.named += 1;
            counts.named_less += usize::from(name.sign() < 0);
            match name.within.standing {
                Standing::Holds => counts.within_holds += 1,
                Standing::Fails => counts.within_fails += 1,
                Standing::Untestable => counts.within_untestable += 1,
            }
        }
        counts
    }
}

/// The strongest unit of every filter in which an exchange changes anything, by filter; not yet tested inside classes.
pub(crate) fn strongest(nulls: &[FilterNull], aus: &[u8], table: &Table) -> Vec<Name> {
    let of = |(filter, null): (usize, &FilterNull)| {
        let z: Vec<f64> = null.pairs.iter().map(|pair| pair.z).collect();
        let unit = farthest(&z)?;
        Some(Name {
            filter,
            au: aus[unit],
            unit,
            z: z[unit],
            auroc: table.auroc(filter, unit),
            auroc_expected: table.auroc(filter, unit) - z[unit] * null.pairs[unit].auroc_sd,
            p: null.p_largest_z,
            q: f64::NAN,
            within: WithinName::NONE,
        })
    };
    let mut names: Vec<Name> = nulls.iter().enumerate().filter_map(of).collect();
    correct(&mut names, |name| name.p, |name| &mut name.q);
    names
}

/// Tests the names that hold inside expression classes; `pair` gives the result of a filter and a unit.
pub(crate) fn test_within(names: &mut [Name], fdr: f64, pair: impl Fn(&Name) -> WithinPair) {
    let named = names.iter_mut().filter(|name| name.holds(fdr));
    let mut named: Vec<&mut Name> = named.collect();
    let pairs: Vec<WithinPair> = named.iter().map(|name| pair(name)).collect();
    let p: Vec<f64> = pairs.iter().map(|pair| pair.p).collect();
    let q = benjamini_hochberg(&p);
    for ((name, pair), q) in named.iter_mut().zip(pairs).zip(q) {
        name.within = WithinName {
            p: pair.p,
            q,
            auroc: pair.auroc,
            standing: match (q.is_nan(), q <= fdr && pair.follows(name.sign())) {
                (true, _) => Standing::Untestable,
                (_, true) => Standing::Holds,
                _ => Standing::Fails,
            },
        };
    }
}

/// The place of the z farthest from 0, the first on ties: the strongest unit of a filter, or the best filter of a unit.
/// `None` where all are NaN.
pub(crate) fn farthest(z: &[f64]) -> Option<usize> {
    let known = (0..z.len()).filter(|&at| !z[at].is_nan());
    known.reduce(|best, at| {
        if z[at].abs() > z[best].abs() {
            at
        } else {
            best
        }
    })
}

/// The best filter of action unit number `unit`: the z farthest from 0 among `z`, by filter, then unit.
pub(crate) fn best_filter(z: &[f64], units: usize, unit: usize) -> Option<usize> {
    let own: Vec<f64> = z.iter().skip(unit).step_by(units).copied().collect();
    farthest(&own)
}

/// Names in the order of pictures: filters that are more active with their unit before those that are less, the best of
/// each unit first, then by |z|.
pub(crate) fn ranked(names: impl Iterator<Item = Name>) -> Vec<Name> {
    let mut names: Vec<Name> = names.collect();
    names.sort_by(|a, b| {
        b.z.abs()
            .total_cmp(&a.z.abs())
            .then(a.filter.cmp(&b.filter))
    });
    let mut seen = Vec::new();
    names.sort_by_cached_key(|name| {
        let first = !seen.contains(&(name.au, name.sign()));
        seen.push((name.au, name.sign()));
        (Reverse(name.sign()), Reverse(first))
    });
    names
}

/// The columns of some activations, their nulls, and the strongest unit of each filter.
struct Tested<'a> {
    coded: Coded<'a>,
    table: Table,
    names: Vec<Name>,
}

impl<'a> Tested<'a> {
    /// `None` where no action unit is coded often enough.
    fn of(
        activations: &Activations,
        samples: &'a [SampleRow],
        options: &CheckedOptions,
        watch: &Watch,
    ) -> Result<Option<Self>, Error> {
        check_rows(activations, samples)?;
        let coded = Coded::collect(samples);
        let options = &options.for_people(coded.subject_count());
        let Ok((used, _)) = coded.usable(options.min_positives) else {
            return Ok(None);
        };
        let aus: Vec<u8> = used.iter().map(|count| count.au).collect();
        let table = Table::new(&coded, activations, aus.iter().copied());
        let scheme = Scheme::of_subjects(&coded.subjects, &coded.recordings, options.exchange);
        let nulls = permute(&table, &scheme, options, watch)?;
        let names = strongest(&nulls, &aus, &table);
        Ok(Some(Self {
            coded,
            table,
            names,
        }))
    }
}

/// The names of a layer's filters, in the order of pictures: filters that are more active with their unit first, the best of
/// each unit before the others. Empty where no action unit is coded often enough, and without permutations.
///
/// # Errors
/// Errors from [`analyse`](crate::analyse) for activations and samples that do not belong together.
pub fn filter_names(
    activations: &Activations,
    samples: &[SampleRow],
    options: &CheckedOptions,
) -> Result<Vec<Name>, Error> {
    let tested = Tested::of(activations, samples, options, &Watch::default())?;
    let names = tested.into_iter().flat_map(|tested| tested.names);
    Ok(ranked(names.filter(|name| name.holds(options.fdr))))
}

/// How many filters of some activations have a name, and how many follow it inside expression classes: as in an analysis of
/// the same options, which tests every pair, but with the named pairs alone.
///
/// # Errors
/// Errors from [`analyse`](crate::analyse) for activations and samples that do not belong together; [`Error::Cancelled`].
pub fn name_counts(
    activations: &Activations,
    samples: &[SampleRow],
    options: &CheckedOptions,
    watch: &Watch,
) -> Result<NameCounts, Error> {
    let Some(mut tested) = Tested::of(activations, samples, options, watch)? else {
        return Ok(NameCounts::default());
    };
    let within = tested.within(options, watch)?;
    let found = |name: &Name| {
        let own = within.iter().find(|(filter, _)| *filter == name.filter);
        own.map_or(WithinPair::NONE, |(_, pair)| *pair)
    };
    test_within(&mut tested.names, options.fdr, found);
    let names = tested.names.iter();
    Ok(NameCounts::of(names.filter(|name| name.holds(options.fdr))))
}

impl Tested<'_> {
    /// Named filters with their pair inside expression classes.
    fn within(
        &self,
        options: &CheckedOptions,
        watch: &Watch,
    ) -> Result<Vec<(usize, WithinPair)>, Error> {
        let classes = Classes::of(&self.coded, options.exchange);
        let mut found = Vec::new();
        for (unit, presence) in self.table.presence.iter().enumerate() {
            let own = self.names.iter().filter(|name| name.holds(options.fdr));
            let own: Vec<usize> = own.filter(|n| n.unit == unit).map(|n| n.filter).collect();
            if own.is_empty() || !classes.testable(presence) {
                continue;
            }
            let columns = own.iter().map(|&filter| self.table.columns[filter].clone());
            let table = Table {
                columns: columns.collect(),
                presence: vec![presence.clone()],
            };
            let pairs = within_class(&classes, &table, options, watch)?;
            found.extend(own.into_iter().zip(pairs));
        }
        Ok(found)
    }
}
