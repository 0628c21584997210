//! The sections of a comparison.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Runs;
use crate::action_units::au_label;
use crate::config::{Entry, flat};
use crate::plot::forest::{Forest, Line};
use crate::plot::{Plot, cell, csv_text};
use crate::run::{Run, Summary};
use crate::sections::{Block, Cell, Column, Figure, Section, Table, TableRow, accuracy};
use crate::text::{
    decimal_or_dash, duration, interval_or_dash, p_or_dash, percent_interval, percent_or_dash,
};

pub(super) fn sections(runs: &Runs) -> Result<Vec<Section>, askama::Error> {
    Ok(vec![
        Section::new("accuracy", "Accuracy", &of_accuracy(runs))?,
        Section::new("folds", "Fold by fold", &[Block::Table(folds(runs))])?,
        Section::new("classes", "Recall by class", &classes(runs))?,
        Section::new(
            "action-units",
            "Filters and action units",
            &action_units(runs),
        )?,
        Section::new("settings", "What was set differently", &settings(runs))?,
        Section::new("gaps", "What is missing", &gaps(runs))?,
    ])
}

/// Each later run against the first, in words.
pub(super) fn differences_in_words(runs: &Runs) -> Vec<String> {
    let mut words = Vec::new();
    for (test, run) in runs.tests() {
        let Some(difference) = test["mean_difference"].as_f64() else {
            continue;
        };
        let p = p_or_dash(test["p_sign_flip_holm"].as_f64());
        let than = if difference < 0.0 { "below" } else { "above" };
        words.push(format!(
            "{} lies {:.1} points {than} {} over the same folds (sign-flip test, Holm: p {}{p}).",
            run.name,
            100.0 * difference.abs(),
            runs.all[0].name,
            if p.starts_with('<') { "" } else { "= " }
        ));
    }
    words
}

fn keep(runs: &Runs, plot: Option<Plot>, caption: &str) -> Option<Block> {
    let plot = plot?;
    let figure = Figure::new(&plot, caption.to_owned());
    runs.plots.borrow_mut().push(plot);
    Some(Block::Figure(figure))
}

fn of_accuracy(runs: &Runs) -> Vec<Block> {
    let mean = |run: &Run| {
        run.summary
            .as_ref()
            .ok()
            .and_then(|s| s.test_accuracy?.mean)
    };
    let ends = |run: &Run| run.summary.as_ref().ok().and_then(accuracy::interval);
    let lines: Vec<Line> = runs
        .all
        .iter()
        .map(|run| Line {
            label: run.name.clone(),
            value: mean(run),
            interval: ends(run),
            series: usize::from(run.summary.as_ref().is_ok_and(Summary::chosen_on_test)),
            ..Line::default()
        })
        .collect();
    let csv = csv_text(
        &["run", "test_accuracy", "low", "high", "sd_of_folds"],
        runs.all.iter().map(|run| {
            let sd = run.summary.as_ref().ok().and_then(|s| s.test_accuracy?.std);
            let numbers = [
                mean(run),
                ends(run).map(|e| e.0),
                ends(run).map(|e| e.1),
                sd,
            ]
            .map(cell);
            [run.name.clone()].into_iter().chain(numbers).collect()
        }),
    );
    let optimistic = lines.iter().any(|line| line.series == 1);
    let plot = Forest {
        name: "accuracy-by-run",
        alt: "Mean test accuracy of each run with its interval; the same numbers are in the table below".to_owned(),
        axis: "mean test accuracy (% of images)",
        ends: (0.0, 1.0),
        percent: true,
        bars: false,
        lines: &lines,
        references: &[],
        series: if optimistic { &["checkpoint chosen on validation", "chosen on test: optimistic"] } else { &[] },
        csv,
    }
    .plot();
    let figure = keep(
        runs,
        plot,
        "Mean test accuracy over folds; lines are 95% bootstrap intervals over people.",
    );
    figure
        .into_iter()
        .chain([Block::Table(table(runs))])
        .chain(tests(runs))
        .collect()
}

