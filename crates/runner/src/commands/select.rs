//! `faus select`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use faus_data::{Part, Prepared, Protocol};
use faus_model::{Checkpoint, Precision};
use faus_train::{Workers, check_fits, why_optimistic};

use super::evaluate::optimistic_mark;
use crate::app::arguments::FoldArgs;
use crate::app::program::Program;
use crate::config::NetworkConfig;
use crate::pipeline::dataset::marks;

/// Test the checkpoint that is best on validation.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: faus select runs/ck_plus-cnn_ad-quick/folds/0/checkpoints --prepared runs/ck_plus-cnn_ad-quick/dataset --fold 0"
)]
pub(crate) struct SelectArgs {
    /// Folder with step-NNNNNN.safetensors.
    checkpoints: PathBuf,
    #[command(flatten)]
    of: FoldArgs,
}

pub(crate) fn select(args: SelectArgs, program: &Program) -> Result<()> {
    let (of, prepared) = (&args.of, Prepared::open(&args.of.prepared)?);
    let split = prepared.split(of.fold, of.protocol)?;
    let device = of.device.resolve()?;
    Precision::for_looking(device)?;
    let architecture = program.architecture(&NetworkConfig::default())?;
    let mark = optimistic_mark(args.optimistic(&prepared)?);
    let (folder, workers) = (&args.checkpoints, Workers::new(0)?);
    let network = architecture.as_ref();
    let selection = faus_train::select(folder, network, &prepared, &split, device, &workers)?;
    for c in &selection.candidates {
        let best = match c.step == selection.best.step {
            true => "  <- best on validation",
            false => "",
        };
        println!("step {:6}  validation {:.4}{best}", c.step, c.val_accuracy);
    }
    let (accuracy, step) = (selection.best.test_accuracy, selection.best.step);
    let marks = marks(prepared.info());
    println!("test accuracy {accuracy:.4}{marks}{mark} of step {step}");
    Ok(())
}

impl SelectArgs {
    /// Why the test accuracy is optimistic; `None` where it is not. Checks that every checkpoint fits the data set.
    fn optimistic(&self, prepared: &Prepared) -> Result<Option<String>> {
        let mut reason = (self.of.protocol == Protocol::Paper2015)
            .then(|| "under paper-2015 the test fold chooses the checkpoint".to_owned());
        for (_, path) in faus_train::list_checkpoints(&self.checkpoints)? {
            let checkpoint = Checkpoint::load(&path)?;
            check_fits(&checkpoint, prepared)
                .with_context(|| format!("{}: does not fit", path.display()))?;
            if reason.is_none() {
                reason = why_optimistic(&checkpoint, prepared, self.of.fold, Some(Part::Test))?;
            }
        }
        Ok(reason)
    }
}
