//! Comparison sets for the silenced filters.

use faus_base::order::mean;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::chance::p_value;
use crate::chance::random::{Purpose, keyed};

/// Number of candidates from which an equally active replacement is drawn for each silenced filter.
const NEIGHBOURS: usize = 8;

/// `count` sets of as many filters as `silenced` has, drawn from the other live ones, then `count` sets with every silenced
/// filter replaced by one of about the same mean activation (`activity`, by filter): silencing more active filters costs
/// more, whatever they respond to.
pub(crate) fn comparison_sets(
    silenced: &[usize],
    live: &[usize],
    activity: &[f64],
    count: usize,
    seed: u64,
) -> Vec<Vec<usize>> {
    let mut others = live.to_vec();
    others.retain(|filter| !silenced.contains(filter));
    let numbers = 0..count as u64;
    let random = numbers.clone().map(|number| {
        let rng = &mut keyed(seed, Purpose::FilterSets, number);
        others.sample(rng, silenced.len()).copied().collect()
    });
    let active = numbers.map(|number| {
        let rng = &mut keyed(seed, Purpose::FilterSets, (1 << 32) + number);
        equally_active(silenced, others.clone(), activity, rng)
    });
    let mut sets: Vec<Vec<usize>> = random.chain(active).collect();
    sets.iter_mut().for_each(|set| set.sort_unstable());
    sets
}

fn equally_active(
    silenced: &[usize],
    mut free: Vec<usize>,
    activity: &[f64],
    rng: &mut ChaCha8Rng,
) -> Vec<usize> {
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
    set
}

/// Share of the other sets that cost at least `drop`, (b + 1)/(m + 1), and their mean cost; both NaN if `drop` is NaN,
/// when there was nothing to lose.
pub(crate) fn drop_against(drop: f64, others: &[f64]) -> (f64, f64) {
    if drop.is_nan() {
        return (f64::NAN, f64::NAN);
    }
    let reached = others.iter().filter(|other| **other >= drop - 1e-12);
    (p_value(reached.count(), others.len()), mean(others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_of_other_filters_and_of_one_size() {
        let live: Vec<usize> = (0..40).filter(|f| f % 7 != 0).collect();
        let activity: Vec<f64> = (0..40).map(|f| f as f64).collect();
        let silenced = [3, 20, 38];
        let sets = comparison_sets(&silenced, &live, &activity, 50, 1);
        let (random, matched) = sets.split_at(50);
        for set in &sets {
            assert_eq!(set.len(), 3);
            assert!(
                set.iter()
                    .all(|f| live.contains(f) && !silenced.contains(f))
            );
            assert!(set.windows(2).all(|pair| pair[0] < pair[1]));
        }
        assert_ne!(random[0], random[1]);
        assert_eq!(sets, comparison_sets(&silenced, &live, &activity, 50, 1));
        // Neighbours of 38 are above 25, those of 3 below 15.
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