fn table(runs: &Runs) -> Table {
    let line = |run: &Run| {
        let summary = run.summary.as_ref().ok();
        let config = run.config.as_ref().unwrap_or(&Value::Null);
        let text = |text: Option<String>| Cell::from(text.unwrap_or("–".to_owned()));
        let failed = run
            .folds
            .iter()
            .filter(|f| f.result.as_ref().map_or(true, |r| r.failed.is_some()))
            .count();
        let folds = match failed {
            0 => run.folds.len().to_string(),
            _ => format!("{} ({failed} without result)", run.folds.len()),
        };
        TableRow::new([
            Cell::from(run.name.clone()),
            text(run.text(|s| s.preset.as_ref(), "preset")),
            text(run.text(|s| s.protocol.as_ref(), "protocol")),
            text(config["seed"].as_u64().map(|seed| seed.to_string())),
            folds.into(),
            text(accuracy::mean_and_deviation(run)).strong(),
            percent_interval(summary.and_then(accuracy::interval)).into(),
            percent_or_dash(summary.and_then(|s| s.measures.get("macro_f1")?.mean)).into(),
            text(summary.and_then(|s| s.seconds).map(duration)),
        ])
    };
    let columns = [
        Column::text("Run"),
        Column::text("Preset"),
        Column::text("Protocol"),
        Column::number("Seed"),
        Column::number("Folds"),
        Column::number("Test accuracy"),
        Column::number("95% over people"),
        Column::number("Macro F1"),
        Column::number("Time"),
    ];
    Table {
        label: "Runs".to_owned(),
        columns: columns.into(),
        rows: runs.all.iter().map(line).collect(),
        sortable: true,
        ..Table::default()
    }
}

fn tests(runs: &Runs) -> Vec<Block> {
    if let Err(reason) = &runs.paired {
        return vec![Block::Caution(format!(
            "Not tested against each other: {reason}."
        ))];
    }
    let tests = runs.tests().into_iter();
    let rows: Vec<TableRow> = tests
        .map(|(test, run)| {
            let number = |key: &str| test[key].as_f64();
            let difference = number("mean_difference");
            TableRow::new([
                Cell::from(run.name.clone()),
                test["folds"]
                    .as_u64()
                    .map_or("–".to_owned(), |n| n.to_string())
                    .into(),
                difference
                    .map_or("–".to_owned(), |d| format!("{:+.1}", 100.0 * d))
                    .into(),
                p_or_dash(number("p_sign_flip")).into(),
                Cell::from(p_or_dash(number("p_sign_flip_holm"))).strong(),
                p_or_dash(number("p_corrected_t")).into(),
            ])
        })
        .collect();
    if rows.is_empty() {
        return vec![];
    }
    let first = &runs.all[0].name;
    vec![
        Block::Heading(format!("Against {first}")),
        Block::Table(Table {
            label: format!("Each run against {first}"),
            note: "Paired over the folds that both have: exact sign-flip test, adjusted for the number of runs (Holm), and the corrected resampled t-test.".to_owned(),
            columns: vec![Column::text("Run"), Column::number("Folds"), Column::number("Difference (points)"), Column::number("p, sign flip"), Column::number("p, Holm"), Column::number("p, corrected t")],
            rows,
            ..Table::default()
        }),
    ]
}

fn folds(runs: &Runs) -> Table {
    let mut numbers: Vec<u64> = runs
        .all
        .iter()
        .flat_map(|run| run.folds.iter().map(|f| f.number))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let line = |number: &u64| {
        let of = |run: &Run| {
            let fold = run.folds.iter().find(|fold| fold.number == *number);
            let accuracy = fold.and_then(|fold| fold.result.as_ref().ok()?.test_accuracy);
            Cell::number(percent_or_dash(accuracy), accuracy)
        };
        let name = Cell {
            text: format!("Fold {number}"),
            order: Some(*number as f64),
            ..Cell::default()
        };
        TableRow::new([name].into_iter().chain(runs.all.iter().map(of)))
    };
    Table {
        label: "Test accuracy fold by fold".to_owned(),
        columns: by_run(runs, "Fold"),
        rows: numbers.iter().map(line).collect(),
        sortable: true,
        ..Table::default()
    }
}

