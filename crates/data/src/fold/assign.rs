//! Assigns people, or images, to folds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::fold::subjects::{balanced_folds, subject_folds};
use crate::label::Role;
use crate::prepared::options::PrepareOptions;
use crate::read::source::{Folding, RawSample, Scan};

/// The folds of a data set.
pub(crate) struct Deal {
    pub rule: FoldRule,
    pub folds: usize,
    /// The fold of every subject; `None` if images are assigned instead or the splits are given.
    pub by_subject: Option<BTreeMap<i64, i64>>,
}

impl Deal {
    /// The folds of the data set's images under these options.
    pub fn of(scan: &Scan, options: &PrepareOptions) -> Result<Self, Error> {
        let wanted = options.fold_rule;
        let folds = options.fold_count(&scan.folding);
        if matches!(scan.folding, Folding::Given(_)) && options.takes_given() {
            return Ok(Self {
                rule: FoldRule::Given,
                folds,
                by_subject: None,
            });
        }
        if wanted == Some(FoldRule::Given) {
            return Err(Error::setting(
                "fold rule",
                "'given' needs a data set with its own splits into training, validation and test parts, which this one does not have",
            ));
        }
        let rule = wanted.unwrap_or_default();
        let by_subject = subjects(scan).map(|subjects| match rule {
            FoldRule::Balanced => balanced_folds(&scan.samples, &subjects, folds),
            _ => subject_folds(&subjects, folds),
        });
        Ok(Self {
            rule,
            folds,
            by_subject,
        })
    }

    /// Notes on the folds for `dataset.json`.
    pub fn notes(&self, scan: &Scan) -> Vec<String> {
        let dealt = self.rule != FoldRule::Given;
        let subjects = self.by_subject.as_ref().map_or(self.folds, BTreeMap::len);
        let mut notes = Vec::new();
        if dealt && matches!(scan.folding, Folding::Given(_)) {
            notes.push("Folds were requested, so the data set's own split is not used.".to_owned());
        }
        if subjects < self.folds {
            let folds = self.folds;
            notes.push(format!(
                "There are fewer subjects ({subjects}) than folds ({folds}): some folds test nobody."
            ));
        }
        if dealt && self.folds == 2 {
            notes.push(
                "Of two folds one tests and the other validates, so that none is left to train on; three are the least (two will do \
                 under the protocol paper-2015, which chooses on the test fold)."
                    .to_owned(),
            );
        }
        notes.extend(one_class_each(scan));
        notes
    }

    /// Whether no subject is in two parts of a split: true if subjects are assigned, false if images are, and checked
    /// for the data set's own splits.
    pub fn subject_independent(&self, samples: &[RawSample]) -> bool {
        if self.rule != FoldRule::Given {
            return self.by_subject.is_some();
        }
        let mut known: HashMap<(i64, usize), Part> = HashMap::new();
        let mut labelled = samples.iter().filter(|s| s.role == Role::Labelled);
        labelled.all(|sample| {
            let parts = sample.parts.iter().enumerate();
            let mut used = parts.filter(|(_, part)| **part != Part::None);
            let same =
                |(split, &part)| *known.entry((sample.subject, split)).or_insert(part) == part;
            sample.subject >= 0 && used.all(same)
        })
    }
}

/// A note if no subject shows two classes: the people of these data sets do, so the class may have been taken for the
/// subject.
fn one_class_each(scan: &Scan) -> Option<String> {
    let mut shown: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    let labelled = scan.samples.iter().filter(|s| s.role == Role::Labelled);
    for sample in labelled.filter(|s| s.subject >= 0) {
        let classes = shown.entry(sample.subject).or_default();
        classes.insert(sample.label);
    }
    let classes: BTreeSet<i64> = shown.values().flatten().copied().collect();
    (classes.len() > 1 && shown.values().all(|classes| classes.len() == 1)).then(|| {
        "No subject shows two classes. If a subject pattern took the class for the person, subjects and folds are wrong.".to_owned()
    })
}

/// The subjects that take part in folds, `None` where they are not all known.
fn subjects(scan: &Scan) -> Option<BTreeSet<i64>> {
    match &scan.folding {
        Folding::BySubject(subjects) => Some(subjects.clone()),
        Folding::ByImage => None,
        Folding::Given(_) => {
            let labelled = scan.samples.iter().filter(|s| s.role == Role::Labelled);
            labelled
                .map(|s| Some(s.subject).filter(|&subject| subject >= 0))
                .collect()
        }
    }
}
