//! `faus replicate`: filters chosen on training people, scored on test people.

use serde_json::Value;

use crate::page::blocks::{Blocks, Section};
use crate::plot::Plot;
use crate::plot::forest::{Forest, Line};
use crate::plot::numbers::csv_of;
use crate::run::Run;
use crate::run::fau::{au, au_label, verdict};
use crate::run::value::{ends, list};

pub(super) fn section(run: &Run) -> Section {
    let (summary, mut blocks) = (&run.fau.replicate, Blocks::default());
    if blocks.has(summary) {
        blocks.texts(verdict(summary));
        blocks.figure(by_unit(summary), "The filter of each action unit is chosen on the people that a fold's network was trained on, and scored on its test people; all folds together, with 95% CIs over people.");
    }
    blocks.section("replicate", "Replication on people not seen in training")
}

fn by_unit(summary: &Value) -> Option<Plot> {
    let units = list(&summary["by_au"]);
    let line = |unit: &Value| {
        let auroc = unit["out_of_fold_auroc"].as_f64();
        Line::new(au_label(au(unit)), auroc, ends(unit, "low", "high"))
    };
    Forest {
        name: "replication-by-action-unit",
        alt: "AUROC of each action unit on left-out people, with intervals",
        axis: "AUROC on left-out people (0.5: no relation)",
        csv: csv_of(
            "au,auroc,low,high,q",
            "au,out_of_fold_auroc,low,high,q",
            units,
        ),
        ..Forest::aurocs(units.iter().map(line).collect())
    }
    .plot()
}
