//! `faus replicate`: filters chosen on training people, scored on test people.

use serde_json::Value;

use crate::page::blocks::{Blocks, Section};
use crate::plot::Plot;
use crate::plot::forest::{Forest, Line};
use crate::plot::numbers::{cell, csv, ends};
use crate::run::Run;
use crate::run::fau::{self, au_label, list, verdict};

pub(super) fn section(run: &Run) -> Section {
    let (summary, mut blocks) = (&run.fau.replicate, Blocks::default());
    if blocks.has(summary) {
        blocks.texts(verdict(summary));
        blocks.figure(by_unit(summary), "The filter of each action unit is chosen on the people that a fold's network was trained on, and scored on its test people; all folds together, with 95% CIs over people.");
    }
    blocks.section("replicate", "Replication on people not seen in training")
}

fn by_unit(summary: &Value) -> Option<Plot> {
    let units = list(&summary["by_au"]).iter();
    let units = units.filter_map(|unit| Some((unit["au"].as_u64()?, unit)));
    let units: Vec<(u64, &Value)> = units.collect();
    let line = |(au, unit): &(u64, &Value)| Line {
        label: au_label(*au),
        value: unit["out_of_fold_auroc"].as_f64(),
        interval: fau::ends(unit, "low", "high"),
        ..Line::default()
    };
    let numbers = units.iter().map(|(au, unit)| {
        let [auroc, q] = ["out_of_fold_auroc", "q"].map(|key| cell(unit[key].as_f64()));
        (au, auroc, ends(fau::ends(unit, "low", "high")), q)
    });
    Forest {
        name: "replication-by-action-unit",
        alt: "AUROC of each action unit on left-out people, with intervals",
        axis: "AUROC on left-out people (0.5: no relation)",
        csv: csv("au,auroc,low,high,q", numbers),
        ..Forest::aurocs(units.iter().map(line).collect())
    }
    .plot()
}
