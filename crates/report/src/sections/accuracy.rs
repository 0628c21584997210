//! Accuracy per fold, with intervals, beside published accuracies.

use super::published::{self, task};
use crate::page::answer::mean_and_deviation;
use crate::page::blocks::{Blocks, Sections};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::{
    SHARE_CI, count, decimal, duration, or_dash, percent, percent_interval, when,
};
use crate::plot::forest::{Forest, Line};
use crate::plot::numbers::{cell, csv, ends};
use crate::run::Run;
use crate::run::folder::{Gap, RERUN};
use crate::run::folds::Fold;
use crate::run::people::{Interval, People};
use crate::run::summary::MeanStd;

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("accuracy", "Accuracy");
    if run.folds.is_empty() {
        blocks.gap(&Gap::missing("folds/", RERUN));
    } else {
        let row = |fold| FoldRow::of(run, fold);
        let rows: Vec<FoldRow> = run.folds.iter().map(row).collect();
        figure(run, &rows, blocks);
        blocks.table(table(run, &rows));
        checkpoints(run, &rows, blocks);
    }
    beside_published(run, blocks);
    measures(run, blocks);
}

/// One fold's numbers.
struct FoldRow<'a> {
    fold: &'a Fold,
    failed: Option<String>,
    interval: Option<Interval>,
}

impl<'a> FoldRow<'a> {
    fn of(run: &Run, fold: &'a Fold) -> Self {
        let unread = fold.result.gap.as_ref().map(|gap| match &gap.damage {
            Some(damage) => format!("{} cannot be read: {damage}", gap.file),
            None => "not finished".to_owned(),
        });
        Self {
            fold,
            failed: unread.or_else(|| fold.result.failed.clone()),
            interval: People::of(run, fold.predictions.iter()).interval(),
        }
    }

    fn ends(&self) -> Option<(f64, f64)> {
        self.interval.map(|interval| interval.ends)
    }
}

fn figure(run: &Run, rows: &[FoldRow], blocks: &mut Blocks) {
    let line = |row: &FoldRow| {
        let failed = when(row.failed.is_some(), " (failed)");
        let label = format!("fold {}{failed}", row.fold.number);
        Line::new(label, row.fold.result.test_accuracy, row.ends())
    };
    let reference =
        |value: Option<f64>, name: &str| Some((value?, format!("{name}: {}", percent(value))));
    let mean = reference(run.summary.mean(), "mean over folds");
    let majority = reference(run.summary.majority(), "most frequent class");
    let folds = count(rows.len(), "fold");
    let forest = Forest {
        name: "accuracy",
        alt: &format!(
            "Test accuracy of {folds} with intervals over people; the same numbers are in the table below"
        ),
        axis: "test accuracy (% of images)",
        references: mean.into_iter().chain(majority).collect(),
        csv: numbers(rows),
        ..Forest::shares(rows.iter().map(line).collect())
    };
    let optimistic = " Optimistic: the checkpoint was chosen on the same images.";
    let optimistic = when(run.summary.chosen_on_test(), optimistic);
    blocks.figure(forest, format!("Test accuracy of each fold (a tenth or so of the people, on whom the network of that fold was not trained): the share of its images classified correctly. Lines: {SHARE_CI}.{optimistic}"));
}

fn numbers(rows: &[FoldRow]) -> String {
    let row = |row: &FoldRow| {
        let result = &row.fold.result;
        let [val, last] = [result.val_accuracy, result.final_test_accuracy].map(cell);
        let best = cell(result.best_test_accuracy_optimistic);
        let measured = (
            cell(result.test_accuracy),
            ends(row.ends()),
            val,
            last,
            best,
        );
        let counts = (row.fold.number, row.fold.predictions.len());
        (counts, measured, result.best_step, row.failed.clone())
    };
    let header = "fold,images,test_accuracy,low,high,val_accuracy,final_test_accuracy,best_test_accuracy_optimistic,best_step,failed";
    csv(header, rows.iter().map(row))
}

fn table(run: &Run, rows: &[FoldRow]) -> Table {
    let table = TableOf::new("Accuracy per fold", rows)
        .words("Fold", |row| row.fold.number.to_string())
        .numbers("Test", |row| test(row))
        .numbers("95% CI", |row| Cell::share_interval(row.interval))
        .numbers("Test images", |row| {
            or_dash(Some(row.fold.predictions.len()).filter(|n| *n > 0))
        })
        .numbers("Validation", |row| percent(row.fold.result.val_accuracy))
        .numbers("Time", |row| or_dash(row.fold.result.seconds.map(duration)))
        .note("The time in the last line is that of the whole job.");
    let (mut table, mean) = (Table::from(table), mean(run));
    table.total = mean.is_some();
    table.rows.extend(mean);
    table
}

/// What other choices of the checkpoint would have given.
fn checkpoints(run: &Run, rows: &[FoldRow], blocks: &mut Blocks) {
    let table = TableOf::new("Checkpoints per fold", rows)
        .words("Fold", |row| row.fold.number.to_string())
        .numbers("Tested step", |row| or_dash(row.fold.result.best_step))
        .numbers("Test", |row| test(row))
        .numbers("Last checkpoint, test", |row| {
            percent(row.fold.result.final_test_accuracy)
        })
        .numbers("Best on test (optimistic)", |row| {
            percent(row.fold.result.best_test_accuracy_optimistic)
        })
        .note(format!(
            "{} “Best on test” is optimistic: it is the best of all checkpoints in hindsight.",
            chosen(run)
        ));
    let (mut table, means) = (Table::from(table), checkpoint_means(run));
    table.total = means.is_some();
    table.rows.extend(means);
    blocks.folded(
        "The tested checkpoint, the last one and the best in hindsight",
        table,
    );
}

