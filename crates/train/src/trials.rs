//! Whose turn it is on a GPU: cuDNN's trials want it for themselves.

use std::sync::{PoisonError, RwLock};

use tch::{Cuda, Device};

use crate::Error;

/// Written to by work that makes trials, read by all other.
static GPU: RwLock<()> = RwLock::new(());

/// What a fold has cuDNN compute; each makes trials of its own, as its batches have shapes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Step,
    Validation,
    Test,
}

/// Runs a fold's work on a GPU, the first of each kind alone.
///
/// With [`Precision::set_up`](faus_model::Precision::set_up) cuDNN times its algorithms at each new shape and keeps the
/// fastest for the thread, so to the fold's end. Another fold's work in between would be timed with it, and a slow algorithm
/// kept.
#[derive(Debug)]
pub(crate) struct Trials {
    device: Device,
    tried: Vec<Work>,
}

impl Trials {
    pub fn new(device: Device) -> Self {
        Self {
            device,
            tried: vec![],
        }
    }

    /// Runs `f`, which is `work`; on the CPU at once.
    ///
    /// # Errors
    /// What `f` returns.
    pub fn run<T>(&mut self, work: Work, f: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let Device::Cuda(index) = self.device else {
            return f();
        };
        // The lock guards no data, so one that a panic left poisoned is as good as any.
        if self.tried.contains(&work) {
            let _beside_others = GPU.read().unwrap_or_else(PoisonError::into_inner);
            return f();
        }
        let _alone = GPU.write().unwrap_or_else(PoisonError::into_inner);
        // What others have queued is finished first, and what is queued here before they go on.
        Cuda::synchronize(index as i64);
        let done = f()?;
        Cuda::synchronize(index as i64);
        self.tried.push(work);
        Ok(done)
    }
}
