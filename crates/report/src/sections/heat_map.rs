//! Every filter against every action unit: a map that leads to the explorer, and its numbers as a table.

use std::collections::BTreeMap;

use askama::Template;
use serde_json::Value;

use super::face;
use super::grid::{Grid, auroc};
use crate::page::blocks::{Blocks, Sections};
use crate::page::text::{count, decimal};
use crate::plot::heat::{Heat, TEXT_ROW};
use crate::plot::numbers::{cell, csv_text};
use crate::plot::{Download, Plot};
use crate::run::Run;
use crate::run::fau::Fau;
use crate::run::folder::Gap;
use crate::run::value::{au, au_label, filter};

#[derive(Template)]
#[template(path = "heat_map.html")]
struct HeatMap<'a> {
    /// Whether the page holds the numbers of all cells in their tooltips, and the map as a file.
    small: bool,
    grid: &'a Grid<'a>,
    /// The filters, in the order of the columns.
    order: &'a [u64],
    /// The filter that each action unit leads to.
    best: BTreeMap<u64, u64>,
    level: f64,
    alt: &'static str,
    files: Vec<Download>,
    face: String,
}

/// Filters of a map that a page has room for in full; in a wider one a column is hardly wider than a pixel.
const SMALL: usize = 512;
const ALT: &str = "Heat map of AUROC: one column per filter, one row per action unit";

impl HeatMap<'_> {
    /// The classes of a cell: its shade, 0 to 20, and its side of chance.
    fn class(&self, row: &Value) -> String {
        let from_chance = auroc(row).map_or(0.0, |auroc| 2.0 * auroc - 1.0);
        let shade = (20.0 * from_chance.abs()).round().min(20.0);
        let less = if from_chance < 0.0 { " less" } else { "" };
        format!("h{shade}{less}")
    }

    fn text(&self, row: &Value) -> String {
        decimal(auroc(row), 2)
    }

    fn beyond(&self, row: &Value) -> bool {
        row["q_auroc"].as_f64().is_some_and(|q| q <= self.level)
    }

    /// The filters named after each action unit: row, first column and number of columns.
    fn frames(&self) -> Vec<(usize, usize, usize)> {
        let named = |at: usize| self.order.get(at).and_then(|of| self.grid.unit(*of));
        let mut frames: Vec<(usize, usize, usize)> = vec![];
        for (at, unit) in (0..self.order.len()).filter_map(|at| Some((at, named(at)?))) {
            match frames.last_mut() {
                Some((of, _, many)) if *of == unit => *many += 1,
                _ => frames.push((unit, at, 1)),
            }
        }
        frames
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
    let (fau, grid) = (&run.fau, Grid::of(&run.fau));
    let mut order: Vec<u64> = grid.filters.keys().copied().collect();
    grid.sort_by_unit(&mut order);
    blocks.text(legend(&grid));
    let plot = drawn(&grid, &order);
    let small = order.len() <= SMALL;
    let shown = |(file, _): &Download| small || !file.ends_with("svg");
    let map = HeatMap {
        small,
        grid: &grid,
        order: &order,
        best: best(fau, &grid),
        level: fau.level(),
        alt: ALT,
        files: plot
            .iter()
            .flat_map(Plot::downloads)
            .filter(shown)
            .collect(),
        face: face::figure(run).unwrap_or_default(),
    };
    let map = map.to_string();
    run.folder.make_room(map.len());
    blocks.html(map);
    blocks.plots.extend(plot);
}

/// The filter named after each unit that is most active with it; without one, that whose AUROC is farthest from 0.5.
fn best(fau: &Fau, grid: &Grid) -> BTreeMap<u64, u64> {
    let farthest = |(at, unit): (usize, &u64)| {
        let from_chance =
            |(filter, of): (&u64, &Vec<&Value>)| Some(((auroc(of[at])? - 0.5).abs(), *filter));
        let all = grid.filters.iter().filter_map(from_chance);
        Some((*unit, all.max_by(|a, b| a.0.total_cmp(&b.0))?.1))
    };
    let named = fau.best_of_units().into_iter();
    let named = named.map(|name| (au(name), filter(name)));
    let all = grid.units.iter().enumerate().filter_map(farthest);
    all.chain(named).collect()
}

fn legend(grid: &Grid) -> String {
    let names = match grid.names.is_empty() {
        true => {
            "No filter is named after an action unit; the columns are ordered by the unit whose AUROC is farthest from 0.5."
        }
        false => {
            "Framed: the filters named after the unit, the most active with it first; filters without a name stand on the right."
        }
    };
    let many = count(grid.filters.len(), "filter");
    format!(
        "{many} (columns) and the action units (rows, from the brows to the chin). Blue: the filter is more active on images with the unit (AUROC above 0.5); orange: less active (below 0.5). {names} Columns of one grey: filters that respond to all coded images alike. A click on a column shows that filter in the explorer, a click on a unit the filter named after it that is most active with it, or else the one whose AUROC is farthest from 0.5."
    )
}

/// The map as a file, and its numbers with those of KL.
fn drawn(grid: &Grid, order: &[u64]) -> Option<Plot> {
    let columns: Vec<String> = order.iter().map(u64::to_string).collect();
    let rows: Vec<String> = grid.units.iter().map(|au| au_label(*au)).collect();
    let value =
        |filter: &u64, at: usize| auroc(grid.cells(filter)[at]).map_or(f64::NAN, |a| 2.0 * a - 1.0);
    let values = |at: usize| order.iter().map(|filter| value(filter, at)).collect();
    let values: Vec<Vec<f64>> = (0..grid.units.len()).map(values).collect();
    let keys = ["kl", "auroc"];
    let heads = keys
        .iter()
        .flat_map(|key| grid.units.iter().map(move |au| format!("{key}_au_{au}")));
    let numbers = grid.filters.iter().map(|(filter, of)| {
        let values = |key: &'static str| of.iter().map(move |row| cell(row[key].as_f64()));
        (
            filter,
            keys.into_iter().flat_map(values).collect::<Vec<_>>(),
        )
    });
    Heat {
        name: "filters-by-action-units",
        alt: ALT,
        columns_are: "filters, ordered by their action unit, then from the most active to the least active with it",
        columns: &columns,
        rows: &rows,
        values: &values,
        from: -1.0,
        scale: "AUROC 0 to 1, white 0.5",
        cell: ((1024 / columns.len().max(1) as u32).clamp(3, 40), TEXT_ROW),
        numbers: false,
        csv: csv_text(std::iter::once("filter".to_owned()).chain(heads), numbers),
    }
    .into()
}
