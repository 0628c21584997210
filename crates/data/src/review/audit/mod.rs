//! Is training apart from test? Looks for what makes a reported accuracy too good, in our folds and in other people's splits.

mod labels;
mod similar;
mod split;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Error;
use crate::label::role::Role;
use crate::prepared::Prepared;
use crate::prepared::sample::Sample;

use split::Splits;

/// What is audited.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// Somebody else's split: a table with the columns `path`, `split` (train, val or test in any of the usual spellings)
    /// and, if there are any, `fold` and `label`. `None` audits the set's own folds under the protocol `paper-2017`.
    pub split_csv: Option<PathBuf>,
    /// Examples listed of each kind of finding.
    pub examples: usize,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            split_csv: None,
            examples: 5,
        }
    }
}

/// A kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A person is in two parts of one split.
    SubjectInTwoParts,
    /// A recording is in two parts of one split.
    SequenceInTwoParts,
    /// An image is in two parts of one split.
    ImageInTwoParts,
    /// Nearly the same image, mirrored or not, is in two parts of one split, under different subjects or unknown ones.
    NearDuplicate,
    /// A labelled image is in no test part, or a split has none.
    Untested,
    /// A split has no training part.
    Untrained,
    /// An image is in the test part of several folds.
    TestedTwice,
    /// Names, numbers and images contradict each other about classes.
    ClassMapConflict,
    /// The set's table and its arrays contradict each other about people or folds.
    ArraysContradict,
    /// Who is in an image is not known.
    SubjectsUnknown,
    /// Images without an emotion label are in the split.
    HeldOutUsed,
    /// Rows of a split that match no image, or images that the split leaves out.
    Unmatched,
    /// Something was not looked at to the end.
    Incomplete,
}

/// What a finding means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Results of this split are no measure of unseen faces, or contradict themselves.
    Leak,
    /// Too little was there to look at for a verdict.
    CannotTell,
    /// Good to know.
    Information,
}

/// One kind of finding with how often it occurs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// What it means.
    pub severity: Severity,
    /// How many people, recordings, images or pairs are concerned.
    pub count: usize,
    /// A sentence.
    pub what: String,
    /// Some of them, by name.
    pub examples: Vec<String>,
}

/// The result of an audit; its `Display` is a page of text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// The data set.
    pub name: String,
    /// Whether a program drew the images.
    pub synthetic: bool,
    /// Which split was looked at, in words.
    pub split: String,
    /// How many folds it has.
    pub folds: usize,
    /// Labelled images.
    pub images: usize,
    /// What was looked for, one entry each.
    pub checked: Vec<&'static str>,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Audit {
    /// Whether anything is a leak.
    pub fn leaks(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Leak)
    }

    /// Whether training and test may be taken for apart: nothing is a leak, and enough was looked at to say so.
    pub fn is_clear(&self) -> bool {
        self.findings
            .iter()
            .all(|f| f.severity == Severity::Information)
    }

    /// The outcome in a sentence.
    pub fn verdict(&self) -> &'static str {
        let shared = |f: &Finding| {
            use FindingKind::*;
            let kinds = [
                SubjectInTwoParts,
                SequenceInTwoParts,
                ImageInTwoParts,
                NearDuplicate,
            ];
            f.severity == Severity::Leak && kinds.contains(&f.kind)
        };
        match (
            self.findings.iter().any(shared),
            self.leaks(),
            self.is_clear(),
        ) {
            (true, ..) => "Training and test are NOT apart.",
            (_, true, _) => {
                "No face was found in two parts, but results of this split do not stand: see what is marked as LEAK."
            }
            (.., false) => "Whether training and test are apart CANNOT be told.",
            _ => "No leak found.",
        }
    }
}

/// Audits the prepared set in `dir`. Nothing is written.
///
/// # Errors
/// [`Error::NotPrepared`] for a set whose files do not fit together (contradictory labels and folds are findings, not
/// errors); [`Error::Layout`] or [`Error::Parse`] for a split table that cannot be read.
pub fn audit(dir: &Path, options: &AuditOptions) -> Result<Audit, Error> {
    let set = Prepared::open_for_audit(dir)?;
    let (splits, mut found) = match &options.split_csv {
        Some(path) => Splits::read(path, &set, options.examples)?,
        None => (Splits::own(&set), Vec::new()),
    };
    found.extend(labels::conflicts(&set, options.examples));
    found.extend(groups(&set, &splits, options.examples));
    found.extend(coverage(&set, &splits, options.examples));
    found.extend(similar::near_duplicates(&set, &splits, options.examples));
    found.retain(|finding| finding.count > 0);
    found.sort_by_key(|finding| (finding.severity, finding.kind));
    Ok(Audit {
        name: set.info().name.clone(),
        synthetic: set.info().synthetic,
        split: splits.name.clone(),
        folds: splits.folds.len(),
        images: labelled(&set).count(),
        checked: vec![
            "people in two parts",
            "recordings in two parts",
            "near-identical images in two parts, mirrored or not",
            "images tested never or twice",
            "contradictory classes",
        ],
        findings: found,
    })
}

fn labelled(set: &Prepared) -> impl Iterator<Item = &Sample> {
    set.samples().iter().filter(|s| s.role == Role::Labelled)
}

