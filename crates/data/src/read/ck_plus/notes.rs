//! Notes about a copy of CK+, in sentences.

use std::collections::BTreeMap;

use crate::read::ck_plus::layout::{Layout, Place};
use crate::read::ck_plus::sequence::Sequence;
use crate::read::notes::left_out;

/// Notes on the images, except the one about the program that drew the faces.
pub(super) fn notes(layout: &Layout, sequences: &[Sequence]) -> Vec<String> {
    let facs = layout.part(Place::Facs).is_some();
    let landmarks = layout.part(Place::Landmarks).is_some();
    let all = || sequences.iter();
    let left = all().flat_map(|s| s.left_out.clone());
    let late = all().filter_map(|s| Some(format!("{} with {}", s.name(), s.late?)));
    let gaps = all().filter_map(|s| Some(format!("{} with {:?}", s.name(), s.gap.as_ref()?)));
    let bare = all().filter(|s| s.bare && facs).map(Sequence::name);
    let notes = [
        left_out("images", left),
        recordings(
            "do not begin with frame 1, so the frame used as neutral may not be neutral",
            late,
        ),
        recordings(
            "end with three frames that are not consecutive, so frames may be missing and others were used instead",
            gaps,
        ),
        recordings(
            "have neither an emotion label nor FACS codes, so they are not used",
            bare,
        ),
        inner_archive(layout),
        match landmarks {
            true => without_landmarks(sequences),
            false => Some("There is no folder Landmarks: the detector finds the faces.".to_owned()),
        },
    ];
    notes.into_iter().flatten().collect()
}

/// Notes on FACS codes.
pub(super) fn code_notes(layout: &Layout, sequences: &[Sequence]) -> Vec<String> {
    let bare = layout.part(Place::Facs).is_none().then(|| {
        "There is no folder FACS or FACS_labels: no image has action-unit codes, and none is held out.".to_owned()
    });
    empty_codings(sequences).into_iter().chain(bare).collect()
}

/// The number of recordings with a property, and the first of them.
fn recordings(property: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<_> = names.collect();
    let (count, first) = (names.len(), names.first()?);
    let note = format!("Recordings that {property}: {count} (first {first}).");
    Some(note)
}

/// The people with emotion files of which none can be read; the folds of complete copies include them.
pub(super) fn unreadable(sequences: &[Sequence]) -> Option<String> {
    let mut readable = BTreeMap::new();
    for sequence in sequences {
        if let Some(now) = sequence.readable {
            *readable.entry(sequence.subject).or_insert(false) |= now;
        }
    }
    readable.retain(|_, readable| !*readable);
    let names = Vec::from_iter(readable.keys().map(|s| format!("S{s:03}"))).join(", ");
    (!names.is_empty()).then(|| {
        format!(
            "No emotion file of {names} can be read: the folds are made without them, and may differ from those of a \
             whole copy."
        )
    })
}

/// The images whose face the detector finds although others have landmarks.
fn without_landmarks(sequences: &[Sequence]) -> Option<String> {
    let images = sequences.iter().flat_map(|sequence| &sequence.samples);
    let mut without = images.clone().filter(|image| image.landmarks.is_none());
    let first = &without.next()?.path;
    let (count, all) = (1 + without.count(), images.count());
    Some(format!(
        "Images without a file in Landmarks: {count} of {all} (first {first}): the detector finds their faces."
    ))
}

/// An empty FACS file means that the coder saw nothing, or that the file was cut off.
fn empty_codings(sequences: &[Sequence]) -> Option<String> {
    let samples = sequences.iter().flat_map(|sequence| &sequence.samples);
    let empty = samples.filter(|sample| sample.aus.scores().is_some_and(<[_]>::is_empty));
    let names: Vec<_> = empty.map(|sample| sample.sequence.as_str()).collect();
    let (count, names) = (names.len(), names.join(", "));
    (count > 0).then(|| {
        format!("{count} FACS files are empty or name no action unit, and count as coded without any: {names}.")
    })
}

fn inner_archive(layout: &Layout) -> Option<String> {
    let inner = layout.tree.inner_archive()?;
    Some(format!(
        "{} is inside another archive, so it is not read; to use it, unpack the outer one and name its folder.",
        inner.display()
    ))
}
