//! Folds by subject, and the three parts of a split.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::part::Part;
use crate::{Error, RawSample, Role, Sample};

/// How folds are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FoldRule {
    /// The subjects in order of number; position mod the number of folds (the authors' rule). Without subjects, the images
    /// of each class in turn.
    #[default]
    Modulo,
    /// Every fold gets its share of every class ([`balanced_folds`]). Without subjects the same as
    /// [`Modulo`](Self::Modulo), which is stratified by image then.
    Balanced,
    /// The data set's own splits.
    Given,
}

impl fmt::Display for FoldRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Modulo => "modulo",
            Self::Balanced => "balanced",
            Self::Given => "given",
        })
    }
}

impl FromStr for FoldRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "modulo" => Ok(Self::Modulo),
            "balanced" => Ok(Self::Balanced),
            "given" => Ok(Self::Given),
            other => Err(Error::setting(
                "fold rule",
                format!("must be modulo, balanced or given, not '{other}'"),
            )),
        }
    }
}

/// The fold of every subject so that every fold gets its share of every class, as far as whole subjects allow.
///
/// Greedy (our choice): the subjects with the most images first (then by number); each goes where the sum, over folds
/// and classes, of (images in the fold / images of the class)² is smallest afterwards; of equals to the fold with fewer
/// subjects, then the lower number. Deterministic, and independent of the order of `samples`.
pub fn balanced_folds(
    samples: &[RawSample],
    subjects: &BTreeSet<i64>,
    folds: usize,
) -> BTreeMap<i64, i64> {
    let counts = class_counts(samples, subjects);
    let classes = counts.first().map_or(0, |(_, images)| images.len());
    let total = |class: usize| counts.iter().map(|(_, images)| images[class]).sum::<f64>();
    let totals: Vec<f64> = (0..classes).map(|class| total(class).max(1.0)).collect();
    let mut filled = vec![Filled::new(classes); folds.max(1)];
    let mut dealt = BTreeMap::new();
    for (subject, images) in counts {
        let costs = filled.iter().map(|fold| (fold.growth(&images, &totals), fold.subjects));
        let best = costs
            .enumerate()
            .min_by(|(_, a), (_, b)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let fold = best.map_or(0, |(fold, _)| fold);
        filled[fold].add(&images);
        dealt.insert(subject, fold as i64);
    }
    dealt
}

/// Each subject's labelled images of each class; the subjects with the most images first, then by number.
fn class_counts(samples: &[RawSample], subjects: &BTreeSet<i64>) -> Vec<(i64, Vec<f64>)> {
    let classes = samples.iter().map(|s| s.label + 1).max().unwrap_or(0).max(0) as usize;
    let none = subjects.iter().map(|&subject| (subject, vec![0.0; classes]));
    let mut counts: BTreeMap<i64, Vec<f64>> = none.collect();
    for sample in samples.iter().filter(|s| s.role == Role::Labelled) {
        let counts = counts.get_mut(&sample.subject);
        if let (Some(counts), Ok(label)) = (counts, usize::try_from(sample.label)) {
            counts[label] += 1.0;
        }
    }
    let mut order: Vec<_> = counts.into_iter().collect();
    // Stable, so equals stay in the order of their numbers.
    order.sort_by(|(_, a), (_, b)| b.iter().sum::<f64>().total_cmp(&a.iter().sum()));
    order
}

/// A fold so far.
#[derive(Clone)]
struct Filled {
    /// Images of each class.
    images: Vec<f64>,
    subjects: usize,
}

impl Filled {
    fn new(classes: usize) -> Self {
        Self {
            images: vec![0.0; classes],
            subjects: 0,
        }
    }

    /// The growth of the sum of squares by a subject's images: (f + n)² − f² over the class's total squared.
    fn growth(&self, images: &[f64], totals: &[f64]) -> f64 {
        let classes = self.images.iter().zip(images).zip(totals);
        classes
            .map(|((have, new), total)| new * (2.0 * have + new) / (total * total))
            .sum()
    }

    fn add(&mut self, images: &[f64]) {
        for (have, new) in self.images.iter_mut().zip(images) {
            *have += new;
        }
        self.subjects += 1;
    }
}

/// The fold of every subject: the subjects sorted by number; a subject's position mod `folds` is its fold.
pub fn subject_folds(subjects: &BTreeSet<i64>, folds: usize) -> BTreeMap<i64, i64> {
    subjects
        .iter()
        .enumerate()
        .map(|(at, &subject)| (subject, (at % folds.max(1)) as i64))
        .collect()
}

/// Which folds train, validate and test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Protocol {
    /// The authors' code of October 2015, so behind the published numbers: all other folds train, and the checkpoint is
    /// chosen on the **test** fold, which is optimistic.
    #[serde(rename = "paper-2015")]
    Paper2015,
    /// The authors' code from March 2017 on: fold t tests, fold (t + 1) mod n validates, the others train.
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
    /// Splits labelled rows for test fold `fold`; where the data set brings its own splits ([`Sample::parts`]), this is
    /// split `fold` of them, and [`Protocol::Paper2015`] trains on its validation part as well.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no such fold, [`Error::EmptyPart`] if a part has no images, [`Error::Leak`] if
    /// `subject_independent` and a subject is in two parts.
    pub fn new(
        samples: &[Sample],
        fold: usize,
        folds: usize,
        protocol: Protocol,
        subject_independent: bool,
    ) -> Result<Self, Error> {
        if fold >= folds {
            let last = folds.saturating_sub(1);
            return Err(Error::setting(
                "fold",
                format!("the data set has folds 0 to {last}, not {fold}"),
            ));
        }
        let rows = |wanted: &[Part]| -> Vec<usize> {
            let parts = samples.iter().map(|s| Part::of(s, fold, folds));
            let rows = parts.enumerate().filter(|(_, part)| wanted.contains(part));
            rows.map(|(row, _)| row).collect()
        };
        let test = rows(&[Part::Test]);
        let split = match protocol {
            Protocol::Paper2015 => Self {
                train: rows(&[Part::Train, Part::Validation]),
                validation: test.clone(),
                test,
            },
            Protocol::Paper2017 => Self {
                train: rows(&[Part::Train]),
                validation: rows(&[Part::Validation]),
                test,
            },
        };
        for (part, rows) in split.parts(protocol) {
            if rows.is_empty() {
                return Err(Error::EmptyPart { part, fold, folds });
            }
        }
        if subject_independent {
            split.check_subjects(samples, fold, protocol)?;
        }
        Ok(split)
    }

    fn parts(&self, protocol: Protocol) -> Vec<(&'static str, &[usize])> {
        let mut parts = vec![("train", &self.train[..]), ("test", &self.test)];
        if protocol == Protocol::Paper2017 {
            parts.insert(1, ("validation", &self.validation));
        }
        parts
    }

    fn check_subjects(&self, samples: &[Sample], fold: usize, protocol: Protocol) -> Result<(), Error> {
        let mut seen: HashMap<i64, &'static str> = HashMap::new();
        for (second, rows) in self.parts(protocol) {
            for &row in rows {
                let subject = samples[row].subject;
                let first = *seen.entry(subject).or_insert(second);
                if first != second {
                    return Err(Error::Leak {
                        subject,
                        fold,
                        first,
                        second,
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AuCoding, RawImage};
    use proptest::prelude::*;
    use rand::RngExt;

    fn sample(index: usize, subject: i64, fold: i64, role: Role) -> Sample {
        Sample {
            index,
            subject,
            sequence: format!("S{subject:03}_001"),
            frame: 1,
            role,
            label: if role == Role::Labelled { 0 } else { -1 },
            label_name: String::new(),
            fold,
            parts: Vec::new(),
            face_found: true,
            crop: None,
            path: String::new(),
            aus: AuCoding::NotCoded,
        }
    }

    fn raw(subject: i64, label: i64) -> RawSample {
        RawSample {
            image: RawImage::File,
            path: String::new(),
            subject,
            sequence: String::new(),
            frame: 1,
            role: if label < 0 {
                Role::HeldOut
            } else {
                Role::Labelled
            },
            label,
            aus: AuCoding::NotCoded,
            landmarks: None,
            is_face: false,
            parts: Vec::new(),
        }
    }

    /// Σ over folds and classes of (images in the fold / images of the class)²: what a perfect deal makes least.
    fn spread(samples: &[RawSample], dealt: &BTreeMap<i64, i64>) -> f64 {
        let mut counts: BTreeMap<(i64, i64), f64> = BTreeMap::new();
        let mut totals: BTreeMap<i64, f64> = BTreeMap::new();
        for sample in samples.iter().filter(|s| s.role == Role::Labelled) {
            *counts
                .entry((dealt[&sample.subject], sample.label))
                .or_default() += 1.0;
            *totals.entry(sample.label).or_default() += 1.0;
        }
        let share = |((_, label), count): (&(i64, i64), &f64)| (count / totals[label]).powi(2);
        counts.iter().map(share).sum()
    }

    /// As CK+ is: every subject shows a few of seven expressions, some rare, and a first frame of each recording.
    fn like_ck_plus(seed: u64) -> Vec<RawSample> {
        // About the shares of CK+'s peak frames.
        const COMMON: [i64; 15] = [1, 1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7, 7, 7, 7];
        let mut rng = crate::rng::keyed(seed, "test", &[]);
        let mut samples = Vec::new();
        for subject in 0..40 {
            for _ in 0..rng.random_range(1..6) {
                let label = COMMON[rng.random_range(0..COMMON.len())];
                samples.push(raw(subject, 0));
                samples.extend([(); 3].map(|()| raw(subject, label)));
            }
        }
        samples
    }

    #[test]
    fn balanced_folds_spread_the_classes_better_than_modulo() {
        let (mut better, mut sums) = (0, [0.0; 2]);
        for seed in 0..50 {
            let samples = like_ck_plus(seed);
            let subjects: BTreeSet<i64> = samples.iter().map(|s| s.subject).collect();
            let balanced = spread(&samples, &balanced_folds(&samples, &subjects, 5));
            let modulo = spread(&samples, &subject_folds(&subjects, 5));
            sums = [sums[0] + balanced, sums[1] + modulo];
            better += usize::from(balanced <= modulo);
        }
        // Seven or eight classes dealt perfectly to five folds would be 8/5 a time at most.
        let [balanced, modulo] = sums.map(|sum| sum / 50.0 - 8.0 / 5.0);
        assert!(
            better >= 49 && balanced < modulo / 2.0,
            "{better}: {balanced} and {modulo}"
        );
    }

    #[test]
    fn folds_follow_the_sorted_subjects() {
        let folds = subject_folds(&BTreeSet::from([999, 5, 10, 11]), 3);
        assert_eq!(folds, BTreeMap::from([(5, 0), (10, 1), (11, 2), (999, 0)]));
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
            matches!(leak, Err(Error::Leak { subject: 1, .. })),
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
        fn balanced_folds_deal_every_subject_once_in_any_order_of_the_samples(
            pairs in proptest::collection::vec((0i64..30, -1i64..6), 0..80), folds in 1usize..12, turn in 0usize..80,
        ) {
            let mut samples: Vec<_> = pairs.iter().map(|&(subject, label)| raw(subject, label)).collect();
            let subjects: BTreeSet<i64> = samples.iter().map(|s| s.subject).chain([77]).collect();
            let dealt = balanced_folds(&samples, &subjects, folds);
            prop_assert_eq!(dealt.keys().copied().collect::<BTreeSet<_>>(), subjects.clone());
            prop_assert!(dealt.values().all(|&fold| (0..folds as i64).contains(&fold)));
            let turn = turn.min(samples.len());
            samples.rotate_left(turn);
            prop_assert_eq!(&balanced_folds(&samples, &subjects, folds), &dealt);
            samples.reverse();
            prop_assert_eq!(&balanced_folds(&samples, &subjects, folds), &dealt);
            samples.retain(|s| s.role == Role::Labelled);
            prop_assert_eq!(&balanced_folds(&samples, &subjects, folds), &dealt, "held-out rows count for nothing");
        }

        #[test]
        fn no_subject_would_be_better_off_in_another_fold_when_it_is_dealt_last(
            pairs in proptest::collection::vec((0i64..12, 0i64..4), 1..60), folds in 2usize..6,
        ) {
            let samples: Vec<_> = pairs.iter().map(|&(subject, label)| raw(subject, label)).collect();
            let subjects: BTreeSet<i64> = samples.iter().map(|s| s.subject).collect();
            let dealt = balanced_folds(&samples, &subjects, folds);
            let images = |subject: i64| samples.iter().filter(|s| s.subject == subject).count();
            let last = subjects.iter().copied().min_by_key(|&s| (images(s), -s)).unwrap();
            let least = spread(&samples, &dealt);
            for fold in 0..folds as i64 {
                let mut moved = dealt.clone();
                moved.insert(last, fold);
                prop_assert!(spread(&samples, &moved) >= least - 1e-12);
            }
        }

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
