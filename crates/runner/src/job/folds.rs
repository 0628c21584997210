//! Folds side by side: which run where and how many at once, and what becomes of each.
//!
//! A fold's result does not depend on what runs beside it: random numbers are keyed by seed, fold and step, and a batch is
//! cut into shares of fixed size whoever computes them. That holds to the last bit on the CPU, and to rounding on a GPU,
//! where cuDNN chooses among algorithms by trial.

use std::collections::{BTreeMap, VecDeque};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};
use faus_data::Prepared;
use faus_train::{
    CheckedRecipe, Error as TrainError, FoldJob, FoldProgress, FoldResult, MemoryForecast, Monitor,
    Workers, fold_split,
};
use tch::Device;

use super::words::fold_line;
use super::{Folds, Job};
use crate::console::{counted, say};
use crate::interrupt;
use crate::progress::Board;
use crate::run_folder::{RunFolder, read_json};

/// Folds at once on a GPU where nothing else is asked for. Our choice: the GPU works on one fold while the others'
/// batches are made and their losses read.
const ON_A_GPU: usize = 3;

/// How many folds train at once on each device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ParallelFolds {
    /// One for each core on the CPU, three on a GPU, as far as the computer's memory goes; a GPU's is not known beforehand.
    #[default]
    Auto,
    /// So many.
    Count(usize),
}

impl FromStr for ParallelFolds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(count)) if (1..=1000).contains(&count) => Ok(Self::Count(count)),
            _ => Err(format!("`{text}` is no number of folds: use auto, 1, 2 …")),
        }
    }
}

/// The folds of a job, to be trained.
pub(super) struct Training<'a> {
    pub job: &'a Job<'a>,
    pub folder: &'a RunFolder,
    pub prepared: &'a Prepared,
    pub recipe: &'a CheckedRecipe,
    pub workers: &'a Workers,
}

/// What the threads that train share.
struct Side {
    /// Folds that nobody has begun.
    queue: Mutex<VecDeque<usize>>,
    ended: Mutex<Vec<(usize, Result<FoldResult, TrainError>)>>,
    board: Board,
    /// Set when the user or a failure that concerns all folds ends the work.
    stop: AtomicBool,
}

