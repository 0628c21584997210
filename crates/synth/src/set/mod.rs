//! A whole data set: drawn in parallel, written in the official CK+ layout.

mod layout;
pub(crate) mod options;
mod plan;
mod truth;

use std::path::Path;

use crate::camera::render;
use crate::error::Error;
use crate::parallel::draw_all;
use crate::person::AUS;
use crate::person::expression::count;
use crate::person::identity::Identity;
use crate::scene::Scene;
use crate::set::layout::{Writer, stem};
use crate::set::options::{FACES_VERSION, SynthOptions, SynthSummary};
use crate::set::plan::{Sequence, plan};
use crate::set::truth::PictureTruth;

/// Draws the data set that `options` describe and writes it to `output` in the official CK+ layout.
///
/// `cohn-kanade-images/`, `Emotion/`, `FACS/` and `Landmarks/` hold the same as CK+'s folders of these names;
/// `synthetic.json` in the root marks the data as synthetic and lists the options. `progress(done, total)` runs after
/// every sequence, from any thread; `false` cancels. Everything is drawn into a folder beside `output`, which is
/// renamed at the end, so `output` is complete or absent. The same options give the same bytes on any number of
/// threads.
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
    let draw = |sequence: &Sequence| draw_sequence(options, sequence, &writer);
    let written = draw_all(&sequences, progress, draw)?;
    let summary = summarise(options, &sequences, written.iter().sum());
    let stamp = serde_json::json!({
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
fn draw_sequence(
    options: &SynthOptions,
    sequence: &Sequence,
    writer: &Writer,
) -> Result<usize, Error> {
    let (subject, number) = (sequence.subject as u64, sequence.number as u64);
    let person = Identity::draw(options.seed, subject);
    let folder = format!("S{:03}", sequence.subject_number);
    let place = &format!("{folder}/{number:03}");
    writer.labels(place, sequence)?;
    let whole = Scene::draw(options.seed, subject, number, &options.difficulty);
    let frames = frames(options, sequence);
    for &frame in &frames {
        let aus = sequence.performance.at_frame(frame, sequence.length);
        let scene = &whole.at_frame(frame, sequence.length, &options.difficulty);
        let picture = render(&person, &aus, scene, options.width, options.height);
        writer.picture(place, frame, &picture)?;
        if options.truth {
            let truth = PictureTruth::new(&person, &aus, scene);
            writer.parameters(&format!("{place}/{}", stem(place, frame)), &truth)?;
        }
    }
    if options.truth && number == 1 {
        writer.parameters(&format!("{folder}/identity"), &truth::person(&person))?;
    }
    Ok(frames.len())
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
    let mut summary = SynthSummary {
        subjects: options.subjects,
        sequences: sequences.len(),
        images,
        ..SynthSummary::default()
    };
    let mut counts = [0; AUS.len()];
    for sequence in sequences {
        if let Some(emotion) = sequence.emotion {
            summary.labelled += 1;
            *summary.emotions.entry(emotion).or_insert(0) += 1;
        }
        count(&sequence.coding, &mut counts);
    }
    summary.aus = AUS.into_iter().zip(counts).collect();
    summary
}
