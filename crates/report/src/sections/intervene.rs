//! `faus intervene`: one action unit switched on in the same synthetic face.

use serde_json::Value;

use crate::page::blocks::Sections;
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{count, decimal, percent};
use crate::run::Run;
use crate::run::value::{list, texts};

pub(super) fn section(run: &Run, page: &mut Sections) {
    let title = "Intervention: action units switched on in the same face";
    let (blocks, summary) = (page.start("intervene", title), &run.fau.intervene.summary);
    blocks.texts(texts(&summary["verdict"]));
    if summary.gap.is_some() && summary.damage().is_none() && run.synthetic() == Some(false) {
        blocks.text("No photographs exist of the same face with one action unit switched; this needs synthetic faces.");
    } else if blocks.has(summary) && summary["agreement"].is_array() {
        blocks.table(agreement(summary));
    }
}

/// Agreement of each measure with the effect of the switch.
fn agreement(summary: &Value) -> impl Into<Table> {
    let name = |row: &Value| match row["measure"].as_str().unwrap_or_default() {
        "kl" => "KL (the paper's)".to_owned(),
        "js" => "Jensen-Shannon".to_owned(),
        "auroc" => "AUROC".to_owned(),
        "mutual_information" => "mutual information".to_owned(),
        "r" => "point-biserial r".to_owned(),
        own => own.to_owned(),
    };
    let people = count(summary["people"].as_u64().unwrap_or(0), "person");
    let share = |row: &Value, key: &str| percent(row[key].as_f64());
    let number = |row: &Value, key: &str| decimal(row[key].as_f64(), 2);
    TableOf::new("Measures against the switch", list(&summary["agreement"]))
        .words("Measure", |row| name(row))
        .numbers("Spearman with the change", |row| number(row, "spearman"))
        .numbers("Filters with the same action unit", |row| Cell::from(share(row, "same_au_share")).remark(format!("chance {}", share(row, "same_au_chance"))))
        .numbers("Average precision", |row| Cell::from(number(row, "average_precision")).remark(format!("chance {}", number(row, "average_precision_chance"))))
        .note(format!("The same synthetic face with one action unit switched on, {people}: the change of a filter's response is its true alignment. The table compares it with each measure, computed without the switch."))
}
