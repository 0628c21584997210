//! A finished run and its networks, and a study of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use faus_data::{Prepared, Protocol, rng};
use faus_fau::{Error, Lens, NetworkKind, Networks, RunView, SampleRow, Study, read_samples};
use faus_model::{Architecture, Checkpoint, DeviceChoice, InputSpec, Network, Precision};
use faus_train::{CheckedRecipe, Workers};
use faus_viz::{LayerLens, Progress};
use rand::Rng;
use tch::Device;

use super::shuffled::label_shuffled;
use crate::cli::{architecture_of, wrong_usage};
use crate::console::{Steps, say};
use crate::run_folder::{RunFolder, read_json};
use crate::{ExperimentConfig, MakeArchitecture};

/// The run of a study, and its device.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// A finished run folder.
    run: PathBuf,
    /// auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: DeviceChoice,
}

/// A run folder, held by this process alone, and everything to rebuild its networks.
pub(crate) struct Run {
    pub folder: RunFolder,
    pub config: ExperimentConfig,
    pub recipe: CheckedRecipe,
    pub prepared: Prepared,
    pub samples: Vec<SampleRow>,
    pub architecture: Box<dyn Architecture>,
    pub device: Device,
    pub workers: Workers,
    /// Origin of the run's data.
    pub source: Option<PathBuf>,
    /// Finished folds with their validation accuracy.
    folds: Vec<(usize, f64)>,
}

impl Run {
    /// Opens a run folder.
    ///
    /// # Errors
    /// When it is none, is in use, or no fold is finished.
    pub fn open(args: &RunArgs, make: MakeArchitecture) -> Result<Self> {
        let root = args.run.as_path();
        let no_run = || {
            format!(
                "{}: no run folder (no config.json in it); `faus run` makes one under runs/",
                root.display()
            )
        };
        // Read first, so that a misspelt name makes no folder.
        let value = read_json(&root.join("config.json"))?.with_context(no_run)?;
        let config: ExperimentConfig = serde_json::from_value(value["config"].clone())
            .with_context(|| {
                format!(
                    "{}: not of this version; run the experiment again",
                    root.join("config.json").display()
                )
            })?;
        let folder = RunFolder::open(root)?;
        let prepared = Prepared::open(&folder.join("dataset"))?;
        let device = args.device.resolve()?;
        Precision::for_looking(device)?;
        let mut samples = read_samples(&prepared.dir().join("samples.csv"))?;
        samples.sort_by_key(|sample| sample.index);
        Ok(Self {
            samples,
            architecture: architecture_of(make, &config.network)?,
            recipe: config.recipe()?,
            source: value["data"].as_str().map(PathBuf::from),
            workers: Workers::new(0)?,
            folds: finished(&folder, prepared.info().folds)?,
            folder,
            config,
            prepared,
            device,
        })
    }

    /// Carries a study out: its progress and verdict go to the screen, its files into the run's `fau/`.
    ///
    /// # Errors
    /// Those of the study.
    pub fn study(&self, study: &dyn Study) -> Result<()> {
        study.check().map_err(usage)?;
        let best = self.folds.iter().copied();
        let best = best.reduce(|best, next| if next.1 > best.1 { next } else { best });
        let (best_fold, _) = best.with_context(|| self.at("no fold is finished"))?;
        let folds: Vec<usize> = self.folds.iter().map(|(fold, _)| *fold).collect();
        let steps = Steps::default();
        let progress = |what: &str, done, of| steps.show(what, done, of);
        let networks = RunNetworks {
            run: self,
            progress: &progress,
        };
        let optimistic = (self.recipe.protocol == Protocol::Paper2015).then_some(
            "under paper-2015 the labels of these people chose the network's checkpoint",
        );
        let view = RunView {
            samples: &self.samples,
            classes: &self.prepared.info().classes,
            test_fold: Some(self.prepared.folds()),
            test_rows: &self.prepared.split(best_fold, self.recipe.protocol)?.test,
            synthetic: self.prepared.info().synthetic,
            optimistic,
            options: &self.config.fau,
            measures: &[],
            folds: &folds,
            best_fold,
            image: &|row| self.prepared.image(row),
            side: self.prepared.image_size(),
            networks: &networks,
            pool: self.workers.pool(),
            progress: &progress,
            say: &|line| say(line),
        };
        let answer = study.answer(&view).map_err(|error| match error {
            Error::Unsuitable(why) => anyhow!(self.at(&why)),
            error => usage(error),
        })?;
        drop(steps);
        let dir = self.folder.join("fau");
        answer.write(&dir, study.file(), None)?;
        if answer.facts.get("synthetic") == Some(&true.into()) {
            say("Synthetic faces:");
        }
        answer
            .verdict
            .iter()
            .for_each(|line| say(format!("  {line}")));
        println!("{}", dir.join(study.file()).with_extension("csv").display());
        Ok(())
    }

