//! Every filter against every action unit: a map that leads to the explorer, and its numbers as a table.

use std::collections::BTreeMap;

use askama::Template;
use serde_json::Value;

use super::face;
use crate::page::blocks::{Blocks, Sections};
use crate::page::text::{count, decimal};
use crate::plot::heat::{Heat, TEXT_ROW};
use crate::plot::numbers::{cell, csv_text};
use crate::plot::{Download, Plot};
use crate::run::Run;
use crate::run::fau::Fau;
use crate::run::folder::Gap;
use crate::run::value::{au, au_label, au_name, down_the_face, filter, units};

#[derive(Template)]
#[template(path = "heat_map.html")]
struct HeatMap<'a> {
    grid: &'a Grid<'a>,
    /// The filters, in the order of the columns.
    order: &'a [u64],
    /// The best filter of each action unit.
    best: BTreeMap<u64, u64>,
    level: f64,
    alt: &'static str,
    files: Vec<Download>,
    face: String,
}

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

/// A filter's associations, in the order of the action units; null if missing.
type Associations<'a> = Vec<&'a Value>;

/// Associations and names by filter.
pub(super) struct Grid<'a> {
    /// From the brows to the chin.
    pub units: Vec<u64>,
    pub filters: BTreeMap<u64, Associations<'a>>,
    pub names: BTreeMap<u64, &'a Value>,
    /// The largest KL; 1 if there are none.
    pub top: f64,
}

impl<'a> Grid<'a> {
    pub fn of(fau: &'a Fau) -> Self {
        let rows = &fau.associations;
        let mut units: Vec<u64> = units(rows).into_iter().collect();
        units.sort_by_key(down_the_face);
        let mut filters: BTreeMap<u64, Associations> = BTreeMap::new();
        for row in rows.iter() {
            let of = filters.entry(filter(row));
            let of = of.or_insert_with(|| vec![&Value::Null; units.len()]);
            if let Some(at) = units.iter().position(|unit| *unit == au(row)) {
                of[at] = row;
            }
        }
        let kl = rows.iter().filter_map(|row| row["kl"].as_f64());
        let largest = kl.fold(0.0, f64::max);
        Self {
            units,
            filters,
            names: fau.names.iter().map(|row| (filter(row), row)).collect(),
            top: if largest > 0.0 { largest } else { 1.0 },
        }
    }

    /// Action units with their names.
    pub fn names(&self) -> Vec<(u64, String)> {
        self.units.iter().map(|au| (*au, au_name(*au))).collect()
    }

    /// A filter's associations; none for a filter without any.
    pub fn cells(&self, filter: &u64) -> &[&'a Value] {
        self.filters.get(filter).map_or(&[], Vec::as_slice)
    }

    /// Index of the action unit that a filter is named after.
    pub fn unit(&self, filter: u64) -> Option<usize> {
        let named = au(self.names.get(&filter)?);
        self.units.iter().position(|unit| *unit == named)
    }

    /// The action unit that a filter is named after: `AU 12`, `less with AU 1`; empty without one.
    pub fn name(&self, filter: &u64) -> String {
        let label = |name: &&Value| format!("{}AU {}", less(name), au(name));
        self.names.get(filter).map(label).unwrap_or_default()
    }

    /// The AUROC of a filter for all action units; 0.5 where it is missing.
    pub fn profile(&self, filter: &u64) -> Vec<f64> {
        let mut profile = vec![0.5; self.units.len()];
        for (value, row) in profile.iter_mut().zip(self.cells(filter)) {
            *value = auroc(row).unwrap_or(*value);
        }
        profile
    }

    /// |z| of a filter's name; without a name the largest distance of its AUROC from chance, which is below 1.
    pub fn strength(&self, filter: &u64) -> f64 {
        let name = self.names.get(filter);
        let z = name.and_then(|name| name["z"].as_f64());
        z.map_or_else(|| self.farthest(filter).1.abs(), |z| 1.0 + z.abs())
    }

    /// Sorts filters by their action unit from the brows to the chin, then from the most active to the least active with
    /// it; those without a name come last. In a run without names the unit is that of the AUROC farthest from chance.
    pub fn sort_by_unit(&self, filters: &mut [u64]) {
        let place = |filter: &u64| {
            let last = (usize::MAX, self.farthest(filter).1.abs());
            match self.names.get(filter) {
                Some(name) => (
                    self.unit(*filter).unwrap_or(last.0),
                    name["z"].as_f64().unwrap_or(0.0),
                ),
                None if self.names.is_empty() => self.farthest(filter),
                None => last,
            }
        };
        filters.sort_by(|a, b| {
            let (a, b) = (place(a), place(b));
            a.0.cmp(&b.0).then(b.1.total_cmp(&a.1))
        });
    }

    /// The AUROC of a filter farthest from chance: index of its action unit, and its distance.
    fn farthest(&self, filter: &u64) -> (usize, f64) {
        let distances = self.profile(filter).into_iter().map(|auroc| auroc - 0.5);
        let farther = |best: (usize, f64), next: (usize, f64)| {
            if next.1.abs() > best.1.abs() {
                next
            } else {
                best
            }
        };
        distances.enumerate().fold((0, 0.0), farther)
    }
}

/// `less with ` for a filter that is less active with the unit it is named after.
fn less(name: &Value) -> &'static str {
    match name["sign"].as_f64() {
        Some(sign) if sign < 0.0 => "less with ",
        _ => "",
    }
}

fn auroc(row: &Value) -> Option<f64> {
    row["auroc"].as_f64()
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
    let names = match grid.names.is_empty() {
        true => {
            "No filter is named after an action unit; the columns are ordered by the unit whose AUROC is farthest from 0.5."
        }
        false => {
            "Framed: the filters named after the unit, the most active with it first; filters without a name stand on the right."
        }
    };
    let many = count(order.len(), "filter");
    blocks.text(format!("{many} (columns) and the action units (rows, from the brows to the chin). Blue: the filter is more active on images with the unit (AUROC above 0.5); orange: less active (below 0.5). {names} A click on a column shows that filter in the explorer, a click on a unit its best filter."));
    let plot = drawn(&grid, &order);
    let best = fau.best_of_units().into_iter();
    blocks.html(HeatMap {
        grid: &grid,
        order: &order,
        best: best.map(|name| (au(name), filter(name))).collect(),
        level: fau.level(),
        alt: ALT,
        files: plot.iter().flat_map(Plot::downloads).collect(),
        face: face::figure(run).unwrap_or_default(),
    });
    blocks.plots.extend(plot);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_are_ordered_by_unit_down_the_face_and_then_by_strength() {
        let mut units = vec![1, 9, 43, 12, 7, 65, 25];
        units.sort_by_key(down_the_face);
        assert_eq!(units, [1, 7, 43, 65, 9, 12, 25]);
        let name = |au: u64, z: f64| json!({"au": au, "z": z, "sign": z.signum()});
        let names = [name(12, 4.0), name(12, -9.0), name(43, 2.0), name(12, 8.0)];
        let grid = Grid {
            units,
            filters: BTreeMap::new(),
            names: (1..).zip(&names).collect(),
            top: 1.0,
        };
        let mut order = [1, 2, 3, 4, 5];
        grid.sort_by_unit(&mut order);
        assert_eq!(
            order,
            [3, 4, 1, 2, 5],
            "43, then 12 from +8 to -9, then none"
        );
        assert_eq!(grid.name(&2), "less with AU 12");
    }
}
