//! Compares runs over the same folds: the variants' accuracies, and whether they differ by more than chance.

mod paired;
mod run;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use faus_data::Protocol;
use serde::Serialize;

use self::paired::holm;
use self::run::ComparedRun;
use crate::error::Error;
use crate::score::interval::Interval;
use crate::score::measures::Measures;
use crate::split::protocol_name;
use crate::summary::MeanStd;

pub use self::paired::PairedTest;

/// Several runs side by side: the content of `faus compare --json`.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Whether the faces are synthetic.
    pub synthetic: bool,
    /// Whether the test fold chose the checkpoints of one of the variants.
    pub optimistic: bool,
    /// Whether no person is in two parts.
    pub subject_independent: bool,
    /// The data set's name.
    pub dataset: String,
    /// The runs, starting with the reference.
    pub variants: Vec<Variant>,
    /// Each later run against the first, if both have results of at least two folds.
    pub tests: Vec<Against>,
    /// Why a later run is not tested.
    pub not_tested: Vec<String>,
    /// The abridgements of all presets, each once.
    #[serde(skip)]
    pub shortened: Vec<String>,
}

/// A run of a comparison.
#[derive(Debug, Clone, Serialize)]
pub struct Variant {
    /// Its folder.
    pub run: PathBuf,
    /// The experiment's name.
    pub experiment: String,
    /// Its name in tables, with the protocol where protocols differ: `ck_plus-cnn_ad paper-2015 (optimistic)`.
    #[serde(skip)]
    pub label: String,
    /// The preset.
    pub preset: String,
    /// The protocol.
    pub protocol: Protocol,
    /// Whether the test fold chose the checkpoints (`paper-2015`).
    pub optimistic: bool,
    /// The seed.
    pub seed: u64,
    /// Folds that have a result.
    pub folds: usize,
    /// Folds that have none.
    pub failed: usize,
    /// Mean and standard deviation over the folds.
    pub test_accuracy: Option<MeanStd>,
    /// Accuracy of the same training with checkpoints chosen by the test fold: optimistic.
    pub best_test_accuracy_optimistic: Option<MeanStd>,
    /// Interval over the people tested.
    pub test_accuracy_interval: Option<Interval>,
    /// Every measure over the folds, by name.
    pub measures: BTreeMap<String, MeanStd>,
}

/// A later run against the first.
#[derive(Debug, Clone, Serialize)]
pub struct Against {
    /// Its folder.
    pub run: PathBuf,
    /// The experiment's name.
    pub experiment: String,
    /// The test of the difference.
    #[serde(flatten)]
    pub test: PairedTest,
    /// See [`Variant::label`].
    #[serde(skip)]
    pub label: String,
    /// The sign-flip p, adjusted for the number of runs tested (Holm 1979).
    pub p_sign_flip_holm: f64,
}

impl Comparison {
    /// Reads the run folders and tests each of `others` against `first`.
    ///
    /// # Errors
    /// When a folder is not a finished run, or the runs differ in data, classes or folds.
    pub fn read(first: &Path, others: &[PathBuf]) -> Result<Self, Error> {
        let folders = std::iter::once(first).chain(others.iter().map(PathBuf::as_path));
        let runs: Result<Vec<_>, _> = folders.map(ComparedRun::read).collect();
        let runs = runs?;
        let (first, others) = (&runs[0], &runs[1..]);
        let mut compared = others.iter();
        compared.try_for_each(|other| first.check_comparable(other))?;
        let protocol = first.summary.protocol;
        let mixed = others.iter().any(|run| run.summary.protocol != protocol);
        let mut shortened: Vec<String> = Vec::new();
        for what in runs.iter().flat_map(|run| &run.summary.shortened) {
            if !shortened.contains(what) {
                shortened.push(what.clone());
            }
        }
        let (tests, not_tested) = tests(first, others, mixed);
        Ok(Self {
            synthetic: first.summary.synthetic,
            optimistic: runs.iter().any(|run| run.summary.optimistic),
            subject_independent: first.summary.subject_independent,
            dataset: first.summary.dataset.clone(),
            variants: runs.iter().map(|run| Variant::of(run, mixed)).collect(),
            tests,
            not_tested,
            shortened,
        })
    }

