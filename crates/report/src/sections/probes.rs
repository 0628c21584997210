//! Linear probes: where along the network action units can be read.

use serde_json::Value;

use super::controls::words;
use super::{Block, Cell, Column, Context, Section, Table, TableRow};
use crate::action_units::au_label;
use crate::plot::lines::{Lines, Series};
use crate::plot::{cell, csv_text, round_ends};
use crate::run::{Probe, finite};
use crate::text::{decimal_or_dash, interval_or_dash};

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let probes = &context.run.fau.probes;
    let mut blocks: Vec<Block> = probes.verdict().into_iter().map(Block::Text).collect();
    match &probes.rows {
        Err(gap) => blocks.push(Block::Gap(gap.clone())),
        Ok(rows) => {
            blocks.push(Block::Quiet("A regularised linear classifier on each layer's activations, trained on some people and scored on others. Control task: the same with action units dealt at random to people, or within expressions (Hewitt and Liang 2019).".to_owned()));
            blocks.extend(context.figure(by_layer(rows), "Mean over action units of the probe's AUROC on left-out people, layer by layer. Lines at the points: the middle half of the action units.".to_owned()));
            blocks.extend(by_unit(
                rows,
                probes.summary.as_ref().unwrap_or(&Value::Null),
            )?);
        }
    }
    Section::new("probes", "Probes, layer by layer", &blocks)
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

fn by_layer(rows: &[Probe]) -> Option<crate::plot::Plot> {
    let places = layers(rows);
    let of = |network: &str, value: fn(&Probe) -> Option<f64>| -> Vec<_> {
        let at = |layer: &String| {
            let of = rows
                .iter()
                .filter(|row| row.network == network && row.layer == *layer);
            spread(of.filter_map(|row| finite(value(row))).collect())
        };
        places.iter().map(at).collect()
    };
    let pixels = of("pixels", |row| row.auroc);
    let series = [
        Series {
            name: words("trained").to_owned(),
            points: of("trained", |row| row.auroc),
        },
        Series {
            name: words("untrained").to_owned(),
            points: of("untrained", |row| row.auroc),
        },
        Series {
            name: "trained, control task".to_owned(),
            points: of("trained", |row| row.control_auroc),
        },
        Series {
            name: "trained, control within expressions".to_owned(),
            points: of("trained", |row| row.class_control_auroc),
        },
        Series {
            name: words("pixels").to_owned(),
            points: pixels,
        },
    ];
    let values = series.iter().flat_map(|s| s.points.iter().flatten());
    let lowest = values
        .map(|(mean, ends)| ends.map_or(*mean, |(low, _)| low))
        .fold(0.5, f64::min);
    let csv = csv_text(
        &["series", "layer", "mean", "low", "high"],
        series.iter().flat_map(|s| {
            s.points.iter().zip(&places).filter_map(|(point, layer)| {
                let (mean, ends) = (*point)?;
                let numbers = [Some(mean), ends.map(|e| e.0), ends.map(|e| e.1)].map(cell);
                Some(
                    [s.name.clone(), layer.clone()]
                        .into_iter()
                        .chain(numbers)
                        .collect(),
                )
            })
        }),
    );
    Lines {
        name: "probes-by-layer",
        alt: "Mean AUROC of linear probes in each layer, for the trained network, an untrained one and the control tasks".to_owned(),
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
fn spread(mut values: Vec<f64>) -> Option<(f64, Option<(f64, f64)>)> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let at = |share: f64| values[(share * last as f64).round() as usize];
    Some((mean, (last > 0).then(|| (at(0.25), at(0.75)))))
}

fn by_unit(rows: &[Probe], summary: &Value) -> Result<Option<Block>, askama::Error> {
    let places = layers(rows);
    let first = |au: u64| {
        let units = summary["first_layer"].as_array()?;
        let unit = units.iter().find(|unit| unit["au"].as_u64() == Some(au))?;
        Some(unit["layer"].as_str().unwrap_or("none").to_owned())
    };
    let mut units: Vec<u64> = rows.iter().map(|row| row.au).collect();
    units.sort_unstable();
    units.dedup();
    let line = |au: &u64| {
        let at = |layer: &String| {
            let network = if layer == "pixels" {
                "pixels"
            } else {
                "trained"
            };
            let row = rows
                .iter()
                .find(|row| row.au == *au && row.layer == *layer && row.network == network);
            let auroc = row.and_then(|row| finite(row.auroc));
            let ends = row.and_then(|row| finite(row.auroc_low).zip(finite(row.auroc_high)));
            let f1 = row.and_then(|row| finite(row.f1));
            let cell = Cell::number(decimal_or_dash(auroc, 2), auroc);
            match ends {
                Some(ends) => cell.remark(format!(
                    "{}; F1 {}",
                    interval_or_dash(Some(ends), 2),
                    decimal_or_dash(f1, 2)
                )),
                None => cell,
            }
        };
        let name = Cell {
            text: au_label(*au),
            order: Some(*au as f64),
            ..Cell::default()
        };
        let first = Cell::from(first(*au).unwrap_or("–".to_owned()));
        TableRow::new(
            [name]
                .into_iter()
                .chain(places.iter().map(at))
                .chain([first]),
        )
    };
    if units.is_empty() {
        return Ok(None);
    }
    let table = Table {
        label: "Probes of the trained network by action unit".to_owned(),
        note: "AUROC with its 95% interval over people, and F1. The last column: the first layer whose interval lies above the untrained network's.".to_owned(),
        columns: [Column::text("Action unit")]
            .into_iter()
            .chain(places.iter().map(|layer| Column::number(layer)))
            .chain([Column::text("First above untrained")])
            .collect(),
        rows: units.iter().map(line).collect(),
        sortable: true,
        tall: true,
        ..Table::default()
    };
    Block::details("By action unit".to_owned(), &[Block::Table(table)]).map(Some)
}
