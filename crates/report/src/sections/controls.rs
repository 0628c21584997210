//! Controls: the same analysis where nothing of action units was learnt; and what is left of the pictures there.

use serde_json::Value;

use super::patches::picture;
use super::{Block, Cell, Column, Context, Section, Table, TableRow};
use crate::action_units::au_label;
use crate::plot::forest::{Forest, Line};
use crate::plot::{cell, csv_text, round_ends};
use crate::run::{Control, Layer, Sanity, finite};
use crate::text::{decimal_or_dash, interval_or_dash, p_or_dash};

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

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let controls = &context.run.fau.controls;
    let mut blocks: Vec<Block> = controls.verdict().into_iter().map(Block::Text).collect();
    match &controls.summary {
        Ok(summary) => {
            blocks.extend(context.figure(overview(summary), "Mean over action units of the AUROC of the unit's best filter, which is chosen on other people than those it is scored on; 95% intervals over people.".to_owned()));
            blocks.extend(table(summary).map(Block::Table));
        }
        Err(gap) => blocks.push(Block::Gap(gap.clone())),
    }
    match &controls.rows {
        Ok(rows) => blocks.extend(context.figure(by_unit(rows), "The same by action unit: how well the best filter, chosen on other people, tells images with the unit from those without.".to_owned())),
        Err(gap) if controls.summary.is_ok() || gap.damage.is_some() => blocks.push(Block::Gap(gap.clone())),
        Err(_) => {}
    }
    Section::new("controls", "Controls", &blocks)
}

fn overview(summary: &Value) -> Option<crate::plot::Plot> {
    let rows = summary["controls"].as_array()?;
    let lines: Vec<Line> = rows
        .iter()
        .map(|row| Line {
            label: words(row["control"].as_str().unwrap_or_default()).to_owned(),
            value: row["mean_best_auroc"].as_f64(),
            interval: row["low"].as_f64().zip(row["high"].as_f64()),
            series: usize::from(row["control"] != "trained"),
            ..Line::default()
        })
        .collect();
    let csv = csv_text(
        &["control", "mean_best_auroc", "low", "high"],
        rows.iter().map(|row| {
            let numbers = ["mean_best_auroc", "low", "high"].map(|key| cell(row[key].as_f64()));
            [row["control"].as_str().unwrap_or_default().to_owned()]
                .into_iter()
                .chain(numbers)
                .collect()
        }),
    );
    let lowest = lines
        .iter()
        .filter_map(|l| l.interval.map(|i| i.0).or(l.value))
        .fold(0.5, f64::min);
    Forest {
        name: "controls",
        alt: "Mean AUROC of the best filters in the trained network and in each control".to_owned(),
        axis: "mean AUROC of the best filter (0.5: no relation)",
        ends: (round_ends(lowest, 1.0).0.max(0.0), 1.0),
        percent: false,
        bars: false,
        lines: &lines,
        references: &[(0.5, "no relation".to_owned())],
        series: &[],
        csv,
    }
    .plot()
}

fn table(summary: &Value) -> Option<Table> {
    let rows = summary["controls"].as_array()?.iter().map(|row| {
        let count = |key: &str| row[key].as_u64().map_or("–".to_owned(), |n| n.to_string());
        let of = |with: &str, all: &str| Cell::from(format!("{} of {}", count(with), count(all)));
        let name = Cell::from(words(row["control"].as_str().unwrap_or_default()));
        let below = &row["below_trained"];
        let difference = below["difference"].as_f64();
        let ends = below["low"].as_f64().zip(below["high"].as_f64());
        TableRow::new([
            name.remark(row["words"].as_str().unwrap_or_default()),
            of("filters_max_q", "filters"),
            of("pairs_q", "pairs"),
            of("filters_within_class_q", "filters"),
            Cell::from(decimal_or_dash(row["mean_best_auroc"].as_f64(), 3)),
            interval_or_dash(row["low"].as_f64().zip(row["high"].as_f64()), 3).into(),
            Cell::from(decimal_or_dash(difference, 3)).remark(match ends {
                Some(ends) => interval_or_dash(Some(ends), 3),
                None => String::new(),
            }),
            p_or_dash(below["p"].as_f64()).into(),
        ])
    });
    let names = [
        "Filters beyond chance",
        "Pairs beyond chance",
        "Filters beyond chance within expressions",
        "Mean best AUROC",
        "95% over people",
        "Below the trained by",
        "p",
    ];
    Some(Table {
        label: "Controls".to_owned(),
        columns: [Column::text("Network or data")]
            .into_iter()
            .chain(names.map(Column::number))
            .collect(),
        rows: rows.collect(),
        ..Table::default()
    })
}

