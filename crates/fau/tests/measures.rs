//! What every association measure must do, run through all of them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use faus_fau::{
    Association, Auroc, JensenShannon, Kl, MutualInformation, PointBiserial, Prior, Smoothing,
};
use proptest::prelude::*;

const POOLED: Smoothing = Smoothing {
    prior: Prior::Pooled,
    pseudo_samples: 16.0,
};
const UNIFORM: Smoothing = Smoothing {
    prior: Prior::Uniform,
    pseudo_samples: 0.5,
};
const BINS: usize = 32;

fn measures() -> Vec<Box<dyn Association>> {
    let mut all: Vec<Box<dyn Association>> = vec![Box::new(Auroc), Box::new(PointBiserial)];
    for smoothing in [POOLED, UNIFORM] {
        all.push(Box::new(Kl {
            bins: BINS,
            smoothing,
        }));
        all.push(Box::new(JensenShannon {
            bins: BINS,
            smoothing,
        }));
    }
    all.push(Box::new(MutualInformation { bins: BINS }));
    all
}

/// Activations with both kinds of label; whole numbers, so that affine maps of them are exact.
fn rows() -> impl Strategy<Value = Vec<(i16, bool)>> {
    let row = (prop_oneof![Just(0), -300..300_i16], any::<bool>());
    let both = |rows: &Vec<(i16, bool)>| rows.iter().any(|r| r.1) && rows.iter().any(|r| !r.1);
    prop::collection::vec(row, 2..60).prop_filter("one group is empty", both)
}

fn score(measure: &dyn Association, rows: &[(f64, bool)]) -> f64 {
    let (activations, with_au): (Vec<f64>, Vec<bool>) = rows.iter().copied().unzip();
    measure.score(&activations, &with_au)
}

fn mapped(rows: &[(i16, bool)], map: impl Fn(f64) -> f64) -> Vec<(f64, bool)> {
    let rows = rows.iter();
    rows.map(|&(x, with)| (map(f64::from(x)), with)).collect()
}

proptest! {
    #[test]
    fn order_does_not_matter_to_the_last_bit((rows, shuffled) in rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))) {
        // Thirds are not exact in floating point: sums of them depend on the order.
        let (rows, shuffled) = (mapped(&rows, |x| x / 3.0), mapped(&shuffled, |x| x / 3.0));
        for measure in measures() {
            let (a, b) = (score(&*measure, &rows), score(&*measure, &shuffled));
            prop_assert_eq!(a.to_bits(), b.to_bits(), "{}: {} {}", measure.name(), a, b);
        }
    }

    #[test]
    fn affine_scaling_does_not_matter(rows in rows(), factor in 1..50_i8, offset in -1000..1000_i16) {
        let plain = mapped(&rows, |x| x);
        let scaled = mapped(&rows, |x| f64::from(factor) * x + f64::from(offset));
        for measure in measures() {
            let (a, b) = (score(&*measure, &plain), score(&*measure, &scaled));
            prop_assert!((a - b).abs() < 1e-9 || a.is_nan() && b.is_nan(), "{}: {} {}", measure.name(), a, b);
        }
    }

    #[test]
    fn scores_stay_in_their_ranges(rows in rows()) {
        let rows = mapped(&rows, |x| x);
        for measure in measures() {
            let score = score(&*measure, &rows);
            let range = match measure.name() {
                "kl" => 0.0..=f64::MAX,
                "js" => 0.0..=std::f64::consts::LN_2 + 1e-12,
                "auroc" => 0.0..=1.0,
                _ if score.is_nan() => continue,
                _ => -1.0..=1.0,
            };
            prop_assert!(range.contains(&score), "{}: {}", measure.name(), score);
        }
    }

    #[test]
    fn copies_of_all_rows_change_only_what_smoothing_touches(rows in rows()) {
        let once = mapped(&rows, |x| x);
        let twice = [once.clone(), once.clone()].concat();
        for measure in [&Auroc as &dyn Association, &PointBiserial] {
            let (a, b) = (score(measure, &once), score(measure, &twice));
            prop_assert!((a - b).abs() < 1e-9 || a.is_nan() && b.is_nan());
        }
        let kl = |pseudo_samples| Kl { bins: BINS, smoothing: Smoothing { prior: Prior::Pooled, pseudo_samples } };
        // Twice the rows with twice the pseudo-samples are the same two distributions.
        let (a, b) = (score(&kl(4.0), &once), score(&kl(8.0), &twice));
        prop_assert!((a - b).abs() < 1e-9);
    }

    #[test]
    fn swapping_the_groups_mirrors_the_signed_measures(rows in rows()) {
        let plain = mapped(&rows, |x| x);
        let swapped: Vec<(f64, bool)> = plain.iter().map(|&(x, with)| (x, !with)).collect();
        prop_assert!((score(&Auroc, &plain) + score(&Auroc, &swapped) - 1.0).abs() < 1e-12);
        let (a, b) = (score(&PointBiserial, &plain), score(&PointBiserial, &swapped));
        prop_assert!((a + b).abs() < 1e-9 || a.is_nan() && b.is_nan());
    }
}

