//! Trains folds in parallel: the queue, the device of each fold, their results.
//!
//! A fold's result does not depend on the folds trained in parallel: random numbers are keyed by seed, fold and step,
//! and batches are always cut into shares of fixed size. That holds to the last bit on the CPU, and to rounding on a
//! GPU, where cuDNN selects algorithms by timing.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use faus_base::text::counted;
use faus_data::Prepared;
use faus_train::{
    CheckedRecipe, Error as TrainError, FoldJob, FoldProgress, FoldResult, MemoryForecast, Monitor,
    Workers, fold_line, fold_split,
};
use tch::Device;

use super::job::{Folds, Job, Outcome};
use super::run_folder::{RunFolder, read_json};
use crate::app::arguments::ParallelFolds;
use crate::app::interrupt;
use crate::app::progress::Board;

/// Default number of parallel folds on a GPU (our choice): it computes one fold while the batches of the others are
/// prepared and their losses read.
const ON_A_GPU: usize = 3;

/// The training of a job's folds.
pub(super) struct Training<'a> {
    pub job: &'a Job<'a>,
    pub folder: &'a RunFolder,
    pub prepared: &'a Prepared,
    pub recipe: &'a CheckedRecipe,
    pub workers: &'a Workers,
}

/// A fold with its outcome, or with the error that ended the whole job.
type Ended = (usize, Result<Outcome, TrainError>);

/// State shared by the threads that train.
struct Shared {
    /// Folds not yet begun.
    queue: Mutex<std::vec::IntoIter<usize>>,
    board: Board,
    /// Set when the user, or a failure that concerns all folds, stops the work.
    stop: AtomicBool,
}

