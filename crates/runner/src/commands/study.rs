//! The arguments of every study, and `faus NAME` for a study of the program.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use faus_data::Prepared;
use faus_fau::Study;
use faus_model::DeviceChoice;
use serde_json::{Value, json};

use crate::app::arguments::OwnArgs;
use crate::app::own_network::{self, default_layer};
use crate::app::program::Program;
use crate::app::usage::wrong_usage;
use crate::config::ExperimentConfig;
use crate::pipeline::finished_run::{FinishedRun, OwnNetwork};
use crate::pipeline::run_folder::RunFolder;

/// A finished run, or a network of the user's own, and the device to study it on.
#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// A finished run folder.
    #[arg(required_unless_present = "network", conflicts_with = "network")]
    run: Option<PathBuf>,
    #[command(flatten)]
    own: OwnArgs,
    /// A prepared data set; needed with --network.
    #[arg(long, value_name = "DIR", requires = "network")]
    prepared: Option<PathBuf>,
    /// The layer of your own network [default: its last map].
    #[arg(long, value_name = "NAME", requires = "network")]
    layer: Option<String>,
    /// Folder for the results, in fau/, of your own network.
    #[arg(
        long,
        value_name = "DIR",
        requires = "network",
        required_unless_present = "run"
    )]
    out: Option<PathBuf>,
    /// No person of the data set was in the training of your own network.
    #[arg(long, requires = "network")]
    unseen: bool,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

impl StudyArgs {
    pub fn open<'a>(&self, program: &'a Program) -> Result<FinishedRun<'a>> {
        let Some(model) = &self.own.network else {
            return FinishedRun::open(self.folder(), self.device, program);
        };
        let prepared = Prepared::open(&self.prepared.clone().unwrap_or_default())?;
        let input = self.own.input.as_deref();
        let network = own_network::open(model, input, &prepared, self.device)?;
        let layer = self.layer.as_deref().unwrap_or(default_layer(&network));
        if let Some(record) = own_network::check_analysed(self.folder(), model)? {
            let given = network.graph().map(|graph| json!(graph.input()));
            if record["layer"] != layer || given.is_some_and(|input| record["input"] != input) {
                bail!(
                    "{}: the analysis of the layer {} with another --input or --layer; give those, or another --out",
                    self.folder().display(),
                    record["layer"].as_str().unwrap_or_default()
                );
            }
        }
        let subject = OwnNetwork {
            stage: network.stage_index(layer)?,
            network,
            unseen: self.unseen,
            probed: vec![],
        };
        let folder = RunFolder::of_own(self.folder())?;
        let config = ExperimentConfig::default();
        let run = FinishedRun::of_own(folder, subject, prepared, config, program)?;
        run.check_input()?;
        Ok(run)
    }

    /// Whether a network of the user's own is studied.
    pub fn is_own(&self) -> bool {
        self.own.network.is_some()
    }

    fn folder(&self) -> &Path {
        let folder = self.run.as_deref().or(self.out.as_deref());
        folder.unwrap_or(Path::new(""))
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

/// Rejects a study whose files would replace others of the run.
fn check_files(study: &dyn Study, run: &Path) -> Result<()> {
    let file = |ending| run.join("fau").join(format!("{}.{ending}", study.file()));
    let facts = std::fs::read(file("json")).unwrap_or_default();
    let facts: Value = serde_json::from_slice(&facts).unwrap_or_default();
    let mut files = [file("csv"), file("json")].into_iter();
    match files.find(|path| path.exists()) {
        Some(path) if facts["study"] != study.name() => bail!(
            "{}: is there and not of the study `{}`: give the study another `file`, or remove it",
            path.display(),
            study.name()
        ),
        _ => Ok(()),
    }
}

/// Runs a study of the program.
pub(crate) fn own_study(study: &dyn Study, args: StudyArgs, program: &Program) -> Result<()> {
    check(study)?;
    check_files(study, args.folder())?;
    args.open(program)?.carry_out(study, Some(study.name()))
}

#[cfg(test)]
mod tests {
    use faus_fau::{Answer, Error, RunView};

    use super::*;

    struct Mine(&'static str);

    impl Study for Mine {
        fn name(&self) -> &str {
            "mine"
        }

        fn file(&self) -> &str {
            self.0
        }

        fn answer(&self, _: &RunView) -> Result<Answer, Error> {
            Ok(Answer::default())
        }
    }

    #[test]
    fn a_study_replaces_its_own_files_alone() {
        let run = tempfile::tempdir().unwrap();
        let fau = run.path().join("fau");
        let check = |file| check_files(&Mine(file), run.path());
        assert!(check("mine").is_ok());
        Answer::default().write(&fau, "mine", Some("mine")).unwrap();
        Answer::default().write(&fau, "controls", None).unwrap();
        std::fs::write(fau.join("associations.csv"), "filter,au").unwrap();
        assert!(check("mine").is_ok());
        for file in ["controls", "associations"] {
            let error = check(file).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains("`mine`"), "{error}");
        }
    }
}
