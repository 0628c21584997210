//! The part of every image in every fold: by the set's own folds, or by an external table.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::label::text::brief;
use crate::prepared::Prepared;
use crate::review::audit::finding::{Finding, FindingKind, Severity};
use crate::review::audit::places::Places;
use crate::review::audit::table::{self, Row};
use crate::review::audit::{labelled, labels};

/// Bits of a mask over parts: a table may put an image into several.
pub(super) const TRAIN: u8 = bit(Part::Train);
pub(super) const TEST: u8 = bit(Part::Test);
/// Maximum number of folds of a split table.
const FOLDS_LIMIT: usize = 1000;

const fn bit(part: Part) -> u8 {
    match part {
        Part::None => 0,
        Part::Train => 1,
        Part::Validation => 2,
        Part::Test => 4,
    }
}

/// `train and test`.
pub(super) fn names(mask: u8) -> String {
    let all = [Part::Train, Part::Validation, Part::Test].into_iter();
    let within = all.filter(|&part| mask & bit(part) != 0);
    within.map(Part::name).collect::<Vec<_>>().join(" and ")
}

/// The parts of every row, fold by fold.
pub(super) struct Splits {
    pub name: String,
    /// `[fold][row]`: bits of the parts.
    pub folds: Vec<Vec<u8>>,
    /// The folds' names in a table; empty for the set's own folds.
    names: Vec<String>,
    /// Whether every image should be tested exactly once.
    pub partition: bool,
}

impl Splits {
    /// The set's own folds: each fold tests once, the next one validates, the others train; or the set's own splits.
    pub fn own(set: &Prepared) -> Self {
        let info = set.info();
        let given = info.fold_rule == FoldRule::Given;
        let parts = |fold| {
            let samples = set.samples().iter();
            samples
                .map(move |s| bit(s.part(fold, info.folds)))
                .collect()
        };
        Self {
            name: match given {
                true => format!("{} splits of the data set", info.folds),
                false => format!("{} folds of the set", info.folds),
            },
            folds: (0..info.folds).map(parts).collect(),
            names: Vec::new(),
            partition: !given,
        }
    }

    /// An external split; also unmatched rows and images, and labels that contradict ours.
    pub fn read(path: &Path, set: &Prepared) -> Result<(Self, Vec<Finding>), Error> {
        let rows = table::read(path)?;
        let mut places = Places::of(set);
        places.forget_ambiguous(rows.iter().map(|row| row.path.as_str()));
        let mut matched = Matched::default();
        for (line, row) in rows.iter().enumerate() {
            let place = places.find(&row.path);
            matched.add(row, place, set.len()).map_err(|reason| {
                Error::parse(format!("{}: row {line}: {reason}", path.display()))
            })?;
        }
        if matched.unmatched.len() == rows.len() {
            let example = set.samples().first().map_or("", |s| &s.path);
            let expected = format!("paths of the set's images, such as '{example}'");
            let found = format!("{} rows, none of which names one of them", rows.len());
            return Err(Error::layout(path, expected, found));
        }
        let (folds, findings) = matched.findings(set);
        let (names, mut folds): (Vec<_>, Vec<_>) = sorted(folds).into_iter().unzip();
        let mut name = match folds.len() {
            1 => format!("split in {} with one fold", path.display()),
            many => format!("split in {} with {many} folds", path.display()),
        };
        if train_on_the_others(&mut folds) {
            name += ", of which it lists only the test parts: images tested in the other folds count as training";
        }
        let partition = folds.len() > 1;
        let splits = Self {
            name,
            folds,
            names,
            partition,
        };
        Ok((splits, findings))
    }

    /// Whether these are the set's own folds.
    pub fn is_own(&self) -> bool {
        self.names.is_empty()
    }

    /// `fold 3`, or its name in the table.
    pub fn fold_name(&self, fold: usize) -> String {
        match self.names.get(fold).map(String::as_str) {
            Some("") => "the split".to_owned(),
            Some(name) => format!("fold {name}"),
            None => format!("fold {fold}"),
        }
    }

