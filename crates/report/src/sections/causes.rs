//! What happens when something is changed: filters silenced, action units switched; and where filters look.

use serde_json::Value;

use super::{Block, Cell, Column, Context, Section, Table, TableRow};
use crate::action_units::au_label;
use crate::plot::forest::{Forest, Line};
use crate::plot::{cell, csv_text, round_ends};
use crate::run::{Causal, Spatial, finite};
use crate::text::{count, decimal_or_dash, p_or_dash, percent, percent_or_dash};

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let fau = &context.run.fau;
    let mut blocks = vec![Block::Heading("Filters silenced".to_owned())];
    blocks.extend(fau.causal.verdict().into_iter().map(Block::Text));
    match &fau.causal.rows {
        Err(gap) => blocks.push(Block::Gap(gap.clone())),
        Ok(rows) => {
            blocks.extend(context.figure(drops(rows), "What silencing an action unit's filters costs: the fall of accuracy over all test images, beside the mean fall when as many random filters, or as many equally active ones, are silenced.".to_owned()));
            blocks.extend(by_class(rows)?);
        }
    }
    blocks.push(Block::Heading(
        "Action units switched on in the same face".to_owned(),
    ));
    blocks.extend(fau.interventions.verdict().into_iter().map(Block::Text));
    match (&fau.interventions.summary, context.run.synthetic()) {
        (Ok(summary), _) => blocks.extend(agreement(summary).map(Block::Table)),
        (Err(gap), _) if gap.damage.is_some() => blocks.push(Block::Gap(gap.clone())),
        (Err(_), Some(false)) => blocks.push(Block::Text("No photograph shows the same face with one action unit switched; this needs synthetic faces.".to_owned())),
        (Err(gap), _) => blocks.push(Block::Gap(gap.clone())),
    }
    blocks.push(Block::Heading("Where the filters look".to_owned()));
    blocks.extend(fau.spatial.verdict().into_iter().map(Block::Text));
    match &fau.spatial.rows {
        Err(gap) => blocks.push(Block::Gap(gap.clone())),
        Ok(rows) => {
            let summary = fau.spatial.summary.as_ref().unwrap_or(&Value::Null);
            blocks.extend(context.figure(pointing(summary), "How often the maxima of an action unit's filters lie in its region of the face, beside the share that all filters have there.".to_owned()));
            blocks.extend(regions(rows)?);
        }
    }
    Section::new("causes", "Causes and places", &blocks)
}

fn drops(rows: &[Causal]) -> Option<crate::plot::Plot> {
    let all: Vec<&Causal> = rows.iter().filter(|row| row.label.is_empty()).collect();
    let mut lines = Vec::new();
    for row in &all {
        let values = [row.drop, row.drop_random, row.drop_active];
        let mut label = format!(
            "{} ({})",
            au_label(row.au),
            count(row.filters.unwrap_or(0) as usize, "filter")
        );
        for (series, value) in values.into_iter().enumerate() {
            lines.push(Line {
                label: std::mem::take(&mut label),
                value: finite(value),
                series,
                ..Line::default()
            });
        }
    }
    if lines.is_empty() {
        return None;
    }
    let csv = csv_text(
        &[
            "au",
            "filters",
            "drop",
            "drop_random",
            "drop_active",
            "p_random",
            "p_active",
        ],
        all.iter().map(|row| {
            let numbers = [
                row.drop,
                row.drop_random,
                row.drop_active,
                row.p_random,
                row.p_active,
            ]
            .map(cell);
            [row.au.to_string(), row.filters.unwrap_or(0).to_string()]
                .into_iter()
                .chain(numbers)
                .collect()
        }),
    );
    let values = || lines.iter().filter_map(|line| line.value);
    let (low, high) = round_ends(values().fold(0.0, f64::min), values().fold(0.01, f64::max));
    Forest {
        name: "ablation",
        alt: "Fall of accuracy when each action unit's filters are silenced, beside random and equally active filters".to_owned(),
        axis: "fall of accuracy (percentage points)",
        ends: (low, high),
        percent: true,
        bars: false,
        lines: &lines,
        references: &[],
        series: &["its filters", "as many random filters", "as many equally active filters"],
        csv,
    }
    .plot()
}

fn by_class(rows: &[Causal]) -> Result<Option<Block>, askama::Error> {
    let points = |value: Option<f64>| match finite(value) {
        Some(value) => format!("{:.1}", 100.0 * value),
        None => "–".to_owned(),
    };
    let lines = rows.iter().map(|row| {
        let number = |text: String, value| Cell::number(text, finite(value));
        TableRow::new([
            Cell {
                text: au_label(row.au),
                order: Some(row.au as f64),
                ..Cell::default()
            },
            row.label_name.as_str().into(),
            number(
                row.images.map_or("–".to_owned(), |n| n.to_string()),
                row.images.map(|n| n as f64),
            ),
            number(
                percent_or_dash(finite(row.recall_before)),
                row.recall_before,
            ),
            number(percent_or_dash(finite(row.recall_after)), row.recall_after),
            number(points(row.drop), row.drop),
            number(points(row.drop_random), row.drop_random),
            number(points(row.drop_active), row.drop_active),
            number(p_or_dash(row.p_random), row.p_random),
            number(p_or_dash(row.p_active), row.p_active),
        ])
    });
    let names = [
        "Images",
        "Recall before",
        "After",
        "Fall (points)",
        "Random",
        "Equally active",
        "p, random",
        "p, active",
    ];
    let table = Table {
        label: "Filters silenced, by expression".to_owned(),
        note: "Recall of each expression before and after the action unit's filters are silenced. p: the share of random (equally active) sets of filters whose silencing costs at least as much.".to_owned(),
        columns: [Column::text("Action unit"), Column::text("Expression")].into_iter().chain(names.map(Column::number)).collect(),
        rows: lines.collect(),
        sortable: true,
        tall: rows.len() > 25,
        ..Table::default()
    };
    (!rows.is_empty())
        .then(|| Block::details("By expression".to_owned(), &[Block::Table(table)]))
        .transpose()
}