/// How the tested checkpoint was chosen.
fn chosen(run: &Run) -> &'static str {
    match (run.summary.chosen_on_test(), run.summary.tests_the_last()) {
        (true, _) => {
            "Protocol paper-2015: the checkpoint was chosen on the test fold itself, so the test column is optimistic too."
        }
        (_, true) => {
            "The last checkpoint is tested; none is chosen, since the learning rate of the one-cycle schedule ends near 0."
        }
        _ => "The checkpoint with the best validation accuracy is tested.",
    }
}

/// The last row: means over the folds, if both other choices have one.
fn checkpoint_means(run: &Run) -> Option<Vec<Cell>> {
    let (summary, of) = (&run.summary, |accuracy| mean_and_deviation(run, accuracy));
    let cells = [
        "Mean ± SD of folds".to_owned(),
        String::new(),
        or_dash(of(summary.test_accuracy)),
        of(summary.final_test_accuracy)?,
        of(summary.best_test_accuracy_optimistic)?,
    ];
    Some(cells.map(Cell::from).into())
}

fn test(row: &FoldRow) -> Cell {
    if let Some(reason) = &row.failed {
        return Cell::from("failed").remark(reason.as_str());
    }
    let result = &*row.fold.result;
    let remark = when(result.at_chance, "no better than the most frequent class");
    let accuracy = Cell::from(percent(result.test_accuracy));
    accuracy.strong_if(true).remark(remark)
}

/// The last row: means over the folds.
fn mean(run: &Run) -> Option<Vec<Cell>> {
    let summary = &run.summary;
    let of = |accuracy| mean_and_deviation(run, accuracy);
    let images = Some(run.predictions().count()).filter(|images| *images > 0);
    let tested = images.map(|images| images.to_string());
    let cells = [
        Some("Mean ± SD of folds".to_owned()),
        Some(of(summary.test_accuracy)?),
        Some(percent_interval(run.interval())),
        tested,
        None,
        summary.seconds.map(duration),
    ];
    Some(cells.map(|cell| cell.unwrap_or_default().into()).into())
}

/// This run beside the published numbers of its task.
fn beside_published(run: &Run, blocks: &mut Blocks) {
    let (summary, classes) = (&run.summary, run.summary.class_count());
    let source = run.config["config"]["data"]["source"].as_str();
    let of_the_task =
        source.is_none_or(|name| name.starts_with("ck_plus") || ["tfd", "arrays"].contains(&name));
    let task = task(&run.experiment(), classes).filter(|_| of_the_task);
    let Some(task) = task else {
        return;
    };
    blocks.heading(format!("Beside published numbers: {task}"));
    let mut data = "this run's data";
    if run.synthetic() == Some(true) {
        data = "synthetic faces";
        blocks.caution("This run used synthetic faces: it must not be compared with the published numbers, which are shown for context only.");
    }
    let ours = [
        "this run".to_owned(),
        or_dash(mean_and_deviation(run, summary.test_accuracy)),
        percent_interval(run.interval()),
        format!("measured here, on {data}"),
    ];
    let theirs = published::numbers(classes).map(|[method, accuracy, source]| {
        [method, accuracy, "not given", source].map(str::to_owned)
    });
    let rows = std::iter::once(ours).chain(theirs).enumerate();
    let table = TableOf::new("This run and published accuracies", rows)
        .words("Method", |(at, row)| Cell::from(row[0].as_str()).strong_if(*at == 0))
        .numbers("Accuracy", |(at, row)| Cell::from(row[1].as_str()).strong_if(*at == 0))
        .numbers("95% CI", |(_, row)| row[2].clone())
        .words("Source", |(_, row)| row[3].clone())
        .note(format!("Published numbers are person-independent accuracies on the real {task}, under each paper's own protocol. The paper's tables 2 and 3 were corrected in its arXiv version of 16 March 2017, two days after its code moved to choosing checkpoints on a validation fold."));
    blocks.table(table);
}

/// A further measure in words, and whether it is a share.
fn measure(name: &str) -> (String, bool) {
    match name {
        "negative_log_likelihood" => ("negative log-likelihood (nats)".to_owned(), false),
        "macro_f1" => ("macro-averaged F1".to_owned(), true),
        "top2_accuracy" => ("top-2 accuracy".to_owned(), true),
        name => (
            name.replace('_', " "),
            name.contains("accuracy") || name.contains("calibration"),
        ),
    }
}

/// The further measures over the folds.
fn measures(run: &Run, blocks: &mut Blocks) {
    // The accuracy itself is above.
    let measures = run
        .summary
        .measures
        .iter()
        .filter(|(name, _)| *name != "accuracy");
    let number = |name: &str, value| match measure(name) {
        (_, true) => percent(value),
        _ => decimal(value, 3),
    };
    // One fold has no spread.
    let std = |value: &MeanStd| value.std.filter(|_| run.tested() != 1);
    let table = TableOf::new("Further measures", measures)
        .words("Measure", |(name, _)| measure(name).0)
        .numbers("Mean of folds", |(name, value)| number(name, value.mean))
        .numbers("SD of folds", |(name, value)| number(name, std(value)));
    let note = "On the test folds. Lower is better for the negative log-likelihood and the expected calibration error (the distance between the network's confidence and its accuracy).";
    blocks.folded("Further measures", table.note(note));
}
