//! `faus locate`: the places of the filters' maxima on the face.

use serde_json::Value;

use crate::page::blocks::Sections;
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{decimal, filters_of};
use crate::plot::forest::{Forest, Line};
use crate::plot::numbers::csv_of;
use crate::run::Run;
use crate::run::value::{au, filter, list, texts};

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("locate", "Location of the filters' maxima");
    let study = &run.fau.locate;
    blocks.texts(texts(&study.summary["verdict"]));
    if blocks.has(&study.rows) {
        blocks.figure(pointing(list(&study.summary["by_au"])), "How often the maxima of an action unit's filters lie in its region of the face, beside the share of all filters there.");
        blocks.folded("Filter by filter", regions(&study.rows));
    }
}

fn pointing(units: &[Value]) -> Forest<'static> {
    let line = |unit: &Value| Line {
        null: unit["chance"].as_f64(),
        ..Line::new(filters_of(unit), unit["pointing_rate"].as_f64(), None)
    };
    let keys = "au,filters,pointing_rate,chance";
    Forest {
        name: "pointing",
        alt: "How often the maxima of each action unit's filters lie in its face region, with the share of all filters as a grey tick",
        axis: "maxima in the region (% of images); grey: all filters",
        bars: true,
        csv: csv_of(keys, keys, units),
        ..Forest::shares(units.iter().map(line).collect())
    }
}

fn regions(rows: &[Value]) -> impl Into<Table> {
    let rate = |row: &Value| Cell::percent(row["pointing_rate"].as_f64());
    let overlap = |row: &Value| {
        let chance = format!("chance {}", decimal(row["iou_chance"].as_f64(), 2));
        Cell::decimal(row["iou"].as_f64(), 2).remark(chance)
    };
    TableOf::new("Where each filter's maxima lie", rows)
        .words("Filter", |row| Cell::filter(filter(row)))
        .words("Action unit", |row| Cell::au(au(row)))
        .numbers("Images", |row| Cell::count(row["images"].as_u64()))
        .numbers("In the region", |row| rate(row))
        .numbers("Chance", |row| Cell::percent(row["chance"].as_f64()))
        .numbers("q", |row| Cell::p(row["q"].as_f64()))
        .numbers("IoU", |row| overlap(row))
        .sortable()
}
