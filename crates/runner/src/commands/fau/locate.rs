//! `faus locate`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::landmarks::locate_study;
use super::open::{Run, RunArgs};
use crate::MakeArchitecture;

/// Test whether filters respond where their action unit shows: pointing game and overlap against chance.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus locate runs/ck_plus-cnn_ad-quick")]
pub(crate) struct LocateArgs {
    #[command(flatten)]
    run: RunArgs,
    /// The data set with its folder Landmarks; by default the run's source. Without landmarks a mean face is used.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) fn locate(args: LocateArgs, make: MakeArchitecture) -> Result<()> {
    let run = Run::open(&args.run, make)?;
    run.study(&locate_study(&run, args.data.as_deref())?)
}
