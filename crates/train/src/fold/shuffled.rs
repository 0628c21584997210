//! The shuffled-label control: the same images, recipe and seed, but nothing to learn.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use faus_base::random;
use faus_data::{Prepared, PreparedWriter, Role, Sample};
use rand::seq::SliceRandom;

use crate::error::Error;
use crate::fold::job::FoldJob;
use crate::fold::progress::Monitor;
use crate::fold::result::FoldResult;
use crate::workers::Workers;

/// Trains the fold of `job` on shuffled labels, in the folder `fold-<k>` of [`FoldJob::dir`], which is emptied first.
/// Keeps the results and the selected network, but neither the other checkpoints nor the shuffled data set.
///
/// # Errors
/// As [`FoldJob::run`] and [`shuffled_labels`].
pub fn train_on_shuffled_labels(
    job: &FoldJob,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<FoldResult, Error> {
    let remove = |dir: &Path| faus_base::file::remove(dir).map_err(Error::file(dir));
    remove(job.dir)?;
    let dataset = job.dir.join("dataset");
    let prepared = &shuffled_labels(job.prepared, job.seed, &dataset)?;
    let dir = &job.dir.join(format!("fold-{}", job.fold));
    let shuffled = FoldJob {
        prepared,
        dir,
        resume: false,
        ..*job
    };
    let result = shuffled.run(workers, monitor)?;
    remove(&dataset)?;
    remove(&dir.join("checkpoints"))?;
    Ok(result)
}

/// The labelled images of `prepared` with labels shuffled over events (the neutral frame, the peak frames of a sequence),
/// as a data set in the folder `output`.
///
/// # Errors
/// When a write fails.
pub fn shuffled_labels(prepared: &Prepared, seed: u64, output: &Path) -> Result<Prepared, Error> {
    let labelled = |s: &&Sample| s.role == Role::Labelled;
    let samples: Vec<&Sample> = prepared.samples().iter().filter(labelled).collect();
    let event = |sample: &Sample| (sample.sequence.clone(), sample.label);
    let events: BTreeSet<(String, i64)> = samples.iter().map(|s| event(s)).collect();
    let mut labels: Vec<i64> = events.iter().map(|(_, label)| *label).collect();
    labels.shuffle(&mut random::named(seed, "label-shuffled", &[]));
    let moved: BTreeMap<(String, i64), i64> = events.into_iter().zip(labels).collect();
    let mut writer = PreparedWriter::create(output, prepared.image_size() as u32)?;
    let mut info = prepared.info().clone();
    info.counts = BTreeMap::new();
    for sample in samples {
        let label = moved[&event(sample)];
        let label_name = info.classes[label as usize].clone();
        *info.counts.entry(label_name.clone()).or_insert(0) += 1;
        let sample = Sample {
            label,
            label_name,
            ..sample.clone()
        };
        let image = prepared.image(sample.index);
        writer.push(sample, image)?;
    }
    info.notes
        .push("The labels are shuffled: a control, no data set.".to_owned());
    writer.finish(info)?;
    Ok(Prepared::open(output)?)
}
