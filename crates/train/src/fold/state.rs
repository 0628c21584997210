//! The state of a stopped fold, from which it resumes exactly.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use faus_model::{Checkpoint, Network, read_tensors, write_tensors};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fold::job::FoldJob;
use crate::fold::optimizer::Optimizer;
use crate::recipe::settings::Recipe;
use crate::score::checkpoints::{Candidate, checkpoint_path, list_checkpoints};

/// Key of the metadata that holds [`Saved`].
const KEY: &str = "faus_state";

/// Everything but tensors. Random numbers are keyed by seed, fold and step, so these make up the random state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub step: u64,
    pub seed: u64,
    pub fold: usize,
    pub recipe: Recipe,
    /// See [`split_digest`](crate::split_digest): a state from a different preparation or different folds must not be
    /// resumed.
    pub split_digest: String,
    pub candidates: Vec<Candidate>,
    pub seconds: f64,
}

impl Saved {
    /// The state before the first step.
    pub fn fresh(job: &FoldJob, split_digest: String) -> Self {
        Self {
            seed: job.seed,
            fold: job.fold,
            recipe: (**job.recipe).clone(),
            split_digest,
            ..Self::default()
        }
    }
}

fn state_path(checkpoints: &Path, step: u64) -> PathBuf {
    checkpoints.join(format!("step-{step:06}.state"))
}

/// Writes the state beside the checkpoint of its step and removes older states.
pub(crate) fn save(checkpoints: &Path, saved: &Saved, optimizer: &Optimizer) -> Result<(), Error> {
    let path = state_path(checkpoints, saved.step);
    let text = serde_json::to_string(saved).map_err(Error::file(&path))?;
    let metadata = HashMap::from([(KEY.to_owned(), text)]);
    write_tensors(&optimizer.tensors(), metadata, &path)?;
    let all = list_checkpoints(checkpoints)?.into_iter();
    let mut earlier = all.filter(|(step, _)| *step < saved.step);
    earlier.try_for_each(|(step, _)| remove(&state_path(checkpoints, step)))
}

fn remove(path: &Path) -> Result<(), Error> {
    faus_base::file::remove(path).map_err(Error::file(path))
}

/// The step after which the fold in folder `dir` was stopped, if it was. [`FoldJob::resume`] continues there; without it the
/// fold starts again.
pub fn stopped_at(dir: &Path) -> Option<u64> {
    newest(&dir.join("checkpoints"))
}

/// The newest step that has a state.
fn newest(checkpoints: &Path) -> Option<u64> {
    let steps = list_checkpoints(checkpoints).ok()?;
    let mut steps = steps.into_iter().rev().map(|(step, _)| step);
    steps.find(|step| state_path(checkpoints, *step).exists())
}

/// Removes the state of a stopped fold from the folder of a finished one, in case the training was killed after it wrote its
/// result.
///
/// # Errors
/// When a write fails.
pub fn forget_stop(dir: &Path) -> Result<(), Error> {
    while let Some(step) = stopped_at(dir) {
        clear(&dir.join("checkpoints"), step)?;
    }
    Ok(())
}

/// Loads the newest state into `network` and `optimizer`; `None` if there is none.
///
/// `expected` is the fresh state of this job: a state of another recipe, seed or data set is an error, since the result
/// would belong to neither.
pub(crate) fn restore(
    checkpoints: &Path,
    expected: &Saved,
    network: &Network,
    optimizer: &mut Optimizer,
) -> Result<Option<Saved>, Error> {
    let Some(path) = newest(checkpoints).map(|step| state_path(checkpoints, step)) else {
        return Ok(None);
    };
    let refuse = |reason: String| Error::Resume {
        path: path.clone(),
        reason,
    };
    let (tensors, metadata) = read_tensors(&path)?;
    let text = metadata.get(KEY).map_or("", String::as_str);
    let damaged = |e| refuse(format!("it is damaged: {e}"));
    let saved: Saved = serde_json::from_str(text).map_err(damaged)?;
    let same = Saved {
        step: saved.step,
        candidates: saved.candidates.clone(),
        seconds: saved.seconds,
        ..expected.clone()
    };
    if saved != same {
        let reason = "it was written with another recipe, seed or data set";
        return Err(refuse(reason.to_owned()));
    }
    optimizer.restore(&tensors).map_err(refuse)?;
    let checkpoint = Checkpoint::load(&checkpoint_path(checkpoints, saved.step))?;
    let info = &checkpoint.info;
    if info.architecture != network.architecture() || info.drawn != *network.drawn() {
        return Err(refuse("it was written with another network".to_owned()));
    }
    checkpoint.copy_into(network)?;
    Ok(Some(saved))
}

/// Removes the checkpoints and states of an earlier training: a restarted fold must neither select nor resume from
/// them.
pub(crate) fn discard(checkpoints: &Path) -> Result<(), Error> {
    for (step, checkpoint) in list_checkpoints(checkpoints)? {
        clear(checkpoints, step)?;
        remove(&checkpoint)?;
    }
    Ok(())
}

/// Removes the state of `step`, and drafts left by a killed process.
pub(crate) fn clear(checkpoints: &Path, step: u64) -> Result<(), Error> {
    let entries = std::fs::read_dir(checkpoints).into_iter().flatten();
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(".step-") {
            // A leftover draft is harmless.
            std::fs::remove_file(entry.path()).ok();
        }
    }
    remove(&state_path(checkpoints, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_fold_keeps_its_checkpoints_and_no_state() {
        let dir = tempfile::tempdir().unwrap();
        let checkpoints = dir.path().join("checkpoints");
        std::fs::create_dir(&checkpoints).unwrap();
        for step in [10, 20] {
            std::fs::write(checkpoint_path(&checkpoints, step), []).unwrap();
            std::fs::write(state_path(&checkpoints, step), []).unwrap();
        }
        assert_eq!(stopped_at(dir.path()), Some(20));
        forget_stop(dir.path()).unwrap();
        assert_eq!(stopped_at(dir.path()), None);
        assert_eq!(list_checkpoints(&checkpoints).unwrap().len(), 2);
        forget_stop(&dir.path().join("none")).unwrap();
    }
}
