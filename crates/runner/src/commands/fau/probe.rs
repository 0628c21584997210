//! `faus probe`.

use anyhow::Result;
use clap::Args;
use faus_fau::Probe;

use super::open::{Run, RunArgs};
use crate::MakeArchitecture;

/// Read action units from every layer with linear probes, beside control tasks and the untrained network.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus probe runs/ck_plus-cnn_ad-quick")]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Penalty on the probes' squared weights.
    #[arg(long, default_value_t = Probe::default().penalty)]
    penalty: f64,
    /// Subject-wise folds.
    #[arg(long, default_value_t = Probe::default().folds)]
    folds: usize,
}

pub(crate) fn probe(args: ProbeArgs, make: MakeArchitecture) -> Result<()> {
    let (penalty, folds) = (args.penalty, args.folds);
    Run::open(&args.run, make)?.study(&Probe { penalty, folds })
}
