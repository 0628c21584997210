//! Confusion matrix and scores per class.

use std::collections::BTreeMap;

use askama::Template;

use super::{Block, Cell, Column, Context, Download, Section, Table, TableRow};
use crate::bootstrap::People;
use crate::files::{Gap, damaged, missing};
use crate::plot::forest::{Forest, Line};
use crate::plot::heat::{Heat, TEXT_ROW};
use crate::plot::{cell, csv_text};
use crate::run::{RERUN, Run, Summary};
use crate::text::{decimal_or_dash, percent, percent_interval};

#[derive(Template)]
#[template(path = "confusion.html")]
struct Matrix {
    classes: Vec<String>,
    rows: Vec<MatrixRow>,
    files: Vec<Download>,
}

struct MatrixRow {
    class: String,
    cells: Vec<MatrixCell>,
    total: u64,
}

struct MatrixCell {
    count: u64,
    percent: String,
    /// 0 to 20, the share of the row.
    shade: usize,
    right: bool,
}

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let mut blocks = Vec::new();
    match context
        .run
        .summary
        .as_ref()
        .map_err(Gap::clone)
        .and_then(checked)
    {
        Ok(summary) => blocks.extend(matrix(context, summary)?),
        Err(gap) => blocks.push(Block::Gap(gap)),
    }
    blocks.push(Block::Heading("Per class".to_owned()));
    match &context.run.summary {
        Ok(summary) if !summary.per_class.is_empty() => blocks.extend(per_class(context, summary)),
        Ok(_) => blocks.push(Block::Gap(missing("summary.json, key `per_class`", RERUN))),
        Err(gap) => blocks.push(Block::Gap(gap.clone())),
    }
    Section::new("confusion", "Confusion matrix", &blocks)
}

fn checked(summary: &Summary) -> Result<&Summary, Gap> {
    let counts = &summary.confusion;
    if counts.is_empty() {
        return Err(missing("summary.json, key `confusion`", RERUN));
    }
    if counts.iter().any(|row| row.len() != counts.len()) {
        let reason = "key `confusion` is not square".to_owned();
        return Err(damaged("summary.json", reason, RERUN));
    }
    Ok(summary)
}

fn matrix(context: &Context, summary: &Summary) -> Result<Vec<Block>, askama::Error> {
    let counts = &summary.confusion;
    let classes: Vec<String> = (0..counts.len()).map(|i| class_name(summary, i)).collect();
    let right: u64 = (0..counts.len()).map(|i| counts[i][i]).sum();
    let total: u64 = counts.iter().flatten().sum();
    let plot = drawn(&classes, counts);
    let files = plot.iter().flat_map(|plot| {
        let figure = super::Figure::new(plot, String::new());
        figure.files
    });
    let files = files.collect();
    context.plots.borrow_mut().extend(plot);
    let rows = counts.iter().enumerate().map(|(truth, row)| {
        let total: u64 = row.iter().sum();
        let cell = |(predicted, &count): (usize, &u64)| MatrixCell {
            count,
            percent: share(count, total),
            shade: (20.0 * count as f64 / total.max(1) as f64).round() as usize,
            right: predicted == truth,
        };
        MatrixRow {
            class: classes[truth].clone(),
            cells: row.iter().enumerate().map(cell).collect(),
            total,
        }
    });
    let matrix = Matrix {
        rows: rows.collect(),
        classes,
        files,
    };
    Ok(vec![
        Block::Quiet(format!(
            "Rows are the true classes, columns what the network said; all test folds together. Count, and share of the row. {right} of {total} test images right ({}).",
            share(right, total)
        )),
        Block::Html(matrix.render()?),
    ])
}

fn drawn(classes: &[String], counts: &[Vec<u64>]) -> Option<crate::plot::Plot> {
    let shares = counts.iter().map(|row| {
        let total = row.iter().sum::<u64>().max(1) as f64;
        row.iter().map(|n| *n as f64 / total).collect()
    });
    let shares: Vec<Vec<f64>> = shares.collect();
    let header: Vec<&str> = ["true"]
        .into_iter()
        .chain(classes.iter().map(String::as_str))
        .collect();
    let rows = counts.iter().zip(classes).map(|(row, class)| {
        let numbers = row.iter().map(u64::to_string);
        [class.clone()].into_iter().chain(numbers).collect()
    });
    Heat {
        name: "confusion",
        alt: "Confusion matrix: rows are true classes, columns what the network said, shares of the row in percent".to_owned(),
        columns_are: "said (columns), true (rows)",
        columns: classes,
        rows: classes,
        values: &shares,
        top: 1.0,
        shade: "of the row; numbers in %",
        cell: (82, TEXT_ROW + 10),
        numbers: true,
        csv: csv_text(&header, rows),
    }
    .plot()
}

fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "–".to_owned(),
        _ => percent(part as f64 / whole as f64),
    }
}

fn class_name(summary: &Summary, index: usize) -> String {
    let name = summary.classes.get(index).cloned();
    name.unwrap_or_else(|| format!("class {index}"))
}

/// Test images of each true class and those named rightly, by person.
fn people_of_classes(run: &Run) -> BTreeMap<usize, People> {
    let mut classes: BTreeMap<usize, People> = BTreeMap::new();
    let Ok(samples) = &run.samples else {
        return classes;
    };
    let predictions = run
        .folds
        .iter()
        .filter_map(|fold| fold.predictions.as_ref().ok());
    for row in predictions.flatten() {
        let person = samples.of(row.index).map_or(-1, |sample| sample.subject);
        let right = row.label == row.predicted;
        classes.entry(row.label).or_default().count(person, right);
    }
    classes
}

fn per_class(context: &Context, summary: &Summary) -> Vec<Block> {
    let people = people_of_classes(context.run);
    let unlisted = summary
        .per_class
        .keys()
        .filter(|name| !summary.classes.contains(name));
    let names: Vec<&String> = summary.classes.iter().chain(unlisted).collect();
    let interval = |at: usize| people.get(&at).and_then(People::interval);
    let listed = names.iter().enumerate();
    let scored: Vec<_> = listed
        .filter_map(|(at, name)| Some((*name, summary.per_class.get(*name)?, interval(at))))
        .collect();
    let lines: Vec<Line> = scored
        .iter()
        .map(|(name, scores, interval)| Line {
            label: (*name).clone(),
            value: scores.recall,
            interval: *interval,
            ..Line::default()
        })
        .collect();
    let header = [
        "class",
        "precision",
        "recall",
        "recall_low",
        "recall_high",
        "f1",
        "images",
    ];
    let csv = csv_text(
        &header,
        scored.iter().map(|(name, scores, ends)| {
            let support = scores.support.unwrap_or_default().to_string();
            let ends = ends.map_or([None, None], |(low, high)| [Some(low), Some(high)]);
            let numbers = [scores.precision, scores.recall, ends[0], ends[1], scores.f1].map(cell);
            [(*name).clone()]
                .into_iter()
                .chain(numbers)
                .chain([support])
                .collect()
        }),
    );
    let plot = Forest {
        name: "recall-by-class",
        alt: "Recall of each class with intervals over people; the same numbers are in the table below".to_owned(),
        axis: "recall (% of the class's test images)",
        ends: (0.0, 1.0),
        percent: true,
        bars: false,
        lines: &lines,
        references: &[],
        series: &[],
        csv: csv.clone(),
    }
    .plot();
    let rows = scored.iter().map(|(name, scores, ends)| {
        let number = |value: Option<f64>| Cell::number(decimal_or_dash(value, 3), value);
        let support = scores
            .support
            .map_or("–".to_owned(), |support| support.to_string());
        TableRow::new([
            Cell::from((*name).clone()),
            number(scores.precision),
            number(scores.recall),
            percent_interval(*ends).into(),
            number(scores.f1),
            Cell::number(support, scores.support.map(|n| n as f64)),
        ])
    });
    let table = Table {
        label: "Scores per class".to_owned(),
        columns: [Column::text("Class")]
            .into_iter()
            .chain(
                [
                    "Precision",
                    "Recall",
                    "Recall, 95% over people",
                    "F1",
                    "Test images",
                ]
                .map(Column::number),
            )
            .collect(),
        rows: rows.collect(),
        sortable: true,
        ..Table::default()
    };
    let caption = "Share of each class's test images that were named rightly, all folds together; lines are 95% bootstrap intervals over people.";
    let figure = context.figure(plot, caption.to_owned());
    let table = Block::Table(context.with_csv(table, "scores-by-class", csv));
    figure.into_iter().chain([table]).collect()
}
