//! `faus controls`.

use anyhow::Result;
use clap::Args;
use faus_fau::Controls;
use faus_model::Precision;

use super::open::{Run, RunArgs};
use crate::MakeArchitecture;

/// Compare the trained network with what should show nothing: untrained, label-shuffled, AU-shuffled, pixels.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus controls runs/ck_plus-cnn_ad-quick")]
pub(crate) struct ControlsArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Leave out the network trained on shuffled labels, which takes as long as a fold.
    #[arg(long)]
    skip_training: bool,
    /// Permutations behind every p; by default the run's.
    #[arg(long, value_name = "N")]
    permutations: Option<usize>,
}

pub(crate) fn controls(args: ControlsArgs, make: MakeArchitecture) -> Result<()> {
    let run = Run::open(&args.run, make)?;
    if !args.skip_training {
        // A device without the run's precision is refused now, not after the other controls.
        run.recipe.precision.set_up(run.device)?;
        Precision::for_looking(run.device)?;
    }
    run.study(&Controls {
        skip_training: args.skip_training,
        permutations: args.permutations,
    })
}
