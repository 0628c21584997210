//! A whole data set: drawn in parallel, written in the official CK+ layout.

mod layout;
pub(crate) mod options;
mod plan;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::camera::render;
use crate::error::Error;
use crate::parallel::draw_all;
use crate::person::au::{AUS, AuState};
use crate::person::expression::count;
use crate::person::identity::Identity;
use crate::scene::Scene;
use crate::set::layout::{Writer, stem};
use crate::set::options::{FACES_VERSION, SynthOptions, SynthSummary};
use crate::set::plan::{Sequence, plan};

/// Draws the data set that `options` describe and writes it to `output` in the official CK+ layout.
///
/// `cohn-kanade-images/`, `Emotion/`, `FACS/` and `Landmarks/` hold the same as CK+'s folders of these names;
/// `synthetic.json` in the root marks the data as synthetic and lists the options. `progress(done, total)` runs after
/// every sequence, from any thread; `false` cancels. Everything is drawn into a folder beside `output`, which is
/// renamed at the end, so `output` is complete or absent. The same options give the same bytes on any number of
/// threads.
///
/// # Errors
/// [`Error::Option`]; [`Error::OutputNotEmpty`]; [`Error::Cancelled`]; [`Error::Io`].
pub fn generate(
    options: &SynthOptions,
    output: &Path,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<SynthSummary, Error> {
    options.check()?;
    let writer = Writer::begin(output)?;
    let sequences = plan(options);
    let draw = |sequence: &Sequence| draw(options, sequence, &writer);
    let written = draw_all(&sequences, progress, draw)?;
    let summary = summarise(options, &sequences, written.iter().sum());
    let stamp = json!({
        "generator": "faus-synth",
        "synthetic": true,
        "kind": "ck-plus",
        "version": env!("CARGO_PKG_VERSION"),
        "faces_version": FACES_VERSION,
        "seed": options.seed,
        "options": options,
        "summary": summary,
    });
    writer.finish(&stamp)?;
    Ok(summary)
}

/// Writes one sequence; returns the number of its frames.
fn draw(options: &SynthOptions, sequence: &Sequence, writer: &Writer) -> Result<usize, Error> {
    let (person, how) = (&sequence.person, &options.difficulty);
    let (subject, number) = (sequence.subject as u64, sequence.number as u64);
    let folder = format!("S{:03}", sequence.subject_number);
    let place = &format!("{folder}/{number:03}");
    writer.labels(place, sequence)?;
    let whole = Scene::draw(options.seed, subject, number, how);
    let frames = frames(options, sequence);
    for &frame in &frames {
        let aus = sequence.performance.at_frame(frame, sequence.length);
        let scene = &whole.at_frame(frame, sequence.length, how);
        let picture = render(person, &aus, scene, options.width, options.height);
        writer.picture(place, frame, &picture)?;
        if options.truth {
            let name = format!("{place}/{}", stem(place, frame));
            writer.parameters(&name, &picture_truth(person, &aus, scene))?;
        }
    }
    if options.truth && number == 1 {
        writer.parameters(&format!("{folder}/identity"), &person_truth(person))?;
    }
    Ok(frames.len())
}

/// Strength of each unit, image left then right (1 is intensity E of an average person), and the scene.
fn picture_truth(person: &Identity, aus: &AuState, scene: &Scene) -> impl Serialize {
    #[derive(Serialize)]
    struct Picture<'a> {
        strength: Value,
        scene: &'a Scene,
    }
    let aus = aus.scaled(&person.gains);
    let halves = AUS.map(|au| (au, [aus.at(0, au), aus.at(1, au)]));
    let drawn = halves.into_iter().filter(|(_, [a, b])| a.max(*b) > 0.0);
    let strength = by_unit(drawn);
    Picture { strength, scene }
}

/// The parameters of one person.
fn person_truth(person: &Identity) -> Value {
    let mut value = json!(person);
    value["gains"] = by_unit(AUS.into_iter().zip(person.gains));
    value["lateral"] = by_unit(AUS.into_iter().zip(person.lateral));
    value
}

fn by_unit<T: Serialize>(units: impl Iterator<Item = (u8, T)>) -> Value {
    json!(BTreeMap::from_iter(units))
}

/// Numbers (from 1) of the frames to write.
fn frames(options: &SynthOptions, sequence: &Sequence) -> Vec<usize> {
    let last = sequence.length;
    match (options.full_sequences, sequence.emotion) {
        (true, _) => (1..=last).collect(),
        (false, Some(_)) => vec![1, last - 2, last - 1, last],
        (false, None) => vec![1, last],
    }
}

fn summarise(options: &SynthOptions, sequences: &[Sequence], images: usize) -> SynthSummary {
    let (mut emotions, mut counts) = (BTreeMap::new(), [0; AUS.len()]);
    for sequence in sequences {
        count(&sequence.coding, &mut counts);
        if let Some(emotion) = sequence.emotion {
            *emotions.entry(emotion).or_insert(0) += 1;
        }
    }
    SynthSummary {
        subjects: options.subjects,
        sequences: sequences.len(),
        labelled: emotions.values().sum(),
        images,
        emotions,
        aus: AUS.into_iter().zip(counts).collect(),
    }
}
