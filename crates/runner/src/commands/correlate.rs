//! `faus correlate`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use faus_fau::{
    AnalysisOptions, Exchange, OutputOptions, Watch, analyse_with, read_activations, read_samples,
};

use crate::app::console::{print_verdict, say, with_bar};
use crate::app::program::Program;
use crate::pipeline::run_folder::read_json;

/// Test filter activations against FACS codes; works on any network's activations.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus correlate --activations activations.npy --samples prepared/ck-48/samples.csv --output fau"
)]
pub(crate) struct CorrelateArgs {
    /// f32 or f64 [N, filters].
    #[arg(long, value_name = "NPY")]
    activations: PathBuf,
    /// Table with at least the columns index and aus; with subject, sequence and label the nulls respect people and classes.
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
    /// Number of permutations per p-value; 0 for none.
    #[arg(long, value_name = "N", default_value_t = AnalysisOptions::default().permutations)]
    permutations: usize,
    /// Number of resamplings of the subjects per interval; 0 for none.
    #[arg(long, value_name = "N", default_value_t = AnalysisOptions::default().bootstrap)]
    bootstrap: usize,
    /// How codes are exchanged under the null hypothesis: both (between subjects and within), within, whole.
    #[arg(long, default_value = "both")]
    exchange: Exchange,
    /// False-discovery rate at which pairs are counted.
    #[arg(long, default_value_t = AnalysisOptions::default().fdr)]
    fdr: f64,
    /// Random seed of the permutations and resamplings.
    #[arg(long, value_name = "N", default_value_t = AnalysisOptions::default().seed)]
    seed: u64,
}

impl CorrelateArgs {
    fn options(&self) -> AnalysisOptions {
        AnalysisOptions {
            bins: self.bins,
            min_positives: self.min_positives,
            permutations: self.permutations,
            bootstrap: self.bootstrap,
            exchange: self.exchange,
            fdr: self.fdr,
            seed: self.seed,
            ..AnalysisOptions::default()
        }
    }
}

pub(crate) fn correlate(args: CorrelateArgs, program: &Program) -> Result<()> {
    let activations = read_activations(&args.activations)?;
    let samples = read_samples(&args.samples)?;
    let options = args.options().check()?;
    let measures = program.measures();
    let analysis = with_bar("Exchanging codes", |progress| {
        let watch = Watch {
            observer: Some(progress),
        };
        analyse_with(&activations, &samples, &options, &measures, &watch)
    })?;
    let info = read_json(&args.samples.with_file_name("dataset.json"));
    let info = info.ok().flatten().unwrap_or_default();
    let synthetic = info["synthetic"].as_bool();
    let au_threshold = info["au_threshold"].as_u64();
    let au_threshold = au_threshold.and_then(|grade| u8::try_from(grade).ok());
    let output = OutputOptions {
        synthetic,
        au_threshold,
        ..OutputOptions::default()
    };
    analysis.write(&args.output, &output)?;
    say(format!(
        "{} filters x {} action units over {} coded images",
        analysis.filters,
        analysis.aus_used.len(),
        analysis.rows_used
    ));
    if let Some(grade) = au_threshold {
        say(format!(
            "Action units count as present from intensity {grade} on"
        ));
    }
    print_verdict(synthetic == Some(true), &analysis.verdict());
    println!("{}", args.output.join("correspondences.csv").display());
    Ok(())
}
