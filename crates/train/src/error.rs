//! Errors of training and evaluation.

use std::path::{Path, PathBuf};

/// An error of training or evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An invalid recipe.
    #[error("{field} is {value}: {reason}")]
    Recipe {
        /// The recipe's field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The reason, and the valid values.
        reason: &'static str,
    },
    /// The network or a checkpoint failed.
    #[error(transparent)]
    Model(#[from] faus_model::Error),
    /// The data set failed.
    #[error(transparent)]
    Data(#[from] faus_data::Error),
    /// The loss is NaN or infinite.
    #[error(
        "fold {fold} diverged at step {step}: the loss is {loss}; checkpoints written before it are kept; lower the learning rate (--set train.learning_rate=…)"
    )]
    Diverged {
        /// The fold.
        fold: usize,
        /// The step of this loss.
        step: u64,
        /// NaN or infinite.
        loss: f64,
    },
    /// The loss is finite, but has been far too high to learn from for too long.
    #[error(
        "fold {fold} diverged at step {step}: the training loss is {loss:.3e}, and has been above {bound:.1}, twenty times that of guessing, for a hundred steps or more; checkpoints written before it are kept; lower the learning rate (--set train.learning_rate=…)"
    )]
    Exploded {
        /// The fold.
        fold: usize,
        /// The step at which it was stopped.
        step: u64,
        /// Mean training loss since the previous validation.
        loss: f64,
        /// Its bound.
        bound: f64,
    },
    /// Training does not fit into memory.
    #[error(
        "train.batch_size is {batch_size}: a fold needs about {needed:.1} GB of memory, {free:.1} GB are free; {way_out}"
    )]
    Memory {
        /// Images in a batch.
        batch_size: u64,
        /// Gigabytes for a fold and the threads.
        needed: f64,
        /// Gigabytes that are free.
        free: f64,
        /// A size that fits.
        way_out: String,
    },
    /// Runs of different tasks.
    #[error("{first} and {other} differ in their {what}: their accuracies can't be compared")]
    Incomparable {
        /// Folder of the first run.
        first: PathBuf,
        /// Folder of the other.
        other: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The checkpoint's classes or image size are not the data set's.
    #[error(
        "the checkpoint and the data set do not belong together: {what} is {checkpoint} in the checkpoint, {dataset} in the data set"
    )]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// The checkpoint's.
        checkpoint: String,
        /// The data set's.
        dataset: String,
    },
    /// A part of the split has no images.
    #[error(
        "fold {fold} has no images to {purpose}; use other folds (--set data.folds=…) or more subjects; paper-2017 needs three folds at least"
    )]
    EmptySplit {
        /// The fold.
        fold: usize,
        /// train on, validate on, test on.
        purpose: &'static str,
    },
    /// A class that is tested has no image to train on.
    #[error(
        "fold {fold} has no image of {classes} to train on; use more subjects, other folds (--set data.fold_rule=balanced, --set data.folds=…), or leave the class out (--set data.classes=…)"
    )]
    UnseenClass {
        /// The fold.
        fold: usize,
        /// Names of the classes.
        classes: String,
    },
    /// A folder without checkpoints.
    #[error("{0}: no step-NNNNNN.safetensors in this folder")]
    NoCheckpoints(PathBuf),
    /// A fold cannot resume from its saved state.
    #[error("{path}: cannot resume: {reason}; delete the fold's folder to train it again")]
    Resume {
        /// The state file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The user stopped it.
    #[error("stopped on request; what was finished is kept, continue with --resume")]
    Cancelled,
    /// A file could not be read or written, or its content is wrong.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Threads could not be started, or ended early.
    #[error("{0}")]
    Threads(String),
}

impl Error {
    /// Whether it affects one fold only, so that the others can continue.
    pub fn is_of_one_fold(&self) -> bool {
        matches!(
            self,
            Self::Diverged { .. }
                | Self::Exploded { .. }
                | Self::EmptySplit { .. }
                | Self::UnseenClass { .. }
        )
    }

    /// The remedy if memory ran out; `None` for other errors.
    ///
    /// The messages of a full GPU: libtorch's own, the status of cuBLAS and cuDNN, and that no cuDNN algorithm
    /// ("engine") has enough work space.
    pub fn out_of_memory(&self) -> Option<&'static str> {
        let text = self.to_string();
        let words = ["out of memory", "ALLOC_FAILED", "unable to find an engine"];
        words.iter().any(|word| text.contains(word)).then_some(
            "let fewer folds train at once (faus run --parallel-folds 1) or use smaller batches",
        )
    }

    /// The error of this file, from its reason.
    pub(crate) fn file<R: ToString>(path: &Path) -> impl Fn(R) -> Self {
        move |reason| Self::File {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }
}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        Self::Model(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gpu_is_told_from_other_errors() {
        let error = |text: &str| Error::Threads(text.to_owned());
        for full in [
            "CUDA out of memory. Tried to allocate 2.00 GiB",
            "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)",
            "GET was unable to find an engine to execute this computation",
        ] {
            assert!(error(full).out_of_memory().is_some(), "{full}");
        }
        assert_eq!(error("an illegal memory access").out_of_memory(), None);
    }
}
