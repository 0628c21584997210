//! `faus replicate --on`: filters chosen on the run's people, scored on those of another data set.

use serde_json::Value;

use super::replicate::by_unit;
use crate::page::blocks::Sections;
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::decimal;
use crate::plot::forest::Forest;
use crate::plot::numbers::csv_of;
use crate::run::Run;
use crate::run::value::{au, list, texts};

/// The section; none unless another data set was given.
pub(super) fn section(run: &Run, page: &mut Sections) {
    let summary = &run.fau.replicate_on.summary;
    if summary.gap.is_some() && summary.damage().is_none() {
        return;
    }
    let blocks = page.start("replicate-on", "Replication on another data set");
    if blocks.has(summary) {
        blocks.texts(texts(&summary["verdict"]));
        let units = list(&summary["by_au"]);
        let keys = "au,n_with,n_without,out_of_fold_auroc,low,high,q,median_single_filter_auroc,untrained_auroc";
        let forest = Forest {
            name: "replication-on-another-set",
            alt: "AUROC of each action unit on the people of another data set, with intervals",
            axis: "AUROC on people of another data set (0.5: no relation)",
            csv: csv_of(
                "au,n_with,n_without,auroc,low,high,q,median_single_filter_auroc,untrained_auroc",
                keys,
                units,
            ),
            ..by_unit(units)
        };
        blocks.figure(forest, "The filter of each action unit is chosen in every fold's network on the run's people; the mean response of these filters is scored on the other set. Lines: 95% CIs over its people. Untrained: networks with freshly drawn weights.");
        blocks.folded("Action unit by action unit", tested(units));
        let rest = list(&summary["untested"]);
        blocks.folded(
            "Action units that the other set cannot test",
            untested(rest),
        );
    }
}

fn tested(units: &[Value]) -> impl Into<Table> {
    let auroc = |unit: &Value| {
        let ends = ["low", "high"].map(|end| decimal(unit[end].as_f64(), 2));
        Cell::decimal(unit["out_of_fold_auroc"].as_f64(), 2).remark(ends.join(" to "))
    };
    let single = |unit: &Value| Cell::decimal(unit["median_single_filter_auroc"].as_f64(), 2);
    counts("Action units on the other data set", units)
        .numbers("AUROC", |unit| auroc(unit))
        .numbers("Single filter (median)", |unit| single(unit))
        .numbers("Untrained", |unit| {
            Cell::decimal(unit["untrained_auroc"].as_f64(), 2)
        })
        .numbers("q (above untrained)", |unit| {
            Cell::p(unit["above_untrained"]["q"].as_f64())
        })
        .sortable()
}

fn untested(units: &[Value]) -> impl Into<Table> {
    counts("Too few people with or without the action unit", units)
}

fn counts<'a>(label: &str, units: &'a [Value]) -> TableOf<&'a Value> {
    TableOf::new(label, units)
        .words("Action unit", |unit| Cell::au(au(unit)))
        .numbers("Images with", |unit| Cell::count(unit["n_with"].as_u64()))
        .numbers("Without", |unit| Cell::count(unit["n_without"].as_u64()))
}
