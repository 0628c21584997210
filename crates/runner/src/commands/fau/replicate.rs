//! `faus replicate`.

use anyhow::Result;
use clap::Args;
use faus_fau::Replicate;

use super::open::{Run, RunArgs};
use crate::MakeArchitecture;

/// Choose filter-AU pairs on each fold's training people and score them on its test people.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus replicate runs/ck_plus-cnn_ad-quick")]
pub(crate) struct ReplicateArgs {
    #[command(flatten)]
    run: RunArgs,
}

pub(crate) fn replicate(args: ReplicateArgs, make: MakeArchitecture) -> Result<()> {
    Run::open(&args.run, make)?.study(&Replicate)
}
