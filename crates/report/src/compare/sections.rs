//! The sections of a comparison.

use std::collections::BTreeSet;

use serde_json::Value;

use super::runs::Runs;
use crate::page::answer::mean_and_deviation;
use crate::page::blocks::{Blocks, Section};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{ci, decimal, duration, or_dash, p_value, percent, percent_interval};
use crate::plot::Plot;
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::{cell, csv, ends};
use crate::run::Run;
use crate::run::config::{Entry, flat};
use crate::run::fau::au;
use crate::run::value;

pub(super) fn sections(runs: &Runs) -> Vec<Section> {
    vec![
        accuracy(runs),
        folds(&runs.all),
        classes(&runs.all),
        action_units(&runs.all),
        settings(&runs.all),
        gaps(&runs.all),
    ]
}

fn accuracy(runs: &Runs) -> Section {
    let mut blocks = Blocks::default();
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
    blocks.section("accuracy", "Accuracy")
}

fn accuracies(runs: &[Run]) -> Option<Plot> {
    let lines = runs.iter().map(|run| Line {
        series: usize::from(run.summary.chosen_on_test()),
        ..Line::new(run.name.clone(), run.summary.mean(), run.summary.interval())
    });
    let series = [
        "checkpoint chosen on validation",
        "chosen on test: optimistic",
    ];
    let optimistic = runs.iter().any(|run| run.summary.chosen_on_test());
    let numbers = runs.iter().map(|run| {
        let deviation = run.summary.test_accuracy.and_then(|accuracy| accuracy.std);
        (
            &run.name,
            cell(run.summary.mean()),
            ends(run.summary.interval()),
            cell(deviation),
        )
    });
    Forest {
        name: "accuracy-by-run",
        alt: "Mean test accuracy of each run with its interval; the same numbers are in the table below",
        axis: "mean test accuracy (% of images)",
        series: if optimistic { &series } else { &[] },
        csv: csv("run,test_accuracy,low,high,sd_of_folds", numbers),
        ..Forest::shares(lines.collect())
    }
    .plot()
}

fn overview(runs: &[Run]) -> Table {
    let macro_f1 = |run: &Run| run.summary.measures.get("macro_f1")?.mean;
    TableOf::new("Runs", runs)
        .words("Run", |run| run.name.as_str())
        .words("Preset", |run| or_dash(run.preset()))
        .words("Protocol", |run| or_dash(run.protocol()))
        .numbers("Seed", |run| or_dash(run.config["seed"].as_u64()))
        .numbers("Folds", |run| fold_count(run))
        .numbers("Test accuracy", |run| {
            let accuracy = mean_and_deviation(run, run.summary.test_accuracy);
            Cell::from(or_dash(accuracy)).strong_if(true)
        })
        .numbers("95% CI", |run| percent_interval(run.summary.interval()))
        .numbers("Macro F1", |run| percent(macro_f1(run)))
        .numbers("Time", |run| or_dash(run.summary.seconds.map(duration)))
        .sortable()
        .into()
}

fn fold_count(run: &Run) -> String {
    let results = run.folds.iter().map(|fold| &fold.result);
    let failed = results.filter(|result| result.gap.is_some() || result.failed.is_some());
    match failed.count() {
        0 => run.folds.len().to_string(),
        failed => format!("{} ({failed} without result)", run.folds.len()),
    }
}

fn tests(runs: &Runs, first: &str) -> Table {
    let points = |test: &Value| {
        let difference = test["mean_difference"].as_f64();
        or_dash(difference.map(|difference| format!("{:+.1}", 100.0 * difference)))
    };
    TableOf::new(&format!("Each run against {first}"), runs.tests())
        .words("Run", |(_, run)| run.name.as_str())
        .numbers("Folds", |(test, _)| or_dash(test["folds"].as_u64()))
        .numbers("Difference (points)", |(test, _)| points(test))
        .numbers("p, sign flip", |(test, _)| p_value(test["p_sign_flip"].as_f64()))
        .numbers("p, Holm", |(test, _)| {
            let p = p_value(test["p_sign_flip_holm"].as_f64());
            Cell::from(p).strong_if(true)
        })
        .numbers("p, corrected t", |(test, _)| p_value(test["p_corrected_t"].as_f64()))
        .note("Paired over the folds that both have: exact sign-flip test, adjusted for the number of runs (Holm), and the corrected resampled t-test.")
        .into()
}

/// Adds a column of numbers for each run.
fn by_run<R>(mut table: TableOf<R>, runs: &[Run], cell: impl Fn(&R, &Run) -> Cell) -> TableOf<R> {
    for run in runs {
        table = table.numbers(run.name.as_str(), |row| cell(row, run));
    }
    table
}

fn folds(runs: &[Run]) -> Section {
    let folds = runs.iter().flat_map(|run| &run.folds);
    let numbers: BTreeSet<u64> = folds.map(|fold| fold.number).collect();
    let name = |fold: &u64| Cell::number(format!("Fold {fold}"), Some(*fold as f64));
    let table = TableOf::new("Test accuracy fold by fold", numbers).words("Fold", name);
    let table = by_run(table, runs, |number, run| {
        let fold = run.folds.iter().find(|fold| fold.number == *number);
        Cell::percent(fold.and_then(|fold| fold.result.test_accuracy))
    });
    let mut blocks = Blocks::default();
    blocks.table(table.sortable());
    blocks.section("folds", "Fold by fold")
}

