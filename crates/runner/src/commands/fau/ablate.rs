//! `faus ablate`.

use anyhow::Result;
use clap::Args;
use faus_fau::Ablate;

use super::open::{Run, RunArgs};
use crate::MakeArchitecture;

/// Silence an action unit's filters and measure which expressions are lost.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus ablate runs/ck_plus-cnn_ad-quick")]
pub(crate) struct AblateArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Most filters silenced for one action unit, those with the largest KL.
    #[arg(long, default_value_t = Ablate::default().filters)]
    filters: usize,
    /// Random, and as many equally active, sets of filters to compare with.
    #[arg(long, default_value_t = Ablate::default().sets)]
    sets: usize,
}

pub(crate) fn ablate(args: AblateArgs, make: MakeArchitecture) -> Result<()> {
    let AblateArgs { run, filters, sets } = args;
    Run::open(&run, make)?.study(&Ablate { filters, sets })
}
