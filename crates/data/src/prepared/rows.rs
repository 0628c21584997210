//! Rows of a prepared set: each image's class and fold, and notes on empty classes and folds.

use std::collections::{BTreeMap, BTreeSet};

use crate::fold::assign::Deal;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::prepared::info::DatasetInfo;
use crate::prepared::sample::Sample;
use crate::prepared::worker::{Face, Odd};
use crate::read::source::{RawSample, Scan};

/// The row of an image; `deal` assigns its fold.
pub(super) fn row(raw: &RawSample, face: &Face, deal: &mut Deal, classes: &[String]) -> Sample {
    let class = usize::try_from(raw.label).ok();
    let label_name = class.and_then(|class| classes.get(class)).cloned();
    Sample {
        index: 0,
        subject: deal.people.number(&raw.subject),
        person: raw.subject.clone(),
        sequence: raw.sequence.clone(),
        frame: raw.frame,
        role: raw.role,
        label: raw.label,
        label_name: label_name.unwrap_or_default(),
        fold: deal.fold(raw),
        parts: match deal.rule {
            FoldRule::Given => raw.parts.clone(),
            _ => Vec::new(),
        },
        face_found: face.found,
        crop: Some(face.crop),
        path: raw.path.clone(),
        aus: raw.aus.clone(),
        sides: raw.sides.clone(),
    }
}

fn labels<T>(rows: &[T], label: impl Fn(&T) -> i64) -> BTreeSet<i64> {
    rows.iter().map(label).collect()
}

/// The names of the classes with a `wanted` label.
fn names(classes: &[String], wanted: impl Fn(&i64) -> bool) -> Vec<&str> {
    let classes = classes.iter().zip(0..);
    let classes = classes.filter(|(_, label)| wanted(label));
    classes.map(|(name, _)| name.as_str()).collect()
}

/// An error unless two classes have images, or a source of codes alone has any.
pub(super) fn check(rows: &[Sample], classes: &[String]) -> Result<(), String> {
    let used = labels(rows, |row| row.label);
    match names(classes, |label| used.contains(label))[..] {
        [] if classes.is_empty() && !rows.is_empty() => Ok(()),
        [] => Err("none is usable".to_owned()),
        [class] => Err(format!(
            "only those of {class} are usable, and training needs two classes"
        )),
        _ => Ok(()),
    }
}

/// Names the classes of the images of a source without any usable image.
pub(super) fn emptied(rows: &[Sample], info: &DatasetInfo, scan: &Scan) -> Option<String> {
    let used = labels(rows, |row| row.label);
    let planned = labels(&scan.samples, |raw| raw.label);
    let lost = |label: &i64| planned.contains(label) && !used.contains(label);
    let lost = names(&info.classes, lost).join(", ");
    (!lost.is_empty()).then(|| format!("No image of {lost} could be used: all were skipped."))
}

/// Names the folds without an image, unless there are fewer people than folds, which has its own note.
pub(super) fn untested(rows: &[Sample], deal: &Deal) -> Option<String> {
    let folds = deal.folds;
    let subjects = deal.by_subject.as_ref().map(BTreeMap::len);
    if subjects.is_some_and(|subjects| subjects < folds) {
        return None;
    }
    let tests = |fold: usize| rows.iter().any(|row| row.part(fold, folds) == Part::Test);
    let empty = (0..folds).filter(|&fold| !tests(fold));
    let empty: Vec<String> = empty.map(|fold| fold.to_string()).collect();
    (!empty.is_empty()).then(|| format!("Folds that test nothing: {}.", empty.join(", ")))
}

/// Names the classes that a fold has no training image of: its network cannot learn them.
pub(super) fn untrained(rows: &[Sample], info: &DatasetInfo) -> Option<String> {
    let used = labels(rows, |row| row.label);
    let lacking = |fold: usize| {
        let training = rows
            .iter()
            .filter(|row| row.part(fold, info.folds) == Part::Train);
        let trained: BTreeSet<i64> = training.map(|row| row.label).collect();
        // Two folds leave none, which has its own note.
        let lacking =
            |label: &i64| !trained.is_empty() && used.contains(label) && !trained.contains(label);
        let lacking = names(&info.classes, lacking).join(", ");
        (!lacking.is_empty()).then(|| format!("fold {fold} ({lacking})"))
    };
    let folds = Vec::from_iter((0..info.folds).filter_map(lacking));
    (!folds.is_empty()).then(|| {
        format!(
            "Classes without a training image, which the network cannot learn: {}.",
            folds.join(", ")
        )
    })
}

/// A note if landmarks place most faces at the side of their images.
pub(super) fn off_centre(placed: &[bool]) -> Option<String> {
    let all = placed.len();
    let side = placed.iter().filter(|side| **side).count();
    (2 * side > all).then(|| format!(
        "By their landmarks {side} of {all} faces are at the side of their image: were the images resized and the landmarks not? \
         A look at the crops (--review) tells; the crop 'detector' does without landmarks."
    ))
}

/// Images with each oddity: their number and the first path.
pub(super) type OddImages = BTreeMap<Odd, (usize, String)>;

pub(super) fn add_odd(images: &mut OddImages, found: &[Odd], path: &str) {
    for odd in found {
        let entry = images.entry(*odd);
        entry.or_insert_with(|| (0, path.to_owned())).0 += 1;
    }
}

/// A sentence on each oddity.
pub(super) fn odd(images: &OddImages) -> Vec<String> {
    let sentence = |(odd, (count, first)): (&Odd, &(usize, String))| match odd {
        Odd::Bits(bits) => format!(
            "Files of 16 bits whose values use only {bits}: {count} (first {first}); they are read as {bits}-bit values."
        ),
        Odd::Darker => format!(
            "Files of 16 bits with fewer than most of their folder: {count} (first {first}); they are read like those, as dark images."
        ),
        Odd::Deeper => format!(
            "Files of 16 bits with more than most of their folder: {count} (first {first}); they are read alone, and may be too \
             dark: single pixels brighter than the camera's range?"
        ),
        Odd::Transparent => format!(
            "Images with transparent pixels: {count} (first {first}); the transparency is ignored."
        ),
        Odd::Flat => format!(
            "Black or flat images, of almost one grey value: {count} (first {first}); they are kept: remove files without a face."
        ),
    };
    images.iter().map(sentence).collect()
}
