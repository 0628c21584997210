use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use faus_data::Protocol;
use faus_train::{MeanStd, PairedTest, Summary, holm};
use serde::Serialize;

use crate::config::name_of;
use crate::console::say;
use crate::run_folder::{read_json, write_json};

/// Set runs side by side: accuracies of the variants, and whether they differ by more than chance.
///
/// All must be of the same data, classes and folds. Each run is tested against the first over the folds that both have.
/// Runs of both protocols side by side show what it is worth to choose checkpoints on the test fold (paper-2015).
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus compare runs/ck_plus-cnn-quick runs/ck_plus-cnn_a-quick runs/ck_plus-cnn_d-quick runs/ck_plus-cnn_ad-quick"
)]
pub(crate) struct CompareArgs {
    /// Run folders, the one to compare with first.
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The table of variants as CSV.
    #[arg(long, value_name = "CSV")]
    csv: Option<PathBuf>,
    /// Everything as JSON.
    #[arg(long, value_name = "JSON")]
    json: Option<PathBuf>,
}

pub(crate) fn compare(args: CompareArgs) -> Result<()> {
    let (runs, comparison) = read_and_compare(&args.runs)?;
    say_notes(&runs);
    print_table(&comparison.variants);
    print_tests(&comparison);
    print_protocols(&comparison.variants);
    if let Some(path) = &args.csv {
        write_table(path, &comparison.variants)?;
        println!("{}", path.display());
    }
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
        println!("{}", path.display());
    }
    Ok(())
}

/// Everything that `--json` writes about these runs, the first of which the others are tested against.
pub(super) fn paired_tests(folders: &[PathBuf]) -> Result<serde_json::Value> {
    let (_, comparison) = read_and_compare(folders)?;
    Ok(serde_json::to_value(comparison)?)
}

fn read_and_compare(folders: &[PathBuf]) -> Result<(Vec<Run>, Comparison)> {
    let runs = folders
        .iter()
        .map(|folder| Run::read(folder))
        .collect::<Result<Vec<_>>>()?;
    let (first, others) = runs.split_first().context("no run to compare")?;
    for other in others {
        first.check_comparable(other)?;
    }
    let comparison = Comparison::of(first, others);
    Ok((runs, comparison))
}

/// What is read of a run folder.
struct Run {
    folder: PathBuf,
    summary: Summary,
    source_digest: String,
    seed: u64,
    /// Test images over training images, mean of the folds.
    test_share: f64,
    /// Who was tested in each fold: person and number of images; nobody where people are not known.
    tested: BTreeMap<usize, (u64, Vec<(i64, u64)>)>,
}

impl Run {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("summary.json");
        let none = || {
            format!(
                "{}: not there; `faus run` writes it when the folds are trained",
                path.display()
            )
        };
        let summary = read_json(&path)?.with_context(none)?;
        let damaged = || {
            format!(
                "{}: not the summary of a run of this version",
                path.display()
            )
        };
        let summary: Summary = serde_json::from_value(summary).with_context(damaged)?;
        let path = folder.join("config.json");
        let not_there = || format!("{}: not there; is this a run folder?", path.display());
        let config = read_json(&path)?.with_context(not_there)?;
        let mut shares = Vec::new();
        let mut tested = BTreeMap::new();
        for fold in summary.folds.iter().filter(|f| f.failed.is_none()) {
            let path = folder.join(format!("folds/{}/fold.json", fold.fold));
            let missing = || format!("{}: not there; `faus run` writes it", path.display());
            let result = read_json(&path)?.with_context(missing)?;
            let images = &result["images"];
            let people = result["subjects"].as_array().into_iter().flatten();
            let people = people
                .filter_map(|p| Some((p["subject"].as_i64()?, p["images"].as_u64()?)))
                .collect();
            tested.insert(fold.fold, (images[2].as_u64().unwrap_or(0), people));
            if let (Some(train), Some(test)) = (images[0].as_f64(), images[2].as_f64()) {
                shares.push(test / train.max(1.0));
            }
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            source_digest: config["source_digest"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            seed: config["seed"].as_u64().unwrap_or_default(),
            test_share: MeanStd::of(&shares).map_or(0.0, |share| share.mean),
            tested,
            summary,
        })
    }

    /// Accuracies of different tasks are no comparison.
    fn check_comparable(&self, other: &Self) -> Result<()> {
        let (a, b) = (&self.summary, &other.summary);
        let common = self
            .tested
            .iter()
            .filter_map(|(fold, tested)| Some((tested, other.tested.get(fold)?)));
        let same_folds = common.into_iter().all(|(mine, theirs)| mine == theirs);
        let differences = [
            (
                "data",
                a.dataset == b.dataset && self.source_digest == other.source_digest,
            ),
            ("classes", a.classes == b.classes),
            (
                "preparation or folds",
                a.subject_independent == b.subject_independent && same_folds,
            ),
        ];
        match differences.iter().find(|(_, same)| !same) {
            Some((what, _)) => bail!(
                "{} and {} differ in their {what}: their accuracies can't be compared",
                self.folder.display(),
                other.folder.display()
            ),
            None => Ok(()),
        }
    }
}

