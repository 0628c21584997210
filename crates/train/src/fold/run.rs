//! Trains a fold: the steps, their validation, and the files it writes.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use faus_data::{Protocol, Split};
use faus_model::{Checkpoint, CheckpointInfo, Network, Tally, TrainBatch};
use tch::Tensor;

use crate::error::Error;
use crate::fold::autotune::{Autotune, Work};
use crate::fold::job::FoldJob;
use crate::fold::loader::{AHEAD, Loader};
use crate::fold::losses::Losses;
use crate::fold::metrics::MetricsWriter;
use crate::fold::optimizer::Optimizer;
use crate::fold::progress::{FoldProgress, MetricsRow, Monitor};
use crate::fold::result::FoldResult;
use crate::fold::state::{self, Saved};
use crate::recipe::settings::ChosenBy;
use crate::score::checkpoints::{Candidate, checkpoint_path};
use crate::score::confusion::Scores;
use crate::score::interval::SubjectScore;
use crate::score::measures::Measures;
use crate::score::predictions::{Predictions, evaluate};
use crate::split::{fold_split, protocol_name, split_digest};
use crate::workers::Workers;

/// A fold in training.
struct Run<'a> {
    job: FoldJob<'a>,
    split: &'a Split,
    workers: &'a Workers,
    checkpoints: PathBuf,
    network: Network,
    optimizer: Optimizer,
    autotune: Autotune,
    saved: Saved,
    losses: Losses,
    started: Instant,
}

impl FoldJob<'_> {
    /// Trains, selects, tests and writes the fold's files.
    ///
    /// # Errors
    /// When the data are unsuitable, the loss explodes or is not finite, a write fails or the user cancels. Files
    /// already written are kept.
    pub fn run(&self, workers: &Workers, monitor: &Monitor) -> Result<FoldResult, Error> {
        let started = Instant::now();
        // The thread that a fold runs on also computes (updates, small sums), and must do so in a fixed order.
        tch::set_num_threads(1);
        self.recipe.precision.set_up(self.device)?;
        let split = fold_split(self.prepared, self.recipe.protocol, self.fold)?;
        let checkpoints = self.dir.join("checkpoints");
        std::fs::create_dir_all(&checkpoints).map_err(Error::file(&checkpoints))?;
        let network = self.initial_network()?;
        let mut run = Run {
            job: *self,
            split: &split,
            workers,
            checkpoints,
            optimizer: Optimizer::new(self.recipe, &network)?,
            network,
            autotune: Autotune::new(self.device),
            saved: Saved::fresh(self, split_digest(self.prepared, &split)?),
            losses: Losses::new(None),
            started,
        };
        run.restore()?;
        let trained = run.train(monitor);
        if let Err(Error::Diverged { .. } | Error::Exploded { .. }) = trained {
            // Resuming would diverge again; the checkpoints are kept for inspection.
            state::clear(&run.checkpoints, run.saved.step)?;
        }
        trained?;
        run.finish()
    }
}

