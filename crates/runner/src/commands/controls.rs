//! `faus controls`.

use anyhow::Result;
use clap::Args;
use faus_fau::Controls;

use super::study::{StudyArgs, check};
use crate::app::console::say;
use crate::app::program::Program;

/// Compare the network with controls that should show nothing.
///
/// 20 untrained networks, one trained on shuffled labels until it knows them (unless --skip-training), exchanged codes, and
/// plain pixels.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faus controls runs/ck_plus-cnn_ad-quick\n  faus controls --network model.onnx --input input.json --prepared prepared/ck-48 --out own"
)]
pub(crate) struct ControlsArgs {
    #[command(flatten)]
    of: StudyArgs,
    /// Skip the network trained on shuffled labels, which takes one to seven times as long as a fold.
    #[arg(long)]
    skip_training: bool,
    /// Number of permutations per p-value [default: the run's].
    #[arg(long, value_name = "N")]
    permutations: Option<usize>,
}

pub(crate) fn controls(args: ControlsArgs, program: &Program) -> Result<()> {
    let skip_training = args.skip_training || args.of.is_own();
    let study = Controls {
        skip_training,
        permutations: args.permutations,
    };
    check(&study)?;
    let run = args.of.open(program)?;
    if args.of.is_own() {
        say("Note: no network on shuffled labels, since your own network cannot be trained here");
    }
    if !skip_training {
        run.check_training()?;
    }
    run.carry_out(&study, None)
}
