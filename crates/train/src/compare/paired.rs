//! The test of a difference between two variants over the same folds.

use faus_base::random;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Maximum number of folds for which every assignment of signs is tried.
const EXACT: usize = 20;
/// Assignments drawn for more folds.
const DRAWN: u64 = 100_000;

/// Two variants over the same folds: whether the difference of their accuracies could be due to chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairedTest {
    /// Folds in which both have a result.
    pub folds: usize,
    /// Mean over the folds of second − first.
    pub mean_difference: f64,
    /// Folds in which the second is better.
    pub better: usize,
    /// Folds in which it is worse.
    pub worse: usize,
    /// Two-sided p of the sign-flip permutation test (Fisher 1935): the share of assignments of signs to the fold
    /// differences whose mean is at least as far from 0. Exact up to 20 folds.
    pub p_sign_flip: f64,
    /// Two-sided p of the corrected resampled t-test (Nadeau and Bengio 2003, section 3), which allows for training
    /// sets that folds share; the other test does not. `None` if all differences are equal.
    pub p_corrected_t: Option<f64>,
}

impl PairedTest {
    /// Tests accuracies of the same folds in the same order; `test_share` is the number of test images over that of
    /// training images of a fold. `None` for fewer than two folds.
    ///
    /// With two folds p cannot be below 0.5, with five not below 0.06: with few folds a large p is weak evidence.
    pub fn of(first: &[f64], second: &[f64], test_share: f64) -> Option<Self> {
        let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| b - a).collect();
        let count = differences.len();
        if count < 2 {
            return None;
        }
        let mean = differences.iter().sum::<f64>() / count as f64;
        let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
        let variance = squares / (count - 1) as f64;
        Some(Self {
            folds: count,
            mean_difference: mean,
            better: differences.iter().filter(|d| **d > 0.0).count(),
            worse: differences.iter().filter(|d| **d < 0.0).count(),
            p_sign_flip: sign_flip(&differences),
            p_corrected_t: corrected_t(mean, variance, count, test_share),
        })
    }
}

fn sign_flip(differences: &[f64]) -> f64 {
    let observed = differences.iter().sum::<f64>().abs();
    // Sums in a different order may differ in their last bits.
    let least = observed - 1e-12 * differences.iter().map(|d| d.abs()).sum::<f64>();
    let as_far = |keep: &mut dyn FnMut(usize) -> bool| {
        let signed = differences.iter().enumerate();
        let signed = signed.map(|(at, d)| if keep(at) { *d } else { -d });
        signed.sum::<f64>().abs() >= least
    };
    if differences.len() <= EXACT {
        let all = 1u64 << differences.len();
        let count = (0..all)
            .filter(|signs| as_far(&mut |at| signs >> at & 1 == 0))
            .count();
        return count as f64 / all as f64;
    }
    let mut rng = random::named(0, "sign-flip", &[differences.len() as u64]);
    let count = (0..DRAWN).filter(|_| as_far(&mut |_| rng.random())).count();
    // The observed signs are one of the assignments.
    (count + 1) as f64 / (DRAWN + 1) as f64
}

fn corrected_t(mean: f64, variance: f64, count: usize, test_share: f64) -> Option<f64> {
    if mean == 0.0 && variance == 0.0 {
        return Some(1.0);
    }
    let deviation = ((1.0 / count as f64 + test_share) * variance).sqrt();
    let distribution = StudentsT::new(0.0, 1.0, (count - 1) as f64).ok()?;
    (deviation > 1e-12).then(|| 2.0 * distribution.sf((mean / deviation).abs()))
}

/// Adjusts the p-values of several tests so that the chance of any false finding stays at its level (Holm 1979).
pub fn holm(mut p: Vec<&mut f64>) {
    p.sort_by(|a, b| a.total_cmp(b));
    let (mut least, mut left) = (0f64, p.len() as f64);
    for p in p {
        least = least.max((*p * left).min(1.0));
        (*p, left) = (least, left - 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_folds_better_is_the_smallest_p() {
        let (first, second) = ([0.5; 5], [0.6, 0.7, 0.65, 0.8, 0.61]);
        let test = PairedTest::of(&first, &second, 0.1).unwrap();
        assert_eq!((test.better, test.worse, test.folds), (5, 0, 5));
        assert_eq!(test.p_sign_flip, 2.0 / 32.0);
        assert_eq!(PairedTest::of(&first[..1], &second[..1], 0.1), None);
    }

    #[test]
    fn equal_variants_differ_by_chance_only() {
        let same = [0.5, 0.6, 0.7];
        let test = PairedTest::of(&same, &same, 0.1).unwrap();
        assert_eq!((test.p_sign_flip, test.p_corrected_t), (1.0, Some(1.0)));
        let shifted = same.map(|a| a + 0.125);
        assert_eq!(
            PairedTest::of(&same, &shifted, 0.1).unwrap().p_corrected_t,
            None
        );
    }

    #[test]
    fn many_folds_are_drawn_and_still_tell() {
        let first = [0.5; 30];
        let second: Vec<f64> = (0..30).map(|at| 0.5 + f64::from(at % 3) * 0.01).collect();
        let test = PairedTest::of(&first, &second, 0.1).unwrap();
        assert!(test.p_sign_flip < 1e-3 && test.p_sign_flip > 0.0);
    }

    #[test]
    fn holm_by_hand() {
        let mut adjusted = [0.04, 0.01, 0.03];
        holm(adjusted.iter_mut().collect());
        for (got, want) in adjusted.iter().zip([0.06, 0.03, 0.06]) {
            assert!((got - want).abs() < 1e-12, "{adjusted:?}");
        }
    }
}
