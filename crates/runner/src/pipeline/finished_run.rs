//! A finished run, opened for studies of its networks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use faus_data::{FoldRule, Prepared, Protocol};
use faus_fau::{
    Error as StudyError, Lens, Memorised, NetworkKind, Networks, RunView, SampleRow, Study,
    read_samples, write_verdict,
};
use faus_model::{Architecture, Checkpoint, DeviceChoice, Network, Precision};
use faus_train::{
    CheckedRecipe, FoldJob, FoldProgress, Monitor, Workers, train_on_shuffled_labels,
};
use faus_viz::{LayerLens, Outputs};
use serde_json::Value;
use tch::Device;

use super::job::best_fold;
use super::run_folder::{RunFolder, fold_folder, read_json};
use crate::app::console::{Steps, print_verdict};
use crate::app::interrupt;
use crate::app::own_network::{self, check_input};
use crate::app::program::Program;
use crate::app::progress::Board;
use crate::app::usage::wrong_usage;
use crate::config::ExperimentConfig;

/// Shows the current step, parts done, parts in all; `false` stops it.
type ShowProgress = dyn Fn(&str, usize, usize) -> bool + Sync;

/// A network of the user's own, studied like that of a run.
pub(crate) struct OwnNetwork {
    pub network: Network,
    /// The layer's number.
    pub stage: usize,
    /// The user's word that no person of the data set was in its training.
    pub unseen: bool,
    /// The layers that probes read; all where there are none here.
    pub probed: Vec<String>,
}

/// A finished run, or a network of the user's own, with its folder locked by this process.
pub(crate) struct FinishedRun<'a> {
    program: &'a Program,
    folder: RunFolder,
    pub config: ExperimentConfig,
    recipe: CheckedRecipe,
    pub prepared: Prepared,
    pub samples: Vec<SampleRow>,
    architecture: Box<dyn Architecture>,
    /// In place of the run's networks.
    own: Option<OwnNetwork>,
    device: Device,
    workers: Workers,
    progress: Box<ShowProgress>,
    /// The run's data set.
    pub source: Option<PathBuf>,
    /// Finished folds.
    folds: Vec<usize>,
    /// The one that validated best.
    best_fold: usize,
}

/// The data set that a run recorded; `None` for a prepared one. A relative path counts from the folder that the run was
/// started in; if the run was moved with its data, it is looked for here and in the folders above the run.
fn recorded_source(run: &Path, record: &Value) -> Option<PathBuf> {
    let recorded = Path::new(record["data"].as_str()?);
    if record["prepared"] == true {
        return None;
    }
    let started_in = Path::new(record["started_in"].as_str().unwrap_or("."));
    let run = run.canonicalize().unwrap_or_default();
    let above = run.ancestors().map(|folder| folder.join(recorded));
    let first = [started_in.join(recorded), recorded.to_path_buf()];
    let found = first.into_iter().chain(above).find(|place| place.exists());
    Some(found.unwrap_or(recorded.to_path_buf()))
}

/// The finished ones of `count` folds, and the one that validated best.
///
/// # Errors
/// When none is finished.
fn finished_folds(run: &Path, count: usize) -> Result<(Vec<usize>, usize)> {
    let validated = |fold: usize| {
        let result = read_json(&fold_folder(run, fold).join("fold.json"))?;
        Ok(result.map(|result| (fold, result["val_accuracy"].as_f64().unwrap_or(0.0))))
    };
    let folds = (0..count).filter_map(|fold| validated(fold).transpose());
    let folds = folds.collect::<Result<Vec<(usize, f64)>>>()?;
    let Some(best) = best_fold(folds.iter().copied()) else {
        let run = run.display();
        bail!("{run}: no fold is finished; resume with `faus run … --resume`");
    };
    Ok((folds.into_iter().map(|(fold, _)| fold).collect(), best))
}

/// The checkpoint of a run's fold that validated best.
///
/// # Errors
/// When it is not a run folder, or has no finished fold.
pub(crate) fn best_checkpoint(run: &Path) -> Result<PathBuf> {
    fold_checkpoint(run, None)
}

/// The checkpoint of a run's `fold`, or else of the one that validated best.
///
/// # Errors
/// When it is not a run folder, or the fold is not finished.
pub(crate) fn fold_checkpoint(run: &Path, fold: Option<usize>) -> Result<PathBuf> {
    check_run(run)?;
    let folds = Prepared::open(&run.join("dataset"))?.info().folds;
    let (finished, best) = finished_folds(run, folds)?;
    let fold = fold.unwrap_or(best);
    if !finished.contains(&fold) {
        let (run, finished) = (run.display(), listed(&finished));
        bail!("{run}: there is no finished fold {fold}; finished are {finished}");
    }
    Ok(fold_folder(run, fold).join("best.safetensors"))
}

