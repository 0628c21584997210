//! `faus run`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use faus_base::text::counted;
use faus_data::Prepared;
use faus_model::{DeviceList, device_name};

use crate::app::arguments::{ExperimentArgs, NumberList, ParallelFolds};
use crate::app::console::say;
use crate::app::program::Program;
use crate::config::name_of;
use crate::pipeline::job::Job;
use crate::pipeline::source::is_drawn;

/// Data, folds, evaluation, patches, action units, report.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus run experiments/ck_plus/cnn_ad.json --preset quick")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    experiment: ExperimentArgs,
    /// Folder with the data set [default: data/CK+ if present, else synthetic faces].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A data set that `faus data prepare` made, instead of --data; the run folder gets a copy.
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    prepared: Option<PathBuf>,
    /// Table of FACS codes beside the images, such as subject,session,codes, as for `faus data prepare --aus`.
    #[arg(long, value_name = "TABLE", conflicts_with = "prepared")]
    aus: Option<PathBuf>,
    /// auto, cpu, cuda, cuda:N, or several GPUs as cuda:0,1, which share the folds.
    #[arg(long, default_value = "auto")]
    device: DeviceList,
    /// Folds to train at once on each device; results do not depend on it, on the CPU to the last bit, on a GPU to
    /// rounding (cuDNN selects algorithms by timing). auto: one for each core on the CPU, three on a GPU, limited by
    /// the computer's memory (a GPU's is not checked).
    #[arg(long, value_name = "N", default_value = "auto")]
    parallel_folds: ParallelFolds,
    /// Folds to run, for example 0-9 or 0,3.
    #[arg(long, value_name = "0-9")]
    folds: Option<NumberList>,
    /// The run folder; default runs/<experiment>-<preset>, followed by -paper-2015 under that protocol.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Resume stopped folds from their last checkpoint.
    #[arg(long)]
    resume: bool,
    /// Write event files for TensorBoard into the folds' folders: tensorboard --logdir RUN
    #[arg(long)]
    tensorboard: bool,
    /// Stop at the first bad input instead of listing it.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(mut args: RunArgs, program: &Program) -> Result<()> {
    let devices = args.device.resolve()?;
    if args.strict {
        args.experiment.sets.push("data.strict=true".to_owned());
    }
    let drawn = |config: &_| match &args.prepared {
        Some(dir) => Prepared::open(dir).is_ok_and(|set| set.info().synthetic),
        None => is_drawn(program, config, args.data.as_deref()),
    };
    let cuda = devices[0].is_cuda();
    let (mut config, preset) = args.experiment.resolve(program, cuda, drawn)?;
    config.data.aus = args.aus.or(config.data.aus);
    for device in &devices {
        config.train.precision.set_up(*device)?;
    }
    let architecture = program.architecture(&config.network)?;
    let job = Job {
        program,
        architecture: architecture.as_ref(),
        preset,
        folds: args.folds.map(|list| list.0),
        devices,
        parallel: args.parallel_folds,
        data: args.data,
        prepared: args.prepared,
        out: args.out.unwrap_or_else(|| config.run_folder(preset)),
        resume: args.resume,
        tensorboard: args.tensorboard,
        command: std::env::args().collect(),
        config,
    };
    print_plan(&job);
    let outcome = job.run()?;
    println!("{}", outcome.report.display());
    match (outcome.failed, outcome.folds) {
        (0, _) => Ok(()),
        (n, all) => bail!("{n} of {all} folds failed; the report gives the reasons"),
    }
}

/// Summarises the job in one line: experiment, preset, devices, folds, steps, run folder.
fn print_plan(job: &Job) {
    let devices = job.devices.iter().map(|device| device_name(*device));
    let folds = match &job.folds {
        Some(folds) => counted(folds.len(), "fold"),
        None => "all folds".to_owned(),
    };
    say(format!(
        "{}: preset {} on {}, {folds} of {}, into {}",
        job.config.name,
        name_of(job.preset),
        devices.collect::<Vec<_>>().join(", "),
        counted(job.config.train.steps, "step"),
        job.out.display()
    ));
}
