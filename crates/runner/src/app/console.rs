//! Messages and progress bars, on standard error: standard output carries results only.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::interrupt;

/// Time between progress lines where there is no terminal.
pub(crate) const LINE_EVERY: Duration = Duration::from_secs(15);

/// Prints a line that outlives the bar.
pub(crate) fn say(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// `1 fold`, `3 folds`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `42 s`, `3 min 10 s`, `2 h 05 min`.
pub(crate) fn time_left(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown time".to_owned();
    }
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A style; a template that indicatif rejects leaves its default.
pub(crate) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Runs `work` under a progress bar. `work` reports how many parts of how many are done, and stops when that returns
/// `false`, which it does after Ctrl-C.
pub(crate) fn with_bar<R>(
    what: &str,
    work: impl FnOnce(&(dyn Fn(usize, usize) -> bool + Sync)) -> R,
) -> R {
    let steps = Steps::default();
    work(&|done, total| steps.show(what, done, total))
}

/// Prints the sentences of a result, after a line if it is about drawn faces.
pub(crate) fn print_verdict(synthetic: bool, sentences: &[String]) {
    if synthetic {
        say("Synthetic faces:");
    }
    sentences
        .iter()
        .for_each(|sentence| say(format!("  {sentence}")));
}

/// Progress of long work in steps, a bar for each.
#[derive(Default)]
pub(crate) struct Steps(Mutex<Option<Bar>>);

impl Steps {
    /// Shows that `done` of `of` parts of `step` are done; `false` after Ctrl-C.
    pub fn show(&self, step: &str, done: usize, of: usize) -> bool {
        if let Ok(mut shown) = self.0.lock() {
            let bar = shown.take().filter(|bar| bar.what == step);
            let bar = bar.unwrap_or_else(|| Bar::new(step));
            bar.set(done, of);
            *shown = Some(bar);
        }
        !interrupt::stopped()
    }
}

/// Progress of one piece of work; the bar disappears when dropped.
struct Bar {
    bar: ProgressBar,
    what: String,
    last_line: Mutex<Instant>,
}

impl Bar {
    fn new(what: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
        bar.set_style(style("{prefix:24} {wide_bar} {pos}/{len} {eta:>5}"));
        bar.set_prefix(what.to_owned());
        Self {
            bar,
            what: what.to_owned(),
            last_line: Mutex::new(Instant::now()),
        }
    }

    /// Shows that `done` of `total` parts are done.
    fn set(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        let Ok(mut last) = self.last_line.lock() else {
            return;
        };
        if self.bar.is_hidden() && last.elapsed() > LINE_EVERY {
            *last = Instant::now();
            let left = time_left(self.bar.eta().as_secs_f64());
            say(format!("{}: {done}/{total}, about {left} left", self.what));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_words() {
        let words = [0.4, 59.2, 60.0, 191.0, 7500.0, f64::INFINITY].map(time_left);
        let expected = [
            "0 s",
            "59 s",
            "1 min 00 s",
            "3 min 11 s",
            "2 h 05 min",
            "unknown time",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn work_under_a_bar_returns_its_result() {
        let result = with_bar("Counting", |progress| (1..4).all(|done| progress(done, 3)));
        assert!(result, "nobody asked it to stop");
    }
}
