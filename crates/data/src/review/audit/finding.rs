//! The findings of an audit: their kinds and severities.

use std::fmt;

use serde::Serialize;

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
    /// The person in an image is not known.
    SubjectsUnknown,
    /// Images without an emotion label are in the split.
    HeldOutUsed,
    /// Rows of a split that match no image, or images that the split leaves out.
    Unmatched,
    /// A search ended early.
    Incomplete,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Results on this split do not measure unseen faces, or are inconsistent.
    Leak,
    /// Too few images or parts for a verdict.
    CannotTell,
    /// No fault.
    Information,
}

/// One kind of finding with its number of cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Its kind.
    pub kind: FindingKind,
    /// Its severity.
    pub severity: Severity,
    /// People, recordings, images or pairs concerned.
    pub count: usize,
    /// A sentence.
    pub what: String,
    /// Some examples, by name.
    pub examples: Vec<String>,
}

impl FindingKind {
    /// A finding of this kind with `cases`, all of them listed.
    pub(super) fn of(self, severity: Severity, what: &str, cases: Vec<String>) -> Finding {
        Finding {
            kind: self,
            severity,
            count: cases.len(),
            what: what.to_owned(),
            examples: cases,
        }
    }

    /// A leak with `cases`, all of them listed.
    pub(super) fn leak(self, what: &str, cases: Vec<String>) -> Finding {
        self.of(Severity::Leak, what, cases)
    }

    /// Information without examples.
    pub(super) fn counted(self, what: &str, count: usize) -> Finding {
        let found = self.of(Severity::Information, what, Vec::new());
        Finding { count, ..found }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.severity {
            Severity::Leak => "LEAK",
            Severity::CannotTell => "?   ",
            Severity::Information => "note",
        };
        writeln!(f, "\n{mark}  {} {}", self.count, self.what)?;
        for example in &self.examples {
            writeln!(f, "      {example}")?;
        }
        let more = self.count - self.examples.len();
        if more > 0 && !self.examples.is_empty() {
            writeln!(f, "      and {more} more")?;
        }
        Ok(())
    }
}
