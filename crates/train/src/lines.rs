//! Result lines of a training.

use crate::fold::result::FoldResult;
use crate::summary::Summary;

/// The line of a fold that has ended.
pub fn fold_line(fold: usize, result: &Result<FoldResult, String>) -> String {
    let r = match result {
        Ok(r) => r,
        Err(reason) => return format!("fold {fold}: failed: {reason}"),
    };
    let (test, val) = (100.0 * r.test_accuracy, 100.0 * r.val_accuracy);
    let optimistic = if r.optimistic { " (optimistic)" } else { "" };
    let mut line = format!(
        "fold {fold}: test {test:.1}%{optimistic}, validation {val:.1}% at step {}, {:.0} s",
        r.best_step, r.seconds
    );
    if r.at_chance {
        let majority = 100.0 * r.majority_accuracy;
        line +=
            &format!("  AT CHANCE LEVEL: no better than the most frequent class ({majority:.1}%)");
    }
    if !r.absent_in_test.is_empty() {
        line += &format!("  (no test image of {})", r.absent_in_test.join(", "));
    }
    line
}

/// The accuracy over all folds, with its caveats; `None` without a finished fold.
pub fn accuracy_line(summary: &Summary) -> Option<String> {
    let test = summary.test_accuracy?;
    let folds = summary.folds.iter().filter(|f| f.failed.is_none()).count();
    let majority = 100.0 * summary.majority_accuracy;
    let interval = summary.test_accuracy_interval.map(|i| {
        let (people, low, high) = (i.subjects, 100.0 * i.low, 100.0 * i.high);
        format!("; 95% over the {people} people tested: {low:.1}% to {high:.1}%")
    });
    let note = |holds: bool, text: &'static str| if holds { text } else { "" };
    Some(format!(
        "Test accuracy {:.1}%{} over {folds} fold{} ({}most frequent class: {majority:.1}%{}{}{})",
        100.0 * test.mean,
        test.spread(folds),
        note(folds != 1, "s"),
        note(summary.synthetic, "synthetic faces; "),
        interval.unwrap_or_default(),
        note(
            !summary.subject_independent,
            "; not subject-independent: the same person may be in training and test"
        ),
        note(
            summary.optimistic,
            "; optimistic: the test fold chose the checkpoints"
        ),
    ))
}
