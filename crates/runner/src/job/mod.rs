mod checks;
mod folds;
mod words;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use faus_data::{Prepared, Protocol};
use faus_model::{Architecture, Checkpoint, Network, Precision, device_name};
use faus_train::{CheckedRecipe, FoldResult, Summary, SummaryHead, Workers};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tch::Device;

use self::checks::{as_of_now, json_of};
pub use self::folds::ParallelFolds;
use self::folds::Training;
use self::words::say_accuracy;
use crate::choice::Choice;
use crate::console::say;
use crate::look::Look;
use crate::run_folder::{RunFolder, read_json, write_bytes, write_json};
use crate::view::{Beginning, View};
use crate::{ExperimentConfig, Preset, data, interrupt};

/// `faus run`: one experiment from data to report, in one folder.
pub struct Job<'a> {
    /// The network.
    pub architecture: &'a dyn Architecture,
    /// The experiment, resolved.
    pub config: ExperimentConfig,
    /// The preset it was resolved with.
    pub preset: Preset,
    /// Folds to run; `None` runs all that the data set has.
    pub folds: Option<Vec<usize>>,
    /// Where to train: one device, or several GPUs side by side.
    pub devices: Vec<Device>,
    /// How many folds train at once on each of them; results do not depend on it, on the CPU to the last bit, on a GPU to
    /// rounding (cuDNN chooses among algorithms by trial).
    pub parallel: ParallelFolds,
    /// The user's data folder.
    pub data: Option<PathBuf>,
    /// The run folder.
    pub out: PathBuf,
    /// Go on from the last checkpoint of an unfinished fold.
    pub resume: bool,
    /// Write event files for TensorBoard beside each fold's metrics.
    pub tensorboard: bool,
    /// The command line, to be repeated.
    pub command: Vec<String>,
}

/// How a job ended.
#[derive(Debug)]
pub struct JobOutcome {
    /// The report's page.
    pub report: PathBuf,
    /// The folds' results.
    pub summary: Summary,
    /// Folds that failed, with the reason.
    pub failed: Vec<(usize, String)>,
}

/// Empty file that a job writes last: where it lies, nothing of the run is missing. The report alone does not say so, since
/// `faus report` writes one of an unfinished run too.
const FINISHED: &str = ".finished";

/// File in `fau/` that says of which network and with which settings the statistics are.
const LOOK_OF: &str = "of.json";

/// A fold with its result or the reason why it has none.
type Folds = Vec<(usize, Result<FoldResult, String>)>;

