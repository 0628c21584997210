//! Every filter against every action unit, as a sortable table.

use std::collections::BTreeMap;

use askama::Template;
use serde_json::Value;

use crate::page::blocks::{Blocks, Sections};
use crate::page::text::decimal;
use crate::plot::heat::{Heat, TEXT_ROW};
use crate::plot::numbers::{cell, csv_text};
use crate::plot::{Download, Plot};
use crate::run::Run;
use crate::run::folder::Gap;
use crate::run::value::{au, au_label, au_name, filter, units};

#[derive(Template)]
#[template(path = "heat_map.html")]
struct HeatMap<'a> {
    grid: &'a Grid<'a>,
    level: f64,
    files: Vec<Download>,
}

impl HeatMap<'_> {
    /// The shade of a cell, 0 to 20.
    fn shade(&self, row: &Value) -> usize {
        let kl = row["kl"].as_f64().unwrap_or(0.0).max(0.0);
        (20.0 * kl / self.grid.top).round().min(20.0) as usize
    }

    fn text(&self, row: &Value) -> String {
        decimal(row["kl"].as_f64(), 2)
    }

    fn beyond(&self, row: &Value) -> bool {
        row["q"].as_f64().is_some_and(|q| q <= self.level)
    }
}

/// A filter's associations, in the order of the action units; null if missing.
type Associations<'a> = Vec<&'a Value>;

/// Associations by filter.
pub(super) struct Grid<'a> {
    pub units: Vec<u64>,
    pub filters: BTreeMap<u64, Associations<'a>>,
    /// The largest KL; 1 if there are none.
    pub top: f64,
}

impl<'a> Grid<'a> {
    pub fn of(rows: &'a [Value]) -> Self {
        let units: Vec<u64> = units(rows).into_iter().collect();
        let mut filters: BTreeMap<u64, Associations> = BTreeMap::new();
        for row in rows {
            let of = filters.entry(filter(row));
            let of = of.or_insert_with(|| vec![&Value::Null; units.len()]);
            if let Ok(at) = units.binary_search(&au(row)) {
                of[at] = row;
            }
        }
        let kl = rows.iter().filter_map(|row| row["kl"].as_f64());
        let largest = kl.fold(0.0, f64::max);
        Self {
            units,
            filters,
            top: if largest > 0.0 { largest } else { 1.0 },
        }
    }

    /// Action units with their names.
    pub fn names(&self) -> Vec<(u64, String)> {
        self.units.iter().map(|au| (*au, au_name(*au))).collect()
    }
}

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("heat-map", "Filters by action units");
    let associations = &run.fau.associations;
    if blocks.has(associations) {
        match associations.is_empty() {
            true => blocks.gap(&Gap::damaged("fau/associations.csv", "it has no row", "")),
            false => heat_map(run, blocks),
        }
    }
}

fn heat_map(run: &Run, blocks: &mut Blocks) {
    let (associations, level) = (&run.fau.associations, run.fau.level());
    let grid = Grid::of(associations);
    let marked = match associations.iter().any(|row| row["q"].is_number()) {
        true => format!("Bold and underlined: beyond chance (q ≤ {level}, people permuted, all pairs together)."),
        false => "No null distribution has been computed for this run, so no cell can be called beyond chance.".to_owned(),
    };
    let top = grid.top;
    blocks.quiet(format!("KL(Q‖R) in nats between a filter's activations on images with the action unit and without; the deeper the shade, the larger, up to {top:.2}. {marked} A click on a column's head sorts by it; a filter's number links to it in the explorer."));
    let plot = drawn(&grid);
    blocks.html(HeatMap {
        grid: &grid,
        level,
        files: plot.iter().flat_map(Plot::downloads).collect(),
    });
    blocks.plots.extend(plot);
}

fn kl(of: &Associations, at: usize) -> Option<f64> {
    of[at]["kl"].as_f64()
}

/// Place and size of the largest KL; the last place if there is none.
fn largest(of: &Associations) -> (usize, f64) {
    let values = (0..of.len()).filter_map(|at| Some((at, kl(of, at)?)));
    let largest = values.reduce(|best, next| if next.1 > best.1 { next } else { best });
    largest.unwrap_or((usize::MAX, 0.0))
}

/// Filters as columns, ordered by their action unit, then KL.
fn drawn(grid: &Grid) -> Option<Plot> {
    let mut order: Vec<(&u64, &Associations)> = grid.filters.iter().collect();
    order.sort_by(|(_, a), (_, b)| {
        let (a, b) = (largest(a), largest(b));
        a.0.cmp(&b.0).then(b.1.total_cmp(&a.1))
    });
    let columns: Vec<String> = order.iter().map(|(filter, _)| filter.to_string()).collect();
    let rows: Vec<String> = grid.units.iter().map(|au| au_label(*au)).collect();
    let value = |of: &Associations, at: usize| kl(of, at).unwrap_or(f64::NAN);
    let values = |at: usize| order.iter().map(|(_, of)| value(of, at)).collect();
    let values: Vec<Vec<f64>> = (0..grid.units.len()).map(values).collect();
    let heads = grid.units.iter().map(|au| format!("kl_au_{au}"));
    let numbers = grid.filters.iter().map(|(filter, of)| {
        let values: Vec<String> = (0..of.len()).map(|at| cell(kl(of, at))).collect();
        (filter, values)
    });
    Heat {
        name: "filters-by-action-units",
        alt: "Heat map of KL: one column per filter, one row per action unit",
        columns_are: "filters, ordered by the action unit of their largest KL, then by its size",
        columns: &columns,
        rows: &rows,
        values: &values,
        top: grid.top,
        shade: "nats",
        cell: ((1024 / columns.len().max(1) as u32).clamp(3, 40), TEXT_ROW),
        numbers: false,
        csv: csv_text(std::iter::once("filter".to_owned()).chain(heads), numbers),
    }
    .into()
}
