//! Progress of a training: a line for the whole job and one for each fold under way.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use faus_base::text::counted;
use faus_train::FoldProgress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use super::console::{LINE_EVERY, style, time_left};

/// The line of each fold under way, and the accuracy of its last validation.
type Active = BTreeMap<usize, (ProgressBar, Option<f64>)>;

/// The progress of all folds of a training; several threads write to it.
pub(crate) struct Board {
    all: MultiProgress,
    whole: ProgressBar,
    folds: usize,
    /// The folds under way, and the time of the last line without a terminal.
    state: Mutex<(Active, Instant)>,
}

impl Board {
    /// A board for `folds` folds that have `steps` steps left in all.
    pub fn new(folds: usize, steps: u64) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let whole = all.add(ProgressBar::new(steps));
        whole.set_style(style("{prefix:24} {wide_bar} {percent:>3}% {msg}"));
        whole.set_prefix(format!("Training {}", counted(folds, "fold")));
        Self {
            all,
            whole,
            folds,
            state: Mutex::new((Active::new(), Instant::now())),
        }
    }

    /// Marks the start of fold `fold`.
    pub fn begin(&self, fold: usize) {
        let line = self.all.add(ProgressBar::no_length());
        line.set_style(style("  {msg}"));
        line.set_message(format!("fold {fold}: beginning"));
        self.state().0.insert(fold, (line, None));
    }

    /// A fold starts again, with `steps` further steps.
    pub fn more(&self, steps: u64) {
        self.whole.inc_length(steps);
    }

    /// A fold has completed a step.
    pub fn step(&self, p: &FoldProgress) {
        let (active, last_line) = &mut *self.state();
        if let Some((line, validation)) = active.get_mut(&p.fold) {
            *validation = p.row.map(|row| row.val_accuracy).or(*validation);
            line.inc(1);
            line.set_message(describe(p, line.per_sec(), *validation));
        }
        self.whole.inc(1);
        let steps = self.whole.length().unwrap_or(0);
        let left = steps.saturating_sub(self.whole.position()) as f64 / self.whole.per_sec();
        let left = time_left(left);
        self.whole.set_message(format!("{left} left"));
        if self.all.is_hidden() && last_line.elapsed() > LINE_EVERY {
            *last_line = Instant::now();
            let folds = active.values().map(|(line, _)| line.message());
            eprintln!(
                "Training {}: {:.0}% done, {left} left; {}",
                counted(self.folds, "fold"),
                100.0 * self.whole.position() as f64 / steps.max(1) as f64,
                folds.collect::<Vec<_>>().join("; ")
            );
        }
    }

    /// Marks the end of fold `fold`.
    pub fn end(&self, fold: usize) {
        if let Some((line, _)) = self.state().0.remove(&fold) {
            line.finish_and_clear();
            self.all.remove(&line);
        }
    }

    /// Prints a line above the bars.
    pub fn line(&self, text: &str) {
        self.all.suspend(|| eprintln!("{text}"));
    }

    fn state(&self) -> MutexGuard<'_, (Active, Instant)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.all.clear();
    }
}

/// `fold 3: step 120/280, loss 0.532, validation 87.1%, 412 images/s, 42 s left`.
fn describe(p: &FoldProgress, steps_per_second: f64, validation: Option<f64>) -> String {
    let loss = p
        .loss
        .map_or(String::new(), |loss| format!(" loss {loss:.3},"));
    let validation =
        validation.map_or(String::new(), |v| format!(" validation {:.1}%,", 100.0 * v));
    format!(
        "fold {}: step {}/{},{loss}{validation} {:.0} images/s, {} left",
        p.fold,
        p.step,
        p.steps,
        steps_per_second * p.batch_size as f64,
        time_left((p.steps - p.step) as f64 / steps_per_second)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(fold: usize, step: u64, steps: u64) -> FoldProgress {
        FoldProgress {
            fold,
            step,
            steps,
            batch_size: 32,
            loss: Some(0.5321),
            row: None,
        }
    }

    #[test]
    fn a_line_has_step_loss_validation_speed_and_time_left() {
        let progress = progress(3, 120, 280);
        assert_eq!(
            describe(&progress, 10.0, Some(0.871)),
            "fold 3: step 120/280, loss 0.532, validation 87.1%, 320 images/s, 16 s left"
        );
        assert_eq!(
            describe(&progress, 0.5, None),
            "fold 3: step 120/280, loss 0.532, 16 images/s, 5 min 20 s left"
        );
    }

    #[test]
    fn folds_side_by_side_count_into_one_whole() {
        let board = Board::new(2, 20);
        std::thread::scope(|scope| {
            for fold in 0..2 {
                let board = &board;
                scope.spawn(move || {
                    board.begin(fold);
                    (1..=10).for_each(|step| board.step(&progress(fold, step, 10)));
                    board.end(fold);
                });
            }
        });
        assert_eq!((board.whole.position(), board.state().0.len()), (20, 0));
    }
}
