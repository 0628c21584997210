//! Sentences on what a reader of the results should know about a copy of CK+.

use std::collections::BTreeSet;

use crate::read::ck_plus::layout::{Layout, Place};
use crate::read::ck_plus::sequence::{Found, Sequence};
use crate::read::notes::left_out;

/// All notes but the one on the program that drew the faces.
pub(super) fn notes(layout: &Layout, sequences: &[Sequence], found: &[Found]) -> Vec<String> {
    let facs = layout.part(Place::Facs).is_some();
    let landmarks = layout.part(Place::Landmarks).is_some();
    let left = found
        .iter()
        .flat_map(|found| found.left_out.iter().copied());
    [
        left_out("images", left),
        late(sequences, found),
        gaps(sequences, found),
        empty_codings(found),
        bare(sequences, found).filter(|_| facs),
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

/// The people who have emotion files, but none that can be read: the folds of whole copies count them.
pub(super) fn unreadable(sequences: &[Sequence], found: &[Found]) -> Option<String> {
    let pairs = || sequences.iter().zip(found);
    let readable: BTreeSet<i64> = pairs()
        .filter(|(_, f)| f.labelled)
        .map(|(s, _)| s.subject)
        .collect();
    let with_file: BTreeSet<i64> = pairs()
        .filter(|(_, f)| f.has_file)
        .map(|(s, _)| s.subject)
        .collect();
    let names: Vec<_> = with_file
        .difference(&readable)
        .map(|s| format!("S{s:03}"))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "No emotion file of {} can be read: the folds are made without, so other people's may differ from those of a \
             whole copy.",
            names.join(", ")
        )
    })
}

fn late(sequences: &[Sequence], found: &[Found]) -> Option<String> {
    let late = sequences
        .iter()
        .zip(found)
        .filter_map(|(s, f)| Some((s.name(), f.late?)));
    let (name, number) = late.clone().next()?;
    Some(format!(
        "Recordings that do not begin with frame 1, so that the frame taken as neutral may not be: {} (first {name} with \
         {number}).",
        late.count()
    ))
}

fn gaps(sequences: &[Sequence], found: &[Found]) -> Option<String> {
    let gaps = sequences
        .iter()
        .zip(found)
        .filter_map(|(s, f)| Some((s.name(), f.gap.as_ref()?)));
    let (name, numbers) = gaps.clone().next()?;
    Some(format!(
        "Recordings whose last three frames are not consecutive, so that frames may be missing and others were taken for \
         them: {} (first {name} with {numbers:?}).",
        gaps.count()
    ))
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

fn bare(sequences: &[Sequence], found: &[Found]) -> Option<String> {
    let bare = sequences.iter().zip(found).filter(|(_, found)| found.bare);
    let (first, _) = bare.clone().next()?;
    Some(format!(
        "Recordings with neither an emotion label nor FACS codes, of which nothing is taken: {} (first {}).",
        bare.count(),
        first.name()
    ))
}

fn inner_archive(layout: &Layout) -> Option<String> {
    let inner = layout.tree.inner_archive()?;
    Some(format!(
        "{} lies within an archive, so nothing of it is read; if it is wanted, unpack the outer one and name its folder.",
        inner.display()
    ))
}
