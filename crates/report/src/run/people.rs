//! Intervals of a share of images: a percentile bootstrap over people (Efron and Tibshirani 1993, chapter 13), since
//! images of one person are alike.

use std::collections::BTreeMap;

use faus_base::order::quantile;
use faus_base::person::Person;
use faus_base::random;

use super::Run;
use super::dataset::Sample;
use super::folds::Prediction;

/// Resamples. Our choice: the ends vary by about a hundredth of the interval's width at 10,000; half as many do for
/// the many intervals of a page.
const RESAMPLES: usize = 5_000;

/// Images and those classified correctly, by person.
pub(crate) struct People(BTreeMap<Option<Person>, (u64, u64)>);

impl People {
    /// Counts for these test images; a person is unknown (`None`) if the data set does not list the image.
    pub fn of<'a>(run: &Run, predictions: impl Iterator<Item = &'a Prediction>) -> Self {
        let mut people: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for row in predictions {
            let person = run.sample(row.index).and_then(Sample::person);
            let (images, hits) = people.entry(person).or_default();
            *images += 1;
            *hits += u64::from(row.label == row.predicted);
        }
        Self(people)
    }

    /// The 95% interval of the share of correct images, in [0, 1]; `None` for fewer than two people or where one is
    /// unknown. Deterministic for given counts.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let people: Vec<(u64, u64)> = self.0.values().copied().collect();
        if people.len() < 2 || self.0.contains_key(&None) {
            return None;
        }
        let share = |drawn: &[usize]| {
            let sum = |(images, hits), at: &usize| (images + people[*at].0, hits + people[*at].1);
            let (images, hits) = drawn.iter().fold((0, 0), sum);
            hits as f64 / images as f64
        };
        let rng = random::numbered(people.len() as u64, 0, 0);
        let shares = random::bootstrap(rng, RESAMPLES, people.len(), share);
        Some((quantile(&shares, 0.025), quantile(&shares, 0.975)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(scores: &[(u64, u64)]) -> People {
        let of =
            |(person, score): (usize, &(u64, u64))| (Some(Person::Number(person as i64)), *score);
        People(scores.iter().enumerate().map(of).collect())
    }

    #[test]
    fn one_person_or_unknown_ones_give_no_interval() {
        assert_eq!(people(&[(9, 4)]).interval(), None);
        let mut unknown = people(&[(9, 4), (9, 5)]);
        unknown.0.insert(None, (1, 1));
        assert_eq!(unknown.interval(), None);
    }

    #[test]
    fn the_ends_are_those_of_all_resamples() {
        // Five people: all 5^5 resamples can be enumerated.
        let scores = [(4, 4), (6, 3), (5, 1), (8, 7), (3, 2)];
        let mut shares = Vec::new();
        for draw in 0..5usize.pow(5) {
            let drawn = (0..5).map(|place| scores[draw / 5usize.pow(place) % 5]);
            let (images, right) = drawn.fold((0, 0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
            shares.push(right as f64 / images as f64);
        }
        shares.sort_unstable_by(f64::total_cmp);
        let (low, high) = people(&scores).interval().unwrap();
        assert!((low - quantile(&shares, 0.025)).abs() < 0.02, "{low}");
        assert!((high - quantile(&shares, 0.975)).abs() < 0.02, "{high}");
    }
}
