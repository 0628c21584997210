//! The figure of people who show each action unit: their faces where the filter named after it responds most.

use std::collections::BTreeSet;

use askama::Template;
use serde_json::Value;

use crate::run::Run;
use crate::run::dataset::Sample;
use crate::run::pictures::{of_patch, png};
use crate::run::value::{au, au_label, filter};
use crate::run::viz::Patch;

/// Action units, and people of each.
const UNITS: usize = 10;
const PEOPLE: usize = 5;
/// Side of a patch, in pixels.
const SIDE: u32 = 96;

#[derive(Template)]
#[template(path = "people.html")]
pub(super) struct Figure {
    rows: Vec<Row>,
    /// The images searched, as the end of a sentence.
    used: String,
}

/// An action unit, the filter named after it, and people who show the unit.
struct Row {
    filter: u64,
    unit: String,
    patches: Vec<Picture>,
    /// How many of the filter's best patches show the unit, and of how many.
    shows: (usize, usize),
}

struct Picture {
    uri: String,
    /// Whether it is marked as that of a person the network has not seen, among others.
    unseen: bool,
}

/// The units whose filters respond most; `None` without names, patches or codes.
pub(super) fn figure(run: &Run) -> Option<Figure> {
    let best = run.fau.best_of_units().into_iter();
    let rows = best.filter_map(|name| row(run, name)).take(UNITS);
    let rows: Vec<Row> = rows.collect();
    let used = run.analysed()?.filters.used();
    (!rows.is_empty()).then_some(Figure { rows, used })
}

fn row(run: &Run, name: &Value) -> Option<Row> {
    let (filter, unit) = (filter(name), au(name));
    let patches = with_unit(run, filter, unit).into_iter();
    Some(Row {
        filter,
        unit: au_label(unit),
        patches: patches.filter_map(|patch| picture(run, patch)).collect(),
        shows: run.patches_that_show(filter, unit)?,
    })
}

/// The filter's best patches of different people who show the unit.
fn with_unit(run: &Run, filter: u64, unit: u64) -> Vec<&Patch> {
    let mut seen = BTreeSet::new();
    let person = |index| run.sample(index).and_then(Sample::person);
    let mut new = |index| person(index).is_none_or(|person| seen.insert(person));
    let shows = |index: &u64| run.shows(*index, unit) == Some(true);
    let patches = run.patches(filter).iter();
    let patches = patches.filter(|patch| patch.index.filter(shows).is_some_and(&mut new));
    patches.take(PEOPLE).collect()
}

fn picture(run: &Run, patch: &Patch) -> Option<Picture> {
    let filters = &run.analysed()?.filters;
    let tested =
        |sample: &Sample| filters.fold.is_some() && u64::try_from(sample.fold).ok() == filters.fold;
    let own = patch.index.and_then(|index| run.sample(index));
    let png = png(&of_patch(run, patch, SIDE)?)?;
    Some(Picture {
        uri: run.folder.embed("image/png", &png)?,
        unseen: filters.split.as_deref() == Some("all") && own.is_some_and(tested),
    })
}

impl Figure {
    /// Whether some people are marked.
    fn marked(&self) -> bool {
        let mut all = self.rows.iter().flat_map(|row| &row.patches);
        all.any(|patch| patch.unseen)
    }

    /// Whether some unit has fewer people than others may have.
    fn fewer(&self) -> bool {
        self.rows.iter().any(|row| row.patches.len() < PEOPLE)
    }
}
