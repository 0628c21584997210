//! `faus locate`: the places of the filters' maxima on the face.

use serde_json::Value;

use crate::page::blocks::{Blocks, Section};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{count, decimal};
use crate::plot::Plot;
use crate::plot::forest::{Forest, Line};
use crate::plot::numbers::{cell, csv};
use crate::run::Run;
use crate::run::fau::{Location, au_label, list, verdict};

pub(super) fn section(run: &Run) -> Section {
    let (study, mut blocks) = (&run.fau.locate, Blocks::default());
    blocks.texts(verdict(&study.summary));
    if blocks.has(&study.rows) {
        blocks.figure(pointing(list(&study.summary["by_au"])), "How often the maxima of an action unit's filters lie in its region of the face, beside the share of all filters there.");
        if !study.rows.is_empty() {
            blocks.folded("Filter by filter", regions(&study.rows));
        }
    }
    blocks.section("locate", "Location of the filters' maxima")
}

fn pointing(units: &[Value]) -> Option<Plot> {
    let line = |unit: &Value| {
        let filters = unit["filters"].as_u64().unwrap_or(0) as usize;
        let au = au_label(unit["au"].as_u64().unwrap_or(0));
        Line {
            label: format!("{au} ({})", count(filters, "filter")),
            value: unit["pointing_rate"].as_f64(),
            null: unit["chance"].as_f64(),
            ..Line::default()
        }
    };
    let numbers = units.iter().map(|unit| {
        let [au, filters] = ["au", "filters"].map(|key| unit[key].to_string());
        (
            au,
            filters,
            ["pointing_rate", "chance"].map(|key| cell(unit[key].as_f64())),
        )
    });
    Forest {
        name: "pointing",
        alt: "How often the maxima of each action unit's filters lie in its face region, with the share of all filters as a grey tick",
        axis: "maxima in the region (% of images); grey: all filters",
        bars: true,
        csv: csv("au,filters,pointing_rate,chance", numbers),
        ..Forest::shares(units.iter().map(line).collect())
    }
    .plot()
}

fn regions(rows: &[Location]) -> Table {
    let iou = |row: &Location| {
        let chance = format!("chance {}", decimal(row.iou_chance, 2));
        Cell::decimal(row.iou, 2).remark(chance)
    };
    TableOf::new("Where each filter's maxima lie", rows)
        .words("Filter", |row| Cell::filter(row.filter))
        .words("Action unit", |row| Cell::au(row.au))
        .numbers("Images", |row| Cell::count(row.images))
        .numbers("In the region", |row| Cell::percent(row.pointing_rate))
        .numbers("Chance", |row| Cell::percent(row.chance))
        .numbers("q", |row| Cell::p(row.q))
        .numbers("IoU", |row| iou(row))
        .sortable()
        .into()
}
