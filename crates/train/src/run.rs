//! A fold under way: the steps, their validation, and what is left behind.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Instant;

use faus_data::{Protocol, Split};
use faus_model::{Checkpoint, CheckpointInfo, GradientMethod, Network, Tally};
use tch::{Device, Tensor};

use crate::divergence::LossWatch;
use crate::loader::{Loader, Shares};
use crate::metrics::MetricsWriter;
use crate::select::checkpoint_path;
use crate::state::{self, Saved};
use crate::trials::{Trials, Work};
use crate::{
    Candidate, Error, FoldJob, FoldProgress, FoldResult, Measures, MetricsRow, Monitor, Optimizer,
    Predictions, Scores, SubjectScore, Workers, evaluate,
};

/// A fold under way.
pub(crate) struct Run<'a> {
    pub job: FoldJob<'a>,
    pub split: &'a Split,
    pub workers: &'a Workers,
    pub checkpoints: PathBuf,
    pub network: Network,
    pub optimizer: Optimizer,
    pub trials: Trials,
    pub saved: Saved,
    pub started: Instant,
}

/// What has gathered since the last row of the metrics.
struct Interval {
    steps: u64,
    loss: f64,
    correct: i64,
    since: Instant,
}

/// Steps whose loss and hits have not been read: reading them makes a GPU finish what it was given.
#[derive(Default)]
struct Unread {
    steps: Vec<(u64, Vec<Tally>)>,
    /// Loss of the newest step that has been read.
    last_loss: Option<f64>,
}

impl Unread {
    /// Steps a GPU may run ahead of what is known of them (our choice: the paper's interval of validations).
    const AHEAD: usize = 50;

    fn push(&mut self, step: u64, shares: Vec<Tally>) {
        self.steps.push((step, shares));
    }

    fn is_due(&self, device: Device) -> bool {
        !device.is_cuda() || self.steps.len() >= Self::AHEAD
    }

    /// Step, loss and hits of all, in order.
    fn take(&mut self) -> Result<Vec<(u64, f64, i64)>, Error> {
        let steps = std::mem::take(&mut self.steps);
        let read = Tally::read(steps.iter().flat_map(|(_, shares)| shares))?;
        let mut read = read.into_iter();
        let total = |(step, shares): &(u64, Vec<Tally>)| {
            let start = (*step, 0.0, 0);
            let shares = read.by_ref().take(shares.len());
            shares.fold(start, |(step, loss, hits), (l, h)| {
                (step, loss + l, hits + h)
            })
        };
        let read: Vec<_> = steps.iter().map(total).collect();
        self.last_loss = read.last().map(|(_, loss, _)| *loss).or(self.last_loss);
        Ok(read)
    }
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

