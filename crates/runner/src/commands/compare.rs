//! `faus compare`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use faus_fau::{AnalysisOptions, ComparedUnits, compare_units};
use faus_train::Comparison;
use serde_json::{Value, json};

use super::report::refuse_correlated;
use crate::app::console::say;
use crate::pipeline::run_folder::write_json;

/// Test whether runs differ in accuracy by more than chance.
///
/// All must be of the same data, classes and folds. Each run is tested against the first over the folds that both have.
/// Where `faus replicate` has scored both, as a run does by itself, the best filters of each action unit are compared over the folds' networks and their people.
/// Runs of both protocols side by side show the gain from choosing checkpoints on the test fold (paper-2015).
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

/// The action units of each later run against the first, where `faus replicate` has scored both.
fn units(runs: &[PathBuf]) -> Result<Vec<(&PathBuf, ComparedUnits)>> {
    let options = AnalysisOptions::default();
    let mut all = Vec::new();
    for run in &runs[1..] {
        let [first, other] = [&runs[0], run].map(|run| run.join("fau"));
        let compared = compare_units(&first, &other, &options)?;
        all.extend(compared.map(|units| (run, units)));
    }
    Ok(all)
}

/// Whether a program estimated the action units of the run's data.
pub(super) fn is_machine_coded(run: &Path) -> bool {
    let info = std::fs::read(run.join("dataset/dataset.json")).unwrap_or_default();
    let info: Value = serde_json::from_slice(&info).unwrap_or_default();
    info["machine_coded"] == true
}

pub(crate) fn compare(args: CompareArgs) -> Result<()> {
    refuse_correlated(&args.runs)?;
    let comparison = Comparison::read(&args.runs[0], &args.runs[1..])?;
    if let Some(path) = &args.csv {
        comparison.write_csv(path)?;
    }
    let (units, gap) = match units(&args.runs) {
        Ok(units) => (units, None),
        Err(gap) => (vec![], Some(gap)),
    };
    let machine_coded = !units.is_empty() && args.runs.iter().any(|run| is_machine_coded(run));
    if let Some(path) = &args.json {
        let mut all = serde_json::to_value(&comparison)?;
        let with_run =
            |(run, units): &(&PathBuf, ComparedUnits)| json!({"run": run, "compared": units});
        all["schema"] = 1.into();
        all["version"] = env!("CARGO_PKG_VERSION").into();
        all["action_units"] = units.iter().map(with_run).collect();
        if machine_coded {
            all["machine_coded"] = true.into();
        }
        write_json(path, &all)?;
    }
    print!("{comparison}");
    for (run, units) in &units {
        say(format!(
            "{} against the first{}: {}",
            run.display(),
            if machine_coded {
                " (machine-coded)"
            } else {
                ""
            },
            units.sentence(AnalysisOptions::default().fdr)
        ));
    }
    if let Some(gap) = gap {
        say(format!("Note: action units are not compared: {gap}"));
    }
    if comparison.presets_differ() {
        say("Note: the runs use different presets, which differ in more than the variant");
    }
    for path in args.csv.iter().chain(&args.json) {
        println!("{}", path.display());
    }
    Ok(())
}
