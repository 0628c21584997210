//! Intervals of an accuracy over people.

use std::collections::BTreeMap;

use faus_base::order::{mean, quantile};
use faus_base::random;
use faus_data::Prepared;
use serde::{Deserialize, Serialize};

use crate::score::predictions::Predictions;

/// Resamples of a bootstrap. Our choice: the interval's ends then vary by less than a tenth of its width.
const RESAMPLES: usize = 10_000;

/// A person's images, and those predicted correctly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectScore {
    /// The person's number.
    pub subject: i64,
    /// Images.
    pub images: u64,
    /// Images predicted correctly.
    pub right: u64,
}

impl SubjectScore {
    /// Counts by person, in order of number; empty if a person is not known.
    pub fn count(predictions: &Predictions, prepared: &Prepared) -> Vec<Self> {
        let mut all = BTreeMap::<i64, Self>::new();
        for (row, &index) in predictions.indices.iter().enumerate() {
            let subject = prepared.subjects()[index];
            if subject < 0 {
                return Vec::new();
            }
            let right = predictions.predicted(row) as i64 == predictions.labels[row];
            let score = all.entry(subject).or_default();
            score.subject = subject;
            score.images += 1;
            score.right += u64::from(right);
        }
        all.into_values().collect()
    }
}

/// A percentile interval of an accuracy, by bootstrap over people (Efron and Tibshirani 1993, chapter 13): images of
/// one person are alike, so people are drawn, not images. It reflects the choice of people, not the randomness of
/// training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Share of the resamples within, 0.95.
    pub level: f64,
    /// Number of people drawn from.
    pub subjects: usize,
}

impl Interval {
    /// The interval of the mean accuracy over `folds`; `None` for fewer than two people.
    ///
    /// A person in the test parts of several folds is drawn as one, with all images. A fold without people in a
    /// resample is left out of it. The result depends on the seed, not on the order of people in a fold.
    pub fn of_accuracy(folds: &[&[SubjectScore]], seed: u64) -> Option<Self> {
        let people = images_of_people(folds);
        if people.len() < 2 {
            return None;
        }
        let rng = random::named(seed, "bootstrap", &[people.len() as u64]);
        let drawn = random::bootstrap(rng, RESAMPLES, people.len(), |drawn| {
            let images = drawn.iter().flat_map(|at| &people[*at]);
            mean_accuracy(folds.len(), images)
        });
        let level = 0.95;
        Some(Self {
            low: quantile(&drawn, (1.0 - level) / 2.0),
            high: quantile(&drawn, (1.0 + level) / 2.0),
            level,
            subjects: people.len(),
        })
    }
}

/// Images of one person in one fold: fold, images, those predicted correctly.
type Images = (usize, u64, u64);

/// The images of each person in all folds, in order of the person's number.
fn images_of_people(folds: &[&[SubjectScore]]) -> Vec<Vec<Images>> {
    let mut people: BTreeMap<i64, Vec<Images>> = BTreeMap::new();
    for (fold, scores) in folds.iter().enumerate() {
        for score in *scores {
            let images = people.entry(score.subject).or_default();
            images.push((fold, score.images, score.right));
        }
    }
    people.into_values().collect()
}

/// Mean over the folds that have images of the share predicted correctly.
fn mean_accuracy<'a>(folds: usize, drawn: impl Iterator<Item = &'a Images>) -> f64 {
    let mut counts = vec![(0, 0); folds];
    for (fold, images, right) in drawn {
        counts[*fold].0 += images;
        counts[*fold].1 += right;
    }
    let counts = counts.into_iter().filter(|(images, _)| *images > 0);
    let shares = counts.map(|(images, right)| right as f64 / images as f64);
    mean(&shares.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(subject: i64, images: u64, right: u64) -> SubjectScore {
        SubjectScore {
            subject,
            images,
            right,
        }
    }

    #[test]
    fn an_interval_needs_two_people_and_holds_the_accuracy() {
        assert_eq!(Interval::of_accuracy(&[&[person(1, 9, 4)]], 1), None);
        let people: Vec<_> = (0..40)
            .map(|at| person(at, 10, 5 + at as u64 % 5))
            .collect();
        let interval = Interval::of_accuracy(&[&people], 1).unwrap();
        assert!(interval.low < 0.7 && 0.7 < interval.high && interval.subjects == 40);
        let reversed: Vec<_> = people.iter().rev().copied().collect();
        assert_eq!(Interval::of_accuracy(&[&reversed], 1), Some(interval));
    }

    #[test]
    fn a_bootstrap_interval_is_about_as_wide_as_theory_says() {
        // People of one image each: a binomial share, whose deviation is √(p(1 − p)/n).
        let people: Vec<_> = (0..400)
            .map(|at| person(at, 1, u64::from(at % 4 != 0)))
            .collect();
        let interval = Interval::of_accuracy(&[&people], 7).unwrap();
        let half = 1.96 * (0.75 * 0.25 / 400f64).sqrt();
        assert!((interval.high - interval.low - 2.0 * half).abs() < 0.15 * half);
    }

    #[test]
    fn an_interval_is_of_the_mean_over_folds_not_over_images() {
        // A large fold with all images right, a small one with none: the mean of the folds is a half.
        let large: Vec<_> = (0..30).map(|at| person(at, 10, 10)).collect();
        let small: Vec<_> = (30..40).map(|at| person(at, 1, 0)).collect();
        let interval = Interval::of_accuracy(&[&large, &small], 3).unwrap();
        assert_eq!((interval.low, interval.high), (0.5, 0.5));
    }
}
