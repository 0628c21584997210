//! Sets of filters to silence, and what silencing them costs against silencing others.

use rand::seq::{IndexedRandom, SliceRandom};

use crate::permutation::p_value;
use crate::random::{Purpose, keyed};

/// Filters among which an equally active one is drawn for each filter silenced.
const NEIGHBOURS: usize = 8;

/// `count` sets of as many filters as `silenced` has, drawn from the others.
pub fn random_sets(silenced: &[usize], live: &[usize], count: usize, seed: u64) -> Vec<Vec<usize>> {
    let others: Vec<usize> = live
        .iter()
        .copied()
        .filter(|f| !silenced.contains(f))
        .collect();
    let draw = |index: usize| {
        let rng = &mut keyed(seed, Purpose::FilterSets, index as u64);
        let mut set: Vec<usize> = others.sample(rng, silenced.len()).copied().collect();
        set.sort_unstable();
        set
    };
    (0..count).map(draw).collect()
}

/// `count` sets in which every silenced filter is replaced by one of about the same mean activation (`activity`, by
/// filter): silencing filters that fire more costs more, whatever they are about.
pub fn equally_active_sets(
    silenced: &[usize],
    live: &[usize],
    activity: &[f64],
    count: usize,
    seed: u64,
) -> Vec<Vec<usize>> {
    let draw = |index: usize| {
        let rng = &mut keyed(seed, Purpose::FilterSets, (1 << 32) + index as u64);
        let mut free: Vec<usize> = live
            .iter()
            .copied()
            .filter(|f| !silenced.contains(f))
            .collect();
        let mut order = silenced.to_vec();
        order.shuffle(rng);
        let mut set = Vec::new();
        for filter in order {
            let distance = |other: &usize| (activity[*other] - activity[filter]).abs();
            free.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
            let near = free.len().min(NEIGHBOURS);
            if let Some(&chosen) = free[..near].choose(rng) {
                free.retain(|f| *f != chosen);
                set.push(chosen);
            }
        }
        set.sort_unstable();
        set
    };
    (0..count).map(draw).collect()
}

/// Share of the other sets whose drop is at least `drop`, (b + 1)/(m + 1), and their mean drop; both NaN where `drop` is:
/// there was nothing to lose.
pub fn drop_against(drop: f64, others: &[f64]) -> (f64, f64) {
    if drop.is_nan() {
        return (f64::NAN, f64::NAN);
    }
    let reached = others
        .iter()
        .filter(|other| **other >= drop - 1e-12)
        .count();
    (
        p_value(reached as u64, others.len()),
        crate::ranks::mean(others),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_of_other_filters_and_of_one_size() {
        let live: Vec<usize> = (0..40).filter(|f| f % 7 != 0).collect();
        let activity: Vec<f64> = (0..40).map(|f| f as f64).collect();
        let silenced = [3, 20, 38];
        let random = random_sets(&silenced, &live, 50, 1);
        let matched = equally_active_sets(&silenced, &live, &activity, 50, 1);
        for set in random.iter().chain(&matched) {
            assert_eq!(set.len(), 3);
            assert!(
                set.iter()
                    .all(|f| live.contains(f) && !silenced.contains(f))
            );
            assert!(set.windows(2).all(|pair| pair[0] < pair[1]));
        }
        assert!(random[0] != random[1] && random == random_sets(&silenced, &live, 50, 1));
        // Neighbours of 38 lie above 25, those of 3 below 15.
        assert!(matched.iter().all(|set| set[0] < 15 && set[2] > 25));
    }

    #[test]
    fn drops_are_ranked_among_the_others() {
        let (p, mean) = drop_against(0.3, &[0.1, 0.3, 0.2]);
        assert!(p == 0.5 && (mean - 0.2).abs() < 1e-12);
        let (p, mean) = drop_against(f64::NAN, &[f64::NAN; 3]);
        assert!(p.is_nan() && mean.is_nan());
    }
}