/// Trained against untrained, by action unit.
fn by_unit(rows: &[Control]) -> Option<crate::plot::Plot> {
    let shown = ["trained", "untrained", "pixels"];
    let mut units: Vec<u64> = rows.iter().map(|row| row.au).collect();
    units.sort_unstable();
    units.dedup();
    let mut lines = Vec::new();
    for au in units {
        let mut label = au_label(au);
        for (series, control) in shown.iter().enumerate() {
            let Some(row) = rows
                .iter()
                .find(|row| row.au == au && row.control == *control)
            else {
                continue;
            };
            lines.push(Line {
                label: std::mem::take(&mut label),
                value: finite(row.best_auroc),
                interval: finite(row.best_auroc_low).zip(finite(row.best_auroc_high)),
                series,
                ..Line::default()
            });
        }
    }
    let csv = csv_text(
        &["control", "au", "best_auroc", "low", "high"],
        rows.iter().map(|row| {
            let numbers = [row.best_auroc, row.best_auroc_low, row.best_auroc_high].map(cell);
            [row.control.clone(), row.au.to_string()]
                .into_iter()
                .chain(numbers)
                .collect()
        }),
    );
    let lowest = lines
        .iter()
        .filter_map(|l| l.interval.map(|i| i.0).or(l.value))
        .fold(0.5, f64::min);
    if lines.is_empty() {
        return None;
    }
    Forest {
        name: "controls-by-action-unit",
        alt: "AUROC of each action unit's best filter in the trained network, an untrained one and in pixels".to_owned(),
        axis: "AUROC on left-out people (0.5: no relation)",
        ends: (round_ends(lowest, 1.0).0.max(0.0), 1.0),
        percent: false,
        bars: false,
        lines: &lines,
        references: &[(0.5, "no relation".to_owned())],
        series: &shown.map(words),
        csv,
    }
    .plot()
}

/// What is left of the projections when what was learnt is taken away.
pub(super) fn sanity(context: &Context) -> Result<Section, askama::Error> {
    let layers = context.run.layers.iter();
    let there: Vec<(&Layer, &Sanity)> = layers
        .filter_map(|l| Some((l, l.sanity.as_ref().ok()?)))
        .collect();
    let mut blocks = Vec::new();
    let damaged = context
        .run
        .layers
        .iter()
        .filter_map(|layer| layer.sanity.as_ref().err());
    blocks.extend(
        damaged
            .filter(|gap| gap.damage.is_some())
            .cloned()
            .map(Block::Gap),
    );
    if there.is_empty() {
        let first = context
            .run
            .layers
            .first()
            .and_then(|layer| layer.sanity.as_ref().err());
        blocks.extend(
            first
                .filter(|gap| gap.damage.is_none())
                .cloned()
                .map(Block::Gap),
        );
    }
    for (layer, sanity) in there {
        blocks.extend(of_layer(context, layer, sanity));
    }
    Section::new("sanity", "Do the pictures show what was learnt?", &blocks)
}

fn of_layer(context: &Context, layer: &Layer, sanity: &Sanity) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(format!("Layer {}", layer.name))];
    blocks.extend(sanity.sentence.clone().map(Block::Text));
    let alt = format!(
        "The same patches of {} with the network's layers randomised one after the other, from an untrained network, an edge detector and under a constant input shift",
        layer.name
    );
    let caption = "The same units of the same images: projections of the trained network, then with its layers randomised from the top down (Adebayo et al. 2018), of an untrained network, of an edge detector (Nie et al. 2018), and under a constant shift of the input (Kindermans et al. 2017).";
    let shown = picture(context, &layer.file("sanity.png"), alt, caption.to_owned());
    blocks.push(shown);
    blocks.extend(context.figure(likeness(layer, sanity), "How much each resembles the trained network's projection of the same unit: mean over patches, lines ± one standard deviation. 1: the same picture; 0: none of its order.".to_owned()));
    let untrained = layer.file("untrained.png");
    if context.folder.has(&untrained) {
        let alt = format!("The figure above for an untrained network's {}", layer.name);
        let caption = "The paper's figure from an untrained network: its own top patches, chosen by the same rule. What it shows, no training explains.";
        blocks.push(picture(context, &untrained, alt, caption.to_owned()));
    }
    blocks
}

fn likeness(layer: &Layer, sanity: &Sanity) -> Option<crate::plot::Plot> {
    let measures = [
        "Spearman, signed",
        "Spearman of absolute values",
        "SSIM of absolute values",
    ];
    let mut lines = Vec::new();
    let mut numbers = Vec::new();
    for panel in &sanity.panels {
        let mut label = panel.label.clone();
        for (series, spread) in [panel.spearman, panel.spearman_abs, panel.ssim]
            .into_iter()
            .enumerate()
        {
            let Some(spread) = spread else { continue };
            let (mean, sd) = (finite(spread.mean), finite(spread.sd));
            lines.push(Line {
                label: std::mem::take(&mut label),
                value: mean,
                interval: mean.zip(sd).map(|(mean, sd)| (mean - sd, mean + sd)),
                series,
                ..Line::default()
            });
            let n = spread.n.unwrap_or_default().to_string();
            numbers.push(vec![
                panel.label.clone(),
                measures[series].to_owned(),
                cell(mean),
                cell(sd),
                n,
            ]);
        }
    }
    let lowest = lines
        .iter()
        .filter_map(|line| line.interval.map(|i| i.0))
        .fold(0.0, f64::min);
    Forest {
        name: &format!("sanity-{}", layer.name),
        alt: "Likeness of each panel's maps to the trained network's projections".to_owned(),
        axis: "likeness to the trained projection (−1 to 1)",
        ends: (round_ends(lowest, 1.0).0.max(-1.0), 1.0),
        percent: false,
        bars: false,
        lines: &lines,
        references: &[],
        series: &measures,
        csv: csv_text(&["panel", "measure", "mean", "sd", "n"], numbers),
    }
    .plot()
}
