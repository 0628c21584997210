//! Progress and cancellation of a fold.

use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

/// A row of `metrics.csv`: the training since the previous row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    /// Training steps done.
    pub step: u64,
    /// Mean cross-entropy of the training batches since the last row (dropout and augmentation on).
    pub train_loss: f64,
    /// Share of their images classified correctly.
    pub train_accuracy: f64,
    /// Accuracy on the validation part after this step.
    pub val_accuracy: f64,
    /// Training images per second since the last row, validation left out.
    pub images_per_second: f64,
}

/// Progress of a fold after each step.
#[derive(Debug, Clone, Copy)]
pub struct FoldProgress {
    /// The fold.
    pub fold: usize,
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Images in each step.
    pub batch_size: usize,
    /// Loss of the newest step whose loss is known: on the CPU the last one, on a GPU one of up to 50 steps before.
    pub loss: Option<f64>,
    /// The row just written, after a validation.
    pub row: Option<MetricsRow>,
}

/// Observes and cancels a fold.
#[derive(Clone, Copy)]
pub struct Monitor<'a> {
    /// Set by another thread to stop after the current step.
    pub cancelled: &'a AtomicBool,
    /// Called after each step.
    pub progress: &'a (dyn Fn(FoldProgress) + Sync),
}
