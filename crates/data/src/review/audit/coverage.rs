//! Groups of images in two parts of a split, and images tested never or twice.

use std::collections::BTreeMap;

use crate::label::Role;
use crate::prepared::sample::Sample;
use crate::review::audit::finding::{Finding, FindingKind, Severity};
use crate::review::audit::labelled;
use crate::review::audit::split::{Splits, TEST, TRAIN, names};

/// What makes images members of one group; `None` for an image in none.
type Group = fn(&Sample) -> Option<String>;

/// People, recordings and images in more than one part of a split.
const GROUPS: [(FindingKind, &str, Group); 3] = [
    (FindingKind::SubjectInTwoParts, "people who are", |s| {
        (s.subject >= 0).then(|| format!("subject {}", s.who()))
    }),
    (
        FindingKind::SequenceInTwoParts,
        "recordings whose frames are",
        |s| (s.frame > 0 || s.subject >= 0).then(|| format!("sequence {}", s.sequence)),
    ),
    (
        FindingKind::ImageInTwoParts,
        "images that are themselves",
        |s| Some(s.path.clone()),
    ),
];

/// Groups in several parts, images tested never or several times, and folds without a part.
///
/// A single split naturally leaves most images untested, and a data set's own splits redraw their test parts, so there
/// the finding is only informational.
pub(super) fn findings(splits: &Splits) -> Vec<Finding> {
    use FindingKind::{HeldOutUsed, SubjectsUnknown, TestedTwice, Untested, Untrained};
    let severity = match splits.partition {
        true => Severity::Leak,
        false => Severity::Information,
    };
    let unknown = labelled(splits.set).filter(|s| s.subject < 0).count();
    let alone =
        "images without a known person: only near-identical images can reveal shared people";
    let no_training =
        "splits that train on nothing, so it is unknown whether training and test are separate";
    let held_out = "images without an emotion label are in the split";
    let used = splits.set.samples().iter();
    let used = used.filter(|s| s.role == Role::HeldOut && splits.times(s.index, !0) > 0);
    let used = used.map(|s| s.path.clone()).collect();
    let never = tested(splits, |times| times == 0);
    let twice = tested(splits, |times| times > 1);
    let groups = GROUPS.map(|(kind, who, group)| {
        let what = format!("{who} in several parts of one split");
        kind.leak(what, in_two_parts(splits, group))
    });
    let others = [
        SubjectsUnknown.counted(alone, unknown),
        lacking(splits, TEST, Untested, "splits that test nothing"),
        lacking(splits, TRAIN, Untrained, no_training),
        HeldOutUsed.of(Severity::Information, held_out, used),
        Untested.of(severity, "labelled images that no fold tests", never),
        TestedTwice.of(severity, "images that several folds test", twice),
    ];
    groups.into_iter().chain(others).collect()
}

/// The groups with members in more than one part of a split, including held-out rows, which external splits may train on.
fn in_two_parts(splits: &Splits, group: Group) -> Vec<String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for (fold, parts) in splits.folds.iter().enumerate() {
        let mut seen: BTreeMap<String, u8> = BTreeMap::new();
        for (sample, part) in splits.set.samples().iter().zip(parts) {
            if let Some(group) = group(sample).filter(|_| *part != 0) {
                *seen.entry(group).or_default() |= part;
            }
        }
        for (group, mask) in seen.into_iter().filter(|(_, mask)| mask.count_ones() > 1) {
            let text = format!("{group}: in {} of {}", names(mask), splits.fold_name(fold));
            found.entry(group).or_insert(text);
        }
    }
    found.into_values().collect()
}

/// The folds without an image in `part`. Our own rule leaves folds empty where there are few people, and training then
/// rejects them; but never all folds.
fn lacking(splits: &Splits, part: u8, kind: FindingKind, what: &str) -> Finding {
    let folds = splits.folds.iter().enumerate();
    let folds = folds.filter(|(_, parts)| parts.iter().all(|mask| mask & part == 0));
    let folds: Vec<String> = folds.map(|(fold, _)| splits.fold_name(fold)).collect();
    let severity = match splits.is_own() {
        true if folds.len() == splits.folds.len() => Severity::CannotTell,
        true => Severity::Information,
        false => Severity::Leak,
    };
    kind.of(severity, what, folds)
}

/// The labelled images whose number of tests is `wanted`.
fn tested(splits: &Splits, wanted: impl Fn(usize) -> bool) -> Vec<String> {
    let rows = labelled(splits.set).filter(|s| wanted(splits.times(s.index, TEST)));
    rows.map(|s| format!("row {}: {}", s.index, s.path))
        .collect()
}
