use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use faus_data::Prepared;
use faus_model::{Architecture, Checkpoint, InputSpec, Network, device_name};
use faus_train::{
    CheckedRecipe, Error as TrainError, FoldJob, FoldProgress, FoldResult, Monitor, Summary,
    SummaryHead, Workers,
};
use faus_viz::write_patches;
use serde_json::{Value, json};
use tch::Device;

use crate::console::{Bar, counted, say};
use crate::look::{Look, figure_filters};
use crate::run_folder::{RunFolder, read_json, write_json};
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
    /// Where to train.
    pub device: Device,
    /// The user's data folder.
    pub data: Option<PathBuf>,
    /// The run folder.
    pub out: PathBuf,
    /// Go on from the last checkpoint of an unfinished fold.
    pub resume: bool,
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
        // The report is written last, so that where there is one the run is whole.
        remove_if_there(&folder.join("report/index.html"))?;
        let folds = self.train_folds(&folder, &prepared, &recipe, &workers)?;
        let seconds = self.seconds_so_far(&folder, &prepared, started);
        let summary = Summary::gather(self.head(), prepared.info(), &folds, seconds);
        summary.write(&folder.join("summary.json"))?;
        say_accuracy(&summary);
        if let Some(best) = best_fold(&folds) {
            self.look_inside(&folder, &prepared, &recipe, &workers, best)?;
        }
        let summary = Summary {
            seconds: self.seconds_so_far(&folder, &prepared, started),
            ..summary
        };
        summary.write(&folder.join("summary.json"))?;
        let report = faus_report::write_report(folder.root())?;
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

    /// The network must suit the images, and have the layer that is to be looked into: known before hours of training.
    fn check_network(&self) -> Result<()> {
        let spec = InputSpec {
            side: self.config.data.image_size as usize,
            classes: 2,
            dropout: self.config.train.dropout,
        };
        let network = Network::build(self.architecture, spec, 0, Device::Cpu)?;
        self.stage(&network).map(|_| ())
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

    /// Nothing is ever written into the data set.
    fn check_apart(&self, place: &Path) -> Result<()> {
        match (std::path::absolute(&self.out), std::path::absolute(place)) {
            (Ok(out), Ok(data)) if out.starts_with(&data) => {
                bail!(
                    "{}: lies inside the data set {}; choose another folder with --out DIR",
                    self.out.display(),
                    place.display()
                )
            }
            _ => Ok(()),
        }
    }

    /// A folder that holds another experiment's results is not written over; only what is looked at may change.
    fn check_same(&self, folder: &RunFolder, place: &Path, before: Option<&Value>) -> Result<()> {
        let Some(before) = before else { return Ok(()) };
        let root = folder.root().display();
        let (was, now) = (decisive(&before["config"]), decisive(&self.config_value()?));
        if was != now {
            bail!(
                "{root}: holds a run with other settings ({}); choose another folder with --out DIR, or delete it",
                first_difference(&was, &now)
            );
        }
        match before["data"].as_str() {
            Some(was) if Path::new(was) != place => {
                bail!(
                    "{root}: holds a run on {was}, not {}; choose another folder with --out DIR, or delete it",
                    place.display()
                )
            }
            _ => Ok(()),
        }
    }

    fn check_folds(&self, there: usize) -> Result<()> {
        let asked = self.folds.as_deref().unwrap_or_default();
        match asked.iter().find(|&&fold| fold >= there) {
            Some(fold) => bail!(
                "--folds: there is no fold {fold}; there are folds 0 to {}",
                there.saturating_sub(1)
            ),
            None => Ok(()),
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
            "device": device_name(self.device),
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

    /// The resolved experiment; by way of text, which writes 0.7 where a number of 32 bits becomes 0.699999988.
    fn config_value(&self) -> Result<Value> {
        Ok(serde_json::from_str(&serde_json::to_string(&self.config)?)?)
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
        if before.is_none_or(|before| before["config"] != now) {
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
        if !report.exists() || !self.wanted(prepared).iter().all(done) {
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

    /// Trains the folds that were asked for and have no result; takes over the results that are there.
    fn train_folds(
        &self,
        folder: &RunFolder,
        prepared: &Prepared,
        recipe: &CheckedRecipe,
        workers: &Workers,
    ) -> Result<Folds> {
        let mut all = Folds::new();
        let wanted = self.wanted(prepared);
        let bar = Bar::new("Training", recipe.steps * wanted.len() as u64);
        for fold in 0..prepared.info().folds {
            let dir = folder.fold(fold);
            let path = dir.join("fold.json");
            let damaged = || {
                format!(
                    "{}: damaged; delete it to have the fold trained anew",
                    path.display()
                )
            };
            let result = match read_json(&path)? {
                Some(result) => Ok(serde_json::from_value(result).with_context(damaged)?),
                None if !wanted.contains(&fold) => continue,
                None => self.train_fold(fold, &dir, prepared, recipe, workers, &bar)?,
            };
            bar.line(&fold_line(fold, &result));
            all.push((fold, result));
        }
        if all.iter().all(|(_, result)| result.is_err()) {
            let reasons: Vec<&str> = all
                .iter()
                .filter_map(|(_, r)| r.as_ref().err().map(String::as_str))
                .collect();
            bail!(
                "no fold has a result: {}",
                reasons.first().unwrap_or(&"none was asked for")
            );
        }
        Ok(all)
    }

    /// One fold; a fold that fails by itself (it diverged) is a result too, and the others go on.
    fn train_fold(
        &self,
        fold: usize,
        dir: &Path,
        prepared: &Prepared,
        recipe: &CheckedRecipe,
        workers: &Workers,
        bar: &Bar,
    ) -> Result<Result<FoldResult, String>> {
        if let Some(step) = faus_train::stopped_at(dir).filter(|_| !self.resume) {
            bail!(
                "fold {fold} was stopped after step {step}: go on with the same command and --resume, or delete {} to start it again",
                dir.display()
            );
        }
        let wanted = self.wanted(prepared);
        let place = wanted.iter().position(|f| *f == fold).unwrap_or(0) as u64;
        let progress = |p: FoldProgress| show_progress(bar, place, wanted.len() as u64, p);
        let monitor = Monitor {
            cancelled: interrupt::stop(),
            progress: &progress,
        };
        let job = FoldJob {
            prepared,
            architecture: self.architecture,
            recipe,
            fold,
            seed: self.config.seed,
            device: self.device,
            dir,
            resume: self.resume,
        };
        match job.run(workers, &monitor) {
            Ok(result) => Ok(Ok(result)),
            Err(error @ (TrainError::Diverged { .. } | TrainError::EmptySplit { .. })) => {
                Ok(Err(error.to_string()))
            }
            Err(TrainError::Cancelled) => {
                bail!(
                    "stopped in fold {fold}; finished folds are kept in {}, go on with the same command and --resume",
                    self.out.display()
                )
            }
            Err(other) => Err(other).with_context(|| format!("fold {fold}")),
        }
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
        let path = folder.fold(fold).join("best.safetensors");
        let network = Checkpoint::load(&path)
            .and_then(|checkpoint| checkpoint.network(self.architecture, self.device))
            .with_context(|| {
                format!(
                    "delete {} to have fold {fold} trained anew",
                    folder.fold(fold).display()
                )
            })?;
        let stage = self.stage(&network)?;
        // Files of another network's filters must not lie between this one's.
        for part in ["fau", "viz"] {
            let old = folder.join(part);
            if old.is_dir() {
                std::fs::remove_dir_all(&old)
                    .with_context(|| format!("{}: cannot be removed", old.display()))?;
            }
        }
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
        let analysis = look.action_units(&folder.join("fau"), &self.config.fau.check()?)?;
        self.stop_here()?;
        let view = &self.config.visualize;
        let rows: Vec<usize> = (0..prepared.len())
            .filter(|&row| prepared.labels()[row] >= 0)
            .collect();
        let filters: Vec<usize> = (0..network.filters(stage)?).collect();
        let patches = look.patches(&rows, &filters, view.top, view.method)?;
        let shown = figure_filters(analysis.as_ref(), &patches, view.figure_filters);
        let (dir, synthetic) = (
            folder.join("viz").join(look.layer()),
            prepared.info().synthetic,
        );
        Ok(write_patches(
            &dir,
            look.layer(),
            view.method,
            &patches,
            &shown,
            false,
            synthetic,
        )?)
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

    /// Seconds of this run and of the earlier ones that it goes on from: the folds' own sum, or this session if longer.
    fn seconds_so_far(&self, folder: &RunFolder, prepared: &Prepared, started: Instant) -> f64 {
        let folds = (0..prepared.info().folds).map(|fold| folder.fold(fold).join("fold.json"));
        let trained: f64 = folds
            .filter_map(|path| read_json(&path).ok()??["seconds"].as_f64())
            .sum();
        started.elapsed().as_secs_f64().max(trained)
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

fn show_progress(bar: &Bar, place: u64, folds: u64, p: FoldProgress) {
    bar.set(
        place * p.steps + p.step,
        folds * p.steps,
        &format!("fold {} loss {:.3}", p.fold, p.loss),
    );
    if let Some(row) = p
        .row
        .filter(|_| p.steps > 1000 && p.step.is_multiple_of(1000))
    {
        bar.line(&format!(
            "fold {}: step {}, validation {:.1}%",
            p.fold,
            p.step,
            100.0 * row.val_accuracy
        ));
    }
}

fn fold_line(fold: usize, result: &Result<FoldResult, String>) -> String {
    match result {
        Ok(r) => {
            let warning = if r.at_chance() {
                "  no better than the most frequent class"
            } else {
                ""
            };
            let optimistic = if r.optimistic { " (optimistic)" } else { "" };
            let (test, val) = (100.0 * r.test_accuracy, 100.0 * r.val_accuracy);
            format!(
                "fold {fold}: test {test:.1}%{optimistic}, validation {val:.1}% at step {}, {:.0} s{warning}",
                r.best_step, r.seconds
            )
        }
        Err(reason) => format!("fold {fold}: failed: {reason}"),
    }
}

fn say_accuracy(summary: &Summary) {
    let Some(test) = summary.test_accuracy else {
        return;
    };
    let synthetic = if summary.synthetic {
        "synthetic faces; "
    } else {
        ""
    };
    let folds = summary.folds.iter().filter(|f| f.failed.is_none()).count();
    let optimistic = if summary.optimistic {
        "; optimistic: the test fold chose the checkpoints"
    } else {
        ""
    };
    let dependent = if summary.subject_independent {
        ""
    } else {
        "; not subject-independent: the same person may be in training and test"
    };
    let people = summary.test_accuracy_interval.map_or(String::new(), |i| {
        let (low, high) = (100.0 * i.low, 100.0 * i.high);
        format!(
            "; 95% over the {} people tested: {low:.1}% to {high:.1}%",
            i.subjects
        )
    });
    say(format!(
        "Test accuracy {:.1}% ± {:.1} over {} ({synthetic}most frequent class: {:.1}%{people}{dependent}{optimistic})",
        100.0 * test.mean,
        100.0 * test.std,
        counted(folds, "fold"),
        100.0 * summary.majority_accuracy
    ));
}

fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

/// The settings that decide what is trained; what is looked at afterwards may change in a run folder.
fn decisive(config: &Value) -> Value {
    let mut config = config.clone();
    if let Some(all) = config.as_object_mut() {
        all.retain(|key, _| key != "visualize" && key != "fau");
        if let Some(data) = all.get_mut("data").and_then(Value::as_object_mut) {
            data.remove("strict");
        }
    }
    config
}

/// The first setting that differs, as `key: was X, is Y`.
fn first_difference(was: &Value, is: &Value) -> String {
    fn find(path: &str, was: &Value, is: &Value) -> Option<String> {
        match (was, is) {
            (Value::Object(a), Value::Object(b)) => {
                let keys = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k)));
                keys.into_iter()
                    .find_map(|k| find(&format!("{path}.{k}"), &was[k.as_str()], &is[k.as_str()]))
            }
            _ => {
                (was != is).then(|| format!("{} was {was}, is {is}", path.trim_start_matches('.')))
            }
        }
    }
    find("", was, is).unwrap_or_else(|| "unreadable".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named_by_its_key() {
        let (was, is) = (
            json!({"a": 1, "b": {"c": 2}}),
            json!({"a": 1, "b": {"c": 3}}),
        );
        assert_eq!(first_difference(&was, &is), "b.c was 2, is 3");
    }
}
