//! The part of every image in every fold: by the set's own folds, or by an external table.

use std::collections::BTreeMap;
use std::path::Path;

use faus_base::table::Table;
use serde::Deserialize;

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::label::text::brief;
use crate::prepared::Prepared;
use crate::read::file::read_bounded;
use crate::read::places::Places;
use crate::review::audit::finding::{Finding, FindingKind, Severity};
use crate::review::audit::{labelled, labels};

/// Bits of a mask over parts: a table may put an image into several.
pub(super) const TRAIN: u8 = bit(Part::Train);
pub(super) const TEST: u8 = bit(Part::Test);
/// Maximum number of folds of a split table.
const FOLDS_LIMIT: usize = 1000;

const fn bit(part: Part) -> u8 {
    match part {
        Part::None => 0,
        part => 1 << (part as u8 - 1),
    }
}

/// `train and test`.
pub(super) fn names(mask: u8) -> String {
    let all = [Part::Train, Part::Validation, Part::Test].into_iter();
    let within = all.filter(|&part| mask & bit(part) != 0);
    within.map(Part::name).collect::<Vec<_>>().join(" and ")
}

/// The parts of every row, fold by fold.
pub(super) struct Splits<'a> {
    pub set: &'a Prepared,
    pub name: String,
    /// `[fold][row]`: bits of the parts.
    pub folds: Vec<Vec<u8>>,
    /// The folds' names in a table; empty for the set's own folds.
    names: Vec<String>,
    /// Whether every image should be tested exactly once.
    pub partition: bool,
}

impl<'a> Splits<'a> {
    /// The set's own folds: each fold tests once, the next one validates, the others train; or the set's own splits.
    pub fn own(set: &'a Prepared) -> Self {
        let folds = set.info().folds;
        let partition = set.info().fold_rule != FoldRule::Given;
        let samples = set.samples().iter();
        let parts = |fold| samples.clone().map(|s| bit(s.part(fold, folds))).collect();
        Self {
            set,
            name: match partition {
                true => format!("{folds} folds of the set"),
                false => format!("{folds} splits of the data set"),
            },
            folds: (0..folds).map(parts).collect(),
            names: Vec::new(),
            partition,
        }
    }

