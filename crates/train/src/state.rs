//! What a stopped fold needs to go on as if it had never stopped.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use faus_model::{Checkpoint, Network, read_tensors, write_tensors};
use serde::{Deserialize, Serialize};

use crate::select::{checkpoint_path, list_checkpoints};
use crate::{Candidate, Error, Optimizer, Recipe};

/// Key of the metadata that holds [`Saved`].
const KEY: &str = "faus_state";

/// Everything but tensors. Random numbers are keyed by seed, fold and step, so these are the random state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub step: u64,
    pub seed: u64,
    pub fold: usize,
    pub recipe: Recipe,
    /// See [`split_digest`](crate::split_digest): another preparation or other folds must not be gone on with.
    pub split_digest: String,
    pub candidates: Vec<Candidate>,
    pub seconds: f64,
}

fn state_path(checkpoints: &Path, step: u64) -> PathBuf {
    checkpoints.join(format!("step-{step:06}.state"))
}

/// Writes the state beside the checkpoint of its step and drops older states, which nothing needs any more.
pub(crate) fn save(checkpoints: &Path, saved: &Saved, optimizer: &Optimizer) -> Result<(), Error> {
    let path = state_path(checkpoints, saved.step);
    let text = serde_json::to_string(saved).map_err(|e| Error::format(&path, e))?;
    write_tensors(
        &optimizer.tensors(),
        HashMap::from([(KEY.to_owned(), text)]),
        &path,
    )?;
    for (step, _) in list_checkpoints(checkpoints)?
        .into_iter()
        .filter(|(step, _)| *step < saved.step)
    {
        let old = state_path(checkpoints, step);
        if old.exists() {
            std::fs::remove_file(&old).map_err(Error::io(&old))?;
        }
    }
    Ok(())
}

/// The step after which the fold in folder `dir` was stopped, if it was: it can go on from there by
/// [`FoldJob::resume`](crate::FoldJob::resume), and starts again without.
pub fn stopped_at(dir: &Path) -> Option<u64> {
    let checkpoints = dir.join("checkpoints");
    let steps = list_checkpoints(&checkpoints).ok()?;
    let mut steps = steps.into_iter().rev().map(|(step, _)| step);
    steps.find(|step| state_path(&checkpoints, *step).exists())
}

/// Removes what only a stopped fold needs from the folder of a finished one: whoever was killed between its result and its
/// last act left it there.
///
/// # Errors
/// When the disk refuses.
pub fn forget_stop(dir: &Path) -> Result<(), Error> {
    while let Some(step) = stopped_at(dir) {
        clear(&dir.join("checkpoints"), step)?;
    }
    Ok(())
}

/// Takes the newest state into `network` and `optimizer`; `None` where there is none yet.
///
/// `expected` is this job's (step, candidates and seconds do not count): a state of another recipe, seed or data set is
/// an error, since going on from it would give a result that belongs to neither.
pub(crate) fn restore(
    checkpoints: &Path,
    expected: &Saved,
    network: &Network,
    optimizer: &mut Optimizer,
) -> Result<Option<Saved>, Error> {
    let steps = list_checkpoints(checkpoints).unwrap_or_default();
    let Some(path) = steps
        .iter()
        .rev()
        .map(|(step, _)| state_path(checkpoints, *step))
        .find(|p| p.exists())
    else {
        return Ok(None);
    };
    let refuse = |reason: String| Error::Resume {
        path: path.clone(),
        reason,
    };
    let (tensors, metadata) = read_tensors(&path)?;
    let text = metadata
        .get(KEY)
        .ok_or_else(|| refuse("it is no training state".to_owned()))?;
    let saved: Saved =
        serde_json::from_str(text).map_err(|e| refuse(format!("it is damaged: {e}")))?;
    let same = Saved {
        step: saved.step,
        candidates: saved.candidates.clone(),
        seconds: saved.seconds,
        ..expected.clone()
    };
    if saved != same {
        return Err(refuse(
            "it was written with another recipe, seed or data set".to_owned(),
        ));
    }
    optimizer.restore(&tensors).map_err(refuse)?;
    let checkpoint = Checkpoint::load(&checkpoint_path(checkpoints, saved.step))?;
    if checkpoint.info.architecture != network.architecture()
        || checkpoint.info.drawn != *network.drawn()
    {
        return Err(refuse("it was written with another network".to_owned()));
    }
    for (name, _) in network.parameters() {
        let values = checkpoint.tensors.get(&name);
        let values =
            values.ok_or_else(|| refuse(format!("its checkpoint has no tensor `{name}`")))?;
        network.set_parameter(&name, values)?;
    }
    Ok(Some(saved))
}

/// Removes the checkpoints and states of an earlier training: a fold that begins anew must not choose among them, nor
/// one that is stopped go on from them.
pub(crate) fn discard(checkpoints: &Path) -> Result<(), Error> {
    for (step, checkpoint) in list_checkpoints(checkpoints)? {
        clear(checkpoints, step)?;
        std::fs::remove_file(&checkpoint).map_err(Error::io(&checkpoint))?;
    }
    Ok(())
}

/// Removes what only a stopped fold needs, and drafts that a kill left behind.
pub(crate) fn clear(checkpoints: &Path, step: u64) -> Result<(), Error> {
    for entry in std::fs::read_dir(checkpoints)
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry.file_name().to_string_lossy().starts_with(".step-") {
            // One that stays does no harm.
            std::fs::remove_file(entry.path()).ok();
        }
    }
    let path = state_path(checkpoints, step);
    if path.exists() {
        std::fs::remove_file(&path).map_err(Error::io(&path))
    } else {
        Ok(())
    }
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
