//! Messages and progress bars, on standard error: standard output carries results only.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::interrupt;

/// Time between progress lines without a terminal.
pub(crate) const LINE_EVERY: Duration = Duration::from_secs(15);

/// Whether standard output took less than it was given, as on a full disk.
static INCOMPLETE: AtomicBool = AtomicBool::new(false);

/// `println!` without a panic: a reader that stops early (`| head`) wants no more, any other failure makes the exit code 1.
pub(crate) fn to_stdout(text: Arguments, end: &str) {
    let written = io::stdout().lock().write_fmt(format_args!("{text}{end}"));
    let Err(error) = written else { return };
    if error.kind() != ErrorKind::BrokenPipe && !INCOMPLETE.swap(true, Ordering::Relaxed) {
        eprintln!("error: standard output: {error}");
    }
}

/// Whether all results reached standard output, or its reader stopped.
pub(crate) fn is_complete() -> bool {
    let flushed = io::stdout().flush();
    let failed = flushed.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe);
    !failed && !INCOMPLETE.load(Ordering::Relaxed)
}

/// `eprintln!` without a panic: messages that nobody reads must not stop the work.
pub(crate) fn to_stderr(text: Arguments) {
    let _ = io::stderr().lock().write_fmt(format_args!("{text}\n"));
}

/// Prints a line above the bar.
pub(crate) fn say(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// `42 s`, `3 min 10 s`, `2 h 05 min`.
pub(crate) fn time_left(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown time".to_owned();
    }
    let seconds = seconds.round() as u64;
    match seconds {
        0 => "under 1 s".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A style; a template that indicatif rejects leaves its default.
pub(crate) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Reports how many parts of how many are done; `false` stops the work, as after Ctrl-C.
pub(crate) type Report<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);

/// Runs `work` under a progress bar.
pub(crate) fn with_bar<R>(what: &str, work: impl FnOnce(Report) -> R) -> R {
    let steps = Steps::default();
    work(&|done, total| steps.show(what, done, total))
}

/// Prints the sentences of a result, preceded by notes for drawn faces and for codes that a program estimated.
pub(crate) fn print_verdict(synthetic: bool, machine_coded: bool, sentences: &[String]) {
    if synthetic {
        eprintln!("Synthetic faces:");
    }
    if machine_coded {
        eprintln!("Machine-coded: action units estimated by a program, not judged by FACS coders.");
    }
    sentences.iter().for_each(|line| eprintln!("  {line}"));
}

/// Progress of long work in steps, a bar for each; the last disappears when dropped.
#[derive(Default)]
pub(crate) struct Steps(Mutex<Option<(ProgressBar, Instant)>>);

impl Steps {
    /// Shows that `done` of `of` parts of `step` are done; `false` after Ctrl-C.
    pub fn show(&self, step: &str, done: usize, of: usize) -> bool {
        let Ok(mut shown) = self.0.lock() else {
            return false;
        };
        shown.take_if(|(bar, _)| bar.prefix() != step);
        let (bar, last_line) = shown.get_or_insert_with(|| (bar(step), Instant::now()));
        bar.set_length(of as u64);
        bar.set_position(done as u64);
        if bar.is_hidden() && last_line.elapsed() > LINE_EVERY {
            *last_line = Instant::now();
            let left = time_left(bar.eta().as_secs_f64());
            let left = (done > 0).then(|| format!(", {left} left"));
            eprintln!("{step}: {done}/{of}{}", left.unwrap_or_default());
        }
        !interrupt::stopped()
    }
}

/// A bar that disappears when dropped.
fn bar(step: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
    bar.set_style(style("{prefix:24} {wide_bar} {pos}/{len} {eta:>5}"));
    let bar = bar.with_finish(ProgressFinish::AndClear);
    bar.with_prefix(step.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_words() {
        let words = [0.4, 59.2, 60.0, 191.0, 7500.0, f64::INFINITY].map(time_left);
        let expected = [
            "under 1 s",
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
