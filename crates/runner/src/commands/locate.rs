//! `faus locate`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use faus_fau::Locate;
use faus_synth::mean_landmarks;

use super::study::StudyArgs;
use crate::app::console::say;
use crate::app::program::Program;
use crate::pipeline::landmarks::faces;

/// Test whether filters respond where their action unit shows.
///
/// By the pointing game and by overlap, against chance.
#[derive(Debug, Args)]
#[command(after_help = "Example: faus locate runs/ck_plus-cnn_ad-quick")]
pub(crate) struct LocateArgs {
    #[command(flatten)]
    of: StudyArgs,
    /// The data set with its landmarks, in any layout that `faus data prepare` reads [default: the run's]. Where an image of
    /// the run's data has none, a mean face is used.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) fn locate(args: LocateArgs, program: &Program) -> Result<()> {
    let run = args.of.open(program)?;
    let faces = match (&args.data, &run.source) {
        (Some(given), _) => {
            let faces = faces(&run, given, program)?;
            if faces.iter().all(Option::is_none) {
                let given = given.display();
                bail!(
                    "{given}: no landmarks of the run's coded images; give the data set with its landmarks (CK+: the folder Landmarks), or omit --data for a mean face"
                );
            }
            faces
        }
        (None, Some(place)) => faces(&run, place, program).unwrap_or_else(|error| {
            say(format!(
                "Note: no landmarks can be read, so a mean face is used ({error:#})"
            ));
            vec![None; run.prepared.len()]
        }),
        (None, None) => {
            say(
                "Note: a mean face is used: a run with --prepared does not record its data set; give the folder or archive that `faus data prepare` read with --data",
            );
            vec![None; run.prepared.len()]
        }
    };
    let mean = mean_landmarks()?;
    run.carry_out(&Locate { faces, mean }, None)
}