fn by_run(runs: &Runs, first: &str) -> Vec<Column> {
    let names = runs.all.iter().map(|run| Column::number(&run.name));
    [Column::text(first)].into_iter().chain(names).collect()
}

fn classes(runs: &Runs) -> Vec<Block> {
    let mut names: Vec<&String> = Vec::new();
    for run in &runs.all {
        names.extend(
            run.classes()
                .iter()
                .filter(|name| !names.contains(name))
                .collect::<Vec<_>>(),
        );
    }
    let recall = |run: &Run, name: &String| run.summary.as_ref().ok()?.per_class.get(name)?.recall;
    let mut lines = Vec::new();
    for name in &names {
        let mut label = (*name).clone();
        for (series, run) in runs.all.iter().take(5).enumerate() {
            let value = recall(run, name);
            lines.push(Line {
                label: std::mem::take(&mut label),
                value,
                series,
                ..Line::default()
            });
        }
    }
    let series: Vec<&str> = runs
        .all
        .iter()
        .take(5)
        .map(|run| run.name.as_str())
        .collect();
    let csv = csv_text(
        &["class", "run", "recall"],
        names.iter().flat_map(|name| {
            runs.all
                .iter()
                .map(|run| vec![(*name).clone(), run.name.clone(), cell(recall(run, name))])
        }),
    );
    let plot = Forest {
        name: "recall-by-class-and-run",
        alt: "Recall of each class in each run; the same numbers are in the table below".to_owned(),
        axis: "recall (% of the class's test images)",
        ends: (0.0, 1.0),
        percent: true,
        bars: false,
        lines: &lines,
        references: &[],
        series: &series,
        csv,
    }
    .plot();
    let line = |name: &&String| {
        let of = |run: &Run| Cell::number(percent_or_dash(recall(run, name)), recall(run, name));
        TableRow::new(
            [Cell::from((*name).clone())]
                .into_iter()
                .chain(runs.all.iter().map(of)),
        )
    };
    let table = Table {
        label: "Recall by class".to_owned(),
        columns: by_run(runs, "Class"),
        rows: names.iter().map(line).collect(),
        sortable: true,
        ..Table::default()
    };
    let figure = keep(
        runs,
        plot,
        "Share of each class's test images that were named rightly, all folds together.",
    );
    figure.into_iter().chain([Block::Table(table)]).collect()
}

