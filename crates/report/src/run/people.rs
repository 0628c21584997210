//! Intervals of a share of images: a percentile bootstrap over people (Efron and Tibshirani 1993, chapter 13), since
//! images of one person are alike; where that collapses, Wilson's interval for the effective number of images.

use std::collections::BTreeMap;

use faus_base::order::quantile;
use faus_base::person::Person;
use faus_base::random;

use super::Run;
use super::dataset::Sample;
use super::edge::{collapsed, wilson};
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

    /// The 95% interval of the share of correct images; `None` for fewer than two people or where one is unknown.
    /// Deterministic for given counts.
    pub fn interval(&self) -> Option<Interval> {
        let people: Vec<(u64, u64)> = self.0.values().copied().collect();
        if people.len() < 2 || self.0.contains_key(&None) {
            return None;
        }
        let resample = |drawn: &[usize]| share(drawn.iter().map(|at| people[*at]));
        let rng = random::numbered(people.len() as u64, 0, 0);
        let shares = random::bootstrap(rng, RESAMPLES, people.len(), resample);
        let ends = (quantile(&shares, 0.025), quantile(&shares, 0.975));
        let method = match collapsed(ends) {
            true => Method::Wilson,
            false => Method::Bootstrap,
        };
        let ends = match method {
            Method::Wilson => wilson(share(people.iter().copied()), effective(&people)),
            Method::Bootstrap => ends,
        };
        Some(Interval { ends, method })
    }
}

/// An interval in [0, 1] and its origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Interval {
    pub ends: (f64, f64),
    pub method: Method,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Method {
    Bootstrap,
    Wilson,
}

/// The share of correct images.
fn share(people: impl Iterator<Item = (u64, u64)>) -> f64 {
    let (images, hits) = people.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    hits as f64 / images as f64
}

/// The number of independent images with the same variance of the share as these, which are alike within people (Kish 1965);
/// at most their number. Without a mistake there is no variance: the number of people, as if all images of a person were one.
fn effective(people: &[(u64, u64)]) -> f64 {
    let images: f64 = people.iter().map(|of| of.0 as f64).sum();
    let (share, many) = (share(people.iter().copied()), people.len() as f64);
    let squares = people
        .iter()
        .map(|(images, hits)| (*hits as f64 - share * *images as f64).powi(2));
    let variance = many / (many - 1.0) * squares.sum::<f64>() / images.powi(2);
    let effective = share * (1.0 - share) / variance;
    match share * (1.0 - share) > 0.0 {
        true => effective.min(images),
        false => many,
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
        let interval = people(&scores).interval().unwrap();
        assert_eq!(interval.method, Method::Bootstrap);
        let (low, high) = interval.ends;
        assert!((low - quantile(&shares, 0.025)).abs() < 0.02, "{low}");
        assert!((high - quantile(&shares, 0.975)).abs() < 0.02, "{high}");
    }

    #[test]
    fn without_a_mistake_the_interval_has_a_width() {
        let faultless = people(&[(10, 10); 12]).interval().unwrap();
        assert_eq!(faultless.method, Method::Wilson);
        // scipy: binomtest(12, 12).proportion_ci(method="wilson")
        assert!((faultless.ends.0 - 0.757_506).abs() < 1e-6 && faultless.ends.1 > 0.999_999);
        // One mistake of one person: about as many independent images as there are.
        let mut scores = vec![(11, 11); 12];
        scores[3] = (11, 10);
        let (low, high) = people(&scores).interval().unwrap().ends;
        assert!((0.95..0.96).contains(&low) && high < 1.0, "{low} {high}");
        // All mistakes are one person's: fewer.
        scores[3] = (11, 0);
        let (lower, _) = people(&scores).interval().unwrap().ends;
        assert!(lower < 0.75, "{lower}");
    }
}
