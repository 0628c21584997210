use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use faus_model::{DeviceList, device_name};

use crate::cli::{Folds, architecture_of};
use crate::console::say;
use crate::{ExperimentConfig, Job, MakeArchitecture, ParallelFolds, Preset};

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
    /// auto, cpu, cuda, cuda:N, or several GPUs as cuda:0,1, over which the folds are dealt.
    #[arg(long, default_value = "auto")]
    pub device: DeviceList,
    /// Folds to train at once on each device; results do not depend on it, on the CPU to the last bit, on a GPU to
    /// rounding (cuDNN chooses among algorithms by trial). auto: one for each core on the CPU, three on a GPU, as far as
    /// the computer's memory goes; a GPU's is not known beforehand.
    #[arg(long, value_name = "N", default_value = "auto")]
    pub parallel_folds: ParallelFolds,
    /// Folds to run, for example 0-9 or 0,3.
    #[arg(long, value_name = "0-9")]
    pub folds: Option<Folds>,
    /// Fixes everything random.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The run folder; default runs/<experiment>-<preset>, with -paper-2015 behind it under that protocol.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on from the last checkpoint of a fold that was stopped.
    #[arg(long)]
    pub resume: bool,
    /// Write event files for TensorBoard into the folds' folders: tensorboard --logdir RUN
    #[arg(long)]
    pub tensorboard: bool,
    /// Stop at the first bad input instead of listing it.
    #[arg(long)]
    pub strict: bool,
    /// Any setting of the experiment, for example train.steps=500; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
}

pub(crate) fn run(args: RunArgs, make: MakeArchitecture) -> Result<()> {
    let devices = args.device.resolve()?;
    let preset = match args.preset {
        Preset::Auto if devices[0].is_cuda() => Preset::Paper,
        Preset::Auto => Preset::Quick,
        other => other,
    };
    let mut sets = args.sets;
    if args.strict {
        sets.push("data.strict=true".to_owned());
    }
    let config = ExperimentConfig::resolve(&args.experiment, preset, args.seed, &sets)?;
    for device in &devices {
        config.train.precision.set_up(*device)?;
    }
    let architecture = architecture_of(make, &config.network)?;
    let out = args.out.unwrap_or_else(|| config.run_folder(preset));
    let folds = args.folds.map(|f| f.0);
    say(format!(
        "{}: preset {} on {}, {} of {} steps, into {}",
        config.name,
        preset.name(),
        devices
            .iter()
            .map(|d| device_name(*d))
            .collect::<Vec<_>>()
            .join(", "),
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
        devices,
        parallel: args.parallel_folds,
        data: args.data,
        out,
        resume: args.resume,
        tensorboard: args.tensorboard,
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
