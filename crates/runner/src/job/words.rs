//! What a run says of its results.

use faus_train::{FoldResult, Summary};

use crate::console::{counted, say};

/// What is said of a fold that has ended.
pub(super) fn fold_line(fold: usize, result: &Result<FoldResult, String>) -> String {
    match result {
        Ok(r) => {
            let warning = if r.at_chance {
                format!(
                    "  AT CHANCE LEVEL: no better than the most frequent class ({:.1}%)",
                    100.0 * r.majority_accuracy
                )
            } else {
                String::new()
            };
            let absent = match r.absent_in_test.as_slice() {
                [] => String::new(),
                absent => format!("  (no test image of {})", absent.join(", ")),
            };
            let optimistic = if r.optimistic { " (optimistic)" } else { "" };
            let (test, val) = (100.0 * r.test_accuracy, 100.0 * r.val_accuracy);
            format!(
                "fold {fold}: test {test:.1}%{optimistic}, validation {val:.1}% at step {}, {:.0} s{warning}{absent}",
                r.best_step, r.seconds
            )
        }
        Err(reason) => format!("fold {fold}: failed: {reason}"),
    }
}

/// What is said of all folds.
pub(super) fn say_accuracy(summary: &Summary) {
    let Some(test) = summary.test_accuracy else {
        return;
    };
    let synthetic = if summary.synthetic {
        "synthetic faces; "
    } else {
        ""
    };
    let folds = summary.folds.iter().filter(|f| f.failed.is_none()).count();
    let optimistic = if summary.optimistic {
        "; optimistic: the test fold chose the checkpoints"
    } else {
        ""
    };
    let dependent = if summary.subject_independent {
        ""
    } else {
        "; not subject-independent: the same person may be in training and test"
    };
    let people = summary.test_accuracy_interval.map_or(String::new(), |i| {
        let (low, high) = (100.0 * i.low, 100.0 * i.high);
        format!(
            "; 95% over the {} people tested: {low:.1}% to {high:.1}%",
            i.subjects
        )
    });
    say(format!(
        "Test accuracy {:.1}% ± {:.1} over {} ({synthetic}most frequent class: {:.1}%{people}{dependent}{optimistic})",
        100.0 * test.mean,
        100.0 * test.std,
        counted(folds, "fold"),
        100.0 * summary.majority_accuracy
    ));
}