    /// Writes the variants as a CSV table.
    ///
    /// # Errors
    /// When a write fails.
    pub fn write_csv(&self, path: &Path) -> Result<(), Error> {
        let rows = self.variants.iter().map(Variant::columns);
        let rows = rows.map(|columns| columns.into_iter().unzip());
        let (names, values): (Vec<Vec<&str>>, Vec<Vec<String>>) = rows.unzip();
        let names = names.into_iter().take(1);
        let names = names.map(|names| names.into_iter().map(str::to_owned).collect());
        crate::files::write_csv(path, names.chain(values))
    }
}

impl Variant {
    fn of(run: &ComparedRun, mixed: bool) -> Self {
        let (label, summary) = (label(run, mixed), run.summary.clone());
        let failed = summary.folds.iter().filter(|f| f.failed.is_some()).count();
        Self {
            run: run.folder.clone(),
            experiment: summary.experiment,
            label,
            preset: summary.preset,
            protocol: summary.protocol,
            optimistic: summary.optimistic,
            seed: run.settings.seed,
            folds: summary.folds.len() - failed,
            failed,
            test_accuracy: summary.test_accuracy,
            best_test_accuracy_optimistic: summary.best_test_accuracy_optimistic,
            test_accuracy_interval: summary.test_accuracy_interval,
            measures: summary.measures,
        }
    }

    /// The columns of the table: name and value.
    fn columns(&self) -> Vec<(&'static str, String)> {
        let number = |x: Option<f64>| x.map_or(String::new(), |x| x.to_string());
        let (accuracy, interval) = (self.test_accuracy, self.test_accuracy_interval);
        let mut columns = vec![
            ("experiment", self.experiment.clone()),
            ("preset", self.preset.clone()),
            ("seed", self.seed.to_string()),
            ("folds", self.folds.to_string()),
            ("failed", self.failed.to_string()),
            ("test_accuracy_mean", number(accuracy.map(|a| a.mean))),
            ("test_accuracy_std", number(accuracy.map(|a| a.std))),
            ("interval_low", number(interval.map(|i| i.low))),
            ("interval_high", number(interval.map(|i| i.high))),
        ];
        for (name, _) in &Measures::NAMED[1..] {
            columns.push((name, number(self.measures.get(*name).map(|m| m.mean))));
        }
        columns.push(("protocol", protocol_name(self.protocol).to_owned()));
        columns.push(("optimistic", self.optimistic.to_string()));
        columns
    }
}

/// The test of each of `others` that has two folds in common with `first`, and the reasons for those not tested.
fn tests(first: &ComparedRun, others: &[ComparedRun], mixed: bool) -> (Vec<Against>, Vec<String>) {
    let (mut tests, mut not_tested) = (Vec::new(), Vec::new());
    for other in others {
        let (a, b) = first.common_folds(other);
        match PairedTest::of(&a, &b, first.test_share.max(other.test_share)) {
            Some(test) => tests.push(Against {
                run: other.folder.clone(),
                experiment: other.summary.experiment.clone(),
                label: label(other, mixed),
                p_sign_flip_holm: test.p_sign_flip,
                test,
            }),
            None => {
                let (first, other) = (first.folder.display(), other.folder.display());
                let common = if a.len() == 1 { "1 fold" } else { "0 folds" };
                not_tested.push(format!(
                    "{first} and {other} have results of {common} in common: two folds at least are needed"
                ));
            }
        }
    }
    let p = tests.iter_mut().map(|test| &mut test.p_sign_flip_holm);
    holm(p.collect());
    (tests, not_tested)
}

/// The experiment's name, with its protocol where the runs have `mixed` ones.
fn label(run: &ComparedRun, mixed: bool) -> String {
    let s = &run.summary;
    if !mixed {
        return s.experiment.clone();
    }
    let mark = if s.optimistic { " (optimistic)" } else { "" };
    format!("{} {}{mark}", s.experiment, protocol_name(s.protocol))
}
