//! Assigns subjects to folds.

use std::collections::{BTreeMap, BTreeSet};

/// The fold of every subject, chosen so that each fold gets its share of each class, as far as whole subjects allow.
///
/// Greedy (our choice): the subjects with the most images first (then by number); each goes to the fold for which the
/// sum, over folds and classes, of (images in the fold / images of the class)² is smallest afterwards; ties go to the
/// fold with fewer subjects, then to the lower number. Deterministic, and independent of the order of `images`, the
/// subject and the class of every labelled image.
pub fn balanced_folds(
    images: &[(i64, i64)],
    subjects: &BTreeSet<i64>,
    folds: usize,
) -> BTreeMap<i64, i64> {
    let counts = class_counts(images, subjects);
    let classes = counts.first().map_or(0, |(_, images)| images.len());
    let total = |class: usize| counts.iter().map(|(_, images)| images[class]).sum::<f64>();
    let totals: Vec<f64> = (0..classes).map(|class| total(class).max(1.0)).collect();
    // Each fold's images of each class, and its number of subjects.
    let mut filled = vec![(vec![0.0; classes], 0); folds.max(1)];
    let mut dealt = BTreeMap::new();
    for (subject, images) in counts {
        let cost =
            |(have, subjects): &(Vec<f64>, usize)| (growth(have, &images, &totals), *subjects);
        let costs = filled.iter().map(cost).enumerate();
        let best = costs.min_by(|(_, a), (_, b)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let fold = best.map_or(0, |(fold, _)| fold);
        let (have, subjects) = &mut filled[fold];
        for (have, new) in have.iter_mut().zip(&images) {
            *have += new;
        }
        *subjects += 1;
        dealt.insert(subject, fold as i64);
    }
    dealt
}

/// The growth of the sum of squares by a subject's images: (f + n)² − f² over the class's total squared.
fn growth(have: &[f64], images: &[f64], totals: &[f64]) -> f64 {
    let classes = have.iter().zip(images).zip(totals);
    let growth = classes.map(|((have, new), total)| new * (2.0 * have + new) / (total * total));
    growth.sum()
}

/// Each subject's labelled images of each class; the subjects with the most images first, then by number.
fn class_counts(images: &[(i64, i64)], subjects: &BTreeSet<i64>) -> Vec<(i64, Vec<f64>)> {
    let classes = images.iter().map(|(_, class)| class + 1).max().unwrap_or(0);
    let none = vec![0.0; classes.max(0) as usize];
    let subjects = subjects.iter().map(|&subject| (subject, none.clone()));
    let mut counts: BTreeMap<i64, Vec<f64>> = subjects.collect();
    for (subject, class) in images {
        let counts = counts.get_mut(subject);
        if let (Some(counts), Ok(class)) = (counts, usize::try_from(*class)) {
            counts[class] += 1.0;
        }
    }
    let mut order: Vec<_> = counts.into_iter().collect();
    // A stable sort, so ties stay in the order of their numbers.
    order.sort_by(|(_, a), (_, b)| b.iter().sum::<f64>().total_cmp(&a.iter().sum()));
    order
}

/// The fold of every subject: the subjects sorted by number; a subject's position mod `folds` is its fold.
pub fn subject_folds(subjects: &BTreeSet<i64>, folds: usize) -> BTreeMap<i64, i64> {
    let folds = (0..folds.max(1) as i64).cycle();
    subjects.iter().copied().zip(folds).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::RngExt;

    /// Σ over folds and classes of (images in the fold / images of the class)²: minimal for a perfect assignment.
    fn spread(images: &[(i64, i64)], dealt: &BTreeMap<i64, i64>) -> f64 {
        let mut counts: BTreeMap<(i64, i64), f64> = BTreeMap::new();
        let mut totals: BTreeMap<i64, f64> = BTreeMap::new();
        for (subject, class) in images {
            *counts.entry((dealt[subject], *class)).or_default() += 1.0;
            *totals.entry(*class).or_default() += 1.0;
        }
        let share = |((_, label), count): (&(i64, i64), &f64)| (count / totals[label]).powi(2);
        counts.iter().map(share).sum()
    }

    /// As CK+ is: every subject shows a few of seven expressions, some rare, and a first frame of each recording.
    fn like_ck_plus(seed: u64) -> Vec<(i64, i64)> {
        // About the shares of CK+'s peak frames.
        const COMMON: [i64; 15] = [1, 1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7, 7, 7, 7];
        let mut rng = faus_base::random::named(seed, "test", &[]);
        let mut images = Vec::new();
        for subject in 0..40 {
            for _ in 0..rng.random_range(1..6) {
                let label = COMMON[rng.random_range(0..COMMON.len())];
                images.push((subject, 0));
                images.extend([(subject, label); 3]);
            }
        }
        images
    }

    #[test]
    fn balanced_folds_spread_the_classes_better_than_modulo() {
        let (mut better, mut sums) = (0, [0.0; 2]);
        for seed in 0..50 {
            let images = like_ck_plus(seed);
            let subjects: BTreeSet<i64> = images.iter().map(|(subject, _)| *subject).collect();
            let balanced = spread(&images, &balanced_folds(&images, &subjects, 5));
            let modulo = spread(&images, &subject_folds(&subjects, 5));
            sums = [sums[0] + balanced, sums[1] + modulo];
            better += usize::from(balanced <= modulo);
        }
        // Seven or eight classes assigned perfectly to five folds would be 8/5 a time at most.
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

    proptest! {
        #[test]
        fn balanced_folds_deal_every_subject_once_in_any_order_of_the_samples(
            mut images in proptest::collection::vec((0i64..30, 0i64..6), 0..80), folds in 1usize..12, turn in 0usize..80,
        ) {
            let subjects: BTreeSet<i64> = images.iter().map(|(subject, _)| *subject).chain([77]).collect();
            let dealt = balanced_folds(&images, &subjects, folds);
            prop_assert_eq!(dealt.keys().copied().collect::<BTreeSet<_>>(), subjects.clone());
            prop_assert!(dealt.values().all(|&fold| (0..folds as i64).contains(&fold)));
            let turn = turn.min(images.len());
            images.rotate_left(turn);
            prop_assert_eq!(&balanced_folds(&images, &subjects, folds), &dealt);
            images.reverse();
            prop_assert_eq!(&balanced_folds(&images, &subjects, folds), &dealt);
        }

        #[test]
        fn no_subject_would_be_better_off_in_another_fold_when_it_is_dealt_last(
            images in proptest::collection::vec((0i64..12, 0i64..4), 1..60), folds in 2usize..6,
        ) {
            let subjects: BTreeSet<i64> = images.iter().map(|(subject, _)| *subject).collect();
            let dealt = balanced_folds(&images, &subjects, folds);
            let of = |subject: i64| images.iter().filter(|(own, _)| *own == subject).count();
            let last = subjects.iter().copied().min_by_key(|&s| (of(s), -s)).unwrap();
            let least = spread(&images, &dealt);
            for fold in 0..folds as i64 {
                let mut moved = dealt.clone();
                moved.insert(last, fold);
                prop_assert!(spread(&images, &moved) >= least - 1e-12);
            }
        }
    }
}
