//! Several runs on one page.

mod parts;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use askama::Template;
use serde_json::Value;

use crate::page::{Band, Head, Page};
use crate::plot::Plot;
use crate::run::{Run, Summary};
use crate::sections::{Section, accuracy};
use crate::text::{list, percent, percent_interval};
use crate::{Error, files, page, run_name, write};

/// End of the title of a page about several runs, by which such a page is told from others.
pub const COMPARISON_TITLE: &str = " · faus comparison";

/// Runs that are set side by side, the one that others are compared with first.
pub(crate) struct Runs {
    pub all: Vec<Run>,
    /// Their folders, as they were given.
    pub folders: Vec<PathBuf>,
    /// `faus compare --json`, or why there is none.
    pub paired: Result<Value, String>,
    pub plots: RefCell<Vec<Plot>>,
}

/// Writes `<output>/index.html` about several runs, the one to compare with first, and `<output>/figures` beside it;
/// returns the page's path.
///
/// `paired` is what `faus compare --json` writes about the same runs: the tests of their differences over folds. An
/// `Err` says why there are none; the page repeats it, and shows the runs side by side all the same.
///
/// # Errors
/// [`Error::NoRun`] naming a run that is no folder, [`Error::Write`] if the page cannot be written.
pub fn write_comparison(
    runs: &[PathBuf],
    output: &Path,
    paired: Result<Value, String>,
) -> Result<PathBuf, Error> {
    let read = |path: &PathBuf| {
        let folder = files::RunFolder::open_run(path)?;
        Ok(Run::read(&folder, run_name(path)))
    };
    let all = runs.iter().map(read).collect::<Result<Vec<Run>, Error>>()?;
    let runs = Runs {
        all: distinct(all),
        folders: runs.to_vec(),
        paired,
        plots: RefCell::default(),
    };
    let sections: Vec<Section> = parts::sections(&runs)?;
    let html = Page::new(head(&runs), sections)?.render()?;
    write::report(output, &html, &runs.plots.into_inner())
}

impl Runs {
    /// The paired tests with the run that is tested against the first.
    pub fn tests(&self) -> Vec<(&Value, &Run)> {
        let tests = self
            .paired
            .as_ref()
            .ok()
            .and_then(|paired| paired["tests"].as_array());
        let of = |test: &'_ Value| {
            let folder = Path::new(test["run"].as_str()?);
            self.folders.iter().position(|known| known == folder)
        };
        let tests = tests.into_iter().flatten();
        tests
            .filter_map(|test| Some((test, self.all.get(of(test)?)?)))
            .collect()
    }
}

/// Runs of the same name get a number.
fn distinct(mut runs: Vec<Run>) -> Vec<Run> {
    for at in 1..runs.len() {
        let same = runs[..at]
            .iter()
            .filter(|run| run.name == runs[at].name)
            .count();
        if same > 0 {
            runs[at].name += &format!(" ({})", same + 1);
        }
    }
    runs
}

fn head(runs: &Runs) -> Head {
    let mut bands: Vec<Band> = Vec::new();
    for band in runs.all.iter().flat_map(page::bands) {
        if !bands.iter().any(|known| known.strong == band.strong) {
            bands.push(band);
        }
    }
    let names: Vec<String> = runs.all.iter().map(|run| run.name.clone()).collect();
    let synthetic = runs.all.iter().any(|run| run.synthetic() == Some(true));
    let mark = if synthetic { " (synthetic data)" } else { "" };
    Head {
        title: format!("{} runs{mark}{COMPARISON_TITLE}", runs.all.len()),
        bands,
        eyebrow: format!("faus comparison · {}", list(&names)),
        question: "How do these runs differ, and by more than chance?".to_owned(),
        on: data_sets(runs),
        sentences: sentences(runs),
        gaps: vec![],
        glance: vec![],
        shortened: vec![],
    }
}

fn data_sets(runs: &Runs) -> String {
    let name = |run: &Run| {
        let data = run.dataset.as_ref().ok().and_then(|data| data.name.clone());
        data.or_else(|| run.summary.as_ref().ok()?.dataset.clone())
    };
    let mut names: Vec<String> = runs.all.iter().filter_map(name).collect();
    names.dedup();
    match names.is_empty() {
        true => "No run names its data.".to_owned(),
        false => format!("{} runs on {}.", runs.all.len(), list(&names)),
    }
}

fn sentences(runs: &Runs) -> Vec<String> {
    let known = runs.all.iter().filter_map(|run| {
        let accuracy = run.summary.as_ref().ok()?.test_accuracy?;
        Some((run, accuracy.mean?))
    });
    let known: Vec<(&Run, f64)> = known.collect();
    let Some((best, _)) = known
        .iter()
        .copied()
        .reduce(|a, b| if b.1 > a.1 { b } else { a })
    else {
        return vec!["No run has a test accuracy yet.".to_owned()];
    };
    let mean = accuracy::mean_and_deviation(best).unwrap_or_default();
    let ends = best.summary.as_ref().ok().and_then(accuracy::interval);
    let ends = ends.map_or(String::new(), |ends| {
        format!(" (95% over people {})", percent_interval(Some(ends)))
    });
    let mut sentences = vec![format!(
        "The highest mean test accuracy is that of {}: {mean}{ends}.",
        best.name
    )];
    sentences.extend(parts::differences_in_words(runs));
    if let Err(reason) = &runs.paired {
        sentences.push(format!(
            "Their accuracies are not tested against each other: {reason}."
        ));
    }
    let optimistic = runs
        .all
        .iter()
        .filter(|run| run.summary.as_ref().is_ok_and(Summary::chosen_on_test));
    let optimistic: Vec<String> = optimistic.map(|run| run.name.clone()).collect();
    if !optimistic.is_empty() && optimistic.len() < runs.all.len() {
        sentences.push(format!("{} chose checkpoints on the test images, so its numbers are optimistic beside the others.", list(&optimistic)));
    }
    let guess = runs.all[0]
        .summary
        .as_ref()
        .ok()
        .and_then(Summary::majority);
    sentences.extend(guess.map(|guess| {
        format!(
            "Always naming the commonest expression would be right on {}.",
            percent(guess)
        )
    }));
    sentences
}
