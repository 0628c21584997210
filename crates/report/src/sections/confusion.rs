//! Confusion matrix and scores per class.

use askama::Template;
use serde_json::Value;

use crate::page::blocks::{Blocks, Sections};
use crate::page::table::{Cell, TableOf};
use crate::page::text::{SHARE_CI, percent, when};
use crate::plot::forest::{Forest, Line};
use crate::plot::heat::{Heat, TEXT_ROW};
use crate::plot::numbers::{cell, csv, csv_text, ends};
use crate::plot::{Download, Plot};
use crate::run::Run;
use crate::run::folder::{Gap, RERUN};
use crate::run::people::{Interval, People};

#[derive(Template)]
#[template(path = "confusion.html")]
struct Matrix<'a> {
    classes: &'a [String],
    counts: &'a [Vec<u64>],
    files: Vec<Download>,
}

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("confusion", "Confusion matrix");
    if blocks.has(&run.summary) {
        matrix(run, blocks);
    }
    blocks.heading("Per class");
    if blocks.has(&run.summary) {
        match run.summary.per_class.is_empty() {
            true => blocks.gap(&Gap::missing("summary.json, key `per_class`", RERUN)),
            false => per_class(run, blocks),
        }
    }
}

fn images_column(run: &Run) -> &'static str {
    match run.folder.analysed {
        true => "Images",
        false => "Test images",
    }
}

fn matrix(run: &Run, blocks: &mut Blocks) {
    let counts = &*run.summary.confusion;
    if counts.is_empty() {
        return blocks.gap(&Gap::missing("summary.json, key `confusion`", RERUN));
    }
    if counts.iter().any(|row| row.len() != counts.len()) {
        let reason = "key `confusion` is not square";
        return blocks.gap(&Gap::damaged("summary.json", reason, RERUN));
    }
    let classes: Vec<String> = (0..counts.len()).map(|at| run.class(at)).collect();
    let correct: u64 = (0..counts.len()).map(|at| counts[at][at]).sum();
    let total: u64 = counts.iter().flatten().sum();
    let right = share(&correct, &total);
    let weights = "; the mean over folds above gives each fold the same weight";
    let weights = when(run.tested() > 1, weights);
    let (folds, images) = match run.folder.analysed {
        true => ("", "images"),
        false => ("; all test folds together", "test images"),
    };
    blocks.quiet(format!("Rows are the true classes, columns the predicted ones{folds}. Count, and share of the row. {correct} of {total} {images} correct ({right}){weights}."));
    let plot = drawn(&classes, counts);
    blocks.html(Matrix {
        classes: &classes,
        counts,
        files: plot.iter().flat_map(Plot::downloads).collect(),
    });
    blocks.plots.extend(plot);
}

fn drawn(classes: &[String], counts: &[Vec<u64>]) -> Option<Plot> {
    let shares = counts.iter().map(|row| {
        let total = row.iter().sum::<u64>().max(1) as f64;
        row.iter().map(|n| *n as f64 / total).collect()
    });
    let header = std::iter::once("true").chain(classes.iter().map(String::as_str));
    Heat {
        name: "confusion",
        alt: "Confusion matrix: rows are true classes, columns predicted classes, shares of the row in percent",
        columns_are: "predicted (columns), true (rows)",
        columns: classes,
        rows: classes,
        values: &shares.collect::<Vec<Vec<f64>>>(),
        from: 0.0,
        scale: "0 to 1 of the row; numbers in %",
        cell: (82, TEXT_ROW + 10),
        numbers: true,
        csv: csv_text(header, classes.iter().zip(counts)),
    }
    .into()
}

fn share(part: &u64, whole: &u64) -> String {
    percent((*whole > 0).then(|| *part as f64 / *whole as f64))
}

/// The shade of a cell, 0 to 20, by its share of the row.
fn shade(part: &u64, whole: &u64) -> u64 {
    (20.0 * *part as f64 / (*whole).max(1) as f64).round() as u64
}

/// A class with its scores and the interval of its recall.
type Scored<'a> = (&'a String, &'a Value, Option<Interval>);

fn per_class(run: &Run, blocks: &mut Blocks) {
    let (scores, listed) = (&run.summary.per_class, &run.summary.classes);
    let unlisted = scores.keys().filter(|name| !listed.contains(name));
    let names = listed.iter().chain(unlisted).enumerate();
    let interval = |at: usize| {
        let rows = run.predictions().map(|(_, row)| row);
        People::of(run, rows.filter(|row| row.label == at)).interval()
    };
    let scored = names.filter_map(|(at, name)| Some((name, scores.get(name)?, interval(at))));
    let scored: Vec<Scored> = scored.collect();
    let numbers = scored.iter().map(|(name, scores, interval)| {
        let columns = ["precision", "recall", "f1"];
        let [precision, recall, f1] = columns.map(|key| cell(scores[key].as_f64()));
        let support = scores["support"].as_u64().unwrap_or(0);
        (
            name,
            precision,
            recall,
            ends(interval.map(|of| of.ends)),
            f1,
            support,
        )
    });
    let header = "class,precision,recall,recall_low,recall_high,f1,images";
    let csv = csv(header, numbers);
    let score = |row: &Scored, key: &str| Cell::percent(row.1[key].as_f64());
    let line = |row: &Scored| {
        Line::new(
            row.0.clone(),
            row.1["recall"].as_f64(),
            row.2.map(|of| of.ends),
        )
    };
    let forest = Forest {
        name: "recall-by-class",
        alt: "Recall of each class with intervals over people; the same numbers are in the table below",
        axis: "recall (% of the class's test images)",
        csv,
        ..Forest::shares(scored.iter().map(line).collect())
    };
    let images = match run.folder.analysed {
        true => "images classified correctly",
        false => "test images classified correctly, all folds together",
    };
    blocks.figure(
        forest,
        format!("Recall: the share of each class's {images}. Lines: {SHARE_CI}."),
    );
    let table = TableOf::new("Scores per class", scored)
        .words("Class", |row| row.0.as_str())
        .numbers("Precision", |row| score(row, "precision"))
        .numbers("Recall", |row| score(row, "recall"))
        .numbers("Recall, 95% CI", |row| Cell::share_interval(row.2))
        .numbers("F1", |row| score(row, "f1"))
        .numbers(images_column(run), |row| {
            Cell::count(row.1["support"].as_u64())
        })
        .sortable();
    blocks.table(table);
}
