//! How long work tells how far it is, and is stopped.

use crate::Error;

/// Receives `(done, of)` now and then; `false` stops the work.
pub type Observer<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);

/// Watches long work; the default watches nothing.
#[derive(Clone, Copy, Default)]
pub struct Watch<'a> {
    /// Who is told.
    pub observer: Option<Observer<'a>>,
}

impl Watch<'_> {
    /// # Errors
    /// [`Error::Cancelled`] if the observer wants no more.
    pub(crate) fn step(&self, done: usize, of: usize) -> Result<(), Error> {
        match self.observer {
            Some(observer) if !observer(done, of) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }
}
