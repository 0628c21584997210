//! `faus controls`: the same analysis on networks and data without learnt action units.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::page::blocks::{Blocks, Section};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{decimal, interval, or_dash, p_value};
use crate::plot::Plot;
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::{cell, csv, ends};
use crate::run::Run;
use crate::run::fau::{self, Control, au_label, list, verdict};

/// Names of the controls, as people read them.
pub(super) fn words(control: &str) -> &str {
    match control {
        "trained" => "trained network",
        "untrained" => "untrained network",
        "label_shuffled" => "trained on shuffled labels",
        "au_shuffled" => "action units shuffled",
        "pixels" => "pixels alone",
        other => other,
    }
}

pub(super) fn section(run: &Run) -> Section {
    let (study, mut blocks) = (&run.fau.controls, Blocks::default());
    blocks.texts(verdict(&study.summary));
    let summarised = blocks.has(&study.summary);
    if summarised {
        let controls = list(&study.summary["controls"]);
        blocks.figure(overview(controls), "Mean over action units of the AUROC of the unit's best filter, which is chosen on other people than those it is scored on; 95% CIs over people.");
        blocks.table(table(controls));
    }
    match &study.rows.gap {
        None => blocks.figure(by_unit(&study.rows), "The same by action unit: how well the best filter, chosen on other people, separates images with the unit from those without."),
        Some(gap) if summarised || gap.damage.is_some() => blocks.gap(gap),
        Some(_) => {}
    }
    blocks.section("controls", "Controls")
}

fn name(control: &Value) -> &str {
    control["control"].as_str().unwrap_or_default()
}

fn overview(controls: &[Value]) -> Option<Plot> {
    let line = |control: &Value| Line {
        label: words(name(control)).to_owned(),
        value: control["mean_best_auroc"].as_f64(),
        interval: fau::ends(control, "low", "high"),
        series: usize::from(name(control) != "trained"),
        ..Line::default()
    };
    let numbers = controls.iter().map(|control| {
        let numbers = ["mean_best_auroc", "low", "high"].map(|key| cell(control[key].as_f64()));
        (name(control), numbers)
    });
    Forest {
        name: "controls",
        alt: "Mean AUROC of the best filters in the trained network and in each control",
        axis: "mean AUROC of the best filter (0.5: no relation)",
        csv: csv("control,mean_best_auroc,low,high", numbers),
        ..Forest::aurocs(controls.iter().map(line).collect())
    }
    .plot()
}

fn table(controls: &[Value]) -> Table {
    let of = |control: &Value, with: &str, all: &str| {
        let [with, all] = [with, all].map(|key| or_dash(control[key].as_u64()));
        format!("{with} of {all}")
    };
    let below = |control: &Value| {
        let below = &control["below_trained"];
        let ends = fau::ends(below, "low", "high").map(|ends| interval(Some(ends), 3));
        Cell::from(decimal(below["difference"].as_f64(), 3)).remark(ends.unwrap_or_default())
    };
    TableOf::new("Controls", controls)
        .words("Network or data", |row| {
            Cell::from(words(name(row))).remark(row["words"].as_str().unwrap_or_default())
        })
        .numbers("Filters beyond chance", |row| {
            of(row, "filters_max_q", "filters")
        })
        .numbers("Pairs beyond chance", |row| of(row, "pairs_q", "pairs"))
        .numbers("Filters beyond chance within expressions", |row| {
            of(row, "filters_within_class_q", "filters")
        })
        .numbers("Mean best AUROC", |row| {
            decimal(row["mean_best_auroc"].as_f64(), 3)
        })
        .numbers("95% CI", |row| interval(fau::ends(row, "low", "high"), 3))
        .numbers("Below the trained by", |row| below(row))
        .numbers("p", |row| p_value(row["below_trained"]["p"].as_f64()))
        .into()
}

/// Trained against untrained, by action unit.
fn by_unit(rows: &[Control]) -> Option<Plot> {
    let shown = ["trained", "untrained", "pixels"];
    let units: BTreeSet<u64> = rows.iter().map(|row| row.au).collect();
    let lines = units.into_iter().flat_map(|au| {
        let line = |(series, control): (usize, &&str)| {
            let row = rows
                .iter()
                .find(|row| row.au == au && row.control == **control)?;
            Some(Line {
                value: row.best_auroc,
                interval: row.best_auroc_low.zip(row.best_auroc_high),
                series,
                ..Line::default()
            })
        };
        labelled(au_label(au), shown.iter().enumerate().filter_map(line))
    });
    let numbers = rows.iter().map(|row| {
        let interval = row.best_auroc_low.zip(row.best_auroc_high);
        (&row.control, row.au, cell(row.best_auroc), ends(interval))
    });
    Forest {
        name: "controls-by-action-unit",
        alt: "AUROC of each action unit's best filter in the trained network, an untrained one and in pixels",
        axis: "AUROC on left-out people (0.5: no relation)",
        series: &shown.map(words),
        csv: csv("control,au,best_auroc,low,high", numbers),
        ..Forest::aurocs(lines.collect())
    }
    .plot()
}
