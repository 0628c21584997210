//! Which filters correspond to which action units.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::files::Part;
use crate::run::{AssociationRow, Correspondence, Fau};
use crate::text::{count, decimal_or_dash};

/// Filters named per action unit.
const TOP_FILTERS: usize = 5;

/// An action unit and the filters whose largest KL it has.
pub(crate) struct Unit {
    pub au: u64,
    pub name: String,
    pub present: String,
    pub filters: usize,
    pub top: Vec<FilterRow>,
}

/// A filter's correspondence with its other measures.
#[derive(Clone)]
pub(crate) struct FilterRow {
    pub filter: u64,
    pub au: u64,
    pub name: String,
    pub kl: String,
    pub auroc: String,
    pub r: String,
}

/// All correspondences.
pub(crate) struct Units {
    /// By number of filters, most first.
    pub units: Vec<Unit>,
    /// Every filter, by KL, largest first.
    pub filters: Vec<FilterRow>,
    pub dead: u64,
    pub rows_used: Option<u64>,
    pub left_out: Vec<String>,
    pub method: String,
}

impl Units {
    pub fn of(fau: &Fau) -> Part<Self> {
        let mut ranked = fau.correspondences.clone()?;
        ranked.sort_by(|a, b| b.kl.unwrap_or(0.0).total_cmp(&a.kl.unwrap_or(0.0)));
        let associations = fau.associations.as_deref().unwrap_or_default();
        let scores: BTreeMap<(u64, u64), &AssociationRow> = associations
            .iter()
            .map(|row| ((row.filter, row.au), row))
            .collect();
        let filters: Vec<FilterRow> = ranked
            .iter()
            .map(|found| filter_row(found, scores.get(&(found.filter, found.au)).copied()))
            .collect();
        let summary = fau.summary.as_ref().unwrap_or(&Value::Null);
        let left_out = summary["aus_left_out"].as_array().into_iter().flatten();
        Ok(Self {
            units: by_unit(&filters, associations),
            filters,
            dead: summary["dead_filters"]["count"].as_u64().unwrap_or(0),
            rows_used: summary["rows_used"].as_u64(),
            left_out: left_out.filter_map(left_out_text).collect(),
            method: method(summary),
        })
    }
}

impl Units {
    /// `6 filters`.
    pub fn dead_filters(&self) -> String {
        count(self.dead as usize, "filter")
    }
}

fn filter_row(found: &Correspondence, scores: Option<&AssociationRow>) -> FilterRow {
    FilterRow {
        filter: found.filter,
        au: found.au,
        name: found.au_name.clone().unwrap_or_default(),
        kl: decimal_or_dash(found.kl, 2),
        auroc: decimal_or_dash(scores.and_then(|row| row.auroc), 2),
        r: decimal_or_dash(scores.and_then(|row| row.r), 2),
    }
}

/// Groups filters, which come strongest first, by their action unit.
fn by_unit(filters: &[FilterRow], associations: &[AssociationRow]) -> Vec<Unit> {
    let mut groups: BTreeMap<u64, Vec<FilterRow>> = BTreeMap::new();
    for row in filters {
        groups.entry(row.au).or_default().push(row.clone());
    }
    let unit = |(au, mut top): (u64, Vec<FilterRow>)| {
        let counts = associations.iter().find(|row| row.au == au);
        let present = counts.and_then(|row| Some((row.n_with?, row.n_with? + row.n_without?)));
        Unit {
            au,
            name: top.first().map_or(String::new(), |row| row.name.clone()),
            present: present.map_or("–".to_owned(), |(with, all)| format!("{with} of {all}")),
            filters: top.len(),
            top: {
                top.truncate(TOP_FILTERS);
                top
            },
        }
    };
    let mut units: Vec<Unit> = groups.into_iter().map(unit).collect();
    units.sort_by_key(|unit| std::cmp::Reverse(unit.filters));
    units
}

fn left_out_text(entry: &Value) -> Option<String> {
    let (au, with) = (entry["au"].as_u64()?, entry["n_with"].as_u64()?);
    Some(format!("AU {au} (present in {with})"))
}

/// How the histograms were made, as `fau.json` records it.
fn method(summary: &Value) -> String {
    let histograms = &summary["histograms"];
    let Some(bins) = histograms["bins"].as_u64() else {
        return String::new();
    };
    let smoothing = &histograms["smoothing"];
    let prior = smoothing["prior"].as_str().unwrap_or("unknown");
    let pseudo = smoothing["pseudo_samples"].as_f64().unwrap_or(f64::NAN);
    let minimum = summary["min_positives"].as_u64().unwrap_or(0);
    format!(
        "{bins} equal-width bins over each filter's range, {pseudo} pseudo-samples spread like the {prior} histogram, \
         action units present and absent in at least {minimum} coded images. Bins, range and smoothing are our choice."
    )
}
