//! Accuracy per fold, with intervals, beside what others published.

use super::{Block, Cell, Column, Context, Section, Table, TableRow};
use crate::bootstrap::People;
use crate::files::missing;
use crate::plot::forest::{Forest, Line};
use crate::plot::{cell, csv_text};
use crate::published::published;
use crate::run::{Fold, MeanStd, RERUN, Run, Summary};
use crate::text::{decimal_or_dash, duration, percent, percent_interval, percent_or_dash};

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let run = context.run;
    let summary = run.summary.as_ref().ok();
    let mut blocks = Vec::new();
    if run.folds.is_empty() {
        blocks.push(Block::Gap(missing("folds/", RERUN)));
    } else {
        let rows: Vec<FoldRow> = run
            .folds
            .iter()
            .map(|fold| FoldRow::of(run, fold))
            .collect();
        blocks.extend(context.figure(plot(run, &rows), caption(run)));
        let csv = csv(&rows);
        blocks.push(Block::Table(context.with_csv(
            table(run, &rows),
            "accuracy-by-fold",
            csv,
        )));
    }
    blocks.extend(beside(run));
    blocks.extend(summary.and_then(measures).map(Block::Table));
    Section::new("accuracy", "Accuracy", &blocks)
}

/// One fold's numbers.
struct FoldRow<'a> {
    fold: &'a Fold,
    failed: Option<String>,
    test: Option<f64>,
    interval: Option<(f64, f64)>,
    images: u64,
}

impl<'a> FoldRow<'a> {
    fn of(run: &Run, fold: &'a Fold) -> Self {
        let unread = fold.result.as_ref().err().map(|gap| match &gap.damage {
            Some(damage) => format!("{} cannot be read: {damage}", gap.file),
            None => "not finished".to_owned(),
        });
        let result = fold.result.as_ref().ok();
        let people = people(run, fold);
        Self {
            fold,
            failed: unread.or_else(|| result?.failed.clone()),
            test: result.and_then(|result| result.test_accuracy),
            interval: people.as_ref().and_then(People::interval),
            images: people.as_ref().map_or(0, People::images),
        }
    }
}

/// A fold's test images and those named rightly, by person.
fn people(run: &Run, fold: &Fold) -> Option<People> {
    let (predictions, samples) = (fold.predictions.as_ref().ok()?, run.samples.as_ref().ok()?);
    let mut people = People::default();
    for row in predictions {
        let right = row.label == row.predicted;
        people.count(samples.of(row.index)?.subject, right);
    }
    Some(people)
}

fn plot(run: &Run, rows: &[FoldRow]) -> Option<crate::plot::Plot> {
    let lines: Vec<Line> = rows
        .iter()
        .map(|row| Line {
            label: match row.failed {
                Some(_) => format!("fold {} (failed)", row.fold.number),
                None => format!("fold {}", row.fold.number),
            },
            value: row.test,
            interval: row.interval,
            ..Line::default()
        })
        .collect();
    let summary = run.summary.as_ref().ok();
    let mean = summary.and_then(|s| s.test_accuracy?.mean);
    let mean = mean.map(|mean| (mean, format!("mean over folds: {}", percent(mean))));
    let guess = summary.and_then(Summary::majority);
    let guess = guess.map(|guess| {
        (
            guess,
            format!("always the commonest class: {}", percent(guess)),
        )
    });
    let references: Vec<(f64, String)> = mean.into_iter().chain(guess).collect();
    Forest {
        name: "accuracy",
        alt: format!("Test accuracy of {} folds with intervals over people; the same numbers are in the table below", rows.len()),
        axis: "test accuracy (% of images)",
        ends: (0.0, 1.0),
        percent: true,
        bars: false,
        lines: &lines,
        references: &references,
        series: &[],
        csv: csv(rows),
    }
    .plot()
}

fn caption(run: &Run) -> String {
    let optimistic = match run.summary.as_ref().is_ok_and(Summary::chosen_on_test) {
        true => " Optimistic: the checkpoint was chosen on the same images.",
        false => "",
    };
    format!(
        "Share of test images named rightly, fold by fold; lines are 95% bootstrap intervals over the people of the fold.{optimistic}"
    )
}

