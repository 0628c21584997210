//! The checkpoints of a folder, and the choice between them.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use faus_data::normalise::Normalisation;
use faus_data::{Prepared, Split};
use faus_model::{Architecture, Checkpoint};
use serde::{Deserialize, Serialize};
use tch::Device;

use crate::error::Error;
use crate::score::confusion::Scores;
use crate::score::predictions::evaluate;
use crate::workers::Workers;

/// A checkpoint and its accuracies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Training steps so far.
    pub step: u64,
    /// Accuracy on the validation part.
    pub val_accuracy: f64,
    /// Accuracy on the test part; must not be used to choose.
    pub test_accuracy: f64,
}

impl Candidate {
    /// The one with the highest validation accuracy, the first on ties: the authors' rule.
    pub fn best_on_validation(all: &[Self]) -> Option<&Self> {
        let all = all.iter().rev();
        all.max_by(|a, b| a.val_accuracy.total_cmp(&b.val_accuracy))
    }

    /// The highest test accuracy any of them reached: optimistic, since the test part chose it.
    pub fn optimistic_test_accuracy(all: &[Self]) -> f64 {
        all.iter().map(|c| c.test_accuracy).fold(0.0, f64::max)
    }
}

/// The outcome of [`select`].
#[derive(Debug, Clone)]
pub struct Selection {
    /// All checkpoints of the folder, by step.
    pub candidates: Vec<Candidate>,
    /// The chosen one.
    pub best: Candidate,
}

/// Path of the checkpoint of step `step` in `folder`.
pub(crate) fn checkpoint_path(folder: &Path, step: u64) -> PathBuf {
    folder.join(format!("step-{step:06}.safetensors"))
}

/// The checkpoints `step-NNNNNN.safetensors` of a folder, by step.
///
/// # Errors
/// When the folder cannot be read.
pub fn list_checkpoints(folder: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(Error::file(folder))?;
    let step = |name: &str| {
        let step = name.strip_prefix("step-")?;
        step.strip_suffix(".safetensors")?.parse().ok()
    };
    let named = |entry: DirEntry| Some((step(entry.file_name().to_str()?)?, entry.path()));
    let mut found: Vec<_> = entries.into_iter().filter_map(named).collect();
    found.sort();
    Ok(found)
}

/// Tests every checkpoint of `folder` and picks the best on validation (the authors' checkpoint checker).
///
/// # Errors
/// When there is no checkpoint, or one does not fit the data set.
pub fn select(
    folder: &Path,
    architecture: &dyn Architecture,
    prepared: &Prepared,
    split: &Split,
    device: Device,
    workers: &Workers,
) -> Result<Selection, Error> {
    let mut candidates = Vec::new();
    for (step, path) in list_checkpoints(folder)? {
        let checkpoint = Checkpoint::load(&path)?;
        let network = checkpoint.network(architecture, device)?;
        let normalisation = normalisation_of(&checkpoint, &path)?;
        let accuracy = |rows: &[usize]| {
            let predictions = evaluate(&network, prepared, rows, &normalisation, workers)?;
            Ok::<_, Error>(Scores::count(&predictions).accuracy())
        };
        candidates.push(Candidate {
            step,
            val_accuracy: accuracy(&split.validation)?,
            test_accuracy: accuracy(&split.test)?,
        });
    }
    let best = Candidate::best_on_validation(&candidates).copied();
    let best = best.ok_or_else(|| Error::NoCheckpoints(folder.to_path_buf()))?;
    Ok(Selection { candidates, best })
}

/// The normalisation a checkpoint's inputs need.
///
/// # Errors
/// When its metadata names an unknown one.
pub fn normalisation_of(checkpoint: &Checkpoint, path: &Path) -> Result<Normalisation, Error> {
    let unknown = |e| Error::file(path)(format!("unknown normalisation: {e}"));
    serde_json::from_value(checkpoint.info.normalisation.clone()).map_err(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_is_best() {
        let candidate = |step, val_accuracy, test_accuracy| Candidate {
            step,
            val_accuracy,
            test_accuracy,
        };
        let all = [
            candidate(10, 0.5, 0.9),
            candidate(20, 0.8, 0.6),
            candidate(30, 0.8, 0.7),
        ];
        assert_eq!(Candidate::best_on_validation(&all).unwrap().step, 20);
        assert_eq!(Candidate::optimistic_test_accuracy(&all), 0.9);
        assert!(Candidate::best_on_validation(&[]).is_none());
    }
}