    /// The first fold in which two rows are in different parts, and the parts of both.
    pub fn apart(&self, a: usize, b: usize) -> Option<(usize, u8, u8)> {
        let masks = self.folds.iter().map(|parts| (parts[a], parts[b]));
        let differ = |(a, b): &(u8, u8)| *a != 0 && *b != 0 && (a | b).count_ones() > 1;
        let found = masks.enumerate().find(|(_, masks)| differ(masks));
        found.map(|(fold, (a, b))| (fold, a, b))
    }
}

/// A table's rows, matched with the set's images.
#[derive(Default)]
struct Matched {
    /// Fold by name: the parts of every image.
    folds: BTreeMap<String, Vec<u8>>,
    unmatched: Vec<String>,
    /// Rows whose image the same fold tests already.
    repeated: Vec<String>,
    /// Images with the table's labels.
    labels: Vec<(usize, String)>,
}

impl Matched {
    /// Adds a row and the image that it names, of `images`.
    fn add(&mut self, row: &Row, place: Option<usize>, images: usize) -> Result<(), String> {
        let part = Part::from_name(&row.split).ok_or_else(|| {
            let split = brief(&row.split);
            format!("split '{split}' is not one of train, val and test")
        })?;
        let fold = row.fold.as_deref().unwrap_or("").trim();
        if self.folds.len() == FOLDS_LIMIT && !self.folds.contains_key(fold) {
            return Err(format!("more than {FOLDS_LIMIT} folds"));
        }
        let parts = self.folds.entry(fold.to_owned());
        let parts = parts.or_insert_with(|| vec![0; images]);
        let Some(at) = place else {
            self.unmatched.push(format!("'{}'", brief(&row.path)));
            return Ok(());
        };
        if part == Part::Test && parts[at] & TEST != 0 {
            self.repeated.push(format!("'{}'", brief(&row.path)));
        }
        parts[at] |= bit(part);
        let label = row.label.as_deref();
        self.labels
            .extend(label.map(|label| (at, label.trim().to_owned())));
        Ok(())
    }

    /// The folds, and the faults of the table.
    fn findings(self, set: &Prepared) -> (BTreeMap<String, Vec<u8>>, Vec<Finding>) {
        let used = |row: usize| self.folds.values().any(|parts| parts[row] != 0);
        let left_out = labelled(set).filter(|s| !used(s.index));
        let left_out: Vec<String> = left_out.map(|s| s.path.clone()).collect();
        // A table that names further images must cover the whole set; one that covers few and names others may belong
        // to another copy.
        let most_left_out = 2 * left_out.len() > labelled(set).count();
        let severity = match !self.unmatched.is_empty() && most_left_out {
            true => Severity::CannotTell,
            false => Severity::Information,
        };
        let findings = vec![
            Finding::new(
                FindingKind::Unmatched,
                severity,
                "rows of the split that match no image of the set, several images, or an image matched by another path",
                self.unmatched,
            ),
            Finding::new(
                FindingKind::Unmatched,
                Severity::Information,
                "labelled images of the set are not in the split",
                left_out,
            ),
            Finding::leak(
                FindingKind::TestedTwice,
                "rows of the split test an image that the same fold tests already",
                self.repeated,
            ),
            labels::against(set, &self.labels),
        ];
        (self.folds, findings)
    }
}

/// Fills in the training parts of a table of several folds that lists test parts alone: each fold then trains on the
/// images that the others test. Returns whether this applies to the table.
fn train_on_the_others(folds: &mut [Vec<u8>]) -> bool {
    let tests_alone = folds.iter().flatten().all(|mask| mask & !TEST == 0);
    if folds.len() < 2 || !tests_alone {
        return false;
    }
    let rows = folds[0].len();
    let tested: Vec<bool> = (0..rows)
        .map(|row| folds.iter().any(|parts| parts[row] != 0))
        .collect();
    for parts in folds {
        let untold = parts
            .iter_mut()
            .zip(&tested)
            .filter(|(mask, _)| **mask == 0);
        untold.for_each(|(mask, tested)| *mask = if *tested { TRAIN } else { 0 });
    }
    true
}

/// Numbered folds in the order of their numbers.
fn sorted(folds: BTreeMap<String, Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = folds.into_iter().collect();
    all.sort_by_key(|(name, _)| name.parse::<u64>().unwrap_or(u64::MAX));
    all
}
