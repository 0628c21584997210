//! The sections of a comparison.

use std::collections::BTreeSet;

use serde_json::Value;

use super::runs::Runs;
use crate::page::answer::mean_and_deviation;
use crate::page::blocks::{Blocks, Sections};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{ci, decimal, duration, or_dash, p_value, percent, percent_interval};
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::{cell, csv, ends};
use crate::run::Run;
use crate::run::config::{Entry, flat};
use crate::run::summary::MeanStd;
use crate::run::value::{self, au, distinct};

pub(super) fn sections(runs: &Runs) -> Sections {
    let (mut page, all) = (Sections::default(), &*runs.all);
    accuracy(runs, page.start("accuracy", "Accuracy"));
    folds(all, page.start("folds", "Fold by fold"));
    classes(all, page.start("classes", "Recall by class"));
    action_units(all, page.start("action-units", "Filters and action units"));
    settings(all, page.start("settings", "Settings that differ"));
    gaps(all, page.start("gaps", "Missing files"));
    page
}

fn accuracy(runs: &Runs, blocks: &mut Blocks) {
    blocks.figure(accuracies(&runs.all), "Mean test accuracy over folds; lines are 95% confidence intervals (CI) from a bootstrap over people.");
    blocks.table(overview(&runs.all));
    match &runs.paired {
        Err(reason) => blocks.caution(format!("Not tested against each other: {reason}.")),
        Ok(_) if runs.tests().next().is_some() => {
            let first = &runs.all[0].name;
            blocks.heading(format!("Against {first}"));
            blocks.table(tests(runs, first));
        }
        Ok(_) => {}
    }
}

fn accuracies(runs: &[Run]) -> Forest<'static> {
    let lines = runs.iter().map(|run| Line {
        series: usize::from(run.summary.chosen_on_test()),
        ..Line::new(run.name.clone(), run.summary.mean(), run.interval())
    });
    let chosen = "checkpoint not chosen on test";
    let series = match runs.iter().any(|run| run.summary.chosen_on_test()) {
        true => vec![chosen, "chosen on test: optimistic"],
        false => vec![],
    };
    let numbers = runs.iter().map(|run| {
        let MeanStd { mean, std } = run.summary.test_accuracy.unwrap_or_default();
        let [mean, std] = [mean, std].map(cell);
        (&run.name, mean, ends(run.interval()), std)
    });
    Forest {
        name: "accuracy-by-run",
        alt: "Mean test accuracy of each run with its interval; the same numbers are in the table below",
        axis: "mean test accuracy (% of images)",
        series,
        csv: csv("run,test_accuracy,low,high,sd_of_folds", numbers),
        ..Forest::shares(lines.collect())
    }
}

fn overview(runs: &[Run]) -> impl Into<Table> {
    let preset = |run: &Run| run.text(&run.summary.preset, "preset");
    let protocol = |run: &Run| run.text(&run.summary.protocol, "protocol");
    let macro_f1 = |run: &Run| run.summary.measures.get("macro_f1")?.mean;
    TableOf::new("Runs", runs)
        .words("Run", |run| run.name.as_str())
        .words("Preset", |run| or_dash(preset(run)))
        .words("Protocol", |run| or_dash(protocol(run)))
        .numbers("Seed", |run| or_dash(run.config["seed"].as_u64()))
        .numbers("Folds", |run| fold_count(run))
        .numbers("Test accuracy", |run| test_accuracy(run))
        .numbers("95% CI", |run| percent_interval(run.interval()))
        .numbers("Macro F1", |run| percent(macro_f1(run)))
        .numbers("Time", |run| or_dash(run.summary.seconds.map(duration)))
        .sortable()
}

fn test_accuracy(run: &Run) -> Cell {
    let accuracy = mean_and_deviation(run, run.summary.test_accuracy);
    Cell::from(or_dash(accuracy)).strong_if(true)
}

fn fold_count(run: &Run) -> String {
    let results = run.folds.iter().map(|fold| &fold.result);
    let failed = results.filter(|result| result.gap.is_some() || result.failed.is_some());
    match failed.count() {
        0 => run.folds.len().to_string(),
        failed => format!("{} ({failed} without result)", run.folds.len()),
    }
}

fn tests(runs: &Runs, first: &str) -> impl Into<Table> {
    let points = |test: &Value| {
        let difference = test["mean_difference"].as_f64();
        or_dash(difference.map(|difference| format!("{:+.1}", 100.0 * difference)))
    };
    TableOf::new(&format!("Each run against {first}"), runs.tests())
        .words("Run", |(_, run)| run.name.as_str())
        .numbers("Folds", |(test, _)| or_dash(test["folds"].as_u64()))
        .numbers("Difference (points)", |(test, _)| points(test))
        .numbers("p, sign flip", |(test, _)| p_value(test["p_sign_flip"].as_f64()))
        .numbers("p, Holm", |(test, _)| Cell::from(p_value(test["p_sign_flip_holm"].as_f64())).strong_if(true))
        .numbers("p, corrected t", |(test, _)| p_value(test["p_corrected_t"].as_f64()))
        .note("Paired over the folds that both have: exact sign-flip test, adjusted for the number of runs (Holm), and the corrected resampled t-test.")
}

/// Adds a column of numbers for each run.
fn by_run<R>(mut table: TableOf<R>, runs: &[Run], cell: impl Fn(&R, &Run) -> Cell) -> TableOf<R> {
    for run in runs {
        table = table.numbers(run.name.as_str(), |row| cell(row, run));
    }
    table
}

