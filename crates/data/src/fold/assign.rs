//! How people, or images, are dealt to folds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::fold::subjects::{balanced_folds, subject_folds};
use crate::label::role::Role;
use crate::prepared::options::PrepareOptions;
use crate::read::source::{Folding, RawSample, Scan};

/// Who is in which fold.
pub(crate) struct Deal {
    pub rule: FoldRule,
    pub folds: usize,
    /// The fold of every subject; `None` where images are dealt, or nothing is.
    pub by_subject: Option<BTreeMap<i64, i64>>,
}

impl Deal {
    /// Folds by what the data set knows and the options ask for.
    pub fn of(scan: &Scan, options: &PrepareOptions) -> Result<Self, Error> {
        let wanted = options.fold_rule;
        let left_open = options.folds.is_none() && wanted.is_none();
        let folds = options.fold_count(&scan.folding);
        match scan.folding {
            Folding::Given(_) if left_open || wanted == Some(FoldRule::Given) => {
                return Ok(Self {
                    rule: FoldRule::Given,
                    folds,
                    by_subject: None,
                });
            }
            _ if wanted == Some(FoldRule::Given) => {
                return Err(Error::setting(
                    "fold rule",
                    "'given' needs a data set that brings its own splits with training, validation and test parts, which this one does not",
                ));
            }
            _ => {}
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

    /// What a reader should know of how the folds came about.
    pub fn notes(&self, scan: &Scan) -> Vec<String> {
        let anew = (matches!(scan.folding, Folding::Given(_)) && self.rule != FoldRule::Given)
            .then(|| "Folds were asked for, so the data set's own split is not used.".to_owned());
        let subjects = self.by_subject.as_ref().map_or(self.folds, BTreeMap::len);
        let few = (subjects < self.folds).then(|| {
            format!(
                "There are fewer subjects ({subjects}) than folds ({}): some folds test nobody.",
                self.folds
            )
        });
        let two = (self.folds == 2 && self.rule != FoldRule::Given).then(|| {
            "Of two folds one tests and the other validates, so that none is left to train on; three are the least (two will do \
             under the protocol paper-2015, which chooses on the test fold)."
                .to_owned()
        });
        anew.into_iter()
            .chain(few)
            .chain(two)
            .chain(one_class_each(scan))
            .collect()
    }

    /// Whether no subject is in two parts of a split: always so where subjects are dealt, never known where images are,
    /// and looked up where the data set brings its splits.
    pub fn subject_independent(&self, samples: &[RawSample]) -> bool {
        if self.rule != FoldRule::Given {
            return self.by_subject.is_some();
        }
        let mut parts = HashMap::new();
        samples
            .iter()
            .filter(|s| s.role == Role::Labelled)
            .all(|sample| {
                let mut used = sample
                    .parts
                    .iter()
                    .enumerate()
                    .filter(|(_, part)| **part != Part::None);
                sample.subject >= 0
                    && used.all(|(split, part)| {
                        *parts.entry((sample.subject, split)).or_insert(*part) == *part
                    })
            })
    }
}

/// A word where no subject shows two classes: the people of these data sets do, so what was taken for the subject may be
/// the class.
fn one_class_each(scan: &Scan) -> Option<String> {
    let mut shown: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for sample in scan
        .samples
        .iter()
        .filter(|s| s.role == Role::Labelled && s.subject >= 0)
    {
        shown
            .entry(sample.subject)
            .or_default()
            .insert(sample.label);
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
