//! How far a training is: the whole job and each fold under way. Lines that move on a terminal, plain ones elsewhere.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use faus_train::FoldProgress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::{LINE_EVERY, counted, say, time_left};

/// Seconds after which a speed counts half (our choice: long against a validation, short against a coffee).
const HALF_LIFE: f64 = 20.0;

/// Something's speed as of late.
struct Rate {
    since: Instant,
    done: f64,
    seconds: f64,
}

impl Rate {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            done: 0.0,
            seconds: 0.0,
        }
    }

    /// `done` more has been done since the last call.
    fn add(&mut self, done: f64) {
        let seconds = self.since.elapsed().as_secs_f64();
        self.since = Instant::now();
        self.put(done, seconds);
    }

    fn put(&mut self, done: f64, seconds: f64) {
        let kept = 0.5f64.powf(seconds / HALF_LIFE);
        self.done = self.done * kept + done;
        self.seconds = self.seconds * kept + seconds;
    }

    fn per_second(&self) -> f64 {
        self.done / self.seconds.max(1e-9)
    }
}

/// A fold under way.
struct Active {
    line: ProgressBar,
    rate: Rate,
    validation: Option<f64>,
    /// What its line says.
    text: String,
}

struct State {
    active: BTreeMap<usize, Active>,
    /// Steps of the whole job.
    rate: Rate,
    done: u64,
    last_line: Instant,
}

/// The board that all folds of a training write on.
pub(crate) struct Board {
    all: MultiProgress,
    whole: ProgressBar,
    /// Steps of all folds that are left to do.
    steps: u64,
    folds: usize,
    state: Mutex<State>,
}

impl Board {
    /// A board for `folds` folds that have `steps` steps left in all.
    pub fn new(folds: usize, steps: u64) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let whole = all.add(ProgressBar::new(steps));
        if let Ok(style) =
            ProgressStyle::with_template("{prefix:24} {wide_bar} {percent:>3}% {msg}")
        {
            whole.set_style(style);
        }
        whole.set_prefix(format!("Training {}", counted(folds, "fold")));
        let state = State {
            active: BTreeMap::new(),
            rate: Rate::new(),
            done: 0,
            last_line: Instant::now(),
        };
        Self {
            all,
            whole,
            steps,
            folds,
            state: Mutex::new(state),
        }
    }

    /// Fold `fold` begins.
    pub fn begin(&self, fold: usize) {
        let line = self.all.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {msg}") {
            line.set_style(style);
        }
        let text = format!("fold {fold}: beginning");
        line.set_message(text.clone());
        let active = Active {
            line,
            rate: Rate::new(),
            validation: None,
            text,
        };
        self.state().active.insert(fold, active);
    }

    /// A fold has done a step.
    pub fn step(&self, p: &FoldProgress) {
        let mut state = self.state();
        state.done += 1;
        state.rate.add(1.0);
        let left = self.steps.saturating_sub(state.done) as f64 / state.rate.per_second();
        if let Some(active) = state.active.get_mut(&p.fold) {
            active.rate.add(1.0);
            active.validation = p.row.map(|row| row.val_accuracy).or(active.validation);
            active.text = describe(p, active.rate.per_second(), active.validation);
            active.line.set_message(active.text.clone());
        }
        let left = time_left(left);
        self.whole.set_position(state.done);
        self.whole.set_message(format!("{left} left"));
        if self.all.is_hidden() && state.last_line.elapsed() > LINE_EVERY {
            state.last_line = Instant::now();
            let folds: Vec<&str> = state.active.values().map(|a| a.text.as_str()).collect();
            say(format!(
                "Training {}: {:.0}% done, {left} left; {}",
                counted(self.folds, "fold"),
                100.0 * state.done as f64 / self.steps.max(1) as f64,
                folds.join("; ")
            ));
        }
    }

    /// Fold `fold` is under way no more.
    pub fn end(&self, fold: usize) {
        if let Some(active) = self.state().active.remove(&fold) {
            active.line.finish_and_clear();
            self.all.remove(&active.line);
        }
    }

    /// Prints a line above what moves.
    pub fn line(&self, text: &str) {
        if self.all.is_hidden() {
            say(text);
        } else {
            // A terminal that refuses a line refuses the next as well.
            let _ = self.all.println(text);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
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
    let validation =
        validation.map_or(String::new(), |v| format!(" validation {:.1}%,", 100.0 * v));
    let loss = p
        .loss
        .map_or(String::new(), |loss| format!(" loss {loss:.3},"));
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

    #[test]
    fn a_line_has_step_loss_validation_speed_and_time_left() {
        let progress = FoldProgress {
            fold: 3,
            step: 120,
            steps: 280,
            batch_size: 32,
            loss: Some(0.5321),
            row: None,
        };
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
    fn a_speed_follows_what_has_changed() {
        let mut rate = Rate::new();
        for _ in 0..100 {
            rate.put(10.0, 1.0);
        }
        assert!((rate.per_second() - 10.0).abs() < 1e-9);
        for _ in 0..100 {
            rate.put(2.0, 1.0);
        }
        assert!((rate.per_second() - 2.0).abs() < 0.5);
    }

    #[test]
    fn folds_side_by_side_count_into_one_whole() {
        let board = Board::new(2, 20);
        std::thread::scope(|scope| {
            for fold in 0..2 {
                let board = &board;
                scope.spawn(move || {
                    board.begin(fold);
                    for step in 1..=10 {
                        board.step(&FoldProgress {
                            fold,
                            step,
                            steps: 10,
                            batch_size: 1,
                            loss: Some(1.0),
                            row: None,
                        });
                    }
                    board.end(fold);
                });
            }
        });
        let state = board.state();
        assert_eq!((state.done, state.active.len()), (20, 0));
    }
}
