use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use faus_model::{DeviceChoice, device_name};

use crate::cli::{Folds, architecture_of};
use crate::console::say;
use crate::{ExperimentConfig, Job, MakeArchitecture, Preset};

/// The whole job: data, folds, evaluation, patches, action units, report.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus run experiments/ck_plus/cnn_ad.json --preset quick")]
pub(crate) struct RunArgs {
    /// The experiment's JSON file; see experiments/.
    pub experiment: PathBuf,
    /// Folder with the data set; without it data/CK+ is looked for, else synthetic faces are drawn.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// How much of the paper's work to do.
    #[arg(long, value_enum, default_value = "auto")]
    pub preset: Preset,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// Folds to run, for example 0-9 or 0,3.
    #[arg(long, value_name = "0-9")]
    pub folds: Option<Folds>,
    /// Fixes everything random.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The run folder; default runs/<experiment>-<preset>.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on from the last checkpoint of a fold that was stopped.
    #[arg(long)]
    pub resume: bool,
    /// Stop at the first bad input instead of listing it.
    #[arg(long)]
    pub strict: bool,
    /// Any setting of the experiment, for example train.steps=500; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
}

pub(crate) fn run(args: RunArgs, make: MakeArchitecture) -> Result<()> {
    let device = args.device.resolve()?;
    let preset = match args.preset {
        Preset::Auto if device.is_cuda() => Preset::Paper,
        Preset::Auto => Preset::Quick,
        other => other,
    };
    let mut sets = args.sets;
    if args.strict {
        sets.push("data.strict=true".to_owned());
    }
    let config = ExperimentConfig::resolve(&args.experiment, preset, args.seed, &sets)?;
    let architecture = architecture_of(make, &config.network)?;
    let out = args.out.unwrap_or_else(|| {
        PathBuf::from("runs").join(format!("{}-{}", config.name, preset.name()))
    });
    let folds = args.folds.map(|f| f.0);
    say(format!(
        "{}: preset {} on {}, {} of {} steps, into {}",
        config.name,
        preset.name(),
        device_name(device),
        folds.as_ref().map_or_else(
            || "all folds".to_owned(),
            |folds| crate::console::counted(folds.len(), "fold")
        ),
        config.train.steps,
        out.display()
    ));
    let job = Job {
        architecture: architecture.as_ref(),
        config,
        preset,
        folds,
        device,
        data: args.data,
        out,
        resume: args.resume,
        command: std::env::args().collect(),
    };
    let outcome = job.run()?;
    println!("{}", outcome.report.display());
    match outcome.failed.len() {
        0 => Ok(()),
        n => bail!(
            "{n} of {} folds failed; the report says why",
            outcome.summary.folds.len()
        ),
    }
}