#[test]
fn equal_groups_are_not_associated() {
    let rows: Vec<(f64, bool)> = (0..40).map(|i| (f64::from(i / 2), i % 2 == 0)).collect();
    for measure in measures() {
        let none = if measure.name() == "auroc" { 0.5 } else { 0.0 };
        assert!(
            (score(&*measure, &rows) - none).abs() < 1e-12,
            "{}",
            measure.name()
        );
    }
}

#[test]
fn constant_activations_have_defined_scores() {
    let rows: Vec<(f64, bool)> = (0..40).map(|i| (3.5, i % 3 == 0)).collect();
    for measure in measures() {
        let score = score(&*measure, &rows);
        match measure.name() {
            "auroc" => assert_eq!(score, 0.5),
            "r" => assert!(score.is_nan()),
            _ => assert_eq!(score, 0.0),
        }
    }
}

/// KL by hand: two bins, Q = (1/4, 3/4), R = (3/4, 1/4), one uniform pseudo-sample.
#[test]
fn kl_of_two_bins_by_hand() {
    let rows = [0, 1, 1, 1].map(|x| (f64::from(x), true));
    let rows = [rows, [0, 0, 0, 1].map(|x| (f64::from(x), false))].concat();
    let smoothing = Smoothing {
        prior: Prior::Uniform,
        pseudo_samples: 1.0,
    };
    let kl = Kl { bins: 2, smoothing };
    let (low, high): (f64, f64) = (1.5 / 5.0, 3.5 / 5.0);
    let expected = low * (low / high).ln() + high * (high / low).ln();
    assert!((score(&kl, &rows) - expected).abs() < 1e-15);
}

/// The reason for the default smoothing: among unrelated action units the rarest must not win always.
#[test]
fn rare_units_do_not_win_by_being_rare() {
    let mut state = 7_u64;
    let mut uniform = || {
        // Numerical Recipes' linear congruential generator; its upper bits are random enough here.
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let counts = [12, 24, 60, 120, 200, 287];
    let mut wins = [[0; 6]; 2];
    for _ in 0..200 {
        let column: Vec<f64> = (0..593)
            .map(|_| (uniform() - 0.6).max(0.0).powi(2))
            .collect();
        let units = counts.map(|count| {
            let mut rows: Vec<(f64, usize)> = (0..593).map(|row| (uniform(), row)).collect();
            rows.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut with_au = vec![false; 593];
            rows[..count]
                .iter()
                .for_each(|&(_, row)| with_au[row] = true);
            with_au
        });
        let uniform_prior = Smoothing {
            prior: Prior::Uniform,
            pseudo_samples: 16.0,
        };
        for (wins, smoothing) in wins.iter_mut().zip([POOLED, uniform_prior]) {
            let kl = Kl {
                bins: BINS,
                smoothing,
            };
            let scores = units.each_ref().map(|with_au| kl.score(&column, with_au));
            let best = (0..6)
                .max_by(|&a, &b| scores[a].total_cmp(&scores[b]))
                .unwrap();
            wins[best] += 1;
        }
    }
    assert!(wins[0][0] < 70, "pooled: {:?}", wins[0]);
    assert!(wins[1][0] > 150, "uniform: {:?}", wins[1]);
}
