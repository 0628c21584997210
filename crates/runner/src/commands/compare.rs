//! `faus compare`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use faus_train::Comparison;

use crate::app::console::say;
use crate::pipeline::run_folder::write_json;

/// Test whether runs differ in accuracy by more than chance.
///
/// All must be of the same data, classes and folds. Each run is tested against the first over the folds that both have.
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

pub(crate) fn compare(args: CompareArgs) -> Result<()> {
    let comparison = Comparison::read(&args.runs[0], &args.runs[1..])?;
    if let Some(path) = &args.csv {
        comparison.write_csv(path)?;
    }
    if let Some(path) = &args.json {
        write_json(path, &comparison)?;
    }
    print!("{comparison}");
    if comparison.presets_differ() {
        say("Note: the runs use different presets, which differ in more than the variant");
    }
    for path in args.csv.iter().chain(&args.json) {
        println!("{}", path.display());
    }
    Ok(())
}
