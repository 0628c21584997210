//! Bars on a terminal, plain lines elsewhere; all on standard error, so that standard output holds results only.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Seconds between plain lines.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Says something that outlives the bar.
pub(crate) fn say(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// `1 fold`, `3 folds`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Progress of one piece of work.
pub(crate) struct Bar {
    bar: ProgressBar,
    what: String,
    last_line: std::sync::Mutex<Instant>,
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
            last_line: std::sync::Mutex::new(Instant::now()),
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

    /// Prints a line above the bar.
    pub fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            say(text);
        } else {
            self.bar.println(text);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
