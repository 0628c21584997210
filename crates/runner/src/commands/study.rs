//! The arguments of every study, and `faus NAME` for a study of the program.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use faus_fau::Study;
use faus_model::DeviceChoice;

use crate::app::program::Program;
use crate::app::usage::wrong_usage;
use crate::pipeline::finished_run::FinishedRun;

/// A finished run, and the device to study it on.
#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// A finished run folder.
    run: PathBuf,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

impl StudyArgs {
    pub fn open<'a>(&self, program: &'a Program) -> Result<FinishedRun<'a>> {
        FinishedRun::open(&self.run, self.device, program)
    }

    /// Checks a study's options, opens the run and runs the study.
    pub fn carry_out(&self, study: &dyn Study, program: &Program) -> Result<()> {
        check(study)?;
        self.open(program)?.carry_out(study, None)
    }
}

/// Options out of range are usage errors, reported before the run is opened.
pub(super) fn check(study: &dyn Study) -> Result<()> {
    study.check().map_err(|error| wrong_usage(error.into()))
}

/// Runs a study of the program.
pub(crate) fn own_study(study: &dyn Study, args: StudyArgs, program: &Program) -> Result<()> {
    check(study)?;
    args.open(program)?.carry_out(study, Some(study.name()))
}
