//! Ranks with ties, and statistics based on them.

/// Twice the midrank of every value (ranks from 1, ties share the mean of their places): whole numbers, so sums of
/// them are exact.
pub fn doubled_midranks(values: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| values[a as usize].total_cmp(&values[b as usize]));
    let mut ranks = vec![0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a as usize] == values[b as usize]) {
        let doubled = 2 * before + tied.len() as u32 + 1;
        tied.iter().for_each(|&at| ranks[at as usize] = doubled);
        before += tied.len() as u32;
    }
    ranks
}

/// Spearman's rank correlation with midranks for ties (Pearson's r of the ranks), in [-1, 1]; NaN where one side is
/// constant or there are fewer than two pairs.
///
/// # Panics
/// If the lengths differ.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "paired values");
    let ranks = |values: &[f64]| -> Vec<i128> {
        let doubled = doubled_midranks(values).into_iter();
        doubled.map(i128::from).collect()
    };
    let (a, b) = (ranks(a), ranks(b));
    // Doubled ranks sum to n(n + 1) regardless of ties, so everything but the last line is exact.
    let n = a.len() as i128;
    let mean_product = n * (n + 1) * (n + 1);
    let product = |x: &[i128], y: &[i128]| -> i128 {
        x.iter().zip(y).map(|(x, y)| x * y).sum::<i128>() - mean_product
    };
    let (aa, bb) = (product(&a, &a), product(&b, &b));
    if aa == 0 || bb == 0 {
        return f64::NAN;
    }
    let r = product(&a, &b) as f64 / (aa as f64 * bb as f64).sqrt();
    r.clamp(-1.0, 1.0)
}

/// Area under the ROC curve of any scores; NaN where one group is empty.
///
/// # Panics
/// If the lengths differ.
pub fn auroc(scores: &[f64], positive: &[bool]) -> f64 {
    assert_eq!(scores.len(), positive.len(), "one label for each score");
    ranked_auroc(&doubled_midranks(scores), positive)
}

/// [`auroc`] from the [`doubled_midranks`] of the scores.
pub fn ranked_auroc(ranks: &[u32], positive: &[bool]) -> f64 {
    let chosen = ranks.iter().zip(positive).filter(|(_, with)| **with);
    let (sum, n) = chosen.fold((0_u64, 0_u64), |(sum, n), (rank, _)| {
        (sum + u64::from(*rank), n + 1)
    });
    let others = ranks.len() as u64 - n;
    (sum - n * (n + 1)) as f64 / (2 * n * others) as f64
}

/// The `p`-quantile, interpolated linearly (numpy's default); NaN without values. `sorted` ascends.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = p * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// Mean; NaN if empty.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation over n − 1; NaN for fewer than two values.
pub fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: f64 = values.iter().map(|x| (x - middle).powi(2)).sum();
    match values.len() {
        0 | 1 => f64::NAN,
        n => (squares / (n - 1) as f64).sqrt(),
    }
}

/// Median of the values that are not NaN; NaN if there are none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile(&sorted, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_places() {
        assert_eq!(doubled_midranks(&[3.0, 1.0, 3.0, 2.0]), [7, 2, 7, 4]);
    }

    #[test]
    fn spearman_by_hand() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]);
        assert!((spearman(&a, &b) - 0.8).abs() < 1e-15);
        assert_eq!(spearman(&a, &a), 1.0);
        assert!(spearman(&a, &[5.0; 4]).is_nan() && spearman(&[], &[]).is_nan());
    }

    #[test]
    fn quantiles_as_numpy() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(quantile(&sorted, 0.5), 3.0);
        assert_eq!(quantile(&sorted, 1.0), 8.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn auroc_counts_ties_half() {
        assert_eq!(auroc(&[1.0, 1.0, 2.0], &[false, true, true]), 0.75);
        assert!(auroc(&[1.0], &[true]).is_nan());
    }
}
