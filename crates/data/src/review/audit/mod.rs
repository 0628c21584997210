//! Searches our folds and external splits for faults that inflate a reported accuracy.

mod coverage;
mod finding;
mod labels;
mod similar;
mod split;

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::error::Error;
use crate::label::Role;
use crate::prepared::Prepared;
use crate::prepared::sample::Sample;

pub use finding::{Finding, FindingKind, Severity};
use split::Splits;

/// Examples listed of each kind of finding.
const EXAMPLES: usize = 5;

/// The result of an audit; its `Display` is a page of text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// The data set.
    pub name: String,
    /// Whether a program drew the images.
    pub synthetic: bool,
    /// The split, in words.
    pub split: String,
    /// Its number of folds.
    pub folds: usize,
    /// Labelled images.
    pub images: usize,
    /// The faults searched for, one entry each.
    pub checked: Vec<&'static str>,
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
}

impl Audit {
    fn worst(&self) -> Option<(Severity, FindingKind)> {
        self.findings.first().map(|f| (f.severity, f.kind))
    }

    /// Whether training and test are separate: no leak, and enough images and parts for a verdict.
    pub fn is_clear(&self) -> bool {
        matches!(self.worst(), None | Some((Severity::Information, _)))
    }

    /// The outcome in a sentence.
    pub fn verdict(&self) -> &'static str {
        let invalid = "No face was found in two parts, but results on this split are invalid: see the findings marked LEAK.";
        match self.worst() {
            // The first kinds concern a face in two parts.
            Some((Severity::Leak, kind)) if kind <= FindingKind::NearDuplicate => {
                "Training and test are NOT apart."
            }
            Some((Severity::Leak, _)) => invalid,
            Some((Severity::CannotTell, _)) => {
                "Whether training and test are apart CANNOT be told."
            }
            Some((Severity::Information, _)) | None => "No leak found.",
        }
    }
}

/// Audits the prepared set in `dir`. Nothing is written.
///
/// `split` is an external split: a table with the columns `path`, `split` (train, val or test in any of the usual
/// spellings) and, if there are any, `fold` and `label`. `None` audits the set's own folds under the protocol
/// `paper-2017`.
///
/// # Errors
/// [`Error::NotPrepared`] for a set whose files do not fit together (contradictory labels and folds are findings, not
/// errors); [`Error::Layout`] or [`Error::Parse`] for a split table that cannot be read.
pub fn audit(dir: &Path, split: Option<&Path>) -> Result<Audit, Error> {
    let set = Prepared::open_for_audit(dir)?;
    let (splits, mut findings) = match split {
        Some(path) => Splits::read(path, &set)?,
        None => (Splits::own(&set), Vec::new()),
    };
    findings.extend(labels::conflicts(&set));
    findings.extend(coverage::findings(&splits));
    findings.extend(similar::near_duplicates(&splits));
    findings.retain(|finding| finding.count > 0);
    findings.sort_by_key(|finding| (finding.severity, finding.kind));
    for finding in &mut findings {
        finding.examples.truncate(EXAMPLES);
    }
    Ok(Audit {
        name: set.info().name.clone(),
        synthetic: set.info().synthetic,
        folds: splits.folds.len(),
        split: splits.name,
        images: labelled(&set).count(),
        checked: vec![
            "people in two parts",
            "recordings in two parts",
            "near-identical images in two parts, mirrored or not",
            "images tested never or twice",
            "contradictory classes",
        ],
        findings,
    })
}

fn labelled(set: &Prepared) -> impl Iterator<Item = &Sample> {
    set.samples().iter().filter(|s| s.role == Role::Labelled)
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let synthetic = if self.synthetic { ", SYNTHETIC" } else { "" };
        let (name, images, split) = (&self.name, self.images, &self.split);
        writeln!(f, "{name}{synthetic}: {images} labelled images, {split}")?;
        writeln!(f, "checked for: {}", self.checked.join("; "))?;
        for finding in &self.findings {
            write!(f, "{finding}")?;
        }
        write!(f, "\n{}", self.verdict())
    }
}
