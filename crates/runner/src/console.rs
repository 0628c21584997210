//! Bars on a terminal, plain lines elsewhere; all on standard error, so that standard output holds results only.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::interrupt;

/// Seconds between plain lines.
pub(crate) const LINE_EVERY: Duration = Duration::from_secs(15);

/// Says something that outlives the bar.
pub(crate) fn say(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// `1 fold`, `3 folds`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `42 s`, `3 min 10 s`, `2 h 05 min`: how long something will still take.
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

/// Progress of one piece of work.
pub(crate) struct Bar {
    bar: ProgressBar,
    what: String,
    last_line: Mutex<Instant>,
}

impl Bar {
    /// A bar of `total` parts.
    pub fn new(what: &str, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{prefix:24} {wide_bar} {pos}/{len} {eta:>5} {msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        Self {
            bar,
            what: what.to_owned(),
            last_line: Mutex::new(Instant::now()),
        }
    }

    /// Shows that `done` of `total` parts are done.
    pub fn set(&self, done: u64, total: u64, message: &str) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(message.to_owned());
        let Ok(mut last) = self.last_line.lock() else {
            return;
        };
        if self.bar.is_hidden() && last.elapsed() > LINE_EVERY {
            *last = Instant::now();
            say(format!(
                "{}: {done}/{total}, about {:.0} s left {message}",
                self.what,
                self.bar.eta().as_secs_f64()
            ));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Bars of the steps of long work, one at a time.
#[derive(Default)]
pub(crate) struct Steps(Mutex<Option<Bar>>);

impl Steps {
    /// Shows that `done` of `of` parts of `step` are done; `false` once the user asks to stop.
    pub fn show(&self, step: &str, done: usize, of: usize) -> bool {
        if let Ok(mut shown) = self.0.lock() {
            let bar = shown.take().filter(|bar| bar.what == step);
            let bar = bar.unwrap_or_else(|| Bar::new(step, of as u64));
            bar.set(done as u64, of as u64, "");
            *shown = Some(bar);
        }
        !interrupt::stopped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_say_them() {
        let said = [0.4, 59.2, 60.0, 191.0, 7500.0, f64::INFINITY].map(time_left);
        assert_eq!(
            said,
            [
                "0 s",
                "59 s",
                "1 min 00 s",
                "3 min 11 s",
                "2 h 05 min",
                "unknown time"
            ]
        );
    }
}