impl Training<'_> {
    /// Trains the wanted folds that have no result yet; returns all results, new and old.
    pub fn run(&self) -> Result<Folds> {
        let mut all = self.known()?;
        for (fold, result) in &all {
            eprintln!("{}", fold_line(*fold, result));
        }
        let mut left = Vec::new();
        for fold in self.job.wanted(self.prepared) {
            if all.contains_key(&fold) {
                continue;
            }
            let split = fold_split(self.prepared, self.recipe.protocol, fold);
            match own_failure(split).with_context(|| format!("fold {fold}"))? {
                Ok(_) => left.push(fold),
                Err(reason) => {
                    let failed = Err(reason);
                    eprintln!("{}", fold_line(fold, &failed));
                    all.insert(fold, failed);
                }
            }
        }
        self.refuse_stopped(&left)?;
        if !left.is_empty() {
            all.extend(self.train(left)?);
        }
        if all.values().all(Result::is_err) {
            let reason = all.into_values().find_map(Result::err);
            let reason = reason.unwrap_or("no fold was requested".to_owned());
            bail!("no fold has a result: {reason}");
        }
        Ok(all.into_iter().collect())
    }

    /// Results of earlier runs.
    fn known(&self) -> Result<BTreeMap<usize, Outcome>> {
        let mut all = BTreeMap::new();
        for fold in 0..self.prepared.info().folds {
            let dir = self.folder.fold(fold);
            let path = dir.join("fold.json");
            let Some(result) = read_json(&path)? else {
                continue;
            };
            faus_train::forget_stop(&dir)?;
            let path = path.display();
            let damaged = || format!("{path}: damaged; delete it to train the fold again");
            let result = serde_json::from_value(result).with_context(damaged)?;
            all.insert(fold, Ok(result));
        }
        Ok(all)
    }

    /// Resumes or discards a stopped fold only when requested.
    fn refuse_stopped(&self, left: &[usize]) -> Result<()> {
        let of_fold = |fold: &usize| {
            let folder = self.folder.fold(*fold);
            let step = faus_train::stopped_at(&folder)?;
            let stopped = format!("fold {fold} was stopped after step {step}");
            Some((stopped, folder.display().to_string()))
        };
        let (stopped, folders): (Vec<_>, Vec<_>) = left.iter().filter_map(of_fold).unzip();
        if self.job.resume || stopped.is_empty() {
            return Ok(());
        }
        let (stopped, folders) = (stopped.join(", "), folders.join(" and "));
        bail!("{stopped}: repeat the command with --resume, or delete {folders} to start again")
    }

    fn train(&self, left: Vec<usize>) -> Result<Folds> {
        let (folds, devices) = (left.len(), self.devices(left.len())?);
        let done = |fold: &usize| faus_train::stopped_at(&self.folder.fold(*fold)).unwrap_or(0);
        let left_of = |fold: &usize| self.recipe.steps.saturating_sub(done(fold));
        let shared = &Shared {
            board: Board::new(folds, left.iter().map(left_of).sum()),
            queue: Mutex::new(left.into_iter()),
            stop: AtomicBool::new(false),
        };
        let ended = std::thread::scope(|scope| {
            let start = |device| scope.spawn(move || self.train_queued(device, shared));
            let threads: Vec<_> = devices.into_iter().map(start).collect();
            let ended = threads.into_iter().map(|thread| thread.join());
            let ended = ended.flat_map(|ended| ended.unwrap_or_else(|panic| resume_unwind(panic)));
            ended.collect()
        });
        self.settle(folds, ended)
    }

    /// The number of `folds` that train at once where the computer's memory allows it.
    pub fn most_at_once(&self, folds: usize) -> usize {
        let on_each = match self.job.parallel {
            ParallelFolds(Some(count)) => count,
            ParallelFolds(None) if self.job.device().is_cuda() => ON_A_GPU,
            ParallelFolds(None) => self.workers.count(),
        };
        (on_each * self.job.devices.len()).min(folds)
    }

    /// The device of each of the folds that train at once, GPUs in turn.
    fn devices(&self, folds: usize) -> Result<Vec<Device>> {
        let (architecture, device) = (self.job.architecture, self.job.device());
        let threads = self.workers.count();
        let forecast =
            MemoryForecast::new(architecture, self.prepared, self.recipe, threads, device)?;
        let wanted = self.most_at_once(folds);
        let (fit, free) = forecast.folds_that_fit(wanted)?;
        if fit < wanted {
            let (free, folds) = (free as f64 / 1e9, counted(fit, "fold"));
            eprintln!("Memory: {free:.1} GB are free, so {folds} at once instead of {wanted}");
        }
        let fit = fit.min(wanted);
        Ok(self.job.devices.iter().copied().cycle().take(fit).collect())
    }

    /// Trains folds from the queue until it is empty or the work is to stop.
    fn train_queued(&self, device: Device, shared: &Shared) -> Vec<Ended> {
        let mut ended = Vec::new();
        while !interrupt::stopped() && !shared.stop.load(Ordering::Relaxed) {
            let next = shared.queue.lock().map(|mut queue| queue.next());
            let Ok(Some(fold)) = next else { break };
            shared.board.begin(fold);
            let trained = self.train_fold(fold, device, shared);
            shared.board.end(fold);
            match &trained.1 {
                Ok(result) => shared.board.line(&fold_line(fold, result)),
                // Any other failure would affect every fold: all stop and keep their finished work.
                Err(_) => shared.stop.store(true, Ordering::Relaxed),
            }
            ended.push(trained);
        }
        ended
    }

    fn train_fold(&self, fold: usize, device: Device, shared: &Shared) -> Ended {
        let progress = |p: FoldProgress| {
            if interrupt::stopped() {
                shared.stop.store(true, Ordering::Relaxed);
            }
            shared.board.step(&p);
            // Long training prints a line at intervals, for the log.
            if p.steps > 1000 && p.step.is_multiple_of(1000) {
                print_row(&shared.board, &p, &format!("fold {}: ", p.fold));
            }
        };
        let monitor = Monitor {
            cancelled: &shared.stop,
            progress: &progress,
        };
        let job = FoldJob {
            prepared: self.prepared,
            architecture: self.job.architecture,
            recipe: self.recipe,
            fold,
            seed: self.job.config.seed,
            device,
            dir: &self.folder.fold(fold),
            resume: self.job.resume,
            tensorboard: self.job.tensorboard,
        };
        (fold, own_failure(job.run(self.workers, &monitor)))
    }

    /// The folds' results; an error if the work was stopped or failed.
    fn settle(&self, folds: usize, mut ended: Vec<Ended>) -> Result<Folds> {
        ended.sort_by_key(|(fold, _)| *fold);
        let (mut results, mut stopped) = (Folds::new(), Vec::new());
        for (fold, result) in ended {
            match result {
                Ok(result) => results.push((fold, result)),
                Err(TrainError::Cancelled) => stopped.push(fold.to_string()),
                Err(other) => return Err(self.explain(fold, other)),
            }
        }
        if results.len() == folds {
            return Ok(results);
        }
        let place = match stopped.as_slice() {
            [] => "on request".to_owned(),
            [fold] => format!("in fold {fold}"),
            folds => format!("in folds {}", folds.join(", ")),
        };
        bail!(
            "stopped {place}; finished folds are kept in {}, repeat the command with --resume",
            self.job.out.display()
        )
    }

    /// The error that ended fold `fold` and the whole job, with the remedy.
    fn explain(&self, fold: usize, error: TrainError) -> anyhow::Error {
        let message = error.to_string();
        let way_out = match &error {
            TrainError::Resume { .. } => return anyhow!("fold {fold}: {error}"),
            _ if no_room(&message) => "make room",
            _ => error.out_of_memory().unwrap_or("fix that"),
        };
        anyhow!(
            "fold {fold}: {error}; {way_out}, then repeat the command with --resume: finished work is kept in {}",
            self.job.out.display()
        )
    }
}