impl Run<'_> {
    /// Restores the newest state if the job resumes, or else removes the files of an earlier training.
    fn restore(&mut self) -> Result<(), Error> {
        if self.job.resume {
            let (fresh, optimizer) = (&self.saved, &mut self.optimizer);
            let saved = state::restore(&self.checkpoints, fresh, &self.network, optimizer)?;
            let path = self.job.dir.join("fold.json");
            if saved.is_none() && path.exists() {
                // A finished fold has no state to resume from, and a new start would overwrite it.
                let reason = "the fold is finished".to_owned();
                return Err(Error::Resume { path, reason });
            }
            self.saved = saved.unwrap_or_else(|| self.saved.clone());
        }
        match self.saved.step {
            0 => state::discard(&self.checkpoints),
            _ => Ok(()),
        }
    }

    /// The remaining steps, with the validations and checkpoints that are due.
    fn train(&mut self, monitor: &Monitor) -> Result<(), Error> {
        let (job, first) = (self.job, self.saved.step + 1);
        let classes = self.network.spec().classes;
        let mut metrics = MetricsWriter::open(job.dir, self.saved.step, classes, job.tensorboard)?;
        let loader = Loader {
            job,
            rows: &self.split.train,
            // Drawn ahead for a GPU, which must not wait for masks; on the CPU the step's threads draw them in parallel.
            dropout: match job.device.is_cuda() {
                true => self.network.dropout_layers()?,
                false => vec![],
            },
        };
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(AHEAD);
            let mut steps = first..=job.recipe.steps;
            // Ends when all are made or the receiver is dropped.
            scope.spawn(move || steps.try_for_each(|step| sender.send(loader.batch(step))));
            self.losses = Losses::new(None);
            for step in first..=job.recipe.steps {
                if monitor.cancelled.load(Ordering::Relaxed) {
                    return Err(Error::Cancelled);
                }
                let stopped = |e| Error::Threads(format!("the image loader stopped: {e}"));
                let shares = batches.recv().map_err(stopped)??;
                let tallies = self.step(step, shares)?;
                self.losses.unread.push((step, tallies));
                let validates = job.recipe.is_validation(step);
                if validates || self.losses.is_due(job.device) {
                    self.losses.read(job.fold)?;
                }
                let validate = || self.validate(step, &mut metrics);
                let row = validates.then(validate).transpose()?;
                (monitor.progress)(FoldProgress {
                    fold: job.fold,
                    step,
                    steps: job.recipe.steps,
                    batch_size: job.recipe.batch_size,
                    loss: self.losses.last_loss,
                    row,
                });
            }
            Ok(())
        })
    }

    /// One training step: all shares on the workers, their gradients added in order, one update.
    fn step(&mut self, step: u64, shares: Vec<TrainBatch>) -> Result<Vec<Tally>, Error> {
        let (device, precision) = (self.job.device, self.job.recipe.precision);
        let plan = self.network.plan()?;
        let replica = |share| Ok((self.network.replica()?, share));
        let jobs = shares.into_iter().map(replica);
        let jobs = jobs.collect::<Result<_, Error>>()?;
        let compute = |(network, share): (Network, TrainBatch)| {
            precision.run(device, || Ok(network.loss_and_gradients(&share, &plan)?))
        };
        let rate = self.job.recipe.learning_rate_at(step);
        self.autotune.run(Work::Step, || {
            let outputs = self.workers.map(device, jobs, compute)?;
            let gradients: Vec<&[Tensor]> = outputs.iter().map(|s| &s.gradients[..]).collect();
            self.optimizer.step(&self.network, &gradients, rate, step)?;
            Ok(outputs.into_iter().map(|share| share.tally).collect())
        })
    }

    /// Validation, its row of the metrics, and a checkpoint where one is due.
    fn validate(&mut self, step: u64, metrics: &mut MetricsWriter) -> Result<MetricsRow, Error> {
        let (seconds, fold) = (self.losses.since.elapsed().as_secs_f64(), self.job.fold);
        let val_accuracy = self.accuracy(step, Work::Validation)?;
        let batch = self.job.recipe.batch_size;
        let row = self.losses.row(step, batch, val_accuracy, seconds);
        // Before the state: a resumed fold then finds every row up to its step, wherever it was stopped.
        if let Some(bound) = metrics.push(&row)? {
            let loss = row.train_loss;
            return Err(Error::Exploded {
                fold,
                step,
                loss,
                bound,
            });
        }
        if self.job.recipe.is_checkpoint(step) {
            self.checkpoint(step, val_accuracy)?;
        }
        self.losses = Losses::new(self.losses.last_loss);
        Ok(row)
    }

    fn checkpoint(&mut self, step: u64, val_accuracy: f64) -> Result<(), Error> {
        let test_accuracy = self.accuracy(step, Work::Test)?;
        let path = checkpoint_path(&self.checkpoints, step);
        Checkpoint::save(&self.network, &self.info(step)?, &path)?;
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

    /// Runs the network over the test images, or else over the validation images.
    fn evaluate(&mut self, part: Work) -> Result<Predictions, Error> {
        let rows = match part {
            Work::Test => &self.split.test,
            _ => &self.split.validation,
        };
        let (network, prepared) = (&self.network, self.job.prepared);
        let (normalisation, workers) = (&self.job.recipe.normalisation, self.workers);
        let run = || evaluate(network, prepared, rows, normalisation, workers);
        self.autotune.run(part, run)
    }

    /// Accuracy after `step`. The step's loss was finite, but the updated weights may not be.
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
        let normalisation = serde_json::to_value(job.recipe.normalisation);
        Ok(CheckpointInfo {
            architecture: self.network.architecture().to_owned(),
            classes: data.classes.clone(),
            side: self.network.spec().side,
            dropout: self.network.spec().dropout,
            normalisation: normalisation.map_err(Error::file(job.dir))?,
            step,
            fold: Some(job.fold),
            protocol: Some(protocol_name(job.recipe.protocol).to_owned()),
            split_digest: Some(self.saved.split_digest.clone()),
            synthetic: data.synthetic,
            drawn: self.network.drawn().clone(),
        })
    }

    /// Chooses the checkpoint, tests it and writes the fold's results.
    fn finish(mut self) -> Result<FoldResult, Error> {
        let (job, candidates) = (self.job, self.saved.candidates.clone());
        let best = Candidate::best_on_validation(&candidates);
        let (Some(best), Some(last)) = (best, candidates.last()) else {
            return Err(Error::NoCheckpoints(self.checkpoints));
        };
        let best = match job.recipe.chosen_by() {
            ChosenBy::Last => last,
            ChosenBy::Validation | ChosenBy::Test => best,
        };
        let checkpoint = Checkpoint::load(&checkpoint_path(&self.checkpoints, best.step))?;
        self.network = checkpoint.network(job.architecture, job.device)?;
        let best_path = job.dir.join("best.safetensors");
        Checkpoint::save(&self.network, &checkpoint.info, &best_path)?;
        let data = job.prepared.info();
        let test = self.evaluate(Work::Test)?;
        test.write_csv(&job.dir.join("predictions.csv"), &data.classes)?;
        let (scores, split) = (Scores::count(&test), self.split);
        let result = FoldResult {
            fold: job.fold,
            synthetic: data.synthetic,
            optimistic: job.recipe.protocol == Protocol::Paper2015,
            seed: job.seed,
            steps: job.recipe.steps,
            best_step: best.step,
            val_accuracy: best.val_accuracy,
            test_accuracy: scores.accuracy(),
            final_test_accuracy: last.test_accuracy,
            best_test_accuracy_optimistic: Candidate::optimistic_test_accuracy(&candidates),
            majority_accuracy: scores.majority_accuracy(),
            at_chance: scores.accuracy() <= scores.majority_accuracy(),
            absent_in_test: scores.absent(&data.classes),
            images: [&split.train, &split.validation, &split.test].map(Vec::len),
            drawn: checkpoint.info.drawn,
            checkpoints: candidates,
            per_class: scores.per_class(&data.classes),
            confusion: scores.confusion,
            measures: Measures::of(&test),
            subjects: SubjectScore::count(&test, job.prepared),
            seconds: self.saved.seconds + self.started.elapsed().as_secs_f64(),
        };
        crate::files::write_json(&job.dir.join("fold.json"), &result)?;
        state::clear(&self.checkpoints, job.recipe.steps)?;
        Ok(result)
    }
}
