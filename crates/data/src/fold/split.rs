//! The rows that train, validate and test in a fold.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::Role;
use crate::prepared::sample::Sample;

/// Which folds train, validate and test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Protocol {
    /// The authors' code of October 2015, hence the one behind the published numbers: all other folds train, and the
    /// checkpoint is chosen on the **test** fold, which is optimistic.
    #[serde(rename = "paper-2015")]
    Paper2015,
    /// The authors' code since March 2017: fold t tests, fold (t + 1) mod n validates, the others train.
    #[default]
    #[serde(rename = "paper-2017")]
    Paper2017,
}

/// Row numbers of the labelled images of each part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows that train.
    pub train: Vec<usize>,
    /// Rows that choose the checkpoint; under [`Protocol::Paper2015`] the test rows themselves.
    pub validation: Vec<usize>,
    /// Rows that measure the result.
    pub test: Vec<usize>,
}

impl Split {
    /// Splits labelled rows for test fold `fold`; where the data set has its own splits ([`Sample::parts`]), this is
    /// split `fold` of them, and both protocols train on its train part alone, as the authors did in TFD.
    ///
    /// # Errors
    /// [`Error::Setting`] if the fold does not exist, [`Error::EmptyPart`] if a part has no images, [`Error::Leak`] if
    /// `subject_independent` and a subject is in two parts.
    pub fn new(
        samples: &[Sample],
        fold: usize,
        folds: usize,
        protocol: Protocol,
        subject_independent: bool,
    ) -> Result<Self, Error> {
        if samples.iter().all(|sample| sample.role == Role::HeldOut) {
            return Err(Error::NothingToTrain);
        }
        if fold >= folds {
            let last = folds.saturating_sub(1);
            let reason = format!("the data set has folds 0 to {last}, not {fold}");
            return Err(Error::setting("fold", reason));
        }
        let rows = |wanted: &[Part]| -> Vec<usize> {
            let parts = samples.iter().map(|s| s.part(fold, folds));
            let rows = parts.enumerate().filter(|(_, part)| wanted.contains(part));
            rows.map(|(row, _)| row).collect()
        };
        let given = samples.iter().any(|sample| !sample.parts.is_empty());
        let (train, validation) = match protocol {
            Protocol::Paper2015 if given => (vec![Part::Train], Part::Test),
            Protocol::Paper2015 => (vec![Part::Train, Part::Validation], Part::Test),
            Protocol::Paper2017 => (vec![Part::Train], Part::Validation),
        };
        let split = Self {
            train: rows(&train),
            validation: rows(&[validation]),
            test: rows(&[Part::Test]),
        };
        let parts = [
            (Part::Train.name(), &split.train),
            (validation.name(), &split.validation),
            (Part::Test.name(), &split.test),
        ];
        if let Some((part, _)) = parts.iter().find(|(_, rows)| rows.is_empty()) {
            return Err(Error::EmptyPart { part, fold, folds });
        }
        match shared(samples, parts).filter(|_| subject_independent) {
            None => Ok(split),
            Some((subject, first, second)) => Err(Error::Leak {
                subject,
                fold,
                first,
                second,
            }),
        }
    }
}

/// The first subject with rows in two parts, and the names of the two.
fn shared<'a>(
    samples: &[Sample],
    parts: [(&'a str, &Vec<usize>); 3],
) -> Option<(String, &'a str, &'a str)> {
    let mut seen: HashMap<i64, &str> = HashMap::new();
    let parts = parts.into_iter();
    let rows = parts.flat_map(|(part, rows)| rows.iter().map(move |&row| (row, part)));
    let mut rows = rows.filter(|(row, _)| samples[*row].subject >= 0);
    rows.find_map(|(row, second)| {
        let subject = samples[row].subject;
        let first = *seen.entry(subject).or_insert(second);
        (first != second).then(|| (samples[row].who(), first, second))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::subjects::subject_folds;
    use crate::label::Role;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn sample(index: usize, subject: i64, fold: i64, role: Role) -> Sample {
        Sample {
            index,
            subject,
            sequence: format!("S{subject:03}_001"),
            frame: 1,
            role,
            label: if role == Role::Labelled { 0 } else { -1 },
            fold,
            ..Sample::default()
        }
    }

    #[test]
    fn a_leak_is_an_error() {
        let mut samples: Vec<_> = (0..6)
            .map(|i| sample(i, i as i64, (i % 3) as i64, Role::Labelled))
            .collect();
        assert!(Split::new(&samples, 0, 3, Protocol::Paper2017, true).is_ok());
        samples[3].subject = 1; // subject 1 is in fold 1 and now in fold 0 too
        let leak = Split::new(&samples, 0, 3, Protocol::Paper2017, true);
        assert!(
            matches!(&leak, Err(Error::Leak { subject, .. }) if subject == "1"),
            "{leak:?}"
        );
        assert!(matches!(
            Split::new(&samples, 0, 3, Protocol::Paper2015, true),
            Err(Error::Leak { .. })
        ));
        assert!(Split::new(&samples, 0, 3, Protocol::Paper2017, false).is_ok());
    }

    #[test]
    fn says_what_is_missing() {
        let samples = [
            sample(0, 1, 0, Role::Labelled),
            sample(1, 2, 1, Role::Labelled),
        ];
        assert!(matches!(
            Split::new(&samples, 2, 2, Protocol::Paper2017, true),
            Err(Error::Setting { .. })
        ));
        let empty = Split::new(&samples, 0, 2, Protocol::Paper2017, true);
        assert!(matches!(empty, Err(Error::EmptyPart { part: "train", .. })));
    }

    proptest! {
        #[test]
        fn parts_are_subject_disjoint_and_whole(subjects in proptest::collection::btree_set(0i64..1000, 3..40), folds in 3usize..11) {
            let by_subject = subject_folds(&subjects, folds);
            let mut samples = Vec::new();
            for (&subject, &fold) in &by_subject {
                for _ in 0..3 {
                    samples.push(sample(samples.len(), subject, fold, Role::Labelled));
                }
                samples.push(sample(samples.len(), subject, fold, Role::HeldOut));
            }
            for fold in 0..folds.min(subjects.len()) {
                for protocol in [Protocol::Paper2015, Protocol::Paper2017] {
                    let Ok(split) = Split::new(&samples, fold, folds, protocol, true) else { continue };
                    let who = |rows: &[usize]| rows.iter().map(|&r| samples[r].subject).collect::<BTreeSet<_>>();
                    prop_assert!(who(&split.train).is_disjoint(&who(&split.test)));
                    prop_assert!(who(&split.train).is_disjoint(&who(&split.validation)));
                    let mut rows = split.train.clone();
                    rows.extend(&split.test);
                    if protocol == Protocol::Paper2017 { rows.extend(&split.validation) }
                    rows.sort_unstable();
                    let labelled: Vec<_> = samples.iter().filter(|s| s.role == Role::Labelled).map(|s| s.index).collect();
                    prop_assert_eq!(rows, labelled);
                }
            }
        }
    }
}
