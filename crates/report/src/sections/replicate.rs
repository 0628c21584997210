//! `faus replicate`: filters chosen on training people, scored on test people.

use serde_json::Value;

use crate::page::blocks::Sections;
use crate::plot::forest::{Forest, Line};
use crate::plot::numbers::csv_of;
use crate::run::Run;
use crate::run::value::{au, au_label, ends, list, texts};

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("replicate", "Replication on people not seen in training");
    let summary = &run.fau.replicate.summary;
    if blocks.has(summary) {
        blocks.texts(texts(&summary["verdict"]));
        blocks.figure(by_unit(list(&summary["by_au"])), "The filter of each action unit is chosen on the people that a fold's network was trained on, and scored on its test people; all folds together, with 95% CIs over people.");
    }
}

pub(super) fn by_unit(units: &[Value]) -> Forest<'static> {
    let line = |unit: &Value| {
        let auroc = unit["out_of_fold_auroc"].as_f64();
        Line::new(au_label(au(unit)), auroc, ends(unit, "low", "high"))
    };
    let keys = "au,out_of_fold_auroc,low,high,q";
    Forest {
        name: "replication-by-action-unit",
        alt: "AUROC of each action unit on left-out people, with intervals",
        axis: "AUROC on left-out people (0.5: no relation)",
        csv: csv_of("au,auroc,low,high,q", keys, units),
        ..Forest::aurocs(units.iter().map(line).collect())
    }
}
