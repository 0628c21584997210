//! `faus probe`.

use anyhow::Result;
use clap::Args;
use faus_fau::Probe;

use super::study::StudyArgs;
use crate::app::program::Program;

/// Read action units from every layer with linear probes, beside control tasks and the untrained network.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus probe runs/ck_plus-cnn_ad-quick")]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    of: StudyArgs,
    /// Penalty on the probes' squared weights.
    #[arg(long, default_value_t = Probe::default().penalty)]
    penalty: f64,
    /// Subject-wise folds.
    #[arg(long, default_value_t = Probe::default().folds)]
    folds: usize,
}

pub(crate) fn probe(args: ProbeArgs, program: &Program) -> Result<()> {
    let ProbeArgs { of, penalty, folds } = args;
    of.carry_out(&Probe { penalty, folds }, program)
}