impl Training<'_> {
    /// Trains the folds that were asked for and have no result; takes over the results that are there.
    pub fn run(&self) -> Result<Folds> {
        let wanted = self.job.wanted(self.prepared);
        let mut all = self.known()?;
        for (fold, result) in &all {
            say(fold_line(*fold, result));
        }
        let mut left = Vec::new();
        for fold in wanted {
            if all.contains_key(&fold) {
                continue;
            }
            match fold_split(self.prepared, self.recipe.protocol, fold) {
                Ok(_) => left.push(fold),
                Err(error) if error.is_of_one_fold() => {
                    let failed = Err(error.to_string());
                    say(fold_line(fold, &failed));
                    all.insert(fold, failed);
                }
                Err(other) => return Err(other).with_context(|| format!("fold {fold}")),
            }
        }
        self.refuse_stopped(&left)?;
        if !left.is_empty() {
            all.extend(self.train(left)?);
        }
        if all.values().all(Result::is_err) {
            let reason = all.values().find_map(|result| result.as_ref().err());
            let none = "none was asked for".to_owned();
            bail!("no fold has a result: {}", reason.unwrap_or(&none));
        }
        Ok(all.into_iter().collect())
    }

    /// Results of earlier runs.
    fn known(&self) -> Result<BTreeMap<usize, Result<FoldResult, String>>> {
        let mut all = BTreeMap::new();
        for fold in 0..self.prepared.info().folds {
            let path = self.folder.fold(fold).join("fold.json");
            let damaged = || {
                format!(
                    "{}: damaged; delete it to have the fold trained anew",
                    path.display()
                )
            };
            if let Some(result) = read_json(&path)? {
                faus_train::forget_stop(&self.folder.fold(fold))?;
                all.insert(
                    fold,
                    Ok(serde_json::from_value(result).with_context(damaged)?),
                );
            }
        }
        Ok(all)
    }

    /// What a stopped fold has is only gone on with, or thrown away, where that was asked for.
    fn refuse_stopped(&self, left: &[usize]) -> Result<()> {
        let stopped = |fold: &usize| {
            let step = faus_train::stopped_at(&self.folder.fold(*fold))?;
            Some((*fold, step))
        };
        let stopped: Vec<(usize, u64)> = left.iter().filter_map(stopped).collect();
        if self.job.resume || stopped.is_empty() {
            return Ok(());
        }
        let said = stopped
            .iter()
            .map(|(fold, step)| format!("fold {fold} was stopped after step {step}"));
        let folders = stopped
            .iter()
            .map(|(fold, _)| self.folder.fold(*fold).display().to_string());
        bail!(
            "{}: go on with the same command and --resume, or delete {} to start again",
            said.collect::<Vec<_>>().join(", "),
            folders.collect::<Vec<_>>().join(" and ")
        )
    }

    fn train(&self, left: Vec<usize>) -> Result<Folds> {
        let places = self.places(left.len())?;
        let steps = left.iter().map(|fold| self.steps_left(*fold)).sum();
        let side = Side {
            board: Board::new(left.len(), steps),
            queue: Mutex::new(left.iter().copied().collect()),
            ended: Mutex::new(Vec::new()),
            stop: AtomicBool::new(false),
        };
        std::thread::scope(|scope| {
            for device in places {
                let side = &side;
                scope.spawn(move || self.one_after_the_other(device, side));
            }
        });
        let ended = side
            .ended
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        self.settle(left.len(), ended)
    }

    /// How many of `folds` folds train at once where the computer's memory allows it.
    pub fn most_at_once(&self, folds: usize) -> usize {
        let on_each = match self.job.parallel {
            ParallelFolds::Count(count) => count,
            ParallelFolds::Auto if self.job.device().is_cuda() => ON_A_GPU,
            ParallelFolds::Auto => self.workers.count(),
        };
        (on_each * self.job.devices.len()).min(folds)
    }

    /// The device of each fold that trains at the same time as the others, GPUs in turn.
    fn places(&self, folds: usize) -> Result<Vec<Device>> {
        let places = self.most_at_once(folds);
        let forecast = MemoryForecast::new(
            self.job.architecture,
            self.prepared,
            self.recipe,
            self.workers.count(),
            self.job.device(),
        )?;
        let (fit, free) = forecast.folds_that_fit(places)?;
        if fit < places {
            say(format!(
                "Memory: {:.1} GB are free, so {} at once instead of {places}",
                free as f64 / 1e9,
                counted(fit, "fold")
            ));
        }
        let turns = self.job.devices.iter().copied().cycle();
        Ok(turns.take(places.min(fit)).collect())
    }

    fn steps_left(&self, fold: usize) -> u64 {
        let done = faus_train::stopped_at(&self.folder.fold(fold)).unwrap_or(0);
        self.recipe.steps.saturating_sub(done)
    }

    /// Takes folds from the queue until there is none, or the work is to stop.
    fn one_after_the_other(&self, device: Device, side: &Side) {
        let next = || {
            let mut queue = side.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.pop_front()
        };
        while !interrupt::stopped() && !side.stop.load(Ordering::Relaxed) {
            let Some(fold) = next() else { return };
            side.board.begin(fold);
            let result = self.fold(fold, device, side);
            side.board.end(fold);
            match &result {
                Ok(done) => side.board.line(&fold_line(fold, &Ok(done.clone()))),
                Err(error) if error.is_of_one_fold() => {
                    side.board.line(&fold_line(fold, &Err(error.to_string())));
                }
                // Whatever it is, the others would meet it too: they stop, and keep what they have.
                Err(_) => side.stop.store(true, Ordering::Relaxed),
            }
            let mut ended = side.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.push((fold, result));
        }
    }

    fn fold(&self, fold: usize, device: Device, side: &Side) -> Result<FoldResult, TrainError> {
        let dir = self.folder.fold(fold);
        let progress = |p: FoldProgress| {
            if interrupt::stopped() {
                side.stop.store(true, Ordering::Relaxed);
            }
            side.board.step(&p);
            say_milestone(&side.board, &p);
        };
        let monitor = Monitor {
            cancelled: &side.stop,
            progress: &progress,
        };
        let job = FoldJob {
            prepared: self.prepared,
            architecture: self.job.architecture,
            recipe: self.recipe,
            fold,
            seed: self.job.config.seed,
            device,
            dir: &dir,
            resume: self.job.resume,
            tensorboard: self.job.tensorboard,
        };
        job.run(self.workers, &monitor)
    }

    /// The folds' results; an error where the work did not come to its end.
    ///
    /// A fold that failed by itself (it diverged) has a result too: the reason.
    fn settle(
        &self,
        folds: usize,
        mut ended: Vec<(usize, Result<FoldResult, TrainError>)>,
    ) -> Result<Folds> {
        ended.sort_by_key(|(fold, _)| *fold);
        let (mut results, mut stopped, mut failed) = (Folds::new(), Vec::new(), None);
        for (fold, result) in ended {
            match result {
                Ok(result) => results.push((fold, Ok(result))),
                Err(error) if error.is_of_one_fold() => {
                    results.push((fold, Err(error.to_string())));
                }
                Err(TrainError::Cancelled) => stopped.push(fold.to_string()),
                Err(other) => failed = failed.or(Some((fold, other))),
            }
        }
        if let Some((fold, error)) = failed {
            return Err(self.explain(fold, error));
        }
        if results.len() < folds {
            let out = self.job.out.display();
            let kept = format!(
                "finished folds are kept in {out}, go on with the same command and --resume"
            );
            match stopped.len() {
                0 => bail!("stopped on request; {kept}"),
                1 => bail!("stopped in fold {}; {kept}", stopped[0]),
                _ => bail!("stopped in folds {}; {kept}", stopped.join(", ")),
            }
        }
        Ok(results)
    }

    /// What ended fold `fold` and with it the work, and the way out.
    fn explain(&self, fold: usize, error: TrainError) -> anyhow::Error {
        let out = self.job.out.display();
        let said = error.to_string();
        let way_out = match &error {
            TrainError::Resume { .. } => return anyhow!("fold {fold}: {error}"),
            _ if no_room(&said) => "make room",
            _ => error.out_of_memory().unwrap_or("see to it"),
        };
        anyhow!(
            "fold {fold}: {error}; {way_out}, then go on with the same command and --resume: what was finished is kept in {out}"
        )
    }
}

/// Whether an error's text is the system's word for a disk, a quota or a file that is full; some errors hold no more
/// than the text.
fn no_room(error: &str) -> bool {
    let codes = [libc::ENOSPC, libc::EDQUOT, libc::EFBIG];
    codes
        .iter()
        .any(|code| error.contains(&format!("(os error {code})")))
}

/// Long trainings leave a line now and then, to be read later.
fn say_milestone(board: &Board, p: &FoldProgress) {
    let due = p.steps > 1000 && p.step.is_multiple_of(1000);
    if let Some(row) = p.row.filter(|_| due) {
        board.line(&format!(
            "fold {}: step {}, loss {:.3}, validation {:.1}%, {:.0} images/s",
            p.fold,
            p.step,
            row.train_loss,
            100.0 * row.val_accuracy,
            row.images_per_second
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_folds() {
        assert_eq!("auto".parse(), Ok(ParallelFolds::Auto));
        assert_eq!("3".parse(), Ok(ParallelFolds::Count(3)));
        for wrong in ["", "0", "-1", "many", "1001"] {
            assert!(wrong.parse::<ParallelFolds>().is_err(), "{wrong}");
        }
    }
}
