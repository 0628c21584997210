//! `faus report`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use faus_train::Comparison;
use serde_json::Value;

use crate::app::console::say;
use crate::app::usage::wrong_usage;
use crate::pipeline::run_folder::RunFolder;

/// Rewrite the page of a run, or compare several on one page.
///
/// One page, readable without a network. The drawings are written beside it as SVG and their numbers as CSV, in the
/// folder figures.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus report runs/ck_plus-cnn_ad-quick --open\n  faus report runs/ck_plus-cnn-quick runs/ck_plus-cnn_ad-quick --out comparison"
)]
pub(crate) struct ReportArgs {
    /// Run folders; of several, the one to compare with first. Or a folder of `faus correlate` or `faus analyse`.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Folder for the page about several runs; default: `comparison` beside the first.
    #[arg(long, alias = "output", value_name = "DIR")]
    out: Option<PathBuf>,
    /// Open the page in your browser.
    #[arg(long)]
    open: bool,
}

pub(crate) fn report(args: ReportArgs) -> Result<()> {
    args.runs.iter().try_for_each(|run| check_run(run))?;
    if args.runs.len() > 1 {
        refuse_correlated(&args.runs)?;
    }
    let page = match (&args.runs[..], &args.out) {
        ([run], None) => {
            let _held = RunFolder::open(run)?;
            faus_report::write_report(run)?
        }
        ([_], Some(_)) => {
            return Err(wrong_usage(anyhow!(
                "--out is for several runs; a single run's page is in its own folder, under report/"
            )));
        }
        (runs, output) => compare(runs, output.as_deref())?,
    };
    let shown = page.display();
    println!("{shown}");
    if args.open {
        let cannot = || format!("{shown}: cannot be opened from here; open it in a browser");
        open::that_detached(&page).with_context(cannot)?;
    }
    Ok(())
}

fn check_run(run: &Path) -> Result<()> {
    let parts = [
        "config.json",
        "summary.json",
        "folds",
        "fau.json",
        "network.json",
    ];
    if parts.iter().any(|part| run.join(part).exists()) {
        return Ok(());
    }
    let missing = match run.exists() {
        true => "",
        false => "No such file or directory; ",
    };
    bail!(
        "{}: {missing}not a run folder (no config.json, summary.json or folds/ in it); `faus run` creates one under runs/",
        run.display()
    )
}

/// A folder that `faus correlate` or `faus analyse` wrote has filters and action units, but no folds to compare.
pub(super) fn refuse_correlated(runs: &[PathBuf]) -> Result<()> {
    let has = |run: &Path, file: &str| run.join(file).exists();
    let mut runs = runs.iter().map(PathBuf::as_path);
    let written = |run: &Path| {
        let by = [("fau.json", "correlate"), ("network.json", "analyse")];
        let by = by.into_iter().find(|(file, _)| has(run, file));
        by.filter(|_| !has(run, "config.json"))
    };
    match runs.find_map(|run| Some((run, written(run)?))) {
        None => Ok(()),
        Some((run, (_, command))) => bail!(
            "{run}: a folder of `faus {command}`, not a run: it has no folds and no accuracy to compare. `faus report {run}` makes its page",
            run = run.display()
        ),
    }
}

/// The page about several runs; runs that cannot be tested against each other are shown side by side without tests.
fn compare(runs: &[PathBuf], output: Option<&Path>) -> Result<PathBuf> {
    let beside = runs[0].with_file_name("comparison");
    let output = output.unwrap_or(&beside);
    check_output(output)?;
    let comparison = Comparison::read(&runs[0], &runs[1..]).map_err(|error| error.to_string());
    let paired: Result<Value, String> =
        comparison.and_then(|c| serde_json::to_value(c).map_err(|error| error.to_string()));
    if let Err(reason) = &paired {
        say(format!("Not tested against each other: {reason}"));
    }
    Ok(faus_report::write_comparison(runs, output, paired)?)
}

/// An existing folder must be empty or an earlier comparison: its figures are recreated.
fn check_output(output: &Path) -> Result<()> {
    let Ok(mut entries) = std::fs::read_dir(output) else {
        return Ok(());
    };
    let page = std::fs::read_to_string(output.join("index.html")).unwrap_or_default();
    let ours = page.contains(r#"<meta name="generator" content="faus "#)
        && page.contains(faus_report::COMPARISON_TITLE);
    if !ours && entries.next().is_some() {
        let output = output.display();
        bail!("{output}: this folder contains other files; choose another one with --out");
    }
    Ok(())
}