fn folds(runs: &[Run], blocks: &mut Blocks) {
    let folds = runs.iter().flat_map(|run| &run.folds);
    let numbers: BTreeSet<u64> = folds.map(|fold| fold.number).collect();
    let name = |fold: &u64| Cell::number(format!("Fold {fold}"), Some(*fold as f64));
    let table = TableOf::new("Test accuracy fold by fold", numbers).words("Fold", name);
    let table = by_run(table, runs, |number, run| {
        let fold = run.folds.iter().find(|fold| fold.number == *number);
        Cell::percent(fold.and_then(|fold| fold.result.test_accuracy))
    });
    blocks.table(table.sortable());
}

fn recall(run: &Run, class: &str) -> Option<f64> {
    run.summary.per_class.get(class)?["recall"].as_f64()
}

fn classes(runs: &[Run], blocks: &mut Blocks) {
    let names = runs.iter().flat_map(Run::classes);
    let names = distinct(names.map(String::as_str));
    let caption = "Share of each class's test images classified correctly, all folds together.";
    blocks.figure(recalls(runs, &names), caption);
    let table = TableOf::new("Recall by class", names).words("Class", |name| *name);
    let table = by_run(table, runs, |name, run| Cell::percent(recall(run, name)));
    blocks.table(table.sortable());
}

fn recalls<'a>(runs: &'a [Run], names: &[&str]) -> Forest<'a> {
    // Only five colours and marks exist.
    let shown = &runs[..runs.len().min(5)];
    let lines = names.iter().flat_map(|name| {
        let line = |(series, run): (usize, &Run)| Line::of(series, recall(run, name), None);
        labelled((*name).to_owned(), shown.iter().enumerate().map(line))
    });
    let numbers = names.iter().flat_map(|name| {
        let row = move |run: &Run| (*name, run.name.clone(), cell(recall(run, name)));
        runs.iter().map(row)
    });
    let series = shown.iter().map(|run| run.name.as_str()).collect();
    Forest {
        name: "recall-by-class-and-run",
        alt: "Recall of each class in each run; the same numbers are in the table below",
        axis: "recall (% of the class's test images)",
        series,
        csv: csv("class,run,recall", numbers),
        ..Forest::shares(lines.collect())
    }
}

fn action_units(runs: &[Run], blocks: &mut Blocks) {
    let count = |run: &Run, key: &str| or_dash(run.fau.summary["counts"][key].as_u64());
    let responding = |run: &Run| {
        let found = &run.fau.correspondences;
        or_dash(found.gap.is_none().then(|| found.len()))
    };
    let overview = TableOf::new("Filters and action units in each run", runs)
        .words("Run", |run| run.name.as_str())
        .numbers("Filters that respond", |run| responding(run))
        .numbers("… named after an action unit", |run| count(run, "named"))
        .numbers("… that they follow within one expression", |run| count(run, "within_holds"))
        .numbers("Mean best AUROC", |run| best_auroc(run, "trained"))
        .numbers("Untrained network", |run| best_auroc(run, "untrained"))
        .note("One fold's network of each run, the one with the best validation accuracy. A dash: not computed for that run.");
    blocks.table(overview);
    let rows = runs.iter().flat_map(|run| run.fau.names.iter());
    let units: BTreeSet<u64> = rows.map(au).collect();
    if !units.is_empty() {
        blocks.heading("By action unit");
        let table = TableOf::new("Filters by action unit and run", units)
            .words("Action unit", |unit| Cell::au(*unit))
            .note("Filters named after each action unit.");
        let table = by_run(table, runs, |unit, run| {
            let filters = run.fau.names.iter();
            Cell::count(filters.filter(|row| au(row) == *unit).count() as u64)
        });
        blocks.table(table.sortable());
    }
}

/// The mean AUROC of the best filters under a control, with its interval.
fn best_auroc(run: &Run, control: &str) -> Cell {
    let control = run.fau.control(control).unwrap_or(&Value::Null);
    let ends = value::ends(control, "low", "high");
    Cell::from(decimal(control["mean_best_auroc"].as_f64(), 2)).remark(ci("", ends, 2))
}

/// Keys of the configurations whose values differ.
fn settings(runs: &[Run], blocks: &mut Blocks) {
    let configs: Vec<Vec<Entry>> = runs.iter().map(|run| flat(&run.config)).collect();
    let value = |at: usize, key: &str| {
        let entry = configs[at].iter().find(|(other, _)| other == key);
        or_dash(entry.map(|(_, value)| value))
    };
    let mut keys = distinct(configs.iter().flatten().map(|(key, _)| key.as_str()));
    let differ = |key: &str| (1..runs.len()).any(|at| value(at, key) != value(0, key));
    let of_this_start = ["command", "date", "started_in"];
    let setting = |key: &str| !of_this_start.iter().any(|start| key.starts_with(start));
    keys.retain(|key| setting(key) && differ(key));
    if keys.is_empty() {
        return blocks.text("None: their configurations are the same.");
    }
    let mut table = TableOf::new("Settings that differ", keys).words("Setting", |key| *key);
    for (at, run) in runs.iter().enumerate() {
        table = table.words(run.name.as_str(), |key| value(at, key));
    }
    blocks.table(table);
}

fn gaps(runs: &[Run], blocks: &mut Blocks) {
    for run in runs {
        let (fau, mut missing) = (&run.fau, Blocks::default());
        missing.has(&run.summary);
        missing.has(&run.config);
        missing.has(&run.dataset);
        missing.has(&fau.correspondences);
        missing.has(&fau.names);
        missing.has(&fau.controls.summary);
        match missing.is_empty() {
            false => blocks.heading(&*run.name),
            true => blocks.text(run.name.clone() + ": no file that this page shows is missing."),
        }
        blocks.append(missing);
    }
}
