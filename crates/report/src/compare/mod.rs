//! Several runs on one page. Nothing is computed here: the tests come from `faus compare --json`.

mod runs;
mod sections;

use std::path::{Path, PathBuf};

use serde_json::Value;

use self::runs::{Runs, distinct};
use crate::errors::Error;
use crate::page::answer::mean_and_deviation;
use crate::page::text::{list, p_equals, percent, percent_ci};
use crate::page::{Head, Page, Warnings};
use crate::run::Run;

/// End of the title of a page about several runs; it identifies such a page.
pub const COMPARISON_TITLE: &str = " · faus comparison";

/// Writes `<output>/index.html` about several runs, the one to compare with first, and `<output>/figures` beside it;
/// returns the page's path.
///
/// `paired` is the output of `faus compare --json` on the same runs: the tests of their differences over folds. An
/// `Err` is the reason why there are none; the page then shows that reason, and the runs side by side without tests.
///
/// # Errors
/// [`Error::NoRun`] naming a run that is not a folder, [`Error::Write`] if the page cannot be written.
pub fn write_comparison(
    runs: &[PathBuf],
    output: &Path,
    paired: Result<Value, String>,
) -> Result<PathBuf, Error> {
    let all = runs.iter().map(|path| Run::read(path));
    let all = distinct(all.collect::<Result<_, _>>()?);
    let runs = Runs { all, paired };
    let (head, sections) = (head(&runs), sections::sections(&runs));
    Page { head, sections }.write(output)
}

fn head(runs: &Runs) -> Head {
    let warnings = Warnings::of(&runs.all);
    let data = runs.all.iter().filter_map(|run| run.data_name().cloned());
    let mut data: Vec<String> = data.collect();
    data.dedup();
    let (all, mark) = (runs.all.len(), warnings.mark());
    Head {
        title: format!("{all} runs{mark}{COMPARISON_TITLE}"),
        warnings,
        eyebrow: format!("faus comparison · {}", list(&runs.names(|_| true))),
        question: "How do these runs differ, and by more than chance?",
        on: match data.is_empty() {
            true => "No run names its data.".to_owned(),
            false => format!("{all} runs on {}.", list(&data)),
        },
        sentences: sentences(runs),
        ..Head::default()
    }
}

fn sentences(runs: &Runs) -> Vec<String> {
    let known = runs.all.iter();
    let known = known.filter_map(|run| Some((run, run.summary.mean()?)));
    let Some((best, _)) = known.reduce(|a, b| if b.1 > a.1 { b } else { a }) else {
        return vec!["No run has a test accuracy yet.".to_owned()];
    };
    let mean = mean_and_deviation(best, best.summary.test_accuracy).unwrap_or_default();
    let ends = percent_ci(", ", best.interval());
    let (first, best) = (&runs.all[0], &best.name);
    let highest = format!("The highest mean test accuracy is that of {best}: {mean}{ends}.");
    let tests = runs.tests();
    let tests = tests.filter_map(|(test, run)| difference(first, test, run));
    let mut sentences: Vec<String> = [highest].into_iter().chain(tests).collect();
    if let Err(reason) = &runs.paired {
        let untested = "Their accuracies are not tested against each other";
        sentences.push(format!("{untested}: {reason}."));
    }
    let optimistic = runs.names(|run| run.summary.chosen_on_test());
    if !optimistic.is_empty() && optimistic.len() < runs.all.len() {
        sentences.push(format!("Checkpoints of {} were chosen on the test images, so these numbers are optimistic beside the others.", list(&optimistic)));
    }
    let majority = first.summary.majority().map(percent);
    let baseline = |share| format!("Baseline: {share} (most frequent expression).");
    sentences.extend(majority.map(baseline));
    sentences
}

/// A later run against the first, in words.
fn difference(first: &Run, test: &Value, run: &Run) -> Option<String> {
    let difference = test["mean_difference"].as_f64()?;
    let apart = format!("{:.1}", 100.0 * difference.abs());
    let side = match (&*apart, difference < 0.0) {
        ("0.0", _) => "equals".to_owned(),
        (_, true) => format!("is {apart} points below"),
        (_, false) => format!("is {apart} points above"),
    };
    Some(format!(
        "The accuracy of {} {side} that of {} over the same folds (sign-flip test, Holm: {}).",
        run.name,
        first.name,
        p_equals(test["p_sign_flip_holm"].as_f64())
    ))
}
