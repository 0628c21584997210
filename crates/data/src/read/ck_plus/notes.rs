//! Notes about a copy of CK+, in sentences.

use std::collections::BTreeMap;

use crate::read::ck_plus::layout::{Layout, Place};
use crate::read::ck_plus::sequence::{Found, Sequence};
use crate::read::notes::left_out;

/// All notes except the one about the program that drew the faces.
pub(super) fn notes(layout: &Layout, sequences: &[Sequence], found: &[Found]) -> Vec<String> {
    let facs = layout.part(Place::Facs).is_some();
    let landmarks = layout.part(Place::Landmarks).is_some();
    let pairs = || sequences.iter().zip(found);
    let left = found
        .iter()
        .flat_map(|found| found.left_out.iter().copied());
    let late = pairs().filter_map(|(s, f)| Some(format!("{} with {}", s.name(), f.late?)));
    let gaps =
        pairs().filter_map(|(s, f)| Some(format!("{} with {:?}", s.name(), f.gap.as_ref()?)));
    let bare = pairs()
        .filter(|(_, f)| f.bare && facs)
        .map(|(s, _)| s.name());
    [
        left_out("images", left),
        recordings("do not begin with frame 1, so the frame used as neutral may not be neutral", late),
        recordings(
            "end with three frames that are not consecutive, so frames may be missing and others were used instead",
            gaps,
        ),
        empty_codings(found),
        recordings("have neither an emotion label nor FACS codes, so they are not used", bare),
        inner_archive(layout),
        (!facs).then(|| {
            "There is no folder FACS or FACS_labels: no image has action-unit codes, and none is held out.".to_owned()
        }),
        (!landmarks).then(|| "There is no folder Landmarks: the detector finds the faces.".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The number of recordings with a property, and the first of them.
fn recordings(property: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<_> = names.collect();
    let (count, first) = (names.len(), names.first()?);
    let note = format!("Recordings that {property}: {count} (first {first}).");
    Some(note)
}

/// The people with emotion files of which none can be read; the folds of complete copies include them.
pub(super) fn unreadable(sequences: &[Sequence], found: &[Found]) -> Option<String> {
    let with_file = sequences
        .iter()
        .zip(found)
        .filter(|(_, found)| found.has_file);
    let mut readable = BTreeMap::new();
    for (sequence, found) in with_file {
        *readable.entry(sequence.subject).or_insert(false) |= found.labelled;
    }
    readable.retain(|_, readable| !*readable);
    let names: Vec<_> = readable.keys().map(|s| format!("S{s:03}")).collect();
    (!names.is_empty()).then(|| {
        format!(
            "No emotion file of {} can be read: the folds are made without them, and may differ from those of a \
             whole copy.",
            names.join(", ")
        )
    })
}

/// An empty FACS file means that the coder saw nothing, or that the file was cut off.
fn empty_codings(found: &[Found]) -> Option<String> {
    let samples = found.iter().flat_map(|found| &found.samples);
    let empty = samples.filter(|sample| sample.aus.scores().is_some_and(<[_]>::is_empty));
    let names: Vec<_> = empty.map(|sample| sample.sequence.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} FACS files are empty and count as coded without any action unit: {}.",
            names.len(),
            names.join(", ")
        )
    })
}

fn inner_archive(layout: &Layout) -> Option<String> {
    let inner = layout.tree.inner_archive()?;
    Some(format!(
        "{} is inside another archive, so it is not read; to use it, unpack the outer one and name its folder.",
        inner.display()
    ))
}
