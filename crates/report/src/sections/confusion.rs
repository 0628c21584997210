//! Confusion matrix and scores per class.

use std::collections::BTreeMap;

use askama::Template;

use crate::page::blocks::{Blocks, Section};
use crate::page::download::Download;
use crate::page::table::{Cell, TableOf};
use crate::page::text::{percent, percent_interval};
use crate::plot::Plot;
use crate::plot::forest::{Forest, Line};
use crate::plot::heat::{Heat, TEXT_ROW};
use crate::plot::numbers::{cell, csv, csv_text, ends};
use crate::run::Run;
use crate::run::folder::{Gap, Part};
use crate::run::people::People;
use crate::run::remedy::RERUN;
use crate::run::summary::{ClassScores, Summary};

#[derive(Template)]
#[template(path = "confusion.html")]
struct Matrix {
    classes: Vec<String>,
    rows: Vec<MatrixRow>,
    files: Vec<Download>,
}

struct MatrixRow {
    cells: Vec<MatrixCell>,
    total: u64,
}

struct MatrixCell {
    count: u64,
    percent: String,
    /// 0 to 20, the share of the row.
    shade: usize,
}

impl MatrixRow {
    fn of(counts: &[u64]) -> Self {
        let total = counts.iter().sum();
        let cell = |count: &u64| MatrixCell {
            count: *count,
            percent: share(*count, total),
            shade: (20.0 * *count as f64 / total.max(1) as f64).round() as usize,
        };
        let cells = counts.iter().map(cell).collect();
        Self { cells, total }
    }
}

pub(super) fn section(run: &Run) -> Section {
    let mut blocks = Blocks::default();
    if blocks.has(&run.summary) {
        match square(&run.summary) {
            Ok(counts) => matrix(run, counts, &mut blocks),
            Err(gap) => blocks.gap(&gap),
        }
    }
    blocks.heading("Per class");
    if blocks.has(&run.summary) {
        match run.summary.per_class.is_empty() {
            true => blocks.gap(&Gap::missing("summary.json, key `per_class`", RERUN)),
            false => per_class(run, &mut blocks),
        }
    }
    blocks.section("confusion", "Confusion matrix")
}

fn square(summary: &Summary) -> Part<&[Vec<u64>]> {
    let counts = &summary.confusion;
    if counts.is_empty() {
        return Err(Gap::missing("summary.json, key `confusion`", RERUN));
    }
    match counts.iter().all(|row| row.len() == counts.len()) {
        true => Ok(counts),
        false => Err(Gap::damaged(
            "summary.json",
            "key `confusion` is not square",
            RERUN,
        )),
    }
}

fn matrix(run: &Run, counts: &[Vec<u64>], blocks: &mut Blocks) {
    let classes: Vec<String> = (0..counts.len()).map(|at| run.class(at)).collect();
    let correct: u64 = (0..counts.len()).map(|at| counts[at][at]).sum();
    let total: u64 = counts.iter().flatten().sum();
    blocks.quiet(format!(
        "Rows are the true classes, columns the predicted ones; all test folds together. Count, and share of the row. {correct} of {total} test images correct ({}).",
        share(correct, total)
    ));
    let plot = drawn(&classes, counts);
    blocks.html(Matrix {
        rows: counts.iter().map(|row| MatrixRow::of(row)).collect(),
        files: plot.iter().flat_map(Download::of_plot).collect(),
        classes,
    });
    blocks.plots.extend(plot);
}

fn drawn(classes: &[String], counts: &[Vec<u64>]) -> Option<Plot> {
    let shares = counts.iter().map(|row| {
        let total = row.iter().sum::<u64>().max(1) as f64;
        row.iter().map(|n| *n as f64 / total).collect()
    });
    let header = ["true"]
        .into_iter()
        .chain(classes.iter().map(String::as_str));
    Heat {
        name: "confusion",
        alt: "Confusion matrix: rows are true classes, columns predicted classes, shares of the row in percent",
        columns_are: "predicted (columns), true (rows)",
        columns: classes,
        rows: classes,
        values: &shares.collect::<Vec<Vec<f64>>>(),
        top: 1.0,
        shade: "of the row; numbers in %",
        cell: (82, TEXT_ROW + 10),
        numbers: true,
        csv: csv_text(header, classes.iter().zip(counts)),
    }
    .plot()
}

fn share(part: u64, whole: u64) -> String {
    percent((whole > 0).then(|| part as f64 / whole as f64))
}

/// Test images of each true class and those classified correctly, by person.
fn people_of_classes(run: &Run) -> BTreeMap<usize, People> {
    let mut classes: BTreeMap<usize, People> = BTreeMap::new();
    for (_, row) in run.predictions().filter(|_| run.samples.gap.is_none()) {
        let person = run.sample(row.index).map_or(-1, |sample| sample.subject);
        let people = classes.entry(row.label).or_default();
        people.count(person, row.label == row.predicted);
    }
    classes
}

/// A class with its scores and the interval of its recall.
type Scored<'a> = (&'a String, &'a ClassScores, Option<(f64, f64)>);

fn per_class(run: &Run, blocks: &mut Blocks) {
    let (people, scores) = (people_of_classes(run), &run.summary.per_class);
    let listed = &run.summary.classes;
    let unlisted = scores.keys().filter(|name| !listed.contains(name));
    let names = listed.iter().chain(unlisted).enumerate();
    let interval = |at: usize| people.get(&at).and_then(People::interval);
    let scored = names.filter_map(|(at, name)| Some((name, scores.get(name)?, interval(at))));
    let scored: Vec<Scored> = scored.collect();
    let csv = csv(
        "class,precision,recall,recall_low,recall_high,f1,images",
        scored.iter().map(|(name, scores, interval)| {
            let [precision, recall, f1] = [scores.precision, scores.recall, scores.f1].map(cell);
            let support = scores.support.unwrap_or_default();
            (name, precision, recall, ends(*interval), f1, support)
        }),
    );
    let line = |(name, scores, interval): &Scored| Line {
        label: (*name).clone(),
        value: scores.recall,
        interval: *interval,
        ..Line::default()
    };
    let forest = Forest {
        name: "recall-by-class",
        alt: "Recall of each class with intervals over people; the same numbers are in the table below",
        axis: "recall (% of the class's test images)",
        csv: csv.clone(),
        ..Forest::shares(scored.iter().map(line).collect())
    };
    blocks.figure(forest.plot(), "Share of each class's test images classified correctly, all folds together; lines are 95% CIs from a bootstrap over people.");
    let table = TableOf::new("Scores per class", scored)
        .words("Class", |row| row.0.as_str())
        .numbers("Precision", |row| Cell::decimal(row.1.precision, 3))
        .numbers("Recall", |row| Cell::decimal(row.1.recall, 3))
        .numbers("Recall, 95% CI", |row| percent_interval(row.2))
        .numbers("F1", |row| Cell::decimal(row.1.f1, 3))
        .numbers("Test images", |row| Cell::count(row.1.support))
        .sortable();
    blocks.table_with_csv(table, "scores-by-class", csv);
}