fn csv(rows: &[FoldRow]) -> String {
    let header = [
        "fold",
        "images",
        "test_accuracy",
        "low",
        "high",
        "val_accuracy",
        "final_test_accuracy",
        "best_test_accuracy_optimistic",
        "best_step",
        "failed",
    ];
    csv_text(
        &header,
        rows.iter().map(|row| {
            let result = row.fold.result.as_ref().ok();
            let of = |f: fn(&crate::run::FoldResult) -> Option<f64>| cell(result.and_then(f));
            vec![
                row.fold.number.to_string(),
                row.images.to_string(),
                cell(row.test),
                cell(row.interval.map(|ends| ends.0)),
                cell(row.interval.map(|ends| ends.1)),
                of(|r| r.val_accuracy),
                of(|r| r.final_test_accuracy),
                of(|r| r.best_test_accuracy_optimistic),
                result
                    .and_then(|r| r.best_step)
                    .map_or(String::new(), |step| step.to_string()),
                row.failed.clone().unwrap_or_default(),
            ]
        }),
    )
}

fn table(run: &Run, rows: &[FoldRow]) -> Table {
    let summary = run.summary.as_ref().ok();
    let chosen = match summary.is_some_and(Summary::chosen_on_test) {
        true => {
            "Protocol paper-2015: the checkpoint was chosen on the test fold itself, so the test column is optimistic too."
        }
        false => "The checkpoint with the best validation accuracy is the one tested.",
    };
    let names = [
        "Test",
        "95% over people",
        "Test images",
        "Validation",
        "Chosen step",
        "Final step, test",
        "Best on test (optimistic)",
        "Time",
    ];
    let mut lines: Vec<TableRow> = rows.iter().map(line).collect();
    if let Some(mean) = mean_and_deviation(run) {
        let of = |accuracy: Option<MeanStd>| with_deviation(run, accuracy).unwrap_or_default();
        let interval = summary.and_then(interval);
        lines.push(
            TableRow::new([
                "Mean ± SD of folds".into(),
                mean.into(),
                Cell::from(percent_interval(interval)),
                String::new().into(),
                String::new().into(),
                String::new().into(),
                of(summary.and_then(|s| s.final_test_accuracy)).into(),
                of(summary.and_then(|s| s.best_test_accuracy_optimistic)).into(),
                summary
                    .and_then(|s| s.seconds)
                    .map_or(String::new(), duration)
                    .into(),
            ])
            .total(),
        );
    }
    let columns = names.into_iter().map(Column::number);
    Table {
        label: "Accuracy per fold".to_owned(),
        note: format!(
            "{chosen} “Best on test” is optimistic: it is the best of all checkpoints in hindsight. The last line's time is the whole job’s."
        ),
        columns: [Column::text("Fold")].into_iter().chain(columns).collect(),
        rows: lines,
        ..Table::default()
    }
}

fn line(row: &FoldRow) -> TableRow {
    let number = Cell::from(row.fold.number.to_string());
    if let Some(reason) = &row.failed {
        let failed = Cell::from("failed").remark(reason.clone());
        let blank = (0..7).map(|_| Cell::from(""));
        return TableRow::new([number, failed].into_iter().chain(blank));
    }
    let result = row.fold.result.clone().unwrap_or_default();
    let test = Cell::from(percent_or_dash(row.test)).strong();
    let test = match result.at_chance {
        true => test.remark("no better than the commonest class"),
        false => test,
    };
    let images = match row.images {
        0 => "–".to_owned(),
        images => images.to_string(),
    };
    TableRow::new([
        number,
        test,
        percent_interval(row.interval).into(),
        images.into(),
        percent_or_dash(result.val_accuracy).into(),
        result
            .best_step
            .map_or("–".to_owned(), |step| step.to_string())
            .into(),
        percent_or_dash(result.final_test_accuracy).into(),
        percent_or_dash(result.best_test_accuracy_optimistic).into(),
        result.seconds.map_or("–".to_owned(), duration).into(),
    ])
}

