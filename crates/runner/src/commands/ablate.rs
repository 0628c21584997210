//! `faus ablate`.

use anyhow::Result;
use clap::Args;
use faus_fau::Ablate;

use super::study::StudyArgs;
use crate::app::program::Program;

/// Silence an action unit's filters and classify again.
///
/// Measures which expressions are no longer recognised.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus ablate runs/ck_plus-cnn_ad-quick")]
pub(crate) struct AblateArgs {
    #[command(flatten)]
    of: StudyArgs,
    /// Maximum number of filters silenced for one action unit, those with the largest z.
    #[arg(long, alias = "filters", value_name = "N", default_value_t = Ablate::default().filters)]
    filter_count: usize,
    /// Number of random sets, and of equally active sets, of filters to compare with.
    #[arg(long, value_name = "N", default_value_t = Ablate::default().sets)]
    sets: usize,
}

pub(crate) fn ablate(args: AblateArgs, program: &Program) -> Result<()> {
    let study = Ablate {
        filters: args.filter_count,
        sets: args.sets,
    };
    args.of.carry_out(&study, program)
}
