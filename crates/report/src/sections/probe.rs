//! `faus probe`: the layers in which a linear probe can read action units.

use serde_json::Value;

use crate::page::blocks::Sections;
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{count, decimal, interval, or_dash};
use crate::plot::Plot;
use crate::plot::lines::{Lines, Point, Series};
use crate::plot::numbers::{cell, csv, ends};
use crate::run::Run;
use crate::run::value::{self, au, brief, distinct, list, texts, units};

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("probe", "Linear probes, layer by layer");
    let study = &run.fau.probe;
    blocks.texts(texts(&study.summary["verdict"]));
    if blocks.has(&study.rows) {
        let units = count(units(&study.rows).len(), "action unit");
        blocks.quiet("A regularised linear classifier on each layer's activations, trained on some people and scored on others. Control task: the same with action units assigned at random to people, or within expressions (Hewitt and Liang 2019).");
        blocks.figure(by_layer(&study.rows, run.called()), format!("Mean over {units} of the probe's AUROC on people not in the probe's training, layer by layer. Lines at the points: the middle half of the action units."));
        blocks.folded("By action unit", by_unit(&study.rows, &study.summary));
        let few = run.fau.sparse_probes.as_slice();
        if !few.is_empty() {
            blocks.folded("On few filters", on_few(few, &study.summary));
        }
    }
}

/// Probes on the best filters of each action unit; the largest number of filters is all.
fn on_few(rows: &[Value], summary: &Value) -> impl Into<Table> {
    let mut sizes: Vec<u64> = rows
        .iter()
        .filter_map(|row| row["filters"].as_u64())
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    let label = "Probes on the best filters of each action unit";
    let mut table = TableOf::new(label, units(rows)).words("Action unit", |unit| Cell::au(*unit));
    for size in sizes {
        table = table.numbers(format!("{size}"), |unit| {
            let of = |row: &&Value| row["filters"] == size && au(row) == *unit;
            auroc(rows.iter().find(of).unwrap_or(&Value::Null))
        });
    }
    table
        .words("The unit is in", |unit| {
            let mut units = list(&summary["sparse"]).iter();
            or_dash(units.find(|other| au(other) == *unit).and_then(|own| own["place"].as_str()))
        })
        .note("AUROC on people not in the training, by the number of filters, those with the largest |z| among the people trained on, with its 95% CI over people. One: the best filter is within 0.02 of 16; several: 16 are better by more, with a CI of the gain above 0; unread: not even 16 detect it.")
        .sortable()
        .tall()
}

/// Layers in their order in the table, the pixels first.
fn layers(rows: &[Value]) -> Vec<String> {
    let mut names = distinct(rows.iter().map(|row| brief(&row["layer"])));
    names.sort_by_key(|name| name != "pixels");
    names
}

const WITHIN: &str = "trained, control within expressions";
/// The lines of the drawing: name, network, column.
const DRAWN: [(&str, &str, &str); 5] = [
    ("trained network", "trained", "auroc"),
    ("untrained network", "untrained", "auroc"),
    ("trained, control task", "trained", "control_auroc"),
    (WITHIN, "trained", "class_control_auroc"),
    ("pixels alone", "pixels", "auroc"),
];

fn by_layer(rows: &[Value], called: &'static str) -> Option<Plot> {
    let places = layers(rows);
    let series = DRAWN.map(|(name, network, key)| {
        let at = |layer: &String| {
            let of = |row: &&Value| row["network"] == network && row["layer"] == **layer;
            let rows = rows.iter().filter(of);
            spread(rows.filter_map(|row| row[key].as_f64()))
        };
        let points = places.iter().map(at).collect();
        // A network from a file need not be trained.
        let name = match name.strip_prefix("trained, ") {
            _ if called == DRAWN[0].0 => name,
            Some(control) => control,
            None if network == "trained" => called,
            None => name,
        };
        Series { name, points }
    });
    let numbers = series.iter().flat_map(|series| {
        let points = series.points.iter().zip(&places);
        points.filter_map(|(point, layer)| {
            let (mean, middle) = (*point)?;
            Some((series.name, layer, cell(Some(mean)), ends(middle)))
        })
    });
    let csv = csv("series,layer,mean,low,high", numbers);
    Lines {
        name: "probes-by-layer",
        alt: "Mean AUROC of linear probes in each layer, for the network, an untrained one and the control tasks",
        places: &places,
        series: &series,
        csv,
    }
    .plot()
}

/// Mean and middle half; `None` without a value.
fn spread(values: impl Iterator<Item = f64>) -> Option<Point> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| values[(share * last as f64).round() as usize];
    let mean = faus_base::order::mean(&values);
    Some((mean, (last > 0).then(|| (at(0.25), at(0.75)))))
}

fn by_unit(rows: &[Value], summary: &Value) -> impl Into<Table> {
    let first = |unit: u64| {
        let mut units = list(&summary["first_layer"]).iter();
        let unit = units.find(|other| au(other) == unit)?;
        Some(unit["layer"].as_str().unwrap_or("none"))
    };
    let label = "Probes of the network by action unit";
    let mut table = TableOf::new(label, units(rows)).words("Action unit", |unit| Cell::au(*unit));
    for layer in layers(rows) {
        let network = ["trained", "pixels"][usize::from(layer == "pixels")];
        let of = |row: &&Value| row["layer"] == *layer && row["network"] == network;
        table = table.numbers(layer.as_str(), |unit| {
            let row = rows.iter().filter(of).find(|row| au(row) == *unit);
            auroc(row.unwrap_or(&Value::Null))
        });
    }
    table
        .words("First above untrained", |unit| or_dash(first(*unit)))
        .note("AUROC with its 95% CI over people, and F1. The last column: the first layer whose interval lies above the untrained network's.")
        .sortable()
        .tall()
}

fn auroc(row: &Value) -> Cell {
    let interval = interval(value::ends(row, "auroc_low", "auroc_high"), 2);
    let f1 = row["f1"]
        .as_f64()
        .map(|f1| format!("; F1 {}", decimal(Some(f1), 2)));
    let remark = format!("{interval}{}", f1.unwrap_or_default());
    Cell::decimal(row["auroc"].as_f64(), 2).remark(if interval == "–" { "" } else { &remark })
}