fn action_units(runs: &Runs) -> Vec<Block> {
    let summary = |run: &Run| run.fau.summary.as_ref().ok().cloned().unwrap_or_default();
    let count = |value: &Value| value.as_u64().map_or("–".to_owned(), |n| n.to_string());
    let line = |run: &Run| {
        let fau = summary(run);
        let controls = run.fau.controls.summary.as_ref().unwrap_or(&Value::Null);
        let control = |name: &str| {
            let found = controls["controls"]
                .as_array()?
                .iter()
                .find(|c| c["control"] == name)?;
            Some((
                found["mean_best_auroc"].as_f64(),
                found["low"].as_f64().zip(found["high"].as_f64()),
            ))
        };
        let auroc = |name: &str| {
            let (value, ends) = control(name).unwrap_or_default();
            let cell = Cell::number(decimal_or_dash(value, 2), value);
            match ends {
                Some(ends) => cell.remark(interval_or_dash(Some(ends), 2)),
                None => cell,
            }
        };
        let found = run.fau.correspondences.as_ref().ok().map(Vec::len);
        TableRow::new([
            Cell::from(run.name.clone()),
            found.map_or("–".to_owned(), |n| n.to_string()).into(),
            count(&fau["counts"]["filters_max_q"]).into(),
            count(&fau["counts"]["filters_within_class_q"]).into(),
            auroc("trained"),
            auroc("untrained"),
        ])
    };
    let overview = Table {
        label: "Filters and action units in each run".to_owned(),
        note: "One fold's network of each run, the one that validated best. A dash: not computed for that run.".to_owned(),
        columns: vec![
            Column::text("Run"),
            Column::number("Filters that respond"),
            Column::number("… beyond chance"),
            Column::number("… within one expression"),
            Column::number("Mean best AUROC"),
            Column::number("Untrained network"),
        ],
        rows: runs.all.iter().map(line).collect(),
        ..Table::default()
    };
    let mut counts: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, run) in runs.all.iter().enumerate() {
        for row in run.fau.correspondences.as_deref().unwrap_or_default() {
            counts
                .entry(row.au)
                .or_insert_with(|| vec![0; runs.all.len()])[at] += 1;
        }
    }
    let rows = counts.iter().map(|(au, of)| {
        let name = Cell {
            text: au_label(*au),
            order: Some(*au as f64),
            ..Cell::default()
        };
        let numbers = of
            .iter()
            .map(|n| Cell::number(n.to_string(), Some(*n as f64)));
        TableRow::new([name].into_iter().chain(numbers))
    });
    let units = Table {
        label: "Filters by action unit and run".to_owned(),
        note: "Filters whose largest KL each action unit has.".to_owned(),
        columns: by_run(runs, "Action unit"),
        rows: rows.collect(),
        sortable: true,
        ..Table::default()
    };
    match counts.is_empty() {
        true => vec![Block::Table(overview)],
        false => vec![
            Block::Table(overview),
            Block::Heading("By action unit".to_owned()),
            Block::Table(units),
        ],
    }
}

/// Keys of the configurations whose values differ.
fn settings(runs: &Runs) -> Vec<Block> {
    let configs: Vec<Vec<Entry>> = runs
        .all
        .iter()
        .map(|run| run.config.as_ref().map(flat).unwrap_or_default())
        .collect();
    let mut keys: Vec<&String> = Vec::new();
    for (key, _) in configs.iter().flatten() {
        if !keys.contains(&key) && key != "command" {
            keys.push(key);
        }
    }
    let value = |config: &[Entry], key: &str| {
        config
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, v)| v.clone())
    };
    let differing = keys.into_iter().filter_map(|key| {
        let values: Vec<Option<String>> = configs.iter().map(|config| value(config, key)).collect();
        let differ = values.iter().any(|value| *value != values[0]);
        let cells = values
            .into_iter()
            .map(|value| Cell::from(value.unwrap_or("–".to_owned())));
        differ.then(|| TableRow::new([Cell::from(key.clone())].into_iter().chain(cells)))
    });
    let rows: Vec<TableRow> = differing.collect();
    if rows.is_empty() {
        return vec![Block::Text(
            "Nothing: their configurations are the same.".to_owned(),
        )];
    }
    let names = runs.all.iter().map(|run| Column::text(&run.name));
    vec![Block::Table(Table {
        label: "Settings that differ".to_owned(),
        columns: [Column::text("Setting")].into_iter().chain(names).collect(),
        rows,
        ..Table::default()
    })]
}

fn gaps(runs: &Runs) -> Vec<Block> {
    let mut blocks = Vec::new();
    for run in &runs.all {
        let parts = [
            run.summary.as_ref().err(),
            run.config.as_ref().err(),
            run.dataset.as_ref().err(),
            run.fau.correspondences.as_ref().err(),
            run.fau.controls.summary.as_ref().err(),
        ];
        let missing: Vec<_> = parts.into_iter().flatten().cloned().collect();
        if !missing.is_empty() {
            blocks.push(Block::Heading(run.name.clone()));
            blocks.extend(missing.into_iter().map(Block::Gap));
        }
    }
    if blocks.is_empty() {
        blocks.push(Block::Text("Nothing that this page shows.".to_owned()));
    }
    blocks
}
