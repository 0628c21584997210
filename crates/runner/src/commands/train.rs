//! `faus train`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use faus_data::Prepared;
use faus_model::DeviceChoice;
use faus_train::{FoldJob, MemoryForecast, Workers};

use crate::app::arguments::ExperimentArgs;
use crate::app::program::Program;
use crate::pipeline::dataset::marks;
use crate::pipeline::folds::train_alone;
use crate::pipeline::run_folder::RunFolder;

/// Train one fold.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus train experiments/ck_plus/cnn_ad.json --prepared prepared/ck-48 --fold 0 --out folds/0 --preset quick"
)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    experiment: ExperimentArgs,
    /// A prepared data set; its image size overrides the experiment's.
    #[arg(long, value_name = "DIR")]
    prepared: PathBuf,
    /// The test fold.
    #[arg(long, value_name = "K")]
    fold: usize,
    /// Folder for checkpoints, metrics and results.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Resume from the last checkpoint.
    #[arg(long)]
    resume: bool,
    /// Write an event file for TensorBoard into the folder: tensorboard --logdir DIR
    #[arg(long)]
    tensorboard: bool,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

pub(crate) fn train(args: TrainArgs, program: &Program) -> Result<()> {
    let device = args.device.resolve()?;
    let prepared = Prepared::open(&args.prepared)?;
    args.experiment.check_size(&prepared)?;
    let drawn = |_: &_| prepared.info().synthetic;
    let (mut config, _) = args.experiment.resolve(program, device.is_cuda(), drawn)?;
    let recipe = config.recipe()?;
    let architecture = program.architecture(&config.network)?;
    config.data.image_size = prepared.info().image_size;
    config.data.check()?;
    config.data.check_agrees(&prepared)?;
    // Before the folder is created, so that an invalid fold leaves no folder.
    prepared.split(args.fold, config.train.protocol)?;
    let folder = RunFolder::open(&args.out)?;
    args.check_folder()?;
    let workers = Workers::new(0)?;
    let architecture = architecture.as_ref();
    MemoryForecast::new(architecture, &prepared, &recipe, workers.count(), device)?
        .folds_that_fit(1)?;
    let job = FoldJob {
        prepared: &prepared,
        architecture,
        recipe: &recipe,
        fold: args.fold,
        seed: config.seed,
        device,
        dir: folder.root(),
        resume: args.resume,
        tensorboard: args.tensorboard,
    };
    let result = train_alone(&job, &workers)?;
    println!(
        "fold {}{}: test accuracy {:.4}, validation {:.4} at step {}; at the last checkpoint {:.4}; best of all checkpoints on test {:.4} (optimistic)",
        result.fold,
        marks(prepared.info()),
        result.test_accuracy,
        result.val_accuracy,
        result.best_step,
        result.final_test_accuracy,
        result.best_test_accuracy_optimistic
    );
    Ok(())
}

impl TrainArgs {
    /// Checks that without `--resume` the folder contains neither a finished nor a stopped fold.
    fn check_folder(&self) -> Result<()> {
        let out = self.out.display();
        match faus_train::stopped_at(&self.out) {
            _ if self.resume => Ok(()),
            _ if self.out.join("fold.json").exists() => {
                bail!("{out}: holds a finished fold; choose another folder, or delete it")
            }
            Some(step) => bail!(
                "{out}: this fold was stopped after step {step}; resume it with --resume, or delete the folder to start again"
            ),
            None => Ok(()),
        }
    }
}