/// The failure of one fold alone (it diverged) as its result: the reason.
fn own_failure<T>(result: Result<T, TrainError>) -> Result<Result<T, String>, TrainError> {
    match result {
        Err(error) if error.is_of_one_fold() => Ok(Err(error.to_string())),
        other => other.map(Ok),
    }
}

/// Trains a single fold, printing a line for every validation.
///
/// # Errors
/// Errors from training; running out of memory comes with a suggestion.
pub(crate) fn train_alone(job: &FoldJob, workers: &Workers) -> Result<FoldResult> {
    let done = faus_train::stopped_at(job.dir).unwrap_or(0);
    let board = Board::new(1, job.recipe.steps.saturating_sub(done));
    board.begin(job.fold);
    let progress = |p: FoldProgress| {
        board.step(&p);
        print_row(&board, &p, "");
    };
    let monitor = Monitor {
        cancelled: &interrupt::STOP,
        progress: &progress,
    };
    let result = job.run(workers, &monitor);
    result.map_err(|error| match error.out_of_memory() {
        Some(way_out) => anyhow!("{error}; {way_out}"),
        None => error.into(),
    })
}

/// Prints the last row of the metrics, if the step has one.
fn print_row(board: &Board, p: &FoldProgress, before: &str) {
    if let Some(row) = p.row {
        board.line(&format!(
            "{before}step {}: loss {:.3}, validation {:.1}%, {:.0} images/s",
            row.step,
            row.train_loss,
            100.0 * row.val_accuracy,
            row.images_per_second
        ));
    }
}

/// Whether an error's text contains the system's code for a full disk, quota or file; some errors contain only the text.
fn no_room(error: &str) -> bool {
    let mut codes = [libc::ENOSPC, libc::EDQUOT, libc::EFBIG].into_iter();
    codes.any(|code| error.contains(&format!("(os error {code})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_errors() {
        let full = std::io::Error::from_raw_os_error(libc::ENOSPC).to_string();
        assert!(no_room(&full) && !no_room("a.csv: permission denied (os error 13)"));
    }
}
