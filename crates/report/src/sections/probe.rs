//! `faus probe`: the layers in which a linear probe can read action units.

use std::collections::BTreeSet;

use serde_json::Value;

use super::controls::words;
use crate::page::blocks::{Blocks, Section};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{decimal, interval, or_dash};
use crate::plot::lines::{Lines, Point, Series};
use crate::plot::numbers::{cell, csv, ends};
use crate::plot::{Plot, round_ends};
use crate::run::Run;
use crate::run::fau::{Probe, list, verdict};

pub(super) fn section(run: &Run) -> Section {
    let (study, mut blocks) = (&run.fau.probe, Blocks::default());
    blocks.texts(verdict(&study.summary));
    if blocks.has(&study.rows) {
        blocks.quiet("A regularised linear classifier on each layer's activations, trained on some people and scored on others. Control task: the same with action units assigned at random to people, or within expressions (Hewitt and Liang 2019).");
        blocks.figure(by_layer(&study.rows), "Mean over action units of the probe's AUROC on left-out people, layer by layer. Lines at the points: the middle half of the action units.");
        if !study.rows.is_empty() {
            blocks.folded("By action unit", by_unit(&study.rows, &study.summary));
        }
    }
    blocks.section("probe", "Probes, layer by layer")
}

/// Layers in their order in the table, the pixels first.
fn layers(rows: &[Probe]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for row in rows {
        if !names.contains(&row.layer) {
            names.push(row.layer.clone());
        }
    }
    names.sort_by_key(|name| name != "pixels");
    names
}

fn by_layer(rows: &[Probe]) -> Option<Plot> {
    type Value = fn(&Probe) -> Option<f64>;
    let places = layers(rows);
    let drawn: [(&str, &str, Value); 5] = [
        (words("trained"), "trained", |row| row.auroc),
        (words("untrained"), "untrained", |row| row.auroc),
        ("trained, control task", "trained", |row| row.control_auroc),
        ("trained, control within expressions", "trained", |row| {
            row.class_control_auroc
        }),
        (words("pixels"), "pixels", |row| row.auroc),
    ];
    let series = drawn.map(|(name, network, value)| {
        let at = |layer: &String| {
            let of = |row: &&Probe| row.network == network && row.layer == *layer;
            spread(rows.iter().filter(of).filter_map(value).collect())
        };
        let points = places.iter().map(at).collect();
        Series {
            name: name.to_owned(),
            points,
        }
    });
    let points = series
        .iter()
        .flat_map(|series| series.points.iter().flatten());
    let lowest = points
        .map(|(mean, ends)| ends.map_or(*mean, |ends| ends.0))
        .fold(0.5, f64::min);
    let numbers = series.iter().flat_map(|series| {
        let points = series.points.iter().zip(&places);
        points.filter_map(|(point, layer)| {
            let (mean, middle) = (*point)?;
            Some((&series.name, layer, cell(Some(mean)), ends(middle)))
        })
    });
    let csv = csv("series,layer,mean,low,high", numbers);
    Lines {
        name: "probes-by-layer",
        alt: "Mean AUROC of linear probes in each layer, for the trained network, an untrained one and the control tasks",
        places: &places,
        across: "layer",
        up: "AUROC on left-out people",
        ends: (round_ends(lowest, 1.0).0.max(0.0), 1.0),
        series: &series,
        reference: Some((0.5, "no relation")),
        csv,
    }
    .plot()
}

/// Mean and middle half; `None` without a value.
fn spread(mut values: Vec<f64>) -> Option<Point> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| values[(share * last as f64).round() as usize];
    let mean = faus_base::order::mean(&values);
    Some((mean, (last > 0).then(|| (at(0.25), at(0.75)))))
}

fn by_unit(rows: &[Probe], summary: &Value) -> Table {
    let first = |au: u64| {
        let mut units = list(&summary["first_layer"]).iter();
        let unit = units.find(|unit| unit["au"].as_u64() == Some(au))?;
        Some(unit["layer"].as_str().unwrap_or("none"))
    };
    let units: BTreeSet<u64> = rows.iter().map(|row| row.au).collect();
    let mut table = TableOf::new("Probes of the trained network by action unit", units)
        .words("Action unit", |au| Cell::au(*au));
    for layer in layers(rows) {
        let network = if layer == "pixels" {
            "pixels"
        } else {
            "trained"
        };
        table = table.numbers(layer.as_str(), |au| {
            let of = |row: &&Probe| row.au == *au && row.layer == layer && row.network == network;
            auroc(rows.iter().find(of))
        });
    }
    table
        .words("First above untrained", |au| or_dash(first(*au)))
        .note("AUROC with its 95% CI over people, and F1. The last column: the first layer whose interval lies above the untrained network's.")
        .sortable()
        .tall()
        .into()
}

fn auroc(row: Option<&Probe>) -> Cell {
    let cell = Cell::decimal(row.and_then(|row| row.auroc), 2);
    let remark = row.and_then(|row| {
        let ends = row.auroc_low.zip(row.auroc_high)?;
        Some(format!(
            "{}; F1 {}",
            interval(Some(ends), 2),
            decimal(row.f1, 2)
        ))
    });
    cell.remark(remark.unwrap_or_default())
}
