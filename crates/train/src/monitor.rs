use std::sync::atomic::AtomicBool;

use crate::MetricsRow;

/// How far a fold is, after each step.
#[derive(Debug, Clone, Copy)]
pub struct FoldProgress {
    /// The fold.
    pub fold: usize,
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Images learned from in each step.
    pub batch_size: usize,
    /// Loss of the newest step whose loss is known: on the CPU the last one, on a GPU one of up to 50 steps before.
    pub loss: Option<f64>,
    /// The row just written, after a validation.
    pub row: Option<MetricsRow>,
}

/// Watches and stops a fold.
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    /// Set by someone else to stop after the step under way.
    pub cancelled: &'a AtomicBool,
    /// Called after each step.
    pub progress: &'a (dyn Fn(FoldProgress) + Sync),
}

impl std::fmt::Debug for Monitor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor")
            .field("cancelled", self.cancelled)
            .finish_non_exhaustive()
    }
}
