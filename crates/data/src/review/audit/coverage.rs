//! Groups of images in two parts of a split, and images tested never or twice.

use std::collections::BTreeMap;

use crate::label::Role;
use crate::prepared::Prepared;
use crate::prepared::sample::Sample;
use crate::review::audit::finding::{Finding, FindingKind, Severity};
use crate::review::audit::labelled;
use crate::review::audit::split::{Splits, TEST, TRAIN, names};

/// People, recordings and images in more than one part of a split.
pub(super) fn groups(set: &Prepared, splits: &Splits) -> Vec<Finding> {
    let unknown = labelled(set).filter(|s| s.subject < 0).count();
    vec![
        Finding::leak(
            FindingKind::SubjectInTwoParts,
            "people who are in several parts of one split",
            in_two_parts(set, splits, |s| {
                (s.subject >= 0).then(|| format!("subject {}", s.subject))
            }),
        ),
        Finding::leak(
            FindingKind::SequenceInTwoParts,
            "recordings whose frames are in several parts of one split",
            in_two_parts(set, splits, |s| {
                (s.frame > 0 || s.subject >= 0).then(|| format!("sequence {}", s.sequence))
            }),
        ),
        Finding::leak(
            FindingKind::ImageInTwoParts,
            "images that are themselves in several parts of one split",
            in_two_parts(set, splits, |s| Some(s.path.clone())),
        ),
        Finding::counted(
            FindingKind::SubjectsUnknown,
            "images without a known person: only near-identical images can reveal shared people",
            unknown,
        ),
    ]
}

/// The groups with members in more than one part of a split, including held-out rows, which external splits may train on.
fn in_two_parts(
    set: &Prepared,
    splits: &Splits,
    group: impl Fn(&Sample) -> Option<String>,
) -> Vec<String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for (fold, parts) in splits.folds.iter().enumerate() {
        let mut seen: BTreeMap<String, u8> = BTreeMap::new();
        for sample in set.samples().iter().filter(|s| parts[s.index] != 0) {
            if let Some(group) = group(sample) {
                *seen.entry(group).or_default() |= parts[sample.index];
            }
        }
        for (group, mask) in seen.into_iter().filter(|(_, mask)| mask.count_ones() > 1) {
            let text = format!("{group}: in {} of {}", names(mask), splits.fold_name(fold));
            found.entry(group).or_insert(text);
        }
    }
    found.into_values().collect()
}

/// Images tested never or several times. A single split naturally leaves most images untested, and a data set's own
/// splits redraw their test parts, so there the finding is only informational.
pub(super) fn coverage(set: &Prepared, splits: &Splits) -> Vec<Finding> {
    let severity = match splits.partition {
        true => Severity::Leak,
        false => Severity::Information,
    };
    vec![
        lacking(
            splits,
            TEST,
            FindingKind::Untested,
            "splits that test nothing",
        ),
        lacking(
            splits,
            TRAIN,
            FindingKind::Untrained,
            "splits that train on nothing, so it is unknown whether training and test are separate",
        ),
        Finding::new(
            FindingKind::HeldOutUsed,
            Severity::Information,
            "images without an emotion label are in the split",
            held_out_used(set, splits),
        ),
        Finding::new(
            FindingKind::Untested,
            severity,
            "labelled images that no fold tests",
            tested(set, splits, |times| times == 0),
        ),
        Finding::new(
            FindingKind::TestedTwice,
            severity,
            "images that several folds test",
            tested(set, splits, |times| times > 1),
        ),
    ]
}

/// The folds without an image in `part`. Our own rule leaves folds empty where there are few people, and training then
/// rejects them; but never all folds.
fn lacking(splits: &Splits, part: u8, kind: FindingKind, what: &str) -> Finding {
    let folds: Vec<String> = (0..splits.folds.len())
        .filter(|&fold| splits.folds[fold].iter().all(|mask| mask & part == 0))
        .map(|fold| splits.fold_name(fold))
        .collect();
    let severity = match splits.is_own() {
        true if folds.len() == splits.folds.len() => Severity::CannotTell,
        true => Severity::Information,
        false => Severity::Leak,
    };
    Finding::new(kind, severity, what, folds)
}

fn held_out_used(set: &Prepared, splits: &Splits) -> Vec<String> {
    set.samples()
        .iter()
        .filter(|s| s.role == Role::HeldOut)
        .filter(|s| splits.folds.iter().any(|parts| parts[s.index] != 0))
        .map(|s| s.path.clone())
        .collect()
}

/// The labelled images whose number of tests is `wanted`.
fn tested(set: &Prepared, splits: &Splits, wanted: impl Fn(usize) -> bool) -> Vec<String> {
    labelled(set)
        .filter(|s| {
            let tests = splits
                .folds
                .iter()
                .filter(|parts| parts[s.index] & TEST != 0);
            wanted(tests.count())
        })
        .map(|s| format!("row {}: {}", s.index, s.path))
        .collect()
}
