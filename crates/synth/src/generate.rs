//! The whole data set: options, drawing in parallel, and moving it into place.

use crate::difficulty::Difficulty;
use crate::error::Error;
use crate::expression::count;
use crate::identity::Identity;
use crate::layout::{Place, Writer, place};
use crate::plan::{Sequence, plan};
use crate::render::{Exposure, expose};
use crate::scene::Scene;
use crate::truth::{self, PictureTruth};
use crate::{AUS, AuState, au};
use faus_data::Expression;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Version of the pictures: it changes whenever a seed draws other pixels or labels.
pub const FACES_VERSION: u32 = 3;

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SynthOptions {
    /// People, 1 to 900; 123 as in CK+. Other numbers scale CK+'s counts, every expression stays at least once.
    pub subjects: usize,
    /// Fixes people, labels, scenes and noise.
    pub seed: u64,
    /// Width of the pictures in pixels, 48 to 4096; 640 as in CK+.
    pub width: u32,
    /// Height of the pictures in pixels, 48 to 4096; 490 as in CK+. The head's size follows it.
    pub height: u32,
    /// Write every frame from neutral to peak. Otherwise only those that the eight-class protocol uses: the
    /// first and the last three of a labelled sequence, the first and the last of any other (our choice, for
    /// disk space); frames keep their numbers in the whole sequence either way.
    pub full_sequences: bool,
    /// Write what is known of every picture as well: `Parameters/`, the true parameters of each frame and each person as
    /// JSON, and `Masks/`, for every coded action unit the pixels that it changes in each frame (PNG, 255 where changed).
    pub truth: bool,
    /// What makes the pictures hard.
    pub difficulty: Difficulty,
}

impl Default for SynthOptions {
    fn default() -> Self {
        Self {
            subjects: 123,
            seed: 1,
            width: 640,
            height: 490,
            full_sequences: false,
            truth: false,
            difficulty: Difficulty::default(),
        }
    }
}