fn listed(folds: &[usize]) -> String {
    let folds: Vec<String> = folds.iter().map(usize::to_string).collect();
    folds.join(", ")
}

/// Rejects a path that is not a run folder.
fn check_run(run: &Path) -> Result<Value> {
    let no_run = || {
        format!(
            "{}: not a run folder (no config.json in it); `faus run` creates one under runs/",
            run.display()
        )
    };
    read_json(&run.join("config.json"))?.with_context(no_run)
}

impl<'a> FinishedRun<'a> {
    /// Opens a run folder.
    ///
    /// # Errors
    /// When it is not a run folder, is in use, or has no finished fold.
    pub fn open(root: &Path, device: DeviceChoice, program: &'a Program) -> Result<Self> {
        // Checked first, so that a mistyped path does not create a folder.
        check_run(root)?;
        Self::of(RunFolder::open(root)?, device.resolve()?, program)
    }

    /// The run in a folder that this process holds.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of(folder: RunFolder, device: Device, program: &'a Program) -> Result<Self> {
        let shown = folder.root().display();
        let value = read_json(&folder.join("config.json"))?.unwrap_or_default();
        let old = || format!("{shown}/config.json: not of this version; run the experiment again");
        let config = serde_json::from_value(value["config"].clone());
        let config: ExperimentConfig = config.with_context(old)?;
        let prepared = Prepared::open(&folder.join("dataset"))?;
        if value["source_digest"]
            .as_str()
            .is_some_and(|was| was != prepared.info().source_digest)
        {
            bail!(
                "{shown}/dataset: not the data that this run was trained on; delete {shown} and run the experiment again"
            );
        }
        Precision::for_looking(device)?;
        let (folds, best_fold) = finished_folds(folder.root(), prepared.info().folds)?;
        let steps = Steps::default();
        Ok(Self {
            program,
            samples: read_samples(&prepared.dir().join("samples.csv"))?,
            architecture: program.architecture(&config.network)?,
            own: None,
            recipe: config.recipe()?,
            source: recorded_source(folder.root(), &value),
            workers: Workers::new(0)?,
            progress: Box::new(move |step, done, of| steps.show(step, done, of)),
            folder,
            config,
            prepared,
            device,
            folds,
            best_fold,
        })
    }

    /// A network of the user's own, with a folder for its results.
    ///
    /// # Errors
    /// When the table of the data set cannot be read.
    pub fn of_own(
        folder: RunFolder,
        own: OwnNetwork,
        prepared: Prepared,
        config: ExperimentConfig,
        program: &'a Program,
    ) -> Result<Self> {
        let steps = Steps::default();
        Ok(Self {
            program,
            samples: read_samples(&prepared.dir().join("samples.csv"))?,
            architecture: program.architecture(&config.network)?,
            recipe: config.recipe()?,
            source: None,
            workers: Workers::new(0)?,
            progress: Box::new(move |step, done, of| steps.show(step, done, of)),
            folder,
            device: own.network.device(),
            folds: (0..prepared.info().folds).collect(),
            best_fold: 0,
            own: Some(own),
            config,
            prepared,
        })
    }

    /// Compares the predictions of the user's own network with the labels.
    ///
    /// # Errors
    /// When it cannot compute.
    pub fn check_input(&self) -> Result<()> {
        check_input(&self.layer(NetworkKind::Trained, 0, None)?)
    }

    /// Rejects a device without the precision of the run's training, before hours of other work.
    pub fn check_training(&self) -> Result<()> {
        self.recipe.precision.set_up(self.device)?;
        Ok(Precision::for_looking(self.device)?)
    }

    /// Runs `study`, writes its files into the run's `fau/` and prints its verdict, after the verdict on all evidence. A study
    /// of the experiment has its `own` name in its file.
    pub fn carry_out(&self, study: &dyn Study, own: Option<&str>) -> Result<()> {
        let mut verdict = match self.write(study, own) {
            Err(error @ StudyError::BadOption { .. }) => return Err(wrong_usage(error.into())),
            other => other.map_err(stopped)?,
        };
        let dir = self.folder.join("fau");
        verdict.splice(0..0, write_verdict(&dir)?);
        self.print(&verdict);
        println!("{}", dir.join(format!("{}.csv", study.file())).display());
        Ok(())
    }

    /// Runs the studies that are not there and prints all verdicts, the one on all evidence first. A study that does not
    /// suit the run, or the user's own network, is noted. Returns the folder, and those studies with the reasons.
    pub fn settle(self, studies: &[&dyn Study]) -> Result<(RunFolder, BTreeMap<String, String>)> {
        let dir = self.folder.join("fau");
        let (mut verdicts, mut left_out) = (Vec::new(), BTreeMap::new());
        for study in studies {
            if dir.join(format!("{}.json", study.file())).exists() {
                continue;
            }
            match self.write(*study, None) {
                Err(error) if self.may_lack(&error) => {
                    eprintln!("No `{}`: {error}", study.name());
                    left_out.insert(study.name().to_owned(), error.to_string());
                }
                other => verdicts.extend(other.map_err(stopped)?),
            }
        }
        write_verdict(&dir)?;
        let fau = read_json(&dir.join("fau.json"))?.unwrap_or_default();
        let lines = fau["verdict"].as_array().into_iter().flatten();
        let lines = lines.filter_map(|line| Some(line.as_str()?.to_owned()));
        verdicts.splice(0..0, lines);
        self.print(&verdicts);
        Ok((self.folder, left_out))
    }

    /// Whether a study may be left out for this reason: a run that lacks what it needs; of the user's own network, which can be
    /// of any kind, what this layer or these people do not allow.
    fn may_lack(&self, error: &StudyError) -> bool {
        match error {
            StudyError::Unsuitable(_) => true,
            StudyError::Cancelled | StudyError::Disk { .. } => false,
            _ => self.own.is_some(),
        }
    }

    fn print(&self, verdict: &[String]) {
        let info = self.prepared.info();
        print_verdict(info.synthetic, info.machine_coded, verdict);
    }

    /// Runs `study` and writes its files; returns its verdict.
    fn write(&self, study: &dyn Study, own: Option<&str>) -> Result<Vec<String>, StudyError> {
        let (info, protocol) = (self.prepared.info(), self.recipe.protocol);
        let test_rows = match &self.own {
            Some(own) => {
                let outputs = Outputs::of(&own.network, info);
                let known = |row: &usize| outputs.output(self.prepared.labels()[*row]).is_some();
                (0..self.prepared.len()).filter(known).collect()
            }
            None => {
                let split = self.prepared.split(self.best_fold, protocol);
                split.map_err(|error| StudyError::Lens(error.into()))?.test
            }
        };
        let optimistic = match &self.own {
            Some(own) if !own.unseen => Some(
                "people of the data set may have been in the network's training (--unseen states that none was)",
            ),
            Some(_) => None,
            None => (protocol == Protocol::Paper2015)
                .then_some("under paper-2015 the test fold chooses the checkpoint"),
        };
        let view = RunView {
            samples: &self.samples,
            classes: &info.classes,
            test_fold: (info.fold_rule != FoldRule::Given).then_some(self.prepared.folds()),
            test_rows: &test_rows,
            synthetic: info.synthetic,
            machine_coded: info.machine_coded,
            trained_elsewhere: self.own.is_some(),
            optimistic,
            options: &self.config.fau,
            measures: &self.program.measures(),
            folds: &self.folds,
            best_fold: self.best_fold,
            image: &|row| self.prepared.image(row),
            side: self.prepared.image_size(),
            networks: self,
            pool: self.workers.pool(),
            progress: &self.progress,
            say: &|line| eprintln!("{line}"),
        };
        let mut answer = study.answer(&view)?;
        let coders = info.machine_coded.then(|| ("machine_coded", true.into()));
        let threshold = info
            .au_threshold
            .map(|grade| ("au_threshold", grade.into()));
        let layer = self.own.as_ref().map(|own| own.network.layer(own.stage));
        let layer = layer.map(|layer| ("layer", layer.into()));
        let facts = coders.into_iter().chain(threshold).chain(layer);
        answer
            .facts
            .extend(facts.map(|(key, value)| (key.to_owned(), value)));
        if self.own.is_some() {
            answer.of_a_file();
        }
        answer.write(&self.folder.join("fau"), study.file(), own)?;
        Ok(answer.verdict)
    }

    /// The user's own network, or one with redrawn weights.
    fn own(&self, own: &OwnNetwork, kind: NetworkKind) -> Result<Network> {
        let redrawn = |n: u64| {
            let other = own.network.redrawn(self.config.seed ^ (0x5a17_0000 + n))?;
            other.context("the network has no graph")
        };
        match kind {
            NetworkKind::Trained => Ok(own.network.replica()?),
            NetworkKind::Untrained => redrawn(0),
            NetworkKind::Start(start) => redrawn(1 + start),
            NetworkKind::LabelShuffled => {
                bail!("your own network cannot be trained on shuffled labels here")
            }
        }
    }

    fn network(&self, kind: NetworkKind, fold: usize) -> Result<Network> {
        if let Some(own) = &self.own {
            return self.own(own, kind);
        }
        let dir = match kind {
            NetworkKind::Trained => self.folder.fold(fold),
            NetworkKind::Untrained => {
                return Ok(self.job(fold, Path::new("")).initial_network()?);
            }
            NetworkKind::Start(start) => {
                return Ok(self.job(fold, Path::new("")).untrained_start(start)?);
            }
            NetworkKind::LabelShuffled => self.label_shuffled(fold)?,
        };
        let checkpoint = Checkpoint::load(&dir.join("best.safetensors"))?;
        Ok(checkpoint.network(self.architecture.as_ref(), self.device)?)
    }

    fn job<'b>(&'b self, fold: usize, dir: &'b Path) -> FoldJob<'b> {
        FoldJob {
            prepared: &self.prepared,
            architecture: self.architecture.as_ref(),
            recipe: &self.recipe,
            fold,
            seed: self.config.seed,
            device: self.device,
            dir,
            resume: false,
            tensorboard: false,
        }
    }

    /// A layer of a network; `None` is the one that is analysed.
    fn layer(&self, kind: NetworkKind, fold: usize, layer: Option<&str>) -> Result<LayerLens<'_>> {
        let network = self.network(kind, fold)?;
        let normalisation = match &self.own {
            Some(_) => own_network::normalisation(&network)?,
            None => Some(self.recipe.normalisation),
        };
        Ok(LayerLens {
            stage: match (layer, &self.own) {
                (Some(layer), _) => network.stage_index(layer)?,
                (None, Some(own)) => own.stage,
                (None, None) => self.config.stage(&network)?,
            },
            network,
            prepared: &self.prepared,
            normalisation,
            pool: self.workers.pool(),
            progress: &self.progress,
        })
    }

    /// Folder of the network that was trained on shuffled labels; trained if missing.
    fn label_shuffled(&self, fold: usize) -> Result<PathBuf> {
        let root = self.folder.join("controls/label_shuffled");
        let dir = root.join(format!("fold-{fold}"));
        if dir.join("memorised.json").exists() {
            return Ok(dir);
        }
        let steps = self.recipe.steps;
        eprintln!(
            "Training fold {fold} on shuffled labels until it knows them, {steps} steps, then {} and {} if need be",
            2 * steps,
            4 * steps
        );
        let board = Board::new(1, steps);
        board.begin(fold);
        let monitor = Monitor {
            cancelled: &interrupt::STOP,
            progress: &|p: FoldProgress| {
                if p.step == 1 && p.steps > steps {
                    board.more(p.steps);
                }
                board.step(&p);
            },
        };
        let trained = train_on_shuffled_labels(&self.job(fold, &root), &self.workers, &monitor);
        drop(board);
        trained?;
        Precision::for_looking(self.device)?;
        Ok(dir)
    }
}