/// This run beside the published numbers of its task.
fn beside(run: &Run) -> Vec<Block> {
    let summary = run.summary.as_ref().ok();
    let classes = summary.map_or(0, Summary::class_count);
    let Some(published) = published(&run.experiment(), classes) else {
        return vec![];
    };
    let synthetic = run.synthetic();
    let data = match synthetic {
        Some(true) => "synthetic faces",
        _ => "this run's data",
    };
    let ours = TableRow::new([
        Cell::from("this run").strong(),
        Cell::from(mean_and_deviation(run).unwrap_or("–".to_owned())).strong(),
        percent_interval(summary.and_then(interval)).into(),
        format!("measured here, on {data}").into(),
    ]);
    let theirs = published.numbers.iter().map(|(method, accuracy)| {
        TableRow::new([
            (*method).into(),
            format!("{accuracy}%").into(),
            "not given".into(),
            format!(
                "theirs: quoted by Ding et al., on the real {}",
                published.task
            )
            .into(),
        ])
    });
    let caution = match synthetic {
        Some(true) => vec![Block::Caution("This run used synthetic faces: nothing here may be compared with the published numbers, which stand here only for context.".to_owned())],
        _ => vec![],
    };
    let table = Table {
        label: "This run and published accuracies".to_owned(),
        note: "Person-independent accuracies as quoted by Ding, Zhou and Chellappa (FaceNet2ExpNet, FG 2017, tables III and V). They are those papers' numbers, under protocols of their own. The number of Khorrami, Paine and Huang (2015) is not quoted, because their table is not at hand.".to_owned(),
        columns: vec![Column::text("Method"), Column::number("Accuracy"), Column::number("95% over people"), Column::text("Whose number, on what")],
        rows: [ours].into_iter().chain(theirs).collect(),
        ..Table::default()
    };
    let heading = Block::Heading(format!("Beside published numbers: {}", published.task));
    [heading]
        .into_iter()
        .chain(caution)
        .chain([Block::Table(table)])
        .collect()
}

/// The further measures over the folds.
fn measures(summary: &Summary) -> Option<Table> {
    let row = |(name, value): (&String, &MeanStd)| {
        let words = match name.as_str() {
            "negative_log_likelihood" => "negative log-likelihood (nats)".to_owned(),
            "macro_f1" => "macro-averaged F1".to_owned(),
            "top2_accuracy" => "top-2 accuracy".to_owned(),
            name => name.replace('_', " "),
        };
        TableRow::new([
            words.into(),
            decimal_or_dash(value.mean, 3).into(),
            decimal_or_dash(value.std, 3).into(),
        ])
    };
    (!summary.measures.is_empty()).then(|| Table {
        label: "Further measures".to_owned(),
        note: "Further measures on the test folds; lower is better for the negative log-likelihood and the calibration error.".to_owned(),
        columns: vec![Column::text("Measure"), Column::number("Mean of folds"), Column::number("SD of folds")],
        rows: summary.measures.iter().map(row).collect(),
        ..Table::default()
    })
}

/// The recorded bootstrap interval of the accuracy over all people tested.
pub(crate) fn interval(summary: &Summary) -> Option<(f64, f64)> {
    let interval = summary.test_accuracy_interval?;
    Some((interval.low?, interval.high?))
}

/// Mean accuracy with its deviation, `87.3% ± 2.1%`; one fold alone has no deviation.
pub(crate) fn mean_and_deviation(run: &Run) -> Option<String> {
    with_deviation(run, run.summary.as_ref().ok()?.test_accuracy)
}

/// [`mean_and_deviation`] of any accuracy over the folds.
fn with_deviation(run: &Run, accuracy: Option<MeanStd>) -> Option<String> {
    let MeanStd { mean, std } = accuracy?;
    let mean = mean.filter(|mean| mean.is_finite())?;
    let deviation = std.filter(|std| std.is_finite() && run.tested() != 1);
    Some(match deviation {
        Some(deviation) => format!("{} ± {}", percent(mean), percent(deviation)),
        None => percent(mean),
    })
}