    fn add(&mut self, loss: f64, correct: i64) {
        self.steps += 1;
        self.loss += loss;
        self.correct += correct;
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
    /// All steps that are left, each validation and checkpoint where it is due.
    pub fn train(&mut self, monitor: &Monitor) -> Result<(), Error> {
        let (job, first) = (self.job, self.saved.step + 1);
        let mut metrics = MetricsWriter::open(job.dir, self.saved.step, job.tensorboard)?;
        let loader = Loader {
            prepared: job.prepared,
            recipe: job.recipe,
            rows: &self.split.train,
            seed: job.seed,
            fold: job.fold,
            device: job.device,
            // A GPU shall not wait for masks; on the CPU the threads of the step draw them side by side.
            dropout: match job.device.is_cuda() {
                true => self.network.dropout_layers()?,
                false => vec![],
            },
        };
        std::thread::scope(|scope| {
            let batches = loader.start(scope, first, job.recipe.steps);
            let (mut interval, mut unread) = (Interval::new(), Unread::default());
            let mut watch = LossWatch::new(self.network.spec().classes, metrics.rows());
            for step in first..=job.recipe.steps {
                if monitor.cancelled.load(Ordering::Relaxed) {
                    return Err(Error::Cancelled);
                }
                let shares = batches.recv().map_err(|e| Error::Loader(e.to_string()))??;
                unread.push(step, self.step(step, shares)?);
                let validates = job.recipe.is_validation(step);
                if validates || unread.is_due(job.device) {
                    self.read(&mut unread, &mut interval)?;
                }
                let row = validates
                    .then(|| self.validate(step, &mut interval, &mut metrics, &mut watch))
                    .transpose()?;
                (monitor.progress)(FoldProgress {
                    fold: job.fold,
                    step,
                    steps: job.recipe.steps,
                    batch_size: job.recipe.batch_size,
                    loss: unread.last_loss,
                    row,
                });
            }
            Ok(())
        })
    }

    /// One training step: all shares on the workers, their gradients added in order, one update.
    fn step(&mut self, step: u64, shares: Shares) -> Result<Vec<Tally>, Error> {
        let (device, precision) = (self.job.device, self.job.recipe.precision);
        let plan = self.network.plan(GradientMethod::fastest(device))?;
        let jobs = shares
            .into_iter()
            .map(|share| Ok((self.network.replica()?, share)))
            .collect::<Result<Vec<_>, Error>>()?;
        let rate = self.job.recipe.learning_rate_at(step);
        self.trials.run(Work::Step, || {
            let outputs = self.workers.map(device, jobs, |(network, share)| {
                precision.run(device, || {
                    Ok(network.planned_loss_and_gradients(&share, &plan)?)
                })
            })?;
            let gradients: Vec<&[Tensor]> = outputs.iter().map(|s| &s.gradients[..]).collect();
            self.optimizer.step(&self.network, &gradients, rate, step)?;
            Ok(outputs.into_iter().map(|share| share.tally).collect())
        })
    }

    /// Adds up what is unread. A step whose loss was no number ends the fold; what came after it is lost, and nothing of
    /// it was written.
    fn read(&self, unread: &mut Unread, interval: &mut Interval) -> Result<(), Error> {
        for (step, loss, correct) in unread.take()? {
            if !loss.is_finite() {
                return Err(Error::Diverged {
                    fold: self.job.fold,
                    step,
                    loss,
                });
            }
            interval.add(loss, correct);
        }
        Ok(())
    }

    /// Validation, its row of the metrics, and a checkpoint where one is due.
    fn validate(
        &mut self,
        step: u64,
        interval: &mut Interval,
        metrics: &mut MetricsWriter,
        watch: &mut LossWatch,
    ) -> Result<MetricsRow, Error> {
        let seconds = interval.since.elapsed().as_secs_f64();
        let val_accuracy = self.accuracy(step, Work::Validation)?;
        let row = interval.row(step, self.job.recipe.batch_size, val_accuracy, seconds);
        // Before the state: whoever goes on from it finds every row up to its step, wherever the stop came.
        metrics.push(&row)?;
        if let Some(bound) = watch.exploded(&row) {
            return Err(Error::Exploded {
                fold: self.job.fold,
                step,
                loss: row.train_loss,
                bound,
            });
        }
        if self.job.recipe.is_checkpoint(step) {
            self.checkpoint(step, val_accuracy)?;
        }
        *interval = Interval::new();
        Ok(row)
    }

    fn checkpoint(&mut self, step: u64, val_accuracy: f64) -> Result<(), Error> {
        let test_accuracy = self.accuracy(step, Work::Test)?;
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

    /// Runs the network over the images of `part`: those to test, or else to validate.
    fn evaluate(&mut self, part: Work) -> Result<Predictions, Error> {
        let rows = match part {
            Work::Test => &self.split.test,
            _ => &self.split.validation,
        };
        self.trials.run(part, || {
            evaluate(
                &self.network,
                self.job.prepared,
                rows,
                &self.job.recipe.normalisation,
                self.workers,
            )
        })
    }

    /// Accuracy after `step`. The step's loss was finite, but the weights it left need not be.
    fn accuracy(&mut self, step: u64, part: Work) -> Result<f64, Error> {
        let predictions = self.evaluate(part)?;
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
    pub fn finish(mut self) -> Result<FoldResult, Error> {
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
        let test = self.evaluate(Work::Test)?;
        test.write_csv(&job.dir.join("predictions.csv"), classes)?;
        let scores = Scores::count(&test);
        let accuracy = scores.accuracy();
        let result = FoldResult {
            fold: job.fold,
            synthetic: job.prepared.info().synthetic,
            optimistic: job.recipe.protocol == Protocol::Paper2015,
            seed: job.seed,
            steps: job.recipe.steps,
            best_step: best.step,
            val_accuracy: best.val_accuracy,
            test_accuracy: accuracy,
            final_test_accuracy: last,
            best_test_accuracy_optimistic: optimistic,
            majority_accuracy: scores.majority_accuracy(),
            at_chance: accuracy <= scores.majority_accuracy(),
            absent_in_test: absent(&scores, classes),
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

/// Classes that no image of the test part belongs to.
fn absent(scores: &Scores, classes: &[String]) -> Vec<String> {
    let counts = scores.confusion.iter().map(|row| row.iter().sum::<u64>());
    let named = classes.iter().zip(counts);
    named
        .filter(|(_, count)| *count == 0)
        .map(|(class, _)| class.clone())
        .collect()
}
