//! A validation part for data sets that come with a training and a test part alone.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::fold::part::Part;
use crate::fold::people::People;
use crate::fold::subjects::balanced_folds;
use crate::read::source::RawSample;

/// One in this many images, or people, of the training part validates. Our choice: FER2013's own share (3,589 of 32,298
/// is a ninth) is close.
const ONE_IN: usize = 10;

/// Whether these parts need one: training and test alone.
pub(crate) fn wanting(parts: &BTreeSet<&str>) -> bool {
    parts.iter().eq(&[Part::Test.name(), Part::Train.name()])
}

/// Moves a tenth of the training part of the one given split to validation: whole people if all are known, so that
/// every class gets its share, else images of each class. The choice depends on the paths and on nothing else. Returns how.
pub(crate) fn hold_back(samples: &mut [RawSample]) -> &'static str {
    let training = |sample: &RawSample| sample.parts.first() == Some(&Part::Train);
    let train: Vec<&RawSample> = samples.iter().filter(|s| training(s)).collect();
    let people = People::numbered(train.iter().map(|sample| sample.subject.as_str()));
    let number = |sample: &RawSample| people.number(&sample.subject);
    let numbers: BTreeSet<i64> = train.iter().map(|sample| number(sample)).collect();
    let known = numbers.len() > 1 && numbers.first() >= Some(&0);
    let chosen: BTreeSet<String> = match known {
        true => {
            let images = Vec::from_iter(train.iter().map(|s| (number(s), s.label)));
            let folds = balanced_folds(&images, &numbers, ONE_IN.min(numbers.len()));
            let chosen = train.iter().filter(|s| folds.get(&number(s)) == Some(&0));
            chosen.map(|sample| sample.path.clone()).collect()
        }
        false => by_image(&train),
    };
    for sample in samples.iter_mut().filter(|s| training(s)) {
        if chosen.contains(&sample.path) {
            sample.parts = vec![Part::Validation];
        }
    }
    match known {
        true => "people",
        false => "images of each class",
    }
}

/// A tenth of each class, at least one of two, in the order of the paths' digests.
fn by_image(train: &[&RawSample]) -> BTreeSet<String> {
    let mut classes: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for sample in train {
        classes.entry(sample.label).or_default().push(&sample.path);
    }
    let mut chosen = BTreeSet::new();
    for mut paths in classes.into_values() {
        paths.sort_by_cached_key(|path| Sha256::digest(path.as_bytes()).to_vec());
        let count = (paths.len() / ONE_IN).max(usize::from(paths.len() > 1));
        chosen.extend(paths[..count].iter().map(|path| path.to_string()));
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn train(path: String, label: i64, subject: i64) -> RawSample {
        RawSample {
            subject: if subject < 0 {
                String::new()
            } else {
                subject.to_string()
            },
            parts: vec![Part::Train],
            ..RawSample::labelled(&path, label)
        }
    }

    fn validating(samples: &[RawSample]) -> BTreeSet<&str> {
        let chosen = samples.iter().filter(|s| s.parts == [Part::Validation]);
        chosen.map(|s| s.path.as_str()).collect()
    }

    #[test]
    fn a_tenth_of_each_class_validates_and_nothing_else_moves() {
        let mut samples: Vec<_> = (0..70)
            .map(|at| train(format!("{at}.png"), at % 7, -1))
            .collect();
        samples[3].parts = vec![Part::Test];
        assert_eq!(hold_back(&mut samples), "images of each class");
        assert_eq!(validating(&samples).len(), 7);
        assert_eq!(samples[3].parts, [Part::Test]);
    }

    proptest! {
        #[test]
        fn people_stay_whole_and_the_order_does_not_matter(
            rows in proptest::collection::vec((0i64..15, 0i64..4), 20..80), turn in 0usize..20,
        ) {
            let rows = rows.into_iter().enumerate();
            let mut samples: Vec<_> = rows.map(|(at, (subject, label))| train(format!("{at}.png"), label, subject)).collect();
            let mut turned = samples.clone();
            turned.rotate_left(turn);
            prop_assume!(samples.iter().any(|s| s.subject != samples[0].subject));
            prop_assert_eq!(hold_back(&mut samples), "people");
            hold_back(&mut turned);
            prop_assert_eq!(validating(&samples), validating(&turned));
            let parts: BTreeMap<String, BTreeSet<u8>> = samples.iter().fold(BTreeMap::new(), |mut all, s| {
                all.entry(s.subject.clone()).or_insert_with(BTreeSet::new).insert(s.parts[0] as u8);
                all
            });
            prop_assert!(parts.values().all(|parts| parts.len() == 1));
            prop_assert!(!validating(&samples).is_empty() && validating(&samples).len() < samples.len());
        }
    }
}
