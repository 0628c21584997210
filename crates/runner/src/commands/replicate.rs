//! `faus replicate`.

use anyhow::Result;
use clap::Args;
use faus_fau::Replicate;

use super::study::StudyArgs;
use crate::app::program::Program;

/// Choose filter-AU pairs on each fold's training people and score them on its test people.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus replicate runs/ck_plus-cnn_ad-quick")]
pub(crate) struct ReplicateArgs {
    #[command(flatten)]
    of: StudyArgs,
}

pub(crate) fn replicate(args: ReplicateArgs, program: &Program) -> Result<()> {
    args.of.carry_out(&Replicate, program)
}