/// A finding whose examples are the first of `all`.
fn finding(
    kind: FindingKind,
    severity: Severity,
    what: &str,
    all: &[String],
    examples: usize,
) -> Finding {
    Finding {
        kind,
        severity,
        count: all.len(),
        what: what.to_owned(),
        examples: all.iter().take(examples).cloned().collect(),
    }
}

/// People, recordings and images in more than one part of a split.
fn groups(set: &Prepared, splits: &Splits, examples: usize) -> Vec<Finding> {
    let by_subject = |s: &Sample| (s.subject >= 0).then(|| format!("subject {}", s.subject));
    let by_sequence =
        |s: &Sample| (s.frame > 0 || s.subject >= 0).then(|| format!("sequence {}", s.sequence));
    let by_image = |s: &Sample| Some(s.path.clone());
    let unknown = labelled(set).filter(|s| s.subject < 0).count();
    let mut all = vec![
        finding(
            FindingKind::SubjectInTwoParts,
            Severity::Leak,
            "people who are in several parts of one split",
            &in_two_parts(set, splits, by_subject),
            examples,
        ),
        finding(
            FindingKind::SequenceInTwoParts,
            Severity::Leak,
            "recordings whose frames are in several parts of one split",
            &in_two_parts(set, splits, by_sequence),
            examples,
        ),
        finding(
            FindingKind::ImageInTwoParts,
            Severity::Leak,
            "images that are themselves in several parts of one split",
            &in_two_parts(set, splits, by_image),
            examples,
        ),
    ];
    all.push(Finding {
        kind: FindingKind::SubjectsUnknown,
        severity: Severity::Information,
        count: unknown,
        what: "images do not say who is in them: whether people are shared cannot be looked up, only near-identical images can".to_owned(),
        examples: Vec::new(),
    });
    all
}

/// The groups with rows in several parts of a split, each with where.
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
            let text = format!(
                "{group}: in {} of {}",
                split::names(mask),
                splits.fold_name(fold)
            );
            found.entry(group).or_insert(text);
        }
    }
    found.into_values().collect()
}

/// Images tested never or several times. A single split leaves most images untested by nature, and splits that come with the
/// data draw their test parts anew, so there it is information.
fn coverage(set: &Prepared, splits: &Splits, examples: usize) -> Vec<Finding> {
    let tested = |s: &Sample| {
        splits
            .folds
            .iter()
            .filter(|parts| parts[s.index] & split::TEST != 0)
            .count()
    };
    let names = |wanted: &dyn Fn(usize) -> bool| -> Vec<String> {
        let rows = labelled(set).filter(|s| wanted(tested(s)));
        rows.map(|s| format!("row {}: {}", s.index, s.path))
            .collect()
    };
    let without = |part: u8| -> Vec<String> {
        (0..splits.folds.len())
            .filter(|&fold| splits.folds[fold].iter().all(|mask| mask & part == 0))
            .map(|fold| splits.fold_name(fold))
            .collect()
    };
    let used = |s: &&Sample| splits.folds.iter().any(|parts| parts[s.index] != 0);
    let held_out: Vec<String> = set
        .samples()
        .iter()
        .filter(|s| s.role == Role::HeldOut)
        .filter(used)
        .map(|s| s.path.clone())
        .collect();
    let severity = match splits.partition {
        true => Severity::Leak,
        false => Severity::Information,
    };
    // Our own rule leaves folds empty where there are few people, and training then refuses them; but not all of them.
    let lacking = |folds: &[String]| match splits.is_own() {
        true if folds.len() == splits.folds.len() => Severity::CannotTell,
        true => Severity::Information,
        false => Severity::Leak,
    };
    vec![
        finding(
            FindingKind::Untested,
            lacking(&without(split::TEST)),
            "splits that test nothing",
            &without(split::TEST),
            examples,
        ),
        finding(
            FindingKind::Untrained,
            lacking(&without(split::TRAIN)),
            "splits that train on nothing, so that whether training and test are apart cannot be told",
            &without(split::TRAIN),
            examples,
        ),
        finding(
            FindingKind::HeldOutUsed,
            Severity::Information,
            "images without an emotion label are in the split",
            &held_out,
            examples,
        ),
        finding(
            FindingKind::Untested,
            severity,
            "labelled images that no fold tests",
            &names(&|times| times == 0),
            examples,
        ),
        finding(
            FindingKind::TestedTwice,
            severity,
            "images that several folds test",
            &names(&|times| times > 1),
            examples,
        ),
    ]
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let synthetic = if self.synthetic { ", SYNTHETIC" } else { "" };
        writeln!(
            f,
            "{}{synthetic}: {} labelled images, {}",
            self.name, self.images, self.split
        )?;
        writeln!(f, "looked for: {}", self.checked.join("; "))?;
        for finding in &self.findings {
            let mark = match finding.severity {
                Severity::Leak => "LEAK",
                Severity::CannotTell => "?   ",
                Severity::Information => "note",
            };
            writeln!(f, "\n{mark}  {} {}", finding.count, finding.what)?;
            for example in &finding.examples {
                writeln!(f, "      {example}")?;
            }
            match finding.count.saturating_sub(finding.examples.len()) {
                more if more > 0 && !finding.examples.is_empty() => {
                    writeln!(f, "      and {more} more")?
                }
                _ => {}
            }
        }
        write!(f, "\n{}", self.verdict())
    }
}