impl Job<'_> {
    /// Runs what is not finished yet.
    ///
    /// # Errors
    /// When nothing can be trained, the folder belongs to another experiment, or the user stops it. What was finished
    /// stays and is not done again.
    pub fn run(&self) -> Result<JobOutcome> {
        let started = Instant::now();
        let recipe = self.config.recipe()?;
        if let Some(folds) = self.config.data.folds {
            self.check_folds(folds)?;
        }
        self.check_network()?;
        let place = data::place(self.config.data.source, self.data.as_deref())?;
        self.check_apart(&place)?;
        let dataset = self.out.join("dataset");
        let known = dataset.join("dataset.json").exists();
        let source = match known {
            true => None,
            // Before the run folder is made, so that a job without data leaves none.
            false => Some(data::open(&self.config.data, &place, self.data.as_deref())?),
        };
        if let (Some(source), Some(_)) = (&source, &self.folds) {
            // Also before the run folder is made.
            let folding = source.scan()?.folding;
            self.check_folds(self.config.data.options().fold_count(&folding))?;
        }
        let folder = RunFolder::open(&self.out)?;
        let before = read_json(&folder.join("config.json"))?.filter(|_| known);
        self.check_same(&folder, &place, before.as_ref())?;
        if known && before.is_none() {
            bail!(
                "{}: a data set without the config.json that says what it is; delete it to have it made anew",
                dataset.display()
            );
        }
        if !known {
            // Says what the data set is to be, should its preparation be the last thing that succeeds.
            write_json(
                &folder.join("config.json"),
                &json!({ "data": place, "config": self.config_value()? }),
            )?;
        }
        let prepared = data::prepared_for_run(&self.config.data, source.as_deref(), &dataset)?;
        self.check_folds(prepared.info().folds)?;
        if let Some(outcome) = self.finished(&folder, &prepared, before.as_ref())? {
            return Ok(outcome);
        }
        let workers = Workers::new(0)?;
        write_json(
            &folder.join("config.json"),
            &self.record(&place, &prepared, &workers)?,
        )?;
        remove_if_there(&folder.join(FINISHED))?;
        let training = Training {
            job: self,
            folder: &folder,
            prepared: &prepared,
            recipe: &recipe,
            workers: &workers,
        };
        let folds = training.run()?;
        let at_once = training.most_at_once(folds.len());
        let seconds = self.seconds_so_far(&folds, at_once, started);
        let summary = Summary::gather(self.head(), prepared.info(), &folds, seconds);
        summary.write(&folder.join("summary.json"))?;
        say_accuracy(&summary);
        if let Some(best) = best_fold(&folds) {
            self.look_inside(&folder, &prepared, &recipe, &workers, best)?;
        }
        let summary = Summary {
            seconds: self.seconds_so_far(&folds, at_once, started),
            ..summary
        };
        summary.write(&folder.join("summary.json"))?;
        let report = faus_report::write_report(folder.root())?;
        write_bytes(&folder.join(FINISHED), b"")?;
        let failed = folds
            .into_iter()
            .filter_map(|(fold, r)| r.err().map(|reason| (fold, reason)))
            .collect();
        Ok(JobOutcome {
            report,
            summary,
            failed,
        })
    }

    /// The device of everything but the folds.
    fn device(&self) -> Device {
        self.devices.first().copied().unwrap_or(Device::Cpu)
    }

    /// The stage that is looked into.
    fn stage(&self, network: &Network) -> Result<usize> {
        match &self.config.visualize.layer {
            Some(layer) => Ok(network.stage_index(layer)?),
            None => network
                .last_convolution()
                .context("the network has no convolution to look into: set visualize.layer"),
        }
    }

    /// The folds to run, of those that there are.
    fn wanted(&self, prepared: &Prepared) -> Vec<usize> {
        match &self.folds {
            Some(folds) => folds.clone(),
            None => (0..prepared.info().folds).collect(),
        }
    }

    /// `config.json`: what identifies the run.
    fn record(&self, place: &Path, prepared: &Prepared, workers: &Workers) -> Result<Value> {
        let info = prepared.info();
        Ok(json!({
            "experiment": self.config.name,
            "preset": self.preset.name(),
            "protocol": self.config.train.protocol,
            "seed": self.config.seed,
            "device": self.devices.iter().map(|d| device_name(*d)).collect::<Vec<_>>().join(","),
            "threads": workers.count(),
            "data": place,
            "dataset": info.name,
            "synthetic": info.synthetic,
            "source_digest": info.source_digest,
            "network": self.architecture.name(),
            "versions": { "faus": env!("CARGO_PKG_VERSION"), "tch": "0.24.0", "libtorch": crate::commands::libtorch_version() },
            "command": self.command,
            "config": self.config_value()?,
        }))
    }

    /// The resolved experiment.
    fn config_value(&self) -> Result<Value> {
        json_of(&self.config)
    }

    fn head(&self) -> SummaryHead {
        SummaryHead {
            experiment: self.config.name.clone(),
            preset: self.preset.name().to_owned(),
            network: self.architecture.name().to_owned(),
            protocol: self.config.train.protocol,
            shortened: self.config.shortened(),
        }
    }

    /// The outcome of a run that has nothing left to do.
    fn finished(
        &self,
        folder: &RunFolder,
        prepared: &Prepared,
        before: Option<&Value>,
    ) -> Result<Option<JobOutcome>> {
        let now = self.config_value()?;
        if before.is_none_or(|before| as_of_now(&before["config"]) != now) {
            return Ok(None);
        }
        let report = folder.join("report/index.html");
        let Some(summary) = read_json(&folder.join("summary.json"))? else {
            return Ok(None);
        };
        let Ok(summary) = serde_json::from_value::<Summary>(summary) else {
            return Ok(None);
        };
        let done = |fold: &usize| {
            summary
                .folds
                .iter()
                .any(|f| f.fold == *fold && f.failed.is_none())
        };
        let whole = report.exists() && folder.join(FINISHED).exists();
        if !whole || !self.wanted(prepared).iter().all(done) {
            return Ok(None);
        }
        say(format!(
            "{}: finished already, nothing to do",
            folder.root().display()
        ));
        Ok(Some(JobOutcome {
            report,
            summary,
            failed: vec![],
        }))
    }

    /// Activations, action units and patches of the fold that validated best.
    fn look_inside(
        &self,
        folder: &RunFolder,
        prepared: &Prepared,
        recipe: &CheckedRecipe,
        workers: &Workers,
        fold: usize,
    ) -> Result<()> {
        Precision::for_looking(self.device())?;
        let path = folder.fold(fold).join("best.safetensors");
        let network = Checkpoint::load(&path)
            .and_then(|checkpoint| checkpoint.network(self.architecture, self.device()))
            .with_context(|| {
                format!(
                    "delete {} to have fold {fold} trained anew",
                    folder.fold(fold).display()
                )
            })?;
        let stage = self.stage(&network)?;
        // Files of another network's filters must not lie between this one's. What `faus controls` and its like have
        // added to the statistics took hours and stays while the statistics do.
        let look_of = self.look_of(&path, stage)?;
        let statistics = folder.join("fau");
        let same = read_json(&statistics.join(LOOK_OF))?.is_some_and(|before| before == look_of);
        if !same {
            remove_folder(&statistics)?;
        }
        remove_folder(&folder.join("viz"))?;
        say(format!(
            "Looking into {} of fold {fold}, which validated best",
            network.stages()[stage].name
        ));
        let look = Look {
            network: &network,
            stage,
            prepared,
            normalisation: recipe.normalisation,
            workers,
        };
        if !same {
            look.action_units(&statistics, &self.config.fau.check()?)?;
            write_json(&statistics.join(LOOK_OF), &look_of)?;
        }
        self.stop_here()?;
        self.draw(folder, &look, fold)
    }

    /// What the action-unit statistics are of: they are right as long as this is the same.
    fn look_of(&self, checkpoint: &Path, stage: usize) -> Result<Value> {
        let bytes = std::fs::read(checkpoint)
            .with_context(|| format!("{}: cannot be read", checkpoint.display()))?;
        Ok(json!({
            "checkpoint_sha256": Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
            "stage": stage,
            "settings": self.config.fau,
        }))
    }

    /// Patches of the layer that is looked into, and of the output layer with the evidence for its classes.
    fn draw(&self, folder: &RunFolder, look: &Look, fold: usize) -> Result<()> {
        let config = &self.config.visualize;
        let protocol = self.config.train.protocol;
        let rows = config.split.rows(look.prepared, fold, protocol)?;
        let beginning = Beginning {
            architecture: self.architecture,
            seed: self.config.seed,
        };
        let view = View {
            look,
            rows: &rows,
            split: config.split,
            fold: Some(fold),
            may_have_seen: (protocol == Protocol::Paper2015)
                .then(|| "under paper-2015 the test fold chooses the checkpoint".to_owned()),
            choice: Choice::All,
            method: config.method,
            top: config.top,
            distinct: config.distinct,
            shown: config.figure_filters,
            arrays: false,
        };
        let folder_of = |layer: &str| folder.join("viz").join(layer);
        view.write(
            &folder_of(look.layer()),
            config.sanity.then_some(&beginning),
        )?;
        let output = look.network.stages().len() - 1;
        if !config.evidence || output == look.stage {
            return Ok(());
        }
        self.stop_here()?;
        let look = Look {
            stage: output,
            ..*look
        };
        let view = View {
            look: &look,
            may_have_seen: view.may_have_seen.clone(),
            choice: Choice::Numbers((0..look.network.filters(output)?).collect()),
            ..view
        };
        let dir = folder_of(look.layer());
        view.write(&dir, None)?;
        view.write_evidence(&dir, &one_of_each_class(look.prepared, &rows), None)
    }

    fn stop_here(&self) -> Result<()> {
        match interrupt::stopped() {
            true => bail!(
                "stopped on request; the folds are kept in {}, the same command does the rest",
                self.out.display()
            ),
            false => Ok(()),
        }
    }

    /// Seconds of this run and of the earlier ones that it goes on from: this session, or if longer the folds' own sum
    /// over those that trained at once.
    fn seconds_so_far(&self, folds: &Folds, at_once: usize, started: Instant) -> f64 {
        let results = folds.iter().filter_map(|(_, r)| r.as_ref().ok());
        let trained: f64 = results.map(|r| r.seconds).sum();
        let session = started.elapsed().as_secs_f64();
        session.max(trained / at_once.max(1) as f64)
    }
}

/// The fold with the highest validation accuracy, the first of equals.
fn best_fold(folds: &Folds) -> Option<usize> {
    let results = folds.iter().filter_map(|(_, r)| r.as_ref().ok());
    results
        .reduce(|best, r| {
            if r.val_accuracy > best.val_accuracy {
                r
            } else {
                best
            }
        })
        .map(|r| r.fold)
}

/// The first of `rows` of each class that they hold.
fn one_of_each_class(prepared: &Prepared, rows: &[usize]) -> Vec<usize> {
    let of_class = |class: usize| {
        let mut rows = rows.iter().copied();
        rows.find(|&row| prepared.labels()[row] == class as i64)
    };
    (0..prepared.info().classes.len())
        .filter_map(of_class)
        .collect()
}

fn remove_folder(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}