    /// An external split; also unmatched rows and images, and labels that contradict ours.
    pub fn read(path: &Path, set: &'a Prepared) -> Result<(Self, Vec<Finding>), Error> {
        let rows = read_rows(path)?;
        let places = Places::of(set.samples().iter().map(|s| s.path.as_str()));
        let places = places.find(rows.iter().map(|row| row.path.as_str()));
        let mut matched = Matched::default();
        for (row, place) in rows.iter().zip(places) {
            let added = matched.add(row, place.map(|place| place.0), set.len());
            let wrong = |reason| format!("{}: line {}: {reason}", path.display(), row.line);
            added.map_err(|reason| Error::parse(wrong(reason)))?;
        }
        if matched.unmatched.len() == rows.len() {
            let example = set.samples().first().map_or("", |s| &s.path);
            let expected = format!("paths of the set's images, such as '{example}'");
            let found = format!("{} rows, none of which names one of them", rows.len());
            return Err(Error::layout(path, expected, found));
        }
        let findings = matched.findings(set);
        // Numbered folds in the order of their numbers.
        let mut folds: Vec<_> = matched.folds.into_iter().collect();
        folds.sort_by_key(|(name, _)| name.parse::<u64>().unwrap_or(u64::MAX));
        let (names, mut folds): (Vec<_>, Vec<_>) = folds.into_iter().unzip();
        let count = match folds.len() {
            1 => "one fold".to_owned(),
            many => format!("{many} folds"),
        };
        let mut name = format!("split in {} with {count}", path.display());
        if train_on_the_others(&mut folds) {
            name += ", of which it lists only the test parts: images tested in the other folds count as training";
        }
        let splits = Self {
            set,
            name,
            partition: folds.len() > 1,
            folds,
            names,
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

    /// The number of folds in which a row has one of the parts of `mask`.
    pub fn times(&self, row: usize, mask: u8) -> usize {
        let folds = self.folds.iter();
        folds.filter(|parts| parts[row] & mask != 0).count()
    }

    /// The first fold in which two rows are in different parts, and the parts of both.
    pub fn apart(&self, a: usize, b: usize) -> Option<(usize, u8, u8)> {
        let folds = self.folds.iter().enumerate();
        let mut masks = folds.map(|(fold, parts)| (fold, parts[a], parts[b]));
        masks.find(|(_, a, b)| *a != 0 && *b != 0 && (a | b).count_ones() > 1)
    }
}

/// Maximum size in bytes of a split table: a million long paths.
const TABLE_LIMIT: u64 = 256 << 20;

/// A row of the table.
#[derive(Deserialize)]
struct Row {
    path: String,
    split: String,
    #[serde(default)]
    fold: String,
    #[serde(default)]
    label: String,
    #[serde(skip)]
    line: u64,
}

/// The rows of a split table.
fn read_rows(path: &Path) -> Result<Vec<Row>, Error> {
    let wrong = |reason| Error::parse(format!("{}: {reason}", path.display()));
    let bytes = read_bounded(path, TABLE_LIMIT)?;
    let table = Table::open(&bytes).map_err(wrong)?;
    if table.require(&["path", "split"]).is_err() {
        let expected = "a table with the columns path,split and, if there are any, fold and label";
        return Err(Error::layout(path, expected, brief(&table.listed())));
    }
    let columns = table.columns().clone();
    let rows = table.records().map(|cells| {
        let cells = cells?;
        let line = cells.line;
        Ok(Row {
            line,
            ..cells.value(&columns)?
        })
    });
    rows.collect::<Result<_, _>>().map_err(wrong)
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
        if self.folds.len() == FOLDS_LIMIT && !self.folds.contains_key(&row.fold) {
            return Err(format!("more than {FOLDS_LIMIT} folds"));
        }
        let parts = self.folds.entry(row.fold.clone());
        let parts = parts.or_insert_with(|| vec![0; images]);
        let path = format!("'{}'", brief(&row.path));
        let Some(at) = place else {
            self.unmatched.push(path);
            return Ok(());
        };
        if part == Part::Test && parts[at] & TEST != 0 {
            self.repeated.push(path);
        }
        parts[at] |= bit(part);
        self.labels.push((at, row.label.clone()));
        Ok(())
    }

    /// The faults of the table.
    fn findings(&mut self, set: &Prepared) -> Vec<Finding> {
        use FindingKind::{TestedTwice, Unmatched};
        let unused = |row: usize| self.folds.values().all(|parts| parts[row] == 0);
        let left_out = labelled(set).filter(|s| unused(s.index));
        let left_out: Vec<String> = left_out.map(|s| s.path.clone()).collect();
        // A table that names further images must cover the whole set; one that covers few and names others may belong
        // to another copy.
        let most_left_out = 2 * left_out.len() > labelled(set).count();
        let severity = match !self.unmatched.is_empty() && most_left_out {
            true => Severity::CannotTell,
            false => Severity::Information,
        };
        let [unmatched, repeated] = [&mut self.unmatched, &mut self.repeated].map(std::mem::take);
        let no_image = "rows of the split that match no image of the set, several images, or an image matched by another path";
        let not_listed = "labelled images of the set are not in the split";
        let again = "rows of the split test an image that the same fold tests already";
        vec![
            Unmatched.of(severity, no_image, unmatched),
            Unmatched.of(Severity::Information, not_listed, left_out),
            TestedTwice.leak(again, repeated),
            labels::against(set, &self.labels),
        ]
    }
}

/// Fills in the training parts of a table of several folds that lists test parts alone: each fold then trains on the
/// images that the others test. Returns whether this applies to the table.
fn train_on_the_others(folds: &mut [Vec<u8>]) -> bool {
    let tests_alone = folds.iter().flatten().all(|mask| mask & !TEST == 0);
    if folds.len() < 2 || !tests_alone {
        return false;
    }
    for row in 0..folds[0].len() {
        if folds.iter().any(|parts| parts[row] != 0) {
            let untold = folds.iter_mut().filter(|parts| parts[row] == 0);
            untold.for_each(|parts| parts[row] = TRAIN);
        }
    }
    true
}
