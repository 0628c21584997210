//! The network trained on shuffled expression labels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use faus_base::file;
use faus_data::{Prepared, PreparedWriter, Role, rng};
use faus_model::Precision;
use faus_train::{FoldJob, FoldProgress, Monitor};
use rand::seq::SliceRandom;

use super::open::Run;
use crate::console::say;
use crate::interrupt;
use crate::progress::Board;

/// The checkpoint of `fold` trained on labels that were shuffled over events (the neutral frame, the peak frames of a
/// sequence): the same images, recipe and seed, and nothing to learn. Kept in `controls/` and trained once.
pub(super) fn label_shuffled(run: &Run, fold: usize) -> Result<PathBuf> {
    let root = run.folder.join("controls/label_shuffled");
    let dir = root.join(format!("fold-{fold}"));
    if !dir.join("fold.json").exists() {
        let dataset = root.join("dataset");
        file::remove(&root)?;
        let prepared = shuffle_labels(run, &dataset)?;
        train(run, &prepared, fold, &dir)?;
        // Only the network is needed from now on.
        file::remove(&dataset)?;
        file::remove(&dir.join("checkpoints"))?;
    }
    Ok(dir.join("best.safetensors"))
}

/// Writes the run's labelled images with shuffled labels to `output`.
fn shuffle_labels(run: &Run, output: &Path) -> Result<Prepared> {
    let labelled = |s: &&faus_data::Sample| s.role == Role::Labelled;
    let samples: Vec<_> = run.prepared.samples().iter().filter(labelled).collect();
    let mut events: Vec<(&str, i64)> = samples
        .iter()
        .map(|s| (s.sequence.as_str(), s.label))
        .collect();
    events.sort_unstable();
    events.dedup();
    let mut labels: Vec<i64> = events.iter().map(|(_, label)| *label).collect();
    labels.shuffle(&mut rng::keyed(run.config.seed, "label-shuffled", &[]));
    let classes = &run.prepared.info().classes;
    let mut writer = PreparedWriter::create(output, run.prepared.image_size() as u32)?;
    let mut counts = BTreeMap::new();
    for sample in &samples {
        let event = events.binary_search(&(sample.sequence.as_str(), sample.label));
        let mut moved = (*sample).clone();
        moved.label = labels[event.unwrap_or(0)];
        moved.label_name = classes[moved.label as usize].clone();
        *counts.entry(moved.label_name.clone()).or_insert(0) += 1;
        writer.push(moved, run.prepared.image(sample.index))?;
    }
    let mut info = run.prepared.info().clone();
    info.counts = counts;
    info.notes
        .push("The labels are shuffled: a control, no data set.".to_owned());
    writer.finish(info)?;
    Ok(Prepared::open(output)?)
}

fn train(run: &Run, prepared: &Prepared, fold: usize, dir: &Path) -> Result<()> {
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
        prepared,
        architecture: run.architecture.as_ref(),
        recipe: &run.recipe,
        fold,
        seed: run.config.seed,
        device: run.device,
        dir,
        resume: false,
        tensorboard: false,
    };
    let result = job.run(&run.workers, &monitor)?;
    Precision::for_looking(run.device)?;
    board.end(fold);
    drop(board);
    say(format!(
        "It classifies {:.1}% of its (shuffled) test images, most frequent class {:.1}%",
        100.0 * result.test_accuracy,
        100.0 * result.majority_accuracy
    ));
    Ok(())
}
