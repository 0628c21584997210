use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use faus_data::{Prepared, Protocol, Split, rng};
use faus_model::{
    Architecture, Checkpoint, CheckpointInfo, GradientMethod, InputSpec, Network, StepOutput,
};
use rand::Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::{Device, Tensor};

use crate::loader::{Loader, Shares};
use crate::metrics::MetricsWriter;
use crate::select::checkpoint_path;
use crate::state::{self, Saved};
use crate::{
    Candidate, CheckedRecipe, ClassScores, Error, Measures, MetricsRow, Optimizer, Scores,
    SubjectScore, Workers, evaluate,
};

/// How far a fold is, after each step.
#[derive(Debug, Clone, Copy)]
pub struct FoldProgress {
    /// The fold.
    pub fold: usize,
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Loss of the last step.
    pub loss: f64,
    /// The row just written, after a validation.
    pub row: Option<MetricsRow>,
}

/// Watches and stops a fold.
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    /// Set by someone else to stop after the step under way.
    pub cancelled: &'a AtomicBool,
    /// Called after each step.
    pub progress: &'a (dyn Fn(FoldProgress) + Sync),
}

impl std::fmt::Debug for Monitor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor")
            .field("cancelled", self.cancelled)
            .finish_non_exhaustive()
    }
}

/// One fold to train.
#[derive(Clone, Copy)]
pub struct FoldJob<'a> {
    /// The data set.
    pub prepared: &'a Prepared,
    /// The network.
    pub architecture: &'a dyn Architecture,
    /// The recipe.
    pub recipe: &'a CheckedRecipe,
    /// The test fold.
    pub fold: usize,
    /// Fixes everything random.
    pub seed: u64,
    /// Where to train.
    pub device: Device,
    /// The fold's folder: `checkpoints/`, `best.safetensors`, `metrics.csv`, `predictions.csv`, `fold.json`.
    pub dir: &'a Path,
    /// Go on from the newest saved state, if there is one.
    pub resume: bool,
}

/// What a finished fold reached: `fold.json`. Accuracies lie in [0, 1].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldResult {
    /// The test fold.
    pub fold: usize,
    /// Whether the faces are synthetic.
    pub synthetic: bool,
    /// Whether the test part chose the checkpoint (`paper-2015`): the test accuracy is optimistic.
    pub optimistic: bool,
    /// The seed.
    pub seed: u64,
    /// Steps trained.
    pub steps: u64,
    /// Step of the chosen checkpoint: the highest validation accuracy, the first of equals.
    pub best_step: u64,
    /// Its validation accuracy.
    pub val_accuracy: f64,
    /// Its test accuracy: the fold's result.
    pub test_accuracy: f64,
    /// Test accuracy after the last step.
    pub final_test_accuracy: f64,
    /// The highest test accuracy of all checkpoints; optimistic, since the test part chose it.
    pub best_test_accuracy_optimistic: f64,
    /// Test accuracy of always saying the test part's most frequent class.
    pub majority_accuracy: f64,
    /// Images to train on, to validate on, to test on.
    pub images: [usize; 3],
    /// Random choices of the initialisation, such as the paper's k.
    pub drawn: BTreeMap<String, f64>,
    /// Every checkpoint.
    pub checkpoints: Vec<Candidate>,
    /// Test confusion of the chosen checkpoint; rows are true classes.
    pub confusion: Vec<Vec<u64>>,
    /// Its scores per class.
    pub per_class: BTreeMap<String, ClassScores>,
    /// Its measures on the test part; `None` in folds of earlier versions.
    #[serde(default)]
    pub measures: Option<Measures>,
    /// The test part by person; empty where people are not known.
    #[serde(default)]
    pub subjects: Vec<SubjectScore>,
    /// Seconds of work, evaluation included.
    pub seconds: f64,
}

impl FoldResult {
    /// Whether the fold learned nothing: no better than always saying the most frequent class.
    pub fn at_chance(&self) -> bool {
        self.test_accuracy <= self.majority_accuracy
    }
}