fn stopped(error: StudyError) -> anyhow::Error {
    match error {
        StudyError::Cancelled => anyhow!(
            "stopped on request, finished work is kept; run the same command again to continue"
        ),
        error => error.into(),
    }
}

impl Networks for FinishedRun<'_> {
    fn layers(&self) -> Result<Vec<String>, StudyError> {
        if let Some(own) = self.own.as_ref().filter(|own| !own.probed.is_empty()) {
            return Ok(own.probed.clone());
        }
        let network = self.network(NetworkKind::Untrained, self.best_fold);
        let network = network.map_err(|error| StudyError::Lens(error.into()))?;
        Ok(network.layers().into_iter().map(str::to_owned).collect())
    }

    fn lens(
        &self,
        network: NetworkKind,
        fold: usize,
        layer: Option<&str>,
    ) -> Result<Box<dyn Lens + '_>, StudyError> {
        match self.layer(network, fold, layer) {
            Ok(lens) => Ok(Box::new(lens)),
            Err(_) if interrupt::stopped() => Err(StudyError::Cancelled),
            Err(error) => Err(StudyError::Lens(error.into())),
        }
    }

    fn memorised(&self, fold: usize) -> Result<Memorised, StudyError> {
        let read = || -> Result<Memorised> {
            let path = self.label_shuffled(fold)?.join("memorised.json");
            let value = read_json(&path)?.unwrap_or_default();
            serde_json::from_value(value).with_context(|| path.display().to_string())
        };
        read().map_err(|error| StudyError::Lens(error.into()))
    }
}
