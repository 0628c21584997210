//! `faus probe`.

use anyhow::Result;
use clap::Args;
use faus_fau::Probe;

use super::study::StudyArgs;
use crate::app::program::Program;

/// Read action units from every layer with linear probes.
///
/// Beside control tasks, plain pixels and the untrained network.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus probe runs/ck_plus-cnn_ad-quick")]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    of: StudyArgs,
    /// Penalty on the probes' squared weights.
    #[arg(long, default_value_t = Probe::default().penalty)]
    penalty: f64,
    /// Number of folds of subjects.
    #[arg(long, alias = "folds", value_name = "N", default_value_t = Probe::default().folds)]
    fold_count: usize,
}

pub(crate) fn probe(args: ProbeArgs, program: &Program) -> Result<()> {
    let study = Probe {
        penalty: args.penalty,
        folds: args.fold_count,
    };
    args.of.carry_out(&study, program)
}
