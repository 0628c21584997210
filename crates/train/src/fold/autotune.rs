//! Serialises cuDNN autotuning, which must run alone on a GPU.

use std::sync::{PoisonError, RwLock};

use tch::{Cuda, Device};

use crate::error::Error;

/// Held for writing by work that autotunes, for reading by all other.
static GPU: RwLock<()> = RwLock::new(());

/// The kinds of work of a fold. Each autotunes for itself, since its batches have shapes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Step,
    Validation,
    Test,
}

/// Runs a fold's work on a GPU, the first of each kind alone.
///
/// With [`Precision::set_up`](faus_model::Precision::set_up) cuDNN times its algorithms at each new shape and keeps the
/// fastest for the thread, so to the fold's end. Another fold's work at the same time would distort the timing, and a slow
/// algorithm would stay.
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

    /// Runs `f`, which is `work`; on the CPU at once.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn run<T>(&mut self, work: Work, f: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let Device::Cuda(index) = self.device else {
            return f();
        };
        // The lock guards no data, so a panic that poisoned it does no harm.
        if self.tuned.contains(&work) {
            let _beside_others = GPU.read().unwrap_or_else(PoisonError::into_inner);
            return f();
        }
        let _alone = GPU.write().unwrap_or_else(PoisonError::into_inner);
        // Work queued by others ends first, and ours ends before theirs goes on.
        Cuda::synchronize(index as i64);
        let done = f()?;
        Cuda::synchronize(index as i64);
        self.tuned.push(work);
        Ok(done)
    }
}
