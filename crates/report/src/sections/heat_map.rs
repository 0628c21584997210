//! Every filter against every action unit, as a table that sorts.

use std::collections::BTreeMap;

use askama::Template;

use super::{Block, Context, Section};
use crate::action_units::au_name;
use crate::files::{Gap, damaged};
use crate::plot::heat::{Heat, TEXT_ROW};
use crate::plot::{Plot, cell, csv_text};
use crate::run::{Association, finite};
use crate::text::decimal_or_dash;

#[derive(Template)]
#[template(path = "heat_map.html")]
struct HeatMap<'a> {
    units: &'a [(u64, String)],
    rows: Vec<HeatRow>,
}

struct HeatRow {
    filter: u64,
    cells: Vec<HeatCell>,
}

struct HeatCell {
    text: String,
    /// 0 to 20.
    shade: usize,
    beyond: bool,
}

/// Associations by filter, in the order of the action units.
pub(super) struct Grid<'a> {
    pub units: Vec<(u64, String)>,
    pub filters: BTreeMap<u64, Vec<Option<&'a Association>>>,
    /// The largest KL; 1 where there is none.
    pub top: f64,
}

impl<'a> Grid<'a> {
    pub fn of(rows: &'a [Association]) -> Self {
        let mut units: Vec<u64> = rows.iter().map(|row| row.au).collect();
        units.sort_unstable();
        units.dedup();
        let mut filters: BTreeMap<u64, Vec<Option<&Association>>> = BTreeMap::new();
        for row in rows {
            if let Ok(at) = units.binary_search(&row.au) {
                let of = filters
                    .entry(row.filter)
                    .or_insert_with(|| vec![None; units.len()]);
                of[at] = Some(row);
            }
        }
        let largest = rows
            .iter()
            .filter_map(|row| finite(row.kl))
            .fold(0.0, f64::max);
        Self {
            units: units
                .into_iter()
                .map(|au| (au, au_name(au).to_owned()))
                .collect(),
            filters,
            top: if largest > 0.0 { largest } else { 1.0 },
        }
    }
}

/// The level that the run's own analysis used for q.
pub(super) fn level(context: &Context) -> f64 {
    let summary = context.run.fau.summary.as_ref().ok();
    let recorded = summary.and_then(|summary| summary["null"]["fdr"].as_f64());
    recorded.unwrap_or(0.05)
}

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let title = "Filters by action units";
    let rows = match &context.run.fau.associations {
        Err(gap) => return Section::new("heat-map", title, &[Block::Gap(Gap::clone(gap))]),
        Ok(rows) if rows.is_empty() => {
            let none = damaged("fau/associations.csv", "it has no row".to_owned(), "");
            return Section::new("heat-map", title, &[Block::Gap(none)]);
        }
        Ok(rows) => rows,
    };
    let grid = Grid::of(rows);
    let level = level(context);
    let tested = rows.iter().any(|row| finite(row.q).is_some());
    let plot = drawn(&grid);
    let files = plot
        .iter()
        .flat_map(|plot| super::Figure::new(plot, String::new()).files);
    let files: Vec<super::Download> = files.collect();
    context.plots.borrow_mut().extend(plot);
    let line = |(filter, of): (&u64, &Vec<Option<&Association>>)| HeatRow {
        filter: *filter,
        cells: of
            .iter()
            .map(|row| heat_cell(*row, grid.top, level))
            .collect(),
    };
    let html = HeatMap {
        units: &grid.units,
        rows: grid.filters.iter().map(line).collect(),
    };
    let marked = match tested {
        true => format!(" Bold and underlined: beyond chance (q ≤ {level}, people permuted, all pairs together)."),
        false => " No null distribution has been computed for this run, so nothing says which cells are beyond chance.".to_owned(),
    };
    let blocks = [
        Block::Quiet(format!(
            "KL(Q‖R) in nats between a filter's activations on images with the action unit and without; the deeper the shade, the larger, up to {:.2}.{marked} A click on a column's head sorts by it; a filter's number leads to it in the explorer.",
            grid.top
        )),
        Block::Html(html.render()?),
        Block::Html(files_line(&files)?),
    ];
    Section::new("heat-map", title, &blocks)
}

#[derive(Template)]
#[template(path = "files.html")]
struct Files<'a> {
    files: &'a [super::Download],
}

fn files_line(files: &[super::Download]) -> Result<String, askama::Error> {
    Files { files }.render()
}

fn heat_cell(row: Option<&Association>, top: f64, level: f64) -> HeatCell {
    let kl = row.and_then(|row| finite(row.kl));
    HeatCell {
        text: decimal_or_dash(kl, 2),
        shade: (20.0 * kl.unwrap_or(0.0).max(0.0) / top).round().min(20.0) as usize,
        beyond: row
            .and_then(|row| finite(row.q))
            .is_some_and(|q| q <= level),
    }
}

/// Filters as columns, ordered by their action unit, then KL.
fn drawn(grid: &Grid) -> Option<Plot> {
    let kl = |of: &[Option<&Association>], at: usize| {
        of[at].and_then(|row| finite(row.kl)).unwrap_or(f64::NAN)
    };
    let best = |of: &[Option<&Association>]| {
        let values = (0..of.len())
            .map(|at| (at, kl(of, at)))
            .filter(|(_, kl)| kl.is_finite());
        values.reduce(|best, next| if next.1 > best.1 { next } else { best })
    };
    let mut order: Vec<(&u64, &Vec<Option<&Association>>)> = grid.filters.iter().collect();
    order.sort_by(|(_, a), (_, b)| {
        let (a, b) = (
            best(a).unwrap_or((usize::MAX, 0.0)),
            best(b).unwrap_or((usize::MAX, 0.0)),
        );
        a.0.cmp(&b.0).then(b.1.total_cmp(&a.1))
    });
    let columns: Vec<String> = order.iter().map(|(filter, _)| filter.to_string()).collect();
    let names = grid
        .units
        .iter()
        .map(|(au, name)| format!("AU {au} {name}"));
    let names: Vec<String> = names.collect();
    let values = (0..grid.units.len()).map(|at| order.iter().map(|(_, of)| kl(of, at)).collect());
    let values: Vec<Vec<f64>> = values.collect();
    let heads = grid.units.iter().map(|(au, _)| format!("kl_au_{au}"));
    let heads: Vec<String> = ["filter".to_owned()].into_iter().chain(heads).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rows = grid.filters.iter().map(|(filter, of)| {
        let numbers = of
            .iter()
            .map(|row| cell(row.and_then(|row| finite(row.kl))));
        [filter.to_string()].into_iter().chain(numbers).collect()
    });
    let width = (1024 / columns.len().max(1) as u32).clamp(3, 40);
    Heat {
        name: "filters-by-action-units",
        alt: "Heat map of KL: one column a filter, one row an action unit".to_owned(),
        columns_are: "filters, ordered by the action unit of their largest KL, then by its size",
        columns: &columns,
        rows: &names,
        values: &values,
        top: grid.top,
        shade: "nats",
        cell: (width, TEXT_ROW),
        numbers: false,
        csv: csv_text(&heads, rows),
    }
    .plot()
}
