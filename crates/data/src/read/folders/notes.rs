//! Notes about class folders, in sentences.

use std::collections::{BTreeMap, BTreeSet};

use crate::label::{ClassMap, Expression};
use crate::read::folders::labelling::Image;
use crate::read::folders::people::Identity;
use crate::read::name::listed;
use crate::read::source::Folding;

/// The expressions that have a folder and no image, if the classes are those that occur.
pub(super) fn empty_folders(classes: &ClassMap, named: &BTreeSet<Expression>) -> Option<String> {
    let empty = named.iter().filter(|e| classes.label_of(**e).is_none());
    let names = Vec::from_iter(empty.map(|expression| expression.name())).join(", ");
    (!names.is_empty())
        .then(|| format!("There is a folder, but no image, of {names}: no class of this set."))
}

/// The archives beside the class folders.
pub(super) fn unread(archives: &[String]) -> Option<String> {
    (!archives.is_empty()).then(|| {
        format!(
            "Archives beside the class folders are not read: {} (if one of them holds the data, name it as the input).",
            listed(archives)
        )
    })
}

/// Images that have subject, sequence and frame in common: copies, or contradicting labels.
pub(super) fn doubles(images: &[Image]) -> Vec<String> {
    let mut first = BTreeMap::new();
    let pairs = images.iter().filter_map(|image| {
        let Identity {
            subject,
            sequence,
            frame,
        } = image.identity.as_ref()?;
        let key = (subject, sequence.as_ref()?, (*frame)?);
        let seen: &Image = first.entry(key).or_insert(image);
        (seen.path != image.path).then_some((seen, image))
    });
    let (copies, conflicts): (Vec<_>, Vec<_>) =
        pairs.partition(|(a, b)| a.expression == b.expression);
    let of_another =
        "of another class, so that labels contradict each other (`faus data audit` lists them)";
    let notes = [(copies, "of the same class"), (conflicts, of_another)];
    let notes = notes.into_iter().filter_map(|(pairs, what)| {
        let (a, b) = pairs.first()?;
        let (count, a, b) = (pairs.len(), &a.path, &b.path);
        Some(format!(
            "Images with the subject, sequence and frame of an earlier one {what}: {count} (first {b}, as {a}); all are kept."
        ))
    });
    notes.collect()
}

/// Why folds cannot keep people apart; `None` if every name contains a subject.
pub(super) fn no_people(images: &[Image]) -> Option<String> {
    let mut silent = images.iter().filter(|image| image.identity.is_none());
    let example = &silent.next()?.path;
    let (all, telling) = (images.len(), images.len() - 1 - silent.count());
    let names = match telling {
        0 => format!("No file name contains a subject (such as {example})"),
        some => format!("Only {some} of {all} file names contain a subject ({example} does not)"),
    };
    Some(format!(
        "{names}, so no fold keeps people apart; a subject pattern can name the place of the person in the paths."
    ))
}

/// How the folders `train`, `test` and so on are used.
pub(super) fn parts(images: &[Image], parts: &BTreeSet<&str>, folding: &Folding) -> Option<String> {
    let names = Vec::from_iter(parts.iter().copied()).join(", ");
    let why = match folding {
        _ if parts.is_empty() => return None,
        Folding::Given(_) => {
            let used = format!("The parts named in the paths ({names}) are one given split");
            let unused = images.iter().filter(|image| image.part.is_none());
            return Some(match unused.count() {
                0 => format!("{used}."),
                outside => format!("{used}; images outside of them, in no part: {outside}."),
            });
        }
        Folding::BySubject(_) => "since folds keep people apart here and these may not",
        Folding::ByImage => "which would take train and test",
    };
    Some(format!(
        "Folders name parts of a split ({names}); they are not used, {why} (`faus data audit` can check the split)."
    ))
}

/// Folders that are numbers, and how their meaning is given.
pub(super) fn numbered(numbers: &BTreeSet<u8>) -> Option<String> {
    let names = Vec::from_iter(numbers.iter().map(u8::to_string));
    (!names.is_empty()).then(|| {
        format!(
            "; images in numbered folders ({}): say what the numbers mean with --label-map and the names in their order, \
             such as surprise,fear,disgust,happy,sadness,anger,neutral (RAF-DB's, from 1: raf_db)",
            listed(&names)
        )
    })
}