fn recall(run: &Run, class: &str) -> Option<f64> {
    run.summary.per_class.get(class)?["recall"].as_f64()
}

fn classes(runs: &[Run]) -> Section {
    let mut names: Vec<&str> = Vec::new();
    for name in runs.iter().flat_map(Run::classes) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut blocks = Blocks::default();
    blocks.figure(
        recalls(runs, &names),
        "Share of each class's test images classified correctly, all folds together.",
    );
    let table = TableOf::new("Recall by class", names).words("Class", |name| *name);
    let table = by_run(table, runs, |name, run| Cell::percent(recall(run, name)));
    blocks.table(table.sortable());
    blocks.section("classes", "Recall by class")
}

fn recalls(runs: &[Run], names: &[&str]) -> Option<Plot> {
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
    let series: Vec<&str> = shown.iter().map(|run| run.name.as_str()).collect();
    Forest {
        name: "recall-by-class-and-run",
        alt: "Recall of each class in each run; the same numbers are in the table below",
        axis: "recall (% of the class's test images)",
        series: &series,
        csv: csv("class,run,recall", numbers),
        ..Forest::shares(lines.collect())
    }
    .plot()
}

fn action_units(runs: &[Run]) -> Section {
    let count = |run: &Run, key: &str| or_dash(run.fau.summary["counts"][key].as_u64());
    let responding = |run: &Run| {
        let found = &run.fau.correspondences;
        or_dash(found.gap.is_none().then(|| found.len()))
    };
    let mut blocks = Blocks::default();
    let overview = TableOf::new("Filters and action units in each run", runs)
        .words("Run", |run| run.name.as_str())
        .numbers("Filters that respond", |run| responding(run))
        .numbers("… beyond chance", |run| count(run, "filters_max_q"))
        .numbers("… within one expression", |run| count(run, "filters_within_class_q"))
        .numbers("Mean best AUROC", |run| best_auroc(run, "trained"))
        .numbers("Untrained network", |run| best_auroc(run, "untrained"))
        .note("One fold's network of each run, the one with the best validation accuracy. A dash: not computed for that run.");
    blocks.table(overview);
    let rows = runs.iter().flat_map(|run| run.fau.correspondences.iter());
    let units: BTreeSet<u64> = rows.map(au).collect();
    if !units.is_empty() {
        blocks.heading("By action unit");
        let table = TableOf::new("Filters by action unit and run", units)
            .words("Action unit", |unit| Cell::au(*unit))
            .note("Filters with their largest KL for each action unit.");
        let table = by_run(table, runs, |unit, run| {
            let filters = run.fau.correspondences.iter();
            Cell::count(filters.filter(|row| au(row) == *unit).count() as u64)
        });
        blocks.table(table.sortable());
    }
    blocks.section("action-units", "Filters and action units")
}

/// The mean AUROC of the best filters under a control, with its interval.
fn best_auroc(run: &Run, control: &str) -> Cell {
    let control = run.fau.control(control).unwrap_or(&Value::Null);
    let ends = value::ends(control, "low", "high");
    Cell::from(decimal(control["mean_best_auroc"].as_f64(), 2)).remark(ci("", ends, 2))
}

/// Keys of the configurations whose values differ.
fn settings(runs: &[Run]) -> Section {
    let configs: Vec<Vec<Entry>> = runs.iter().map(|run| flat(&run.config)).collect();
    let value = |at: usize, key: &str| {
        let entry = configs[at].iter().find(|(other, _)| other == key);
        or_dash(entry.map(|(_, value)| value))
    };
    let mut keys: Vec<&str> = Vec::new();
    for (key, _) in configs.iter().flatten() {
        let differ = (1..runs.len()).any(|at| value(at, key) != value(0, key));
        if differ && !keys.contains(&key.as_str()) && !key.starts_with("command") {
            keys.push(key);
        }
    }
    let mut blocks = Blocks::default();
    if keys.is_empty() {
        blocks.text("None: their configurations are the same.");
    } else {
        let mut table = TableOf::new("Settings that differ", keys).words("Setting", |key| *key);
        for (at, run) in runs.iter().enumerate() {
            table = table.words(run.name.as_str(), |key| value(at, key));
        }
        blocks.table(table);
    }
    blocks.section("settings", "Settings that differ")
}

fn gaps(runs: &[Run]) -> Section {
    let mut blocks = Blocks::default();
    for run in runs {
        let (fau, mut missing) = (&run.fau, Blocks::default());
        let complete = [
            missing.has(&run.summary),
            missing.has(&run.config),
            missing.has(&run.dataset),
            missing.has(&fau.correspondences),
            missing.has(&fau.controls.summary),
        ];
        match complete.contains(&false) {
            true => blocks.heading(run.name.as_str()),
            false => blocks.text(format!(
                "{}: no file that this page shows is missing.",
                run.name
            )),
        }
        blocks.append(missing);
    }
    blocks.section("gaps", "Missing files")
}
