//! Serialises cuDNN autotuning, which must run alone on a GPU.

use std::sync::{PoisonError, RwLock};

use tch::{Cuda, Device};

use crate::error::Error;

/// Held for writing by work that autotunes, for reading by all other work.
static GPU: RwLock<()> = RwLock::new(());

/// The kinds of work of a fold. Each autotunes separately, since its batches have different shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Step,
    Validation,
    Test,
}

/// Runs a fold's work on a GPU; the first of each kind runs exclusively.
///
/// With [`Precision::set_up`](faus_model::Precision::set_up) cuDNN times its algorithms at each new shape and keeps the
/// fastest for the thread, hence until the fold ends. Another fold's work at the same time would distort the timing,
/// and a slow algorithm would be kept.
#[derive(Debug)]
pub(crate) struct Autotune {
    device: Device,
    tuned: Vec<Work>,
}

impl Autotune {
    pub fn new(device: Device) -> Self {
        Self {
            device,
            tuned: vec![],
        }
    }

    /// Runs `f`, which is `work`; immediately on the CPU.
    ///
    /// # Errors
    /// Errors from `f`.
    pub fn run<T>(&mut self, work: Work, f: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let Device::Cuda(index) = self.device else {
            return f();
        };
        // The lock guards no data, so poisoning by a panic is harmless.
        if self.tuned.contains(&work) {
            let _beside_others = GPU.read().unwrap_or_else(PoisonError::into_inner);
            return f();
        }
        let _alone = GPU.write().unwrap_or_else(PoisonError::into_inner);
        // Other threads' queued work ends first, and ours ends before theirs continues.
        Cuda::synchronize(index as i64);
        let done = f()?;
        Cuda::synchronize(index as i64);
        self.tuned.push(work);
        Ok(done)
    }
}