impl SynthOptions {
    /// Checks every value's range.
    ///
    /// # Errors
    /// [`Error::Option`] names the first option that cannot be drawn.
    pub fn check(&self) -> Result<(), Error> {
        let within = |option, got: usize, low, high, expected| {
            if (low..=high).contains(&got) {
                Ok(())
            } else {
                Err(Error::Option {
                    option,
                    got: got.to_string(),
                    expected,
                })
            }
        };
        within("subjects", self.subjects, 1, 900, "1 to 900")?;
        within("width", self.width as usize, 48, 4096, "48 to 4096 pixels")?;
        within(
            "height",
            self.height as usize,
            48,
            4096,
            "48 to 4096 pixels",
        )?;
        if self.width * 10 < self.height * 7 {
            return Err(Error::Option {
                option: "width",
                got: self.width.to_string(),
                expected: "at least 0.7 of the height, or faces would be cut off",
            });
        }
        self.difficulty.check()
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SynthSummary {
    /// People.
    pub subjects: usize,
    /// Sequences, labelled or not.
    pub sequences: usize,
    /// Sequences with an emotion label.
    pub labelled: usize,
    /// Pictures.
    pub images: usize,
    /// Labelled sequences per expression.
    pub emotions: BTreeMap<Expression, usize>,
    /// Sequences per action unit.
    pub aus: BTreeMap<u8, usize>,
}

/// Draws the data set that `options` describe and writes it to `output` in the official CK+ layout.
///
/// `cohn-kanade-images/`, `Emotion/`, `FACS/` and `Landmarks/` hold what CK+'s folders of these names hold;
/// `synthetic.json` in the root says that the data is synthetic and how it was made. `progress(done, total)` is
/// called after every sequence, from any thread; when it answers `false`, drawing stops. Everything is drawn
/// into a folder beside `output` that takes its place at the end, so `output` is whole or absent. The same
/// options give the same bytes on any number of threads.
///
/// # Errors
/// [`Error::Option`]; [`Error::OutputNotEmpty`]; [`Error::Cancelled`]; [`Error::Io`] and [`Error::Encode`].
pub fn generate(
    options: &SynthOptions,
    output: &Path,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<SynthSummary, Error> {
    options.check()?;
    let writer = Writer::begin(output)?;
    let sequences = plan(options);
    let people: Vec<Identity> = (0..options.subjects)
        .map(|subject| Identity::draw(options.seed, subject as u64))
        .collect();
    let written = draw_in_parallel(&sequences, progress, |sequence| {
        draw_sequence(options, &people[sequence.subject], sequence, &writer)
    })?;
    if options.truth {
        for sequence in &sequences {
            let subject = &place(sequence.subject_number, 1)[0];
            writer.person(subject, &truth::person(&people[sequence.subject]))?;
        }
    }
    let summary = summarise(options, &sequences, written.iter().sum());
    writer.finish("ck-plus", options, &summary)?;
    Ok(summary)
}

/// `draw(item)` of every item, in the items' order; stops when `progress(done, total)` answers `false`.
pub(crate) fn draw_in_parallel<T: Sync, R: Send>(
    items: &[T],
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
    draw: impl Fn(&T) -> Result<R, Error> + Sync,
) -> Result<Vec<R>, Error> {
    let (total, done) = (items.len(), AtomicUsize::new(0));
    items
        .par_iter()
        .map(|item| {
            let drawn = draw(item)?;
            let finished = done.fetch_add(1, Ordering::Relaxed) + 1;
            if progress(finished, total) {
                Ok(drawn)
            } else {
                Err(Error::Cancelled {
                    done: finished,
                    total,
                })
            }
        })
        .collect()
}

fn draw_sequence(
    options: &SynthOptions,
    person: &Identity,
    sequence: &Sequence,
    writer: &Writer,
) -> Result<usize, Error> {
    let place = place(sequence.subject_number, sequence.number);
    writer.labels(&place, sequence.length, sequence.emotion, &sequence.coding)?;
    let scene = Scene::draw(
        options.seed,
        sequence.subject as u64,
        sequence.number as u64,
        &options.difficulty,
    );
    let frames = frames(options, sequence);
    for &frame in &frames {
        let aus = sequence.performance.at_frame(frame, sequence.length);
        let scene = scene.at_frame(frame, sequence.length, &options.difficulty);
        let exposed = expose(person, &aus, &scene, options.width, options.height);
        writer.picture(&place, frame, &exposed.develop(&scene))?;
        if options.truth {
            write_truth(
                sequence,
                (&place, frame),
                (person, &aus),
                &scene,
                (&exposed, writer),
            )?;
        }
    }
    Ok(frames.len())
}

/// Parameters of one frame, and a mask for every unit that is coded in its sequence.
fn write_truth(
    sequence: &Sequence,
    (place, frame): (&Place, usize),
    (person, aus): (&Identity, &AuState),
    scene: &Scene,
    (exposed, writer): (&Exposure, &Writer),
) -> Result<(), Error> {
    let emotion = sequence.emotion.map(|emotion| emotion.to_string());
    let truth = PictureTruth::new(
        place,
        frame,
        emotion,
        &sequence.coding,
        (person, aus),
        scene,
    );
    writer.parameters(place, frame, &truth)?;
    for &(au, _) in &sequence.coding {
        let mask = truth::mask_of(exposed, person, aus, au, scene);
        writer.mask(place, frame, &au.to_string(), &mask)?;
    }
    Ok(())
}

/// Numbers (from 1) of the frames to write.
fn frames(options: &SynthOptions, sequence: &Sequence) -> Vec<usize> {
    let last = sequence.length;
    if options.full_sequences {
        (1..=last).collect()
    } else if sequence.emotion.is_some() {
        vec![1, last - 2, last - 1, last]
    } else {
        vec![1, last]
    }
}

fn summarise(options: &SynthOptions, sequences: &[Sequence], images: usize) -> SynthSummary {
    let mut emotions = BTreeMap::new();
    let mut counts = [0; AUS.len()];
    for sequence in sequences {
        if let Some(emotion) = sequence.emotion {
            *emotions.entry(emotion).or_insert(0) += 1;
        }
        count(&sequence.coding, &mut counts);
    }
    SynthSummary {
        subjects: options.subjects,
        sequences: sequences.len(),
        labelled: emotions.values().sum(),
        images,
        emotions,
        aus: au::AUS.into_iter().zip(counts).collect(),
    }
}