/// How well each measure agrees with what the switch shows.
fn agreement(summary: &Value) -> Option<Table> {
    let rows = summary["agreement"].as_array()?.iter().map(|row| {
        let share = |with: &str| row[with].as_f64().map_or("–".to_owned(), percent);
        let name = match row["measure"].as_str().unwrap_or_default() {
            "kl" => "KL (the paper's)",
            "js" => "Jensen-Shannon",
            "auroc" => "AUROC",
            "mutual_information" => "mutual information",
            "r" => "point-biserial r",
            other => other,
        };
        TableRow::new([
            Cell::from(name),
            decimal_or_dash(row["spearman"].as_f64(), 2).into(),
            Cell::from(share("same_au_share"))
                .remark(format!("chance {}", share("same_au_chance"))),
            Cell::from(decimal_or_dash(row["average_precision"].as_f64(), 2)).remark(format!(
                "chance {}",
                decimal_or_dash(row["average_precision_chance"].as_f64(), 2)
            )),
        ])
    });
    let people = summary["people"].as_u64().unwrap_or(0);
    Some(Table {
        label: "Measures against the switch".to_owned(),
        note: format!(
            "The same synthetic face with one action unit switched on, {people} people: how each filter's response changes is its true alignment. How well does each measure, computed without the switch, agree with it?"
        ),
        columns: vec![
            Column::text("Measure"),
            Column::number("Spearman with the change"),
            Column::number("Filters with the same action unit"),
            Column::number("Average precision"),
        ],
        rows: rows.collect(),
        ..Table::default()
    })
}

fn pointing(summary: &Value) -> Option<crate::plot::Plot> {
    let units: Vec<&Value> = summary["by_au"].as_array()?.iter().collect();
    let lines: Vec<Line> = units
        .iter()
        .map(|unit| Line {
            label: format!(
                "{} ({})",
                au_label(unit["au"].as_u64().unwrap_or(0)),
                count(unit["filters"].as_u64().unwrap_or(0) as usize, "filter")
            ),
            value: unit["pointing_rate"].as_f64(),
            null: unit["chance"].as_f64(),
            ..Line::default()
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let csv = csv_text(
        &["au", "filters", "pointing_rate", "chance"],
        units.iter().map(|unit| {
            let of = |key: &str| unit[key].to_string();
            vec![
                of("au"),
                of("filters"),
                cell(unit["pointing_rate"].as_f64()),
                cell(unit["chance"].as_f64()),
            ]
        }),
    );
    Forest {
        name: "pointing",
        alt: "How often the maxima of each action unit's filters lie in its face region, with the share of all filters as a grey tick".to_owned(),
        axis: "maxima in the region (% of images); grey: all filters",
        ends: (0.0, 1.0),
        percent: true,
        bars: true,
        lines: &lines,
        references: &[],
        series: &[],
        csv,
    }
    .plot()
}

fn regions(rows: &[Spatial]) -> Result<Option<Block>, askama::Error> {
    let lines = rows.iter().map(|row| {
        let share = |value| Cell::number(percent_or_dash(finite(value)), finite(value));
        TableRow::new([
            Cell::filter(row.filter),
            Cell {
                text: au_label(row.au),
                order: Some(row.au as f64),
                ..Cell::default()
            },
            Cell::number(
                row.images.map_or("–".to_owned(), |n| n.to_string()),
                row.images.map(|n| n as f64),
            ),
            share(row.pointing_rate),
            share(row.chance),
            Cell::number(p_or_dash(row.q), finite(row.q)),
            Cell::number(decimal_or_dash(row.iou, 2), finite(row.iou))
                .remark(format!("chance {}", decimal_or_dash(row.iou_chance, 2))),
        ])
    });
    let names = ["Images", "In the region", "Chance", "q", "IoU"];
    let table = Table {
        label: "Where each filter looks".to_owned(),
        columns: [Column::text("Filter"), Column::text("Action unit")]
            .into_iter()
            .chain(names.map(Column::number))
            .collect(),
        rows: lines.collect(),
        sortable: true,
        tall: rows.len() > 25,
        ..Table::default()
    };
    (!rows.is_empty())
        .then(|| Block::details("Filter by filter".to_owned(), &[Block::Table(table)]))
        .transpose()
}