/// Everything that is compared: what `--json` writes.
#[derive(Serialize)]
struct Comparison {
    synthetic: bool,
    /// Whether one of the variants is: the test fold chose its checkpoints.
    optimistic: bool,
    subject_independent: bool,
    dataset: String,
    variants: Vec<Variant>,
    /// Each later run against the first, where two folds or more have a result in both.
    tests: Vec<Against>,
    /// Why a later run is not tested.
    not_tested: Vec<String>,
}

#[derive(Serialize)]
struct Variant {
    run: PathBuf,
    experiment: String,
    /// What the tables call it: its protocol is part of it where they differ.
    #[serde(skip)]
    label: String,
    preset: String,
    protocol: Protocol,
    /// Whether the test fold chose the checkpoints (paper-2015).
    optimistic: bool,
    seed: u64,
    folds: usize,
    failed: usize,
    #[serde(flatten)]
    summary: Numbers,
}

#[derive(Serialize)]
struct Numbers {
    test_accuracy: Option<MeanStd>,
    /// What the same training reaches where the test fold chooses the checkpoint: optimistic.
    best_test_accuracy_optimistic: Option<MeanStd>,
    test_accuracy_interval: Option<faus_train::Interval>,
    measures: BTreeMap<String, MeanStd>,
}

#[derive(Serialize)]
struct Against {
    run: PathBuf,
    experiment: String,
    #[serde(flatten)]
    test: PairedTest,
    #[serde(skip)]
    label: String,
    /// The sign-flip p, adjusted for the number of runs that are tested (Holm).
    p_sign_flip_holm: f64,
}

impl Comparison {
    fn of(first: &Run, others: &[Run]) -> Self {
        let mixed = others
            .iter()
            .any(|run| run.summary.protocol != first.summary.protocol);
        let (mut tests, mut not_tested) = (Vec::new(), Vec::new());
        for other in others {
            let (a, b): (Vec<f64>, Vec<f64>) = common_folds(first, other).into_iter().unzip();
            match PairedTest::of(&a, &b, first.test_share.max(other.test_share)) {
                Some(test) => tests.push((other, test)),
                None => not_tested.push(format!(
                    "{} and {} have results of {} in common: two folds at least are needed",
                    first.folder.display(),
                    other.folder.display(),
                    crate::console::counted(a.len(), "fold")
                )),
            }
        }
        let p: Vec<f64> = tests.iter().map(|(_, test)| test.p_sign_flip).collect();
        let tests = tests
            .into_iter()
            .zip(holm(&p))
            .map(|((run, test), adjusted)| Against {
                run: run.folder.clone(),
                experiment: run.summary.experiment.clone(),
                label: label(&run.summary, mixed),
                test,
                p_sign_flip_holm: adjusted,
            });
        Self {
            synthetic: first.summary.synthetic,
            optimistic: first.summary.optimistic || others.iter().any(|run| run.summary.optimistic),
            subject_independent: first.summary.subject_independent,
            dataset: first.summary.dataset.clone(),
            variants: std::iter::once(first)
                .chain(others)
                .map(|run| Variant::of(run, mixed))
                .collect(),
            tests: tests.collect(),
            not_tested,
        }
    }
}

