//! Filters and action units inside each expression, on recordings without a label, and with other histograms.

use serde_json::Value;

use crate::page::blocks::Blocks;
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{count, decimal, interval, percent};
use crate::run::edge::{collapsed, newcombe};
use crate::run::value::{au, brief, ends, filter};

pub(super) fn within_classes(effects: &[Value], blocks: &mut Blocks) {
    let scored = effects.iter().filter(|row| row["auroc"].is_number());
    let scored: Vec<&Value> = scored.collect();
    if scored.is_empty() {
        return;
    }
    blocks.heading("Inside each expression");
    let summary = format!("{} within expressions", count(scored.len(), "pair"));
    let table = TableOf::new("Action units inside each expression", scored)
        .words("Action unit", |row| Cell::au(au(row)))
        .words("Expression", |row| brief(&row["label_name"]))
        .numbers("Filter", |row| Cell::filter(filter(row)))
        .numbers("With", |row| Cell::count(row["n_with"].as_u64()))
        .numbers("Without", |row| Cell::count(row["n_without"].as_u64()))
        .numbers("AUROC", |row| Cell::decimal(row["auroc"].as_f64(), 2))
        .numbers("95% CI", |row| within_interval(row))
        .note("The best filter of each action unit, among images of one expression alone: its relation to the unit beyond the expression. Intervals: bootstrap over people; where that would end at 0 or 1, Newcombe's for AUROC, from the numbers of images, marked so.")
        .sortable();
    blocks.folded(&summary, table);
}

fn within_interval(row: &Value) -> Cell {
    let recorded = ends(row, "auroc_low", "auroc_high");
    let counts = ["n_with", "n_without"].map(|key| row[key].as_f64().unwrap_or(0.0));
    match (recorded, row["auroc"].as_f64()) {
        (Some(ends), Some(auroc)) if collapsed(ends) && counts.iter().all(|n| *n > 0.0) => {
            let newcombe = Some(newcombe(auroc, counts));
            Cell::from(interval(newcombe, 2)).remark("Newcombe")
        }
        (ends, _) => interval(ends, 2).into(),
    }
}

pub(super) fn held_out(held_out: &Value, blocks: &mut Blocks) {
    let counts = ["pairs_selected", "pairs_replicated"].map(|key| held_out[key].as_u64());
    if let [Some(selected), Some(replicated)] = counts {
        let chance = held_out["share_by_chance"].as_f64();
        let chance = chance.map(|chance| format!("; chance {}", percent(chance)));
        blocks.heading("On recordings without an expression label");
        let images = held_out["rows"].as_u64().unwrap_or(0);
        let chance = chance.unwrap_or_default();
        let share = percent(held_out["share"].as_f64());
        let auroc = decimal(held_out["median_auroc"].as_f64(), 2);
        let images = count(images, "image");
        blocks.text(match selected {
            0 => format!("No filter has a name on the labelled recordings, so none can be tested on the {images} without a label."),
            _ => format!("The filters with a name on the labelled recordings were tested with their unit alone on {images} without a label, which are not part of any training: {replicated} of {selected} follow it there in the same direction ({share}{chance}); their median AUROC is {auroc}."),
        });
    }
}

pub(super) fn sensitivity(rows: &[Value]) -> impl Into<Table> {
    TableOf::new("Other histograms", rows)
        .numbers("Bins", |row| brief(&row["bins"]))
        .words("Smoothed towards", |row| brief(&row["prior"]))
        .numbers("Pseudo-samples", |row| decimal(row["pseudo_samples"].as_f64(), 1))
        .numbers("Spearman", |row| decimal(row["spearman"].as_f64(), 3))
        .numbers("Same action unit", |row| percent(row["same_au"].as_f64()))
        .note("The effect of bins and smoothing: Spearman correlation of all KL values with those of the settings used, and the share of filters that keep their action unit.")
}
