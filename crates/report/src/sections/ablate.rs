//! `faus ablate`: the drop in accuracy when an action unit's filters are silenced.

use serde_json::Value;

use crate::page::blocks::Sections;
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{decimal, filters_of};
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::csv_of;
use crate::plot::round_ends;
use crate::run::Run;
use crate::run::value::{au, brief, texts};

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("ablate", "Ablation: filters silenced");
    let study = &run.fau.ablate;
    blocks.texts(texts(&study.summary["verdict"]));
    if blocks.has(&study.rows) {
        blocks.figure(drops(&study.rows), "Effect of silencing an action unit's filters: the drop in accuracy over all test images, beside the mean drop when as many random filters, or as many equally active ones, are silenced.");
        blocks.folded("By expression", by_class(&study.rows));
    }
}

fn drops(rows: &[Value]) -> Forest<'static> {
    let all = rows.iter().filter(|row| row["label"] == "");
    let lines = all.clone().flat_map(|row| {
        let drops = ["drop", "drop_random", "drop_active"].map(|key| row[key].as_f64());
        let line = |(series, drop)| Line::of(series, drop, None);
        labelled(filters_of(row), (0..).zip(drops).map(line))
    });
    let lines: Vec<Line> = lines.collect();
    let values = || lines.iter().filter_map(|line| line.value);
    let active = "as many equally active filters";
    let keys = "au,filters,drop,drop_random,drop_active,p_random,p_active";
    Forest {
        name: "ablation",
        alt: "Drop in accuracy when each action unit's filters are silenced, beside random and equally active filters",
        axis: "drop in accuracy (percentage points)",
        ends: round_ends(values().fold(0.0, f64::min), values().fold(0.01, f64::max)),
        percent: true,
        series: vec!["its filters", "as many random filters", active],
        csv: csv_of(keys, keys, all),
        lines,
        ..Forest::default()
    }
}

fn by_class(rows: &[Value]) -> impl Into<Table> {
    let points = |drop: &Value| {
        let drop = drop.as_f64();
        Cell::number(decimal(drop.map(|drop| 100.0 * drop), 1), drop)
    };
    TableOf::new("Filters silenced, by expression", rows)
        .words("Action unit", |row| Cell::au(au(row)))
        .words("Expression", |row| brief(&row["label_name"]))
        .numbers("Images", |row| Cell::count(row["images"].as_u64()))
        .numbers("Recall before", |row| Cell::percent(row["recall_before"].as_f64()))
        .numbers("After", |row| Cell::percent(row["recall_after"].as_f64()))
        .numbers("Fall (points)", |row| points(&row["drop"]))
        .numbers("Random", |row| points(&row["drop_random"]))
        .numbers("Equally active", |row| points(&row["drop_active"]))
        .numbers("p, random", |row| Cell::p(row["p_random"].as_f64()))
        .numbers("p, active", |row| Cell::p(row["p_active"].as_f64()))
        .note("Recall of each expression before and after the action unit's filters are silenced. p: the share of random (equally active) sets of filters whose silencing costs at least as much.")
        .sortable()
}
