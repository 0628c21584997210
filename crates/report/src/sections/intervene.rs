//! `faus intervene`: one action unit switched on in the same synthetic face.

use serde_json::Value;

use crate::page::blocks::{Blocks, Section};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{decimal, percent};
use crate::run::Run;
use crate::run::fau::{list, verdict};

pub(super) fn section(run: &Run) -> Section {
    let (summary, mut blocks) = (&run.fau.intervene.summary, Blocks::default());
    blocks.texts(verdict(summary));
    if summary.gap.is_some() && summary.damage().is_none() && run.synthetic() == Some(false) {
        blocks.text("No photographs exist of the same face with one action unit switched; this needs synthetic faces.");
    } else if blocks.has(summary) && summary["agreement"].is_array() {
        blocks.table(agreement(summary));
    }
    blocks.section(
        "intervene",
        "Intervention: action units switched on in the same face",
    )
}

/// How well each measure agrees with the effect of the switch.
fn agreement(summary: &Value) -> Table {
    let name = |row: &Value| match row["measure"].as_str().unwrap_or_default() {
        "kl" => "KL (the paper's)".to_owned(),
        "js" => "Jensen-Shannon".to_owned(),
        "auroc" => "AUROC".to_owned(),
        "mutual_information" => "mutual information".to_owned(),
        "r" => "point-biserial r".to_owned(),
        own => own.to_owned(),
    };
    let same = |row: &Value| {
        let [share, chance] =
            ["same_au_share", "same_au_chance"].map(|key| percent(row[key].as_f64()));
        Cell::from(share).remark(format!("chance {chance}"))
    };
    let precision = |row: &Value| {
        let keys = ["average_precision", "average_precision_chance"];
        let [precision, chance] = keys.map(|key| decimal(row[key].as_f64(), 2));
        Cell::from(precision).remark(format!("chance {chance}"))
    };
    TableOf::new("Measures against the switch", list(&summary["agreement"]))
        .words("Measure", |row| name(row))
        .numbers("Spearman with the change", |row| decimal(row["spearman"].as_f64(), 2))
        .numbers("Filters with the same action unit", |row| same(row))
        .numbers("Average precision", |row| precision(row))
        .note(format!(
            "The same synthetic face with one action unit switched on, {} people: the change of a filter's response is its true alignment. The table compares it with each measure, computed without the switch.",
            summary["people"].as_u64().unwrap_or(0)
        ))
        .into()
}