impl Variant {
    fn of(run: &Run, mixed: bool) -> Self {
        let summary = &run.summary;
        let failed = summary.folds.iter().filter(|f| f.failed.is_some()).count();
        Self {
            run: run.folder.clone(),
            experiment: summary.experiment.clone(),
            label: label(summary, mixed),
            preset: summary.preset.clone(),
            protocol: summary.protocol,
            optimistic: summary.optimistic,
            seed: run.seed,
            folds: summary.folds.len() - failed,
            failed,
            summary: Numbers {
                test_accuracy: summary.test_accuracy,
                best_test_accuracy_optimistic: summary.best_test_accuracy_optimistic,
                test_accuracy_interval: summary.test_accuracy_interval,
                measures: summary.measures.clone(),
            },
        }
    }
}

/// `ck_plus-cnn_ad`, or where protocols differ `ck_plus-cnn_ad paper-2015 (optimistic)`.
fn label(summary: &Summary, with_protocol: bool) -> String {
    match (with_protocol, summary.protocol) {
        (false, _) => summary.experiment.clone(),
        (true, protocol) => {
            let mark = if summary.optimistic {
                " (optimistic)"
            } else {
                ""
            };
            format!("{} {}{mark}", summary.experiment, name_of(protocol))
        }
    }
}

/// Test accuracies of the folds in which both have a result.
fn common_folds(first: &Run, other: &Run) -> Vec<(f64, f64)> {
    let of = |fold: usize| {
        let found = other.summary.folds.iter().find(|f| f.fold == fold);
        found.and_then(|f| f.test_accuracy)
    };
    let folds = first.summary.folds.iter();
    folds
        .filter_map(|f| Some((f.test_accuracy?, of(f.fold)?)))
        .collect()
}

/// What must stand beside the numbers.
fn say_notes(runs: &[Run]) {
    let first = &runs[0].summary;
    println!("{}", first.dataset);
    if first.synthetic {
        println!("SYNTHETIC: drawn faces; says nothing about photographs");
    }
    if !first.subject_independent {
        println!("not subject-independent: the same person may be in training and test");
    }
    if runs.iter().all(|run| run.summary.optimistic) {
        println!("optimistic: the test fold chose the checkpoints (paper-2015)");
    }
    if runs.iter().any(|run| run.summary.preset != first.preset) {
        say("Note: the runs are of different presets, which differ in more than the variant");
    }
    let shortened = runs.iter().flat_map(|run| &run.summary.shortened);
    let mut said: Vec<&String> = Vec::new();
    for what in shortened {
        if !said.contains(&what) {
            println!("shortened: {what}");
            said.push(what);
        }
    }
}

/// Columns of the longest name in a table.
fn width(variants: &[Variant]) -> usize {
    let longest = variants.iter().map(|v| v.label.chars().count()).max();
    longest.unwrap_or_default().max(24)
}

fn print_table(variants: &[Variant]) {
    let width = width(variants);
    println!(
        "\n{:<width$} {:>6} {:>5} {:>14} {:>18} {:>9} {:>9} {:>7} {:>7}",
        "variant",
        "preset",
        "folds",
        "accuracy",
        "95% over people",
        "balanced",
        "macro F1",
        "NLL",
        "ECE"
    );
    for v in variants {
        let accuracy = v.summary.test_accuracy.map_or("-".to_owned(), |a| {
            format!("{:.1}% ± {:.1}", 100.0 * a.mean, 100.0 * a.std)
        });
        let interval = v
            .summary
            .test_accuracy_interval
            .map_or("-".to_owned(), |i| {
                format!("{:.1}% to {:.1}%", 100.0 * i.low, 100.0 * i.high)
            });
        let measure = |name: &str, digits: usize, factor: f64| {
            let found = v.summary.measures.get(name);
            found.map_or("-".to_owned(), |m| format!("{:.digits$}", factor * m.mean))
        };
        let failed = match v.failed {
            0 => String::new(),
            n => format!("  {n} failed"),
        };
        println!(
            "{:<width$} {:>6} {:>5} {accuracy:>14} {interval:>18} {:>8}% {:>9} {:>7} {:>7}{failed}",
            v.label,
            v.preset,
            v.folds,
            measure("balanced_accuracy", 1, 100.0),
            measure("macro_f1", 3, 1.0),
            measure("negative_log_likelihood", 3, 1.0),
            measure("expected_calibration_error", 3, 1.0),
        );
    }
}

