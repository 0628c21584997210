//! Accuracy per fold, confusion matrix and scores per class.

use crate::files::{Gap, Part, damaged, missing};
use crate::run::{Fold, MeanStd, Run, Summary};
use crate::text::{decimal_or_dash, duration, percent, percent_or_dash};

const UNFINISHED: &str = "`faus run EXPERIMENT.json --resume` tests the folds and writes it.";

/// One row of the accuracy table.
pub(crate) struct FoldRow {
    pub fold: u64,
    pub failed: Option<String>,
    pub best_step: String,
    pub validation: String,
    pub test: String,
    /// No better than always naming the commonest class.
    pub at_chance: bool,
    pub last: String,
    pub optimistic: String,
    pub time: String,
}

impl FoldRow {
    pub fn of(fold: &Fold) -> Self {
        let result = fold.result.clone().unwrap_or_default();
        let unread = fold.result.as_ref().err().map(|gap| match &gap.damage {
            Some(damage) => format!("{} cannot be read: {damage}", gap.file),
            None => "not finished".to_owned(),
        });
        Self {
            fold: fold.number,
            failed: unread.or(result.failed),
            best_step: result
                .best_step
                .map_or("–".to_owned(), |step| step.to_string()),
            validation: percent_or_dash(result.val_accuracy),
            test: percent_or_dash(result.test_accuracy),
            at_chance: result.at_chance,
            last: percent_or_dash(result.final_test_accuracy),
            optimistic: percent_or_dash(result.best_test_accuracy_optimistic),
            time: result.seconds.map_or("–".to_owned(), duration),
        }
    }
}

/// A cell of the confusion matrix.
pub(crate) struct Cell {
    pub count: u64,
    /// Share of the row, 0 to 1, as CSS reads it.
    pub share: String,
    pub percent: String,
    pub right: bool,
}

pub(crate) struct ConfusionRow {
    pub class: String,
    pub cells: Vec<Cell>,
    pub total: u64,
}

/// The confusion matrix, all folds together.
pub(crate) struct Confusion {
    pub classes: Vec<String>,
    pub rows: Vec<ConfusionRow>,
    pub pooled: String,
}

impl Confusion {
    pub fn of(summary: &Part<Summary>) -> Part<Self> {
        let summary = summary.as_ref().map_err(Gap::clone)?;
        let counts = &summary.confusion;
        if counts.is_empty() {
            return Err(missing("summary.json, key `confusion`", UNFINISHED));
        }
        if counts.iter().any(|row| row.len() != counts.len()) {
            let reason = "key `confusion` is not square".to_owned();
            return Err(damaged("summary.json", reason, UNFINISHED));
        }
        let classes: Vec<String> = (0..counts.len()).map(|i| class_name(summary, i)).collect();
        let rows = counts.iter().enumerate();
        let rows = rows.map(|(truth, row)| confusion_row(truth, row, &classes[truth]));
        let right: u64 = (0..counts.len()).map(|i| counts[i][i]).sum();
        let total: u64 = counts.iter().flatten().sum();
        Ok(Self {
            rows: rows.collect(),
            pooled: format!(
                "{right} of {total} test images right ({})",
                share(right, total)
            ),
            classes,
        })
    }
}

fn confusion_row(truth: usize, row: &[u64], class: &str) -> ConfusionRow {
    let total: u64 = row.iter().sum();
    let cell = |(predicted, &count): (usize, &u64)| Cell {
        count,
        share: format!("{:.3}", count as f64 / total.max(1) as f64),
        percent: share(count, total),
        right: predicted == truth,
    };
    ConfusionRow {
        class: class.to_owned(),
        cells: row.iter().enumerate().map(cell).collect(),
        total,
    }
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

/// One row of the table per class.
pub(crate) struct ClassRow {
    pub class: String,
    pub precision: String,
    pub recall: String,
    pub f1: String,
    pub support: String,
}

pub(crate) fn class_rows(summary: &Part<Summary>) -> Part<Vec<ClassRow>> {
    let summary = summary.as_ref().map_err(Gap::clone)?;
    if summary.per_class.is_empty() {
        return Err(missing("summary.json, key `per_class`", UNFINISHED));
    }
    let unlisted = summary
        .per_class
        .keys()
        .filter(|name| !summary.classes.contains(name));
    let names = summary.classes.iter().chain(unlisted);
    let row = |name: &String| {
        let scores = summary.per_class.get(name)?;
        Some(ClassRow {
            class: name.clone(),
            precision: decimal_or_dash(scores.precision, 3),
            recall: decimal_or_dash(scores.recall, 3),
            f1: decimal_or_dash(scores.f1, 3),
            support: scores
                .support
                .map_or("–".to_owned(), |support| support.to_string()),
        })
    };
    Ok(names.filter_map(row).collect())
}

/// Mean accuracy with its deviation, `87.3% ± 2.1%`; one fold alone has no deviation.
pub(crate) fn mean_and_deviation(run: &Run) -> Option<String> {
    with_deviation(run, run.summary.as_ref().ok()?.test_accuracy)
}

/// [`mean_and_deviation`] of any accuracy over the folds.
pub(crate) fn with_deviation(run: &Run, accuracy: Option<MeanStd>) -> Option<String> {
    let MeanStd { mean, std } = accuracy?;
    let mean = mean.filter(|mean| mean.is_finite())?;
    let deviation = std.filter(|std| std.is_finite() && run.tested() != 1);
    Some(match deviation {
        Some(deviation) => format!("{} ± {}", percent(mean), percent(deviation)),
        None => percent(mean),
    })
}

/// Accuracy of always naming the commonest class: as recorded, else from the confusion matrix.
pub(crate) fn majority(summary: &Summary) -> Option<f64> {
    let rows = || summary.confusion.iter().map(|row| row.iter().sum::<u64>());
    let from_counts = || Some(rows().max()? as f64 / rows().sum::<u64>().max(1) as f64);
    summary.majority_accuracy.or_else(from_counts)
}

/// Number of classes: as listed, else as the confusion matrix has rows.
pub(crate) fn class_count(summary: &Summary) -> usize {
    summary.classes.len().max(summary.confusion.len())
}
