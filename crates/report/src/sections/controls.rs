//! `faus controls`: the same analysis on networks and data without learnt action units.

use serde_json::Value;

use crate::page::blocks::{Blocks, Sections};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{count, decimal, gap_p, or_dash, when};
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::csv_of;
use crate::run::Run;
use crate::run::value::{au, au_label, ends, list, texts, units};

/// Display names of the controls.
fn words<'a>(control: &'a str, called: &'a str) -> &'a str {
    match control {
        "trained" => called,
        "untrained" => "untrained network",
        "label_shuffled" => "trained on shuffled labels",
        "au_shuffled" if called == "network" => "codes exchanged",
        "mean_pooling" if called == "network" => "mean over positions",
        "au_shuffled" => "trained, codes exchanged",
        "pixels" => "pixels, no network",
        "mean_pooling" => "trained, mean over positions",
        "random_pixels" => "random projections of pixels",
        other => other,
    }
}

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("controls", "Controls");
    let study = &run.fau.controls;
    let said = &run.fau.summary["caveats"];
    let new = |text: &&str| !texts(said).any(|before| before == *text);
    let mut results = texts(&study.summary["verdict"]).filter(new);
    // The answer has these counts.
    let first = usize::from(!study.summary["within_expressions"].is_object());
    blocks.texts(results.by_ref().take(first));
    let units = count(units(&study.rows).len(), "action unit");
    let summarised = blocks.has(&study.summary);
    if summarised {
        let controls = list(&study.summary["controls"]);
        let starts = study.summary["starts"].as_u64().unwrap_or(0);
        let starts = count(starts, "freshly drawn network");
        blocks.figure(overview(controls, run.called()), format!("Mean over {units} of the AUROC of the unit's best filter, which is chosen on other people than those it is scored on. Lines: 95% CIs over people, for the untrained network over people and {starts}."));
        blocks.table(table(controls, run.called()));
    }
    match &study.rows.gap {
        None => blocks.figure(by_unit(&study.rows, run.called()), format!("The same by action unit: how well the best filter, chosen on other people, separates images with the unit from those without. Lines: 95% CIs over people. Codes exchanged: one draw, which scatters around 0.5.{}", when(!run.folder.analysed, " This is one network, which may know these people; the replication scores each fold's network on people unknown to it, so its AUROCs are others."))),
        Some(gap) if summarised || gap.damage.is_some() => blocks.gap(gap),
        Some(_) => {}
    }
    let mut further = Blocks::default();
    further.texts(results);
    blocks.details("Each control in words", further);
}

fn name(control: &Value) -> &str {
    control["control"].as_str().unwrap_or_default()
}

fn overview(controls: &[Value], called: &str) -> Forest<'static> {
    let line = |control: &Value| {
        let (label, auroc) = (
            words(name(control), called),
            control["mean_best_auroc"].as_f64(),
        );
        Line {
            series: usize::from(name(control) != "trained"),
            ..Line::new(label.to_owned(), auroc, ends(control, "low", "high"))
        }
    };
    let keys = "control,mean_best_auroc,low,high";
    Forest {
        name: "controls",
        alt: "Mean AUROC of the best filters in the network and in each control",
        axis: "mean AUROC of the best filter (0.5: no relation)",
        csv: csv_of(keys, keys, controls),
        ..Forest::aurocs(controls.iter().map(line).collect())
    }
}

fn table(controls: &[Value], called: &str) -> impl Into<Table> {
    let of = |control: &Value, with: &str, all: &str| {
        let [with, all] = [with, all].map(|key| or_dash(control[key].as_u64()));
        format!("{with} of {all}")
    };
    let filters = |control: &Value, with: &str| of(control, with, "filters");
    let within = |control: &Value| filters(control, "filters_within_class_q");
    let auroc = |control: &Value| {
        let auroc = decimal(control["mean_best_auroc"].as_f64(), 3);
        Cell::from(auroc).with_interval(ends(control, "low", "high"), 3)
    };
    let network = |row: &Value| {
        let remark = row["words"].as_str().unwrap_or_default();
        Cell::from(words(name(row), called)).remark(remark)
    };
    let below = |control: &Value| {
        let below = &control["below_trained"];
        let ends = ends(below, "low", "high");
        Cell::from(decimal(below["difference"].as_f64(), 3)).with_interval(ends, 3)
    };
    TableOf::new("Controls", controls)
        .words("Network or data", |row| network(row))
        .numbers("Filters beyond chance by their largest KL", |row| filters(row, "filters_max_q"))
        .numbers("Pairs beyond chance", |row| of(row, "pairs_q", "pairs"))
        .numbers("Filters beyond chance within expressions, for any unit", |row| {
            within(row)
        })
        .numbers("Mean best AUROC (95% CI)", |row| auroc(row))
        .numbers("Below the trained by (95% CI)", |row| below(row))
        .numbers("p", |row| gap_p(&row["below_trained"]))
        .note("Counts by KL, the paper's measure. They differ from those of named filters, which have the largest |z| of AUROC, and from those that follow their own unit within expressions.")
}

/// Trained against untrained, by action unit.
fn by_unit(rows: &[Value], called: &'static str) -> Forest<'static> {
    let shown = ["trained", "untrained", "pixels", "au_shuffled"];
    let lines = units(rows).into_iter().flat_map(|unit| {
        let line = |(series, control): (usize, &&str)| {
            let mut rows = rows.iter();
            let row = rows.find(|row| au(row) == unit && name(row) == *control)?;
            let interval = ends(row, "best_auroc_low", "best_auroc_high");
            Some(Line::of(series, row["best_auroc"].as_f64(), interval))
        };
        labelled(au_label(unit), shown.iter().enumerate().filter_map(line))
    });
    let keys = "control,au,best_auroc,best_auroc_low,best_auroc_high";
    Forest {
        name: "controls-by-action-unit",
        alt: "AUROC of each action unit's best filter in the trained network, an untrained one, in pixels and with exchanged codes",
        axis: "AUROC on people not used to choose the filter (0.5: no relation)",
        series: shown.map(|name| words(name, called)).into(),
        csv: csv_of("control,au,best_auroc,low,high", keys, rows),
        ..Forest::aurocs(lines.collect())
    }
}