fn print_tests(comparison: &Comparison) {
    for why in &comparison.not_tested {
        println!("not tested: {why}");
    }
    if comparison.tests.is_empty() {
        return;
    }
    let width = width(&comparison.variants);
    println!(
        "\nagainst {}, fold by fold:\n{:<width$} {:>5} {:>11} {:>14} {:>11} {:>10} {:>13}",
        comparison.variants[0].label,
        "variant",
        "folds",
        "difference",
        "better, worse",
        "p sign-flip",
        "p, Holm",
        "p corrected t"
    );
    for against in &comparison.tests {
        let test = &against.test;
        println!(
            "{:<width$} {:>5} {:>+10.1}% {:>14} {:>11.4} {:>10.4} {:>13}",
            against.label,
            test.folds,
            100.0 * test.mean_difference,
            format!("{}, {}", test.better, test.worse),
            test.p_sign_flip,
            against.p_sign_flip_holm,
            test.p_corrected_t
                .map_or("-".to_owned(), |p| format!("{p:.4}")),
        );
    }
    println!(
        "The folds' training images are mostly the same, which the corrected t-test allows for and the sign-flip test does not."
    );
}

/// What it is worth to choose on the test fold, where runs of both protocols stand side by side.
fn print_protocols(variants: &[Variant]) {
    let honest: Vec<&Variant> = variants.iter().filter(|v| !v.optimistic).collect();
    if honest.is_empty() || honest.len() == variants.len() {
        return;
    }
    println!(
        "\npaper-2015 is optimistic: the test fold chose its checkpoints, and one fold more was trained on. The choice alone:"
    );
    for v in honest {
        let (chosen, best) = (
            v.summary.test_accuracy,
            v.summary.best_test_accuracy_optimistic,
        );
        if let (Some(chosen), Some(best)) = (chosen, best) {
            println!(
                "{}: {:.1}% with checkpoints chosen on validation, {:.1}% (optimistic) chosen on test: {:+.1}%",
                v.label,
                100.0 * chosen.mean,
                100.0 * best.mean,
                100.0 * (best.mean - chosen.mean)
            );
        }
    }
}

fn write_table(path: &Path, variants: &[Variant]) -> Result<()> {
    let failed = || format!("{}: cannot be written", path.display());
    let mut table = csv::Writer::from_writer(Vec::new());
    let measures: Vec<&str> = faus_train::Measures::NAMED
        .iter()
        .map(|(name, _)| *name)
        .collect();
    let head = [
        "experiment",
        "preset",
        "seed",
        "folds",
        "failed",
        "test_accuracy_mean",
        "test_accuracy_std",
        "interval_low",
        "interval_high",
    ];
    let columns = head.iter().chain(&measures[1..]);
    table.write_record(columns.chain(&["protocol", "optimistic"]))?;
    for v in variants {
        let optional = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
        let (accuracy, interval) = (v.summary.test_accuracy, v.summary.test_accuracy_interval);
        let mut row = vec![
            v.experiment.clone(),
            v.preset.clone(),
            v.seed.to_string(),
            v.folds.to_string(),
            v.failed.to_string(),
            optional(accuracy.map(|a| a.mean)),
            optional(accuracy.map(|a| a.std)),
            optional(interval.map(|i| i.low)),
            optional(interval.map(|i| i.high)),
        ];
        let values = measures[1..]
            .iter()
            .map(|name| v.summary.measures.get(*name));
        row.extend(values.map(|m| optional(m.map(|m| m.mean))));
        row.push(protocol_name(v.protocol).to_owned());
        row.push(v.optimistic.to_string());
        table.write_record(&row)?;
    }
    let bytes = table.into_inner().with_context(failed)?;
    crate::run_folder::write_bytes(path, &bytes)
}
