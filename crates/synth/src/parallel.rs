//! Drawing on all threads, with progress.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::error::Error;

/// `draw(item)` of every item, in the items' order; stops when `progress(done, total)` returns `false`.
pub(crate) fn draw_all<T: Sync, R: Send>(
    items: &[T],
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
    draw: impl Fn(&T) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    let (total, finished) = (items.len(), AtomicUsize::new(0));
    let step = |item| {
        let drawn = draw(item)?;
        let done = finished.fetch_add(1, Ordering::Relaxed) + 1;
        match progress(done, total) {
            true => Ok(drawn),
            false => Err(Error::Cancelled { done, total }),
        }
    };
    items.par_iter().map(step).collect()
}
