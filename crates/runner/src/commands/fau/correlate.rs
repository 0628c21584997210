//! `faus correlate`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use faus_fau::{
    AnalysisOptions, Exchange, OutputOptions, Watch, analyse_with, read_activations, read_samples,
};

use crate::console::{Steps, say};
use crate::run_folder::read_json;

/// Test filter activations against FACS labels; works on any network's activations.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus correlate --activations activations.npy --samples prepared/ck-48/samples.csv --output fau"
)]
pub(crate) struct CorrelateArgs {
    /// f32 or f64 [N, filters].
    #[arg(long, value_name = "NPY")]
    activations: PathBuf,
    /// Table with at least the columns index and aus; with subject, sequence and label the nulls respect them.
    #[arg(long, value_name = "CSV")]
    samples: PathBuf,
    /// Folder for the tables and charts.
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Bins of the histograms.
    #[arg(long, default_value_t = AnalysisOptions::default().bins)]
    bins: usize,
    /// Positives an action unit needs to be tested.
    #[arg(long, default_value_t = AnalysisOptions::default().min_positives)]
    min_positives: usize,
    /// Permutations behind every p; 0 for none.
    #[arg(long, value_name = "N", default_value_t = AnalysisOptions::default().permutations)]
    permutations: usize,
    /// Resamplings of the subjects behind every interval; 0 for none.
    #[arg(long, value_name = "N", default_value_t = AnalysisOptions::default().bootstrap)]
    bootstrap: usize,
    /// Who may trade codes under the null hypothesis: both (between subjects and within), within, whole.
    #[arg(long, default_value = "both")]
    exchange: Exchange,
    /// False-discovery rate at which pairs are counted.
    #[arg(long, default_value_t = AnalysisOptions::default().fdr)]
    fdr: f64,
    /// Fixes permutations and resamplings.
    #[arg(long, value_name = "N", default_value_t = AnalysisOptions::default().seed)]
    seed: u64,
}

pub(crate) fn correlate(args: CorrelateArgs) -> Result<()> {
    let activations = read_activations(&args.activations)?;
    let samples = read_samples(&args.samples)?;
    let options = AnalysisOptions {
        bins: args.bins,
        min_positives: args.min_positives,
        permutations: args.permutations,
        bootstrap: args.bootstrap,
        exchange: args.exchange,
        fdr: args.fdr,
        seed: args.seed,
        ..AnalysisOptions::default()
    };
    let options = options.check()?;
    let steps = Steps::default();
    let watch = Watch {
        observer: Some(&|done, of| steps.show("Exchanging codes", done, of)),
    };
    let analysis = analyse_with(&activations, &samples, &options, &[], &watch)?;
    drop(steps);
    let beside = args.samples.with_file_name("dataset.json");
    let synthetic = read_json(&beside)
        .ok()
        .flatten()
        .and_then(|v| v["synthetic"].as_bool());
    let output = OutputOptions {
        synthetic,
        ..OutputOptions::default()
    };
    analysis.write(&args.output, &output)?;
    say(format!(
        "{} filters x {} action units over {} coded images",
        analysis.filters,
        analysis.aus_used.len(),
        analysis.rows_used
    ));
    if synthetic == Some(true) {
        say("Synthetic faces:");
    }
    let verdict = analysis.verdict();
    verdict.iter().for_each(|line| say(format!("  {line}")));
    println!("{}", args.output.join("correspondences.csv").display());
    Ok(())
}