impl FoldJob<'_> {
    /// Trains, selects, tests and writes the fold's files.
    ///
    /// # Errors
    /// When the data does not suit, the loss is no longer a number, the disk refuses, or the user stopped it. What was
    /// written before stays.
    pub fn run(&self, workers: &Workers, monitor: &Monitor) -> Result<FoldResult, Error> {
        let started = Instant::now();
        let split = self.split()?;
        let checkpoints = self.dir.join("checkpoints");
        std::fs::create_dir_all(&checkpoints).map_err(Error::io(&checkpoints))?;
        let network = self.build()?;
        let optimizer = Optimizer::new(self.recipe, &network)?;
        let mut run = Run {
            job: *self,
            split: &split,
            workers,
            checkpoints,
            network,
            optimizer,
            saved: Saved {
                split_digest: split_digest(self.prepared, &split)?,
                ..self.fresh_state()
            },
            started,
        };
        if self.resume {
            let newest = state::restore(
                &run.checkpoints,
                &run.saved,
                &run.network,
                &mut run.optimizer,
            )?;
            match newest {
                Some(saved) => run.saved = saved,
                None => self.refuse_finished()?,
            }
        }
        if run.saved.step == 0 {
            state::discard(&run.checkpoints)?;
        }
        let trained = run.train(monitor);
        if let Err(Error::Diverged { .. }) = trained {
            // The same steps would diverge again; the checkpoints stay, to be looked at.
            state::clear(&run.checkpoints, run.saved.step)?;
        }
        trained?;
        run.finish()
    }

    /// A finished fold has no state to go on from, and beginning again would overwrite it.
    fn refuse_finished(&self) -> Result<(), Error> {
        let path = self.dir.join("fold.json");
        match path.exists() {
            true => Err(Error::Resume {
                path,
                reason: "the fold is finished".to_owned(),
            }),
            false => Ok(()),
        }
    }

    fn split(&self) -> Result<Split, Error> {
        let empty = |part| Error::EmptySplit {
            fold: self.fold,
            purpose: match part {
                "train" => "train on",
                "test" => "test on",
                _ => "validate on",
            },
        };
        match self.prepared.split(self.fold, self.recipe.protocol) {
            Err(faus_data::Error::EmptyPart { part, .. }) => Err(empty(part)),
            split => Ok(split?),
        }
    }

    fn build(&self) -> Result<Network, Error> {
        let info = self.prepared.info();
        let spec = InputSpec {
            side: self.prepared.image_size(),
            classes: info.classes.len(),
            dropout: self.recipe.dropout,
        };
        let seed = rng::keyed(self.seed, "weights", &[self.fold as u64]).next_u64();
        Ok(Network::build(self.architecture, spec, seed, self.device)?)
    }

    fn fresh_state(&self) -> Saved {
        Saved {
            step: 0,
            seed: self.seed,
            fold: self.fold,
            recipe: (**self.recipe).clone(),
            split_digest: String::new(),
            candidates: vec![],
            seconds: 0.0,
        }
    }
}

/// A fold under way.
struct Run<'a> {
    job: FoldJob<'a>,
    split: &'a Split,
    workers: &'a Workers,
    checkpoints: PathBuf,
    network: Network,
    optimizer: Optimizer,
    saved: Saved,
    started: Instant,
}

/// What has gathered since the last row of the metrics.
struct Interval {
    steps: u64,
    loss: f64,
    correct: i64,
    since: Instant,
}

impl Interval {
    fn new() -> Self {
        Self {
            steps: 0,
            loss: 0.0,
            correct: 0,
            since: Instant::now(),
        }
    }

    fn row(&self, step: u64, batch: usize, val_accuracy: f64, seconds: f64) -> MetricsRow {
        let images = (self.steps * batch as u64) as f64;
        let train_accuracy = self.correct as f64 / images;
        MetricsRow {
            step,
            train_loss: self.loss / self.steps as f64,
            train_accuracy,
            val_accuracy,
            images_per_second: images / seconds,
        }
    }
}

