//! The job of `faus run`, step by step: data, training, analysis, report.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use faus_base::text::counted;
use faus_data::Prepared;
use faus_model::device_name;
use faus_train::{ChosenBy, Summary, Workers, accuracy_line};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::checks::settings_before;
use super::folds::Training;
use super::job::{Folds, Job, best_fold};
use super::run_folder::{RunFolder, read_json, remove, write_bytes, write_json};
use crate::app::libtorch;
use crate::config::{ExperimentConfig, Preset, json_of, name_of};

/// The result of a job.
#[derive(Debug)]
pub(crate) struct JobOutcome {
    /// The report's page.
    pub report: PathBuf,
    /// Folds of the run.
    pub folds: usize,
    /// Folds that failed.
    pub failed: usize,
}

/// Empty file that a job writes last: the run is complete. A report is not enough, since `faus report` also writes one
/// for an unfinished run.
pub(super) const FINISHED: &str = ".finished";

impl Job<'_> {
    /// Runs the unfinished parts.
    ///
    /// # Errors
    /// When nothing can be trained, the folder belongs to another experiment, or the user cancels. Finished work stays
    /// and is not repeated.
    pub fn run(&self) -> Result<JobOutcome> {
        let started = Instant::now();
        let recipe = self.config.recipe()?;
        let (folder, prepared, same) = self.begin()?;
        if same && let Some(outcome) = self.finished(&folder, &prepared)? {
            return Ok(outcome);
        }
        let on_its_data = self.config.on(prepared.info());
        let differences = self.say_differences(&on_its_data)?;
        if recipe.chosen_by() == ChosenBy::Last {
            eprintln!(
                "The last checkpoint of each fold is tested: a one-cycle schedule needs no selection"
            );
        }
        let workers = Workers::new(0)?;
        let config = folder.join("config.json");
        let mut record = self.record(&prepared, &workers, differences)?;
        record["inputs"] = read_json(&config)?.unwrap_or_default()["inputs"].take();
        write_json(&config, &record)?;
        remove(&folder.join(FINISHED))?;
        let training = Training {
            job: self,
            folder: &folder,
            prepared: &prepared,
            recipe: &recipe,
            workers: &workers,
        };
        let folds = training.run()?;
        let at_once = training.most_at_once(folds.len());
        let path = folder.join("summary.json");
        let shortened = on_its_data.shortened()?;
        let write_summary = || {
            let seconds = seconds_so_far(&folds, at_once, started);
            let head = Summary {
                experiment: self.config.name.clone(),
                preset: name_of(self.preset),
                network: self.architecture.name().to_owned(),
                protocol: self.config.train.protocol,
                chosen_by: recipe.chosen_by(),
                shortened: shortened.clone(),
                ..Summary::default()
            };
            let summary = Summary::gather(head, prepared.info(), &folds, seconds);
            summary.write(&path).map(|()| summary)
        };
        if let Some(line) = accuracy_line(&write_summary()?) {
            eprintln!("{line}");
        }
        let results = folds.iter().filter_map(|(_, result)| result.as_ref().ok());
        if let Some(best) = best_fold(results.map(|r| (r.fold, r.val_accuracy))) {
            training.analyse(best)?;
        }
        let folder = self.study(folder)?;
        write_summary()?;
        let report = faus_report::write_report(folder.root())?;
        write_bytes(&folder.join(FINISHED), b"")?;
        Ok(JobOutcome {
            report,
            folds: folds.len(),
            failed: folds.iter().filter(|(_, result)| result.is_err()).count(),
        })
    }

    /// Opens the run folder with its data set, after the checks that leave no folder behind; whether it holds an earlier start
    /// with these settings.
    fn begin(&self) -> Result<(RunFolder, Prepared, bool)> {
        if let Some(folds) = self.config.data.folds {
            self.check_folds(folds)?;
        }
        self.check_network()?;
        let place = self.place()?;
        faus_data::refuse_inside(&self.out, &place)?;
        let known = self.dataset().join("dataset.json").exists();
        let trained = self.out.join("folds").exists();
        let origin = self.origin(&place)?;
        let folder = RunFolder::open(&self.out)?;
        let config = folder.join("config.json");
        let before = read_json(&config)?.filter(|_| known || trained);
        match &before {
            Some(before) => {
                self.check_same(&place, before)?;
                self.check_inputs(&place, before, known)?;
            }
            None if known || trained => bail!(
                "{}: a run without its config.json; delete the folder, or give another --out",
                self.out.display()
            ),
            None => {
                // Written now to identify the data set in case a later step fails.
                let (settings, inputs) = (json_of(&self.config)?, self.inputs(&place));
                let record = json!({ "data": place, "inputs": inputs, "config": settings });
                write_json(&config, &record)?;
            }
        }
        let prepared = self.prepare(origin)?;
        self.check_folds(prepared.info().folds)?;
        let was = before
            .as_ref()
            .and_then(|before| before["source_digest"].as_str());
        if trained && was.is_some_and(|was| was != prepared.info().source_digest) {
            if !known {
                remove(&self.dataset())?;
            }
            bail!(
                "{}: its folds were trained on other data than {} has now; delete the folder, or give another --out",
                self.out.display(),
                place.display()
            );
        }
        let now = json_of(&self.config)?;
        let same = before.is_some_and(|before| settings_before(&before, &now) == now);
        Ok((folder, prepared, same))
    }

    /// `config.json`: everything that identifies the run.
    fn record(
        &self,
        prepared: &Prepared,
        workers: &Workers,
        differences: Vec<String>,
    ) -> Result<Value> {
        let info = prepared.info();
        let devices = self.devices.iter().map(|device| device_name(*device));
        let mut record = json!({
            "experiment": self.config.name,
            "preset": self.preset,
            "protocol": self.config.train.protocol,
            "seed": self.config.seed,
            "device": devices.collect::<Vec<_>>().join(","),
            "threads": workers.count(),
            "data": self.place()?,
            "started_in": std::env::current_dir().unwrap_or_default(),
            "dataset": info.name,
            "synthetic": info.synthetic,
            "source_digest": info.source_digest,
            "network": self.architecture.name(),
            "versions": versions(),
            "date": OffsetDateTime::now_utc().date().to_string(),
            "command": self.command,
            "differences": differences,
            "config": json_of(&self.config)?,
        });
        if info.machine_coded {
            record["machine_coded"] = true.into();
        }
        if self.prepared.is_some() {
            record["prepared"] = true.into();
        }
        Ok(record)
    }

    /// The differences from the authors' code: printed under the preset `paper`, which promises the fewest, else counted.
    fn say_differences(&self, config: &ExperimentConfig) -> Result<Vec<String>> {
        let all = config.differences(self.architecture.name())?;
        if self.preset == Preset::Paper {
            eprintln!("Differences from the paper's code:");
            all.iter().for_each(|line| eprintln!("  {line}"));
        } else {
            let (count, out) = (all.len(), self.out.display());
            eprintln!(
                "{} from the paper's code: see differences in {out}/config.json",
                counted(count, "difference")
            );
        }
        Ok(all)
    }

    /// The outcome of a run that has nothing left to do.
    fn finished(&self, folder: &RunFolder, prepared: &Prepared) -> Result<Option<JobOutcome>> {
        let report = folder.join("report/index.html");
        if !report.exists() || !folder.join(FINISHED).exists() {
            return Ok(None);
        }
        let summary = read_json(&folder.join("summary.json"))?.unwrap_or_default();
        let Ok(summary) = serde_json::from_value::<Summary>(summary) else {
            return Ok(None);
        };
        let done = summary.folds.iter().filter(|f| f.failed.is_none());
        let is_done = |fold: &usize| done.clone().any(|f| f.fold == *fold);
        if !self.wanted(prepared).iter().all(is_done) {
            return Ok(None);
        }
        let out = self.out.display();
        eprintln!("{out}: finished already, nothing to do");
        Ok(Some(JobOutcome {
            report,
            folds: summary.folds.len(),
            failed: 0,
        }))
    }
}

/// The versions behind the results. The commit is that of the checkout that `just` built.
pub(crate) fn versions() -> Value {
    let commit = option_env!("FAUS_COMMIT").filter(|commit| !commit.is_empty());
    let mut versions = json!({
        "faus": env!("CARGO_PKG_VERSION"), "tch": "0.24.0", "libtorch": libtorch::version(),
    });
    if let Some(commit) = commit {
        versions["commit"] = commit.into();
    }
    versions
}

/// Seconds of this run and of the earlier ones that it resumes: this session, or if longer the sum over the folds, divided
/// by the number that trained at once.
fn seconds_so_far(folds: &Folds, at_once: usize, started: Instant) -> f64 {
    let results = folds.iter().filter_map(|(_, r)| r.as_ref().ok());
    let trained: f64 = results.map(|r| r.seconds).sum();
    let session = started.elapsed().as_secs_f64();
    session.max(trained / at_once.max(1) as f64)
}
