//! Intervals where a bootstrap collapses: all resamples of people without a mistake are alike, so its end lies at the edge.

/// The 97.5% quantile of the normal distribution.
const Z: f64 = 1.959963984540054;

/// Whether an interval from a bootstrap has no width, or an end at the edge of [0, 1].
pub(crate) fn collapsed((low, high): (f64, f64)) -> bool {
    low <= 0.0 || high >= 1.0 || low == high
}

/// The 95% interval of a share of `n` independent draws (Wilson 1927).
pub(crate) fn wilson(share: f64, n: f64) -> (f64, f64) {
    let part = Z * Z / n;
    let middle = (share + part / 2.0) / (1.0 + part);
    let half = Z * (share * (1.0 - share) / n + part / (4.0 * n)).sqrt() / (1.0 + part);
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// The 95% interval of an AUROC over `with` × `without` pairs (Newcombe 2006, method 5): the values whose standard error
/// explains the distance.
pub(crate) fn newcombe(auroc: f64, [with, without]: [f64; 2]) -> (f64, f64) {
    let more = (with + without) / 2.0 - 1.0;
    let explains = |theta: f64| {
        let shape = 1.0 + more * ((1.0 - theta) / (2.0 - theta) + theta / (1.0 + theta));
        let variance = theta * (1.0 - theta) * shape / (with * without);
        (theta - auroc).powi(2) <= Z * Z * variance
    };
    let end = |edge: f64| {
        let (mut inside, mut outside) = (auroc, edge);
        for _ in 0..50 {
            let middle = (inside + outside) / 2.0;
            if explains(middle) {
                inside = middle
            } else {
                outside = middle
            }
        }
        (inside + outside) / 2.0
    };
    (end(0.0), end(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: (f64, f64), expected: (f64, f64)) {
        let near = |a: f64, b: f64| (a - b).abs() < 5e-4;
        assert!(
            near(found.0, expected.0) && near(found.1, expected.1),
            "{found:?}"
        );
    }

    #[test]
    fn wilson_agrees_with_scipy() {
        close(wilson(1.0, 12.0), (0.757_506, 1.0));
        close(wilson(131.0 / 132.0, 132.0), (0.958_337, 0.998_661));
        close(wilson(0.0, 5.0), (0.0, 0.434_482));
        close(wilson(0.5, 4.0), (0.150_039, 0.849_961));
    }

    #[test]
    fn newcombe_agrees_with_the_roots_that_scipy_finds() {
        close(newcombe(1.0, [7.0, 18.0]), (0.803_700, 1.0));
        close(newcombe(0.9848, [3.0, 66.0]), (0.673_374, 0.999_383));
        close(newcombe(0.05, [20.0, 8.0]), (0.009_215, 0.254_643));
    }

    #[test]
    fn only_intervals_without_width_or_at_the_edge_collapse() {
        for ends in [(1.0, 1.0), (0.5, 0.5), (0.9, 1.0), (0.0, 0.3)] {
            assert!(collapsed(ends), "{ends:?}");
        }
        assert!(!collapsed((0.1, 0.9)));
    }
}
