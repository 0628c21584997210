//! Progress and cancellation of long computations.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Error;

/// Receives `(done, of)` now and then; `false` stops the work.
pub type Observer<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);

/// Observes long work; the default ignores it.
#[derive(Clone, Copy, Default)]
pub struct Watch<'a> {
    /// Receives the progress.
    pub observer: Option<Observer<'a>>,
}

impl Watch<'_> {
    /// # Errors
    /// [`Error::Cancelled`] when the observer stops the work.
    pub(crate) fn step(&self, done: usize, of: usize) -> Result<(), Error> {
        match self.observer {
            Some(observer) if !observer(done, of) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }

    /// [`step`](Self::step) from parallel work: one more of `of` begins.
    pub(crate) fn next(&self, begun: &AtomicUsize, of: usize) -> Result<(), Error> {
        self.step(begun.fetch_add(1, Ordering::Relaxed), of)
    }
}
