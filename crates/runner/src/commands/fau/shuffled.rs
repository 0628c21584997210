//! The network trained on shuffled expression labels.

use std::path::PathBuf;

use anyhow::Result;
use faus_model::Precision;
use faus_train::{FoldJob, FoldProgress, Monitor, train_on_shuffled_labels};

use super::open::Run;
use crate::console::say;
use crate::interrupt;
use crate::progress::Board;

/// The checkpoint of `fold` trained on shuffled labels, kept in `controls/` and trained once.
pub(super) fn label_shuffled(run: &Run, fold: usize) -> Result<PathBuf> {
    let root = run.folder.join("controls/label_shuffled");
    let dir = root.join(format!("fold-{fold}"));
    if dir.join("fold.json").exists() {
        return Ok(dir.join("best.safetensors"));
    }
    say(format!(
        "Training fold {fold} on shuffled labels, {} steps",
        run.recipe.steps
    ));
    let board = Board::new(1, run.recipe.steps);
    board.begin(fold);
    let progress = |p: FoldProgress| board.step(&p);
    let monitor = Monitor {
        cancelled: interrupt::stop(),
        progress: &progress,
    };
    let job = FoldJob {
        prepared: &run.prepared,
        architecture: run.architecture.as_ref(),
        recipe: &run.recipe,
        fold,
        seed: run.config.seed,
        device: run.device,
        dir: &root,
        resume: false,
        tensorboard: false,
    };
    let result = train_on_shuffled_labels(&job, &run.workers, &monitor)?;
    Precision::for_looking(run.device)?;
    board.end(fold);
    drop(board);
    say(format!(
        "It classifies {:.1}% of its (shuffled) test images, most frequent class {:.1}%",
        100.0 * result.test_accuracy,
        100.0 * result.majority_accuracy
    ));
    Ok(dir.join("best.safetensors"))
}