impl Run<'_> {
    fn train(&mut self, monitor: &Monitor) -> Result<(), Error> {
        let (job, first) = (self.job, self.saved.step + 1);
        let mut metrics = MetricsWriter::open(&job.dir.join("metrics.csv"), self.saved.step)?;
        let loader = Loader {
            prepared: job.prepared,
            recipe: job.recipe,
            rows: &self.split.train,
            seed: job.seed,
            fold: job.fold,
            device: job.device,
        };
        std::thread::scope(|scope| {
            let batches = loader.start(scope, first, job.recipe.steps);
            let mut interval = Interval::new();
            for step in first..=job.recipe.steps {
                if monitor.cancelled.load(Ordering::Relaxed) {
                    return Err(Error::Cancelled);
                }
                let shares = batches.recv().map_err(|e| Error::Loader(e.to_string()))??;
                let (loss, correct) = self.step(step, shares)?;
                interval.steps += 1;
                interval.loss += loss;
                interval.correct += correct;
                let row = job
                    .recipe
                    .is_validation(step)
                    .then(|| self.validate(step, &mut interval, &mut metrics))
                    .transpose()?;
                (monitor.progress)(FoldProgress {
                    fold: job.fold,
                    step,
                    steps: job.recipe.steps,
                    loss,
                    row,
                });
            }
            Ok(())
        })
    }

    /// One training step: all shares on the workers, their gradients added in order, one update.
    fn step(&mut self, step: u64, shares: Shares) -> Result<(f64, i64), Error> {
        let plan = self
            .network
            .plan(GradientMethod::fastest(self.job.device))?;
        let jobs = shares
            .into_iter()
            .map(|share| Ok((self.network.replica()?, share)))
            .collect::<Result<Vec<_>, Error>>()?;
        let outputs = self.workers.map(jobs, |(network, share)| {
            Ok(network.planned_loss_and_gradients(&share, &plan)?)
        })?;
        let total = add_in_order(outputs)?;
        if !total.loss.is_finite() {
            return Err(Error::Diverged {
                fold: self.job.fold,
                step,
                loss: total.loss,
            });
        }
        self.optimizer.step(
            &self.network,
            &total.gradients,
            self.job.recipe.learning_rate_at(step),
            step,
        )?;
        Ok((total.loss, total.correct))
    }

    /// Validation, its row of the metrics, and a checkpoint where one is due.
    fn validate(
        &mut self,
        step: u64,
        interval: &mut Interval,
        metrics: &mut MetricsWriter,
    ) -> Result<MetricsRow, Error> {
        let seconds = interval.since.elapsed().as_secs_f64();
        let val_accuracy = self.accuracy(step, &self.split.validation)?;
        let row = interval.row(step, self.job.recipe.batch_size, val_accuracy, seconds);
        // Before the state: whoever goes on from it finds every row up to its step, wherever the stop came.
        metrics.push(&row)?;
        if self.job.recipe.is_checkpoint(step) {
            self.checkpoint(step, val_accuracy)?;
        }
        *interval = Interval::new();
        Ok(row)
    }

    fn checkpoint(&mut self, step: u64, val_accuracy: f64) -> Result<(), Error> {
        let test_accuracy = self.accuracy(step, &self.split.test)?;
        Checkpoint::save(
            &self.network,
            &self.info(step)?,
            &checkpoint_path(&self.checkpoints, step),
        )?;
        self.saved.candidates.push(Candidate {
            step,
            val_accuracy,
            test_accuracy,
        });
        self.saved.step = step;
        self.saved.seconds += self.started.elapsed().as_secs_f64();
        self.started = Instant::now();
        state::save(&self.checkpoints, &self.saved, &self.optimizer)
    }

    /// Accuracy after `step`. The step's loss was finite, but the weights it left need not be.
    fn accuracy(&self, step: u64, rows: &[usize]) -> Result<f64, Error> {
        let predictions = evaluate(
            &self.network,
            self.job.prepared,
            rows,
            &self.job.recipe.normalisation,
            self.workers,
        )?;
        if let Some(logit) = predictions.logits.iter().find(|l| !l.is_finite()) {
            return Err(Error::Diverged {
                fold: self.job.fold,
                step,
                loss: f64::from(*logit),
            });
        }
        Ok(Scores::count(&predictions).accuracy())
    }

    fn info(&self, step: u64) -> Result<CheckpointInfo, Error> {
        let (job, data) = (&self.job, self.job.prepared.info());
        Ok(CheckpointInfo {
            architecture: self.network.architecture().to_owned(),
            classes: data.classes.clone(),
            side: self.network.spec().side,
            dropout: self.network.spec().dropout,
            normalisation: serde_json::to_value(job.recipe.normalisation)
                .map_err(|e| Error::format(job.dir, e))?,
            step,
            fold: Some(job.fold),
            protocol: serde_json::to_value(job.recipe.protocol)
                .ok()
                .and_then(|p| p.as_str().map(str::to_owned)),
            split_digest: Some(self.saved.split_digest.clone()),
            synthetic: data.synthetic,
            drawn: self.network.drawn().clone(),
        })
    }

    /// Chooses the checkpoint, tests it and writes the fold's results.
    fn finish(mut self) -> Result<FoldResult, Error> {
        let (job, candidates) = (self.job, self.saved.candidates.clone());
        let missing = || Error::NoCheckpoints(self.checkpoints.clone());
        let best = *Candidate::best_on_validation(&candidates).ok_or_else(missing)?;
        let optimistic = Candidate::optimistic_test_accuracy(&candidates).ok_or_else(missing)?;
        let last = candidates.last().ok_or_else(missing)?.test_accuracy;
        let checkpoint = Checkpoint::load(&checkpoint_path(&self.checkpoints, best.step))?;
        self.network = checkpoint.network(job.architecture, job.device)?;
        Checkpoint::save(
            &self.network,
            &checkpoint.info,
            &job.dir.join("best.safetensors"),
        )?;
        let classes = &job.prepared.info().classes;
        let test = evaluate(
            &self.network,
            job.prepared,
            &self.split.test,
            &job.recipe.normalisation,
            self.workers,
        )?;
        test.write_csv(&job.dir.join("predictions.csv"), classes)?;
        let scores = Scores::count(&test);
        let result = FoldResult {
            fold: job.fold,
            synthetic: job.prepared.info().synthetic,
            optimistic: job.recipe.protocol == Protocol::Paper2015,
            seed: job.seed,
            steps: job.recipe.steps,
            best_step: best.step,
            val_accuracy: best.val_accuracy,
            test_accuracy: scores.accuracy(),
            final_test_accuracy: last,
            best_test_accuracy_optimistic: optimistic,
            majority_accuracy: scores.majority_accuracy(),
            images: [
                self.split.train.len(),
                self.split.validation.len(),
                self.split.test.len(),
            ],
            drawn: checkpoint.info.drawn.clone(),
            checkpoints: candidates,
            per_class: scores.per_class(classes),
            confusion: scores.confusion,
            measures: Measures::of(&test),
            subjects: SubjectScore::count(&test, job.prepared),
            seconds: self.saved.seconds + self.started.elapsed().as_secs_f64(),
        };
        crate::summary::write_json(&job.dir.join("fold.json"), &result)?;
        state::clear(&self.checkpoints, job.recipe.steps)?;
        Ok(result)
    }
}

/// Digest of a prepared data set as `dataset.json` describes it and of the rows of each part.
///
/// # Errors
/// When the description cannot be written as JSON.
pub fn split_digest(prepared: &Prepared, split: &Split) -> Result<String, Error> {
    let parts = (
        prepared.info(),
        &split.train,
        &split.validation,
        &split.test,
    );
    let text = serde_json::to_vec(&parts).map_err(|e| Error::format(prepared.dir(), e))?;
    Ok(Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Losses, hits and gradients added in the shares' order, so that the sum is the same whoever computed them.
fn add_in_order(outputs: Vec<StepOutput>) -> Result<StepOutput, Error> {
    let mut outputs = outputs.into_iter();
    let mut total = outputs.next().unwrap_or(StepOutput {
        loss: f64::NAN,
        correct: 0,
        gradients: Vec::<Tensor>::new(),
    });
    for output in outputs {
        total.loss += output.loss;
        total.correct += output.correct;
        for (sum, gradient) in total.gradients.iter_mut().zip(&output.gradients) {
            let _ = sum.f_add_(gradient)?;
        }
    }
    Ok(total)
}
