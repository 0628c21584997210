//! The shuffled-label control: the same images and network, but nothing to learn.

use std::collections::BTreeMap;
use std::path::Path;

use faus_base::random;
use faus_data::{Prepared, PreparedWriter, Role, Sample};
use faus_model::Checkpoint;
use rand::seq::SliceRandom;
use serde::Serialize;

use crate::error::Error;
use crate::fold::job::FoldJob;
use crate::fold::progress::Monitor;
use crate::recipe::settings::Recipe;
use crate::score::confusion::Scores;
use crate::score::predictions::evaluate;
use crate::split::fold_split;
use crate::workers::Workers;

/// Training accuracy at which labels count as memorised. Our choice.
const MEMORISED: f64 = 0.9;
/// Multiples of the recipe's steps for further attempts. Our choice: seven times a fold's work at most.
const FURTHER: [u64; 2] = [2, 4];

/// How well a network knows the shuffled labels that it was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Memorised {
    /// Steps of the last attempt.
    pub steps: u64,
    /// Training images.
    pub images: usize,
    /// Share of them that are classified as labelled.
    pub train_accuracy: f64,
    /// The same of always predicting their most frequent label.
    pub majority_accuracy: f64,
}

/// Trains the fold of `job` on shuffled labels, in the folder `fold-<k>` of [`FoldJob::dir`], which is emptied first, until
/// it has memorised 90% of them: without augmentation and dropout, which are there to prevent that, and with twice or four
/// times the recipe's steps if need be. Keeps the results, the last network and `memorised.json`.
///
/// # Errors
/// As [`FoldJob::run`] and [`shuffled_labels`].
pub fn train_on_shuffled_labels(
    job: &FoldJob,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Memorised, Error> {
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
    let mut found = memorise(&shuffled, 1, workers, monitor)?;
    for longer in FURTHER {
        if found.train_accuracy >= MEMORISED {
            break;
        }
        found = memorise(&shuffled, longer, workers, monitor)?;
    }
    crate::files::write_json(&dir.join("memorised.json"), &found)?;
    remove(&dataset)?;
    remove(&dir.join("checkpoints"))?;
    Ok(found)
}

/// Trains with `longer` times the recipe's steps.
fn memorise(
    job: &FoldJob,
    longer: u64,
    workers: &Workers,
    monitor: &Monitor,
) -> Result<Memorised, Error> {
    let steps = longer * job.recipe.steps;
    let recipe = Recipe {
        augment: false,
        dropout: 0.0,
        steps,
        // Validation cannot choose: its labels are as random.
        checkpoint_every: steps,
        checkpoint_from: None,
        ..(**job.recipe).clone()
    };
    let recipe = &recipe.check()?;
    FoldJob { recipe, ..*job }.run(workers, monitor)?;
    let best = Checkpoint::load(&job.dir.join("best.safetensors"))?;
    let network = best.network(job.architecture, job.device)?;
    let train = fold_split(job.prepared, recipe.protocol, job.fold)?.train;
    let known = evaluate(
        &network,
        job.prepared,
        &train,
        &recipe.normalisation,
        workers,
    )?;
    let scores = Scores::count(&known);
    Ok(Memorised {
        steps,
        images: train.len(),
        train_accuracy: scores.accuracy(),
        majority_accuracy: scores.majority_accuracy(),
    })
}

/// Images of one recording that share their label: the neutral frame, the peak frames of a sequence.
type Event<'a> = (&'a str, usize, i64);

/// The labelled images of `prepared` with labels shuffled over events, as a data set in the folder `output`. Every class keeps its
/// number of images.
///
/// # Errors
/// When a write fails.
pub fn shuffled_labels(prepared: &Prepared, seed: u64, output: &Path) -> Result<Prepared, Error> {
    let labelled = |s: &&Sample| s.role == Role::Labelled;
    let samples: Vec<&Sample> = prepared.samples().iter().filter(labelled).collect();
    let mut events: BTreeMap<Event, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        // Without a sequence every image is a recording.
        let alone = if sample.sequence.is_empty() {
            sample.index
        } else {
            0
        };
        let event = (sample.sequence.as_str(), alone, sample.label);
        events.entry(event).or_default().push(sample);
    }
    let sizes = events.iter().map(|(event, images)| (*event, images.len()));
    let mut moved: Vec<(usize, i64)> = shuffled(sizes.collect(), seed)
        .into_iter()
        .flat_map(|(event, label)| events[&event].iter().map(move |image| (image.index, label)))
        .collect();
    moved.sort_unstable();
    let mut writer = PreparedWriter::create(output, prepared.image_size() as u32)?;
    let mut info = prepared.info().clone();
    for (index, label) in moved {
        let sample = Sample {
            label,
            label_name: info.classes[label as usize].clone(),
            ..prepared.samples()[index].clone()
        };
        writer.push(sample, prepared.image(index))?;
    }
    info.notes
        .push("The labels are shuffled: a control, no data set.".to_owned());
    writer.finish(info)?;
    Ok(Prepared::open(output)?)
}

/// A label for each event. Labels trade places among units of as many images: an event, or several small events of one class
/// that together are as large as the largest (three neutral frames), so that small events get other labels too.
fn shuffled(events: BTreeMap<Event<'_>, usize>, seed: u64) -> Vec<(Event<'_>, i64)> {
    let rng = &mut random::named(seed, "label-shuffled", &[]);
    let largest = events.values().copied().max().unwrap_or(1);
    let mut alike = BTreeMap::new();
    for (event, size) in events {
        let own: &mut Vec<Event> = alike.entry((event.2, size)).or_default();
        own.push(event);
    }
    // By number of images.
    let mut units: BTreeMap<usize, Vec<Vec<Event>>> = BTreeMap::new();
    for ((_, size), mut events) in alike {
        events.shuffle(rng);
        let whole = largest % size == 0;
        let joined = events.chunks_exact(if whole { largest / size } else { 1 });
        let alone = joined.remainder().chunks(1);
        for unit in joined.chain(alone) {
            let images = unit.len() * size;
            units.entry(images).or_default().push(unit.to_vec());
        }
    }
    let mut dealt = Vec::new();
    for units in units.into_values() {
        let mut labels: Vec<i64> = units.iter().map(|unit| unit[0].2).collect();
        labels.shuffle(rng);
        for (unit, label) in units.into_iter().zip(labels) {
            dealt.extend(unit.into_iter().map(|event| (event, label)));
        }
    }
    dealt
}
