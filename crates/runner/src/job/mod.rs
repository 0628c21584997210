mod analysis;
mod checks;
mod folds;
mod words;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use faus_data::Prepared;
use faus_model::{Architecture, Network, device_name};
use faus_train::{FoldResult, Summary, SummaryHead, Workers};
use serde_json::{Value, json};
use tch::Device;

use self::checks::{as_of_now, json_of};
pub use self::folds::ParallelFolds;
use self::folds::Training;
use self::words::say_accuracy;
use crate::console::say;
use crate::run_folder::{RunFolder, read_json, write_bytes, write_json};
use crate::{ExperimentConfig, Preset, data};

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
            self.analyse(&folder, &prepared, &recipe, &workers, best)?;
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

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}
