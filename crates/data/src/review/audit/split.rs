use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::label::role::Role;
use crate::label::text::brief;
use crate::prepared::Prepared;
use crate::read::file::read_bounded;

use super::{Finding, FindingKind, Severity, finding};

/// Bits of a mask over parts.
pub(super) const TRAIN: u8 = 1;
pub(super) const VALIDATION: u8 = 2;
pub(super) const TEST: u8 = 4;
/// Most bytes of a split table: a million long paths.
const TABLE_LIMIT: u64 = 256 << 20;
/// Most folds of a split table.
const FOLDS_LIMIT: usize = 1000;

/// Which parts every row is in, fold by fold.
pub(super) struct Splits {
    pub name: String,
    /// `[fold][row]`: bits of the parts.
    pub folds: Vec<Vec<u8>>,
    /// What the folds are called, where they have names of their own.
    names: Vec<String>,
    /// Whether every image is meant to be tested exactly once.
    pub partition: bool,
}

/// `train and test`.
pub(super) fn names(mask: u8) -> String {
    let all = [(TRAIN, "train"), (VALIDATION, "validation"), (TEST, "test")];
    let names: Vec<_> = all
        .iter()
        .filter(|(bit, _)| mask & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    names.join(" and ")
}

/// A row of other people's tables.
#[derive(Deserialize)]
struct Row {
    path: String,
    split: String,
    #[serde(default)]
    fold: Option<String>,
    #[serde(default)]
    label: Option<String>,
}

impl Splits {
    /// The set's own folds: each fold tests once, the next one validates, the others train; or the splits that it brings.
    pub fn own(set: &Prepared) -> Self {
        let info = set.info();
        let given = info.fold_rule == FoldRule::Given;
        let mask = |fold: usize, row: usize| {
            let sample = &set.samples()[row];
            let next = ((fold + 1) % info.folds.max(1)) as i64;
            match sample.parts.get(fold) {
                _ if sample.role == Role::HeldOut => 0,
                Some(Part::None) => 0,
                Some(Part::Train) => TRAIN,
                Some(Part::Validation) => VALIDATION,
                Some(Part::Test) => TEST,
                None if !(0..info.folds as i64).contains(&sample.fold) => 0,
                None if sample.fold == fold as i64 => TEST,
                None if sample.fold == next => VALIDATION,
                None => TRAIN,
            }
        };
        let rows = |fold| (0..set.len()).map(|row| mask(fold, row)).collect();
        let name = match given {
            true => format!("{} splits that the data set brings", info.folds),
            false => format!("{} folds of its own", info.folds),
        };
        Self {
            name,
            folds: (0..info.folds).map(rows).collect(),
            names: Vec::new(),
            partition: !given,
        }
    }

    /// Somebody else's split; also what cannot be matched, and labels that contradict ours.
    pub fn read(
        path: &Path,
        set: &Prepared,
        examples: usize,
    ) -> Result<(Self, Vec<Finding>), Error> {
        let bytes = read_bounded(path, TABLE_LIMIT)?;
        let rows = rows(path, &bytes)?;
        let mut places = Places::of(set);
        places.forget_ambiguous(&rows);
        let mut folds: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut unmatched = Vec::new();
        let mut labels = Vec::new();
        let mut repeated = Vec::new();
        for (line, row) in rows.iter().enumerate() {
            let mask = part(&row.split).ok_or_else(|| {
                Error::parse(format!(
                    "{}: row {line}: split '{}' is none of train, val and test",
                    path.display(),
                    brief(&row.split)
                ))
            })?;
            let fold = row.fold.as_deref().unwrap_or("").trim().to_owned();
            if folds.len() == FOLDS_LIMIT && !folds.contains_key(&fold) {
                return Err(Error::parse(format!(
                    "{}: more than {FOLDS_LIMIT} folds",
                    path.display()
                )));
            }
            let parts = folds.entry(fold).or_insert_with(|| vec![0; set.len()]);
            match places.find(&row.path) {
                Some(at) => {
                    if parts[at] & mask & TEST != 0 {
                        repeated.push(format!("'{}'", brief(&row.path)));
                    }
                    parts[at] |= mask;
                    labels.extend(
                        row.label
                            .as_deref()
                            .map(|label| (at, label.trim().to_owned())),
                    );
                }
                None => unmatched.push(format!("'{}'", brief(&row.path))),
            }
        }
        if unmatched.len() == rows.len() {
            return Err(Error::Layout {
                path: path.to_path_buf(),
                expected: format!(
                    "paths of the set's images, such as '{}'",
                    set.samples().first().map_or("", |s| &s.path)
                ),
                found: format!("{} rows, none of which names one of them", rows.len()),
            });
        }
        let left_out: Vec<String> = set
            .samples()
            .iter()
            .filter(|s| s.role == Role::Labelled && folds.values().all(|parts| parts[s.index] == 0))
            .map(|s| s.path.clone())
            .collect();
        let images = super::labelled(set).count();
        // A table of more images than the set holds says all of the set's; one that says little of them and names others
        // may be about another copy.
        let severity = match !unmatched.is_empty() && 2 * left_out.len() > images {
            true => Severity::CannotTell,
            false => Severity::Information,
        };
        let found = vec![
            finding(
                FindingKind::Unmatched,
                severity,
                "rows of the split name no image of the set, or more than one, or one that another path names too",
                &unmatched,
                examples,
            ),
            finding(
                FindingKind::Unmatched,
                Severity::Information,
                "labelled images of the set are not in the split",
                &left_out,
                examples,
            ),
            finding(
                FindingKind::TestedTwice,
                Severity::Leak,
                "rows of the split test an image that the same fold tests already",
                &repeated,
                examples,
            ),
            super::labels::against(set, &labels, examples),
        ];
        let (names, mut folds): (Vec<_>, Vec<_>) = sorted(folds).into_iter().unzip();
        let others_train = train_on_the_others(&mut folds);
        let name = format!(
            "split in {} with {}{}",
            path.display(),
            match folds.len() {
                1 => "one fold".to_owned(),
                many => format!("{many} folds"),
            },
            match others_train {
                true =>
                    ", of which it lists the test parts alone: what the other folds test counts as training",
                false => "",
            }
        );
        Ok((
            Self {
                name,
                partition: folds.len() > 1,
                folds,
                names,
            },
            found,
        ))
    }

    /// Whether these are the set's own.
    pub fn is_own(&self) -> bool {
        self.names.is_empty()
    }

    /// `fold 3`, or what the table calls it.
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

/// A table of several folds that names nothing but test parts says how the images are dealt: each fold then trains on what
/// the others test. Whether that was so.
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

fn rows(path: &Path, bytes: &[u8]) -> Result<Vec<Row>, Error> {
    let wrong = |error: csv::Error| Error::parse(format!("{}: {error}", path.display()));
    let mut table = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let header = table.headers().map_err(wrong)?;
    let header: csv::StringRecord = header
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').to_ascii_lowercase())
        .collect();
    for column in ["path", "split"] {
        if !header.iter().any(|name| name == column) {
            return Err(Error::Layout {
                path: path.to_path_buf(),
                expected:
                    "a table with the columns path,split and, if there are any, fold and label"
                        .to_owned(),
                found: brief(&header.iter().collect::<Vec<_>>().join(",")),
            });
        }
    }
    table
        .records()
        .map(|row| {
            row.and_then(|row| row.deserialize(Some(&header)))
                .map_err(wrong)
        })
        .collect()
}

/// The bit of a part by the names that people use.
fn part(name: &str) -> Option<u8> {
    match name.trim().to_ascii_lowercase().as_str() {
        "train" | "training" => Some(TRAIN),
        "val" | "valid" | "validation" | "dev" | "publictest" => Some(VALIDATION),
        "test" | "testing" | "privatetest" => Some(TEST),
        _ => None,
    }
}

/// Rows by their path, for paths that begin somewhere else.
struct Places<'a> {
    set: &'a Prepared,
    whole: HashMap<String, usize>,
    by_name: HashMap<&'a str, Vec<usize>>,
    /// Rows that several paths fit: `train/happy/im0.png` and `test/happy/im0.png` are not both `happy/im0.png`.
    ambiguous: HashSet<usize>,
}

/// A path as the set writes it.
fn plain(path: &str) -> String {
    let path = path.trim().replace('\\', "/");
    path.trim_start_matches("./").to_owned()
}

impl<'a> Places<'a> {
    fn of(set: &'a Prepared) -> Self {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for sample in set.samples() {
            let name = sample.path.rsplit('/').next().unwrap_or_default();
            by_name.entry(name).or_default().push(sample.index);
        }
        let whole = set
            .samples()
            .iter()
            .map(|s| (s.path.clone(), s.index))
            .collect();
        Self {
            set,
            whole,
            by_name,
            ambiguous: HashSet::new(),
        }
    }

    /// Leaves out the rows that different paths of a table fit by their ends.
    fn forget_ambiguous(&mut self, rows: &[Row]) {
        let mut paths: HashMap<usize, String> = HashMap::new();
        let mut twice = HashSet::new();
        for path in rows.iter().map(|row| plain(&row.path)) {
            if let Some(at) = self.find(&path)
                && paths.entry(at).or_insert_with(|| path.clone()) != &path
            {
                twice.insert(at);
            }
        }
        self.ambiguous = twice;
    }

    /// The row of a path: the same path, else the only one of which it is the end or that is its end, else the only one
    /// with its file name.
    fn find(&self, path: &str) -> Option<usize> {
        let path = plain(path);
        let path = path.as_str();
        if let Some(&row) = self.whole.get(path) {
            return Some(row);
        }
        let named = self.by_name.get(path.rsplit('/').next()?)?;
        let ends = |long: &str, short: &str| {
            long.strip_suffix(short)
                .is_some_and(|rest| rest.ends_with('/'))
        };
        let fitting: Vec<usize> = named
            .iter()
            .copied()
            .filter(|&row| {
                let ours = self.set.samples()[row].path.as_str();
                ends(path, ours) || ends(ours, path)
            })
            .collect();
        match (fitting.as_slice(), named.as_slice()) {
            ([row], _) | ([], [row]) => Some(*row).filter(|row| !self.ambiguous.contains(row)),
            _ => None,
        }
    }
}