    fn at(&self, what: &str) -> String {
        format!("{}: {what}", self.folder.root().display())
    }

    fn network(&self, kind: NetworkKind, fold: usize) -> Result<Network> {
        let load = |path: &Path| -> Result<Network> {
            Ok(Checkpoint::load(path)?.network(self.architecture.as_ref(), self.device)?)
        };
        match kind {
            NetworkKind::Trained => load(&self.folder.fold(fold).join("best.safetensors")),
            NetworkKind::LabelShuffled => load(&label_shuffled(self, fold)?),
            NetworkKind::Untrained => {
                let spec = InputSpec {
                    side: self.prepared.image_size(),
                    classes: self.prepared.info().classes.len(),
                    dropout: self.recipe.dropout,
                };
                let seed = rng::keyed(self.config.seed, "weights", &[fold as u64]).next_u64();
                let architecture = self.architecture.as_ref();
                Ok(Network::build(architecture, spec, seed, self.device)?)
            }
        }
    }
}

/// The networks of a run, with the progress of their computations.
struct RunNetworks<'a> {
    run: &'a Run,
    progress: Progress<'a>,
}

impl RunNetworks<'_> {
    fn layer(&self, kind: NetworkKind, fold: usize, layer: Option<&str>) -> Result<LayerLens<'_>> {
        let run = self.run;
        let network = run.network(kind, fold)?;
        let stage = match layer.or(run.config.visualize.layer.as_deref()) {
            Some(layer) => network.stage_index(layer)?,
            None => network
                .last_convolution()
                .context("the network has no convolution: set visualize.layer")?,
        };
        Ok(LayerLens {
            network,
            stage,
            prepared: &run.prepared,
            normalisation: run.recipe.normalisation,
            pool: run.workers.pool(),
            progress: self.progress,
        })
    }
}

impl Networks for RunNetworks<'_> {
    fn layers(&self) -> Result<Vec<String>, Error> {
        let (fold, _) = self.run.folds.first().copied().unwrap_or_default();
        let network = self.run.network(NetworkKind::Untrained, fold);
        let network = network.map_err(lens)?;
        let stages = network.stages().iter();
        Ok(stages.map(|stage| stage.name.clone()).collect())
    }

    fn lens(
        &self,
        kind: NetworkKind,
        fold: usize,
        layer: Option<&str>,
    ) -> Result<Box<dyn Lens + '_>, Error> {
        Ok(Box::new(self.layer(kind, fold, layer).map_err(lens)?))
    }
}

/// Any error as one of the statistics.
fn lens(error: anyhow::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::Lens(error.into()),
    }
}

/// An option out of range is wrong usage; every other error is a failure.
fn usage(error: Error) -> anyhow::Error {
    match error {
        Error::BadOption { .. } => wrong_usage(error.into()),
        error => error.into(),
    }
}

/// Folds with a result, and their validation accuracy.
fn finished(folder: &RunFolder, folds: usize) -> Result<Vec<(usize, f64)>> {
    let mut all = Vec::new();
    for fold in 0..folds {
        let path = folder.fold(fold).join("fold.json");
        if let Some(result) = read_json(&path)? {
            all.push((fold, result["val_accuracy"].as_f64().unwrap_or(0.0)));
        }
    }
    if all.is_empty() {
        bail!(
            "{}: no fold is finished; go on with `faus run … --resume`",
            folder.root().display()
        );
    }
    Ok(all)
}
