//! Correction for many tests.

/// q-values of Benjamini & Hochberg (1995): the smallest false-discovery rate at which each test would be rejected. NaN
/// (no test) stays NaN and is not counted.
///
/// Holds its level for independent and for positively dependent tests (Benjamini & Yekutieli 2001); filters with
/// similar responses and co-occurring action units are positively dependent. It holds for the whole list, not for a
/// single pair: of the pairs with q ≤ 0.05, up to 5% are expected to be false.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&at| !p[at].is_nan()).collect();
    order.sort_unstable_by(|&a, &b| p[a].total_cmp(&p[b]));
    let tests = order.len() as f64;
    let mut q = vec![f64::NAN; p.len()];
    let mut smallest = 1.0_f64;
    for (rank, &at) in order.iter().enumerate().rev() {
        // m / m need not be 1 after rounding; q is never below p.
        smallest = smallest.min((p[at] * tests / (rank + 1) as f64).max(p[at]));
        q[at] = smallest;
    }
    q
}

/// Sets the q of every test from the p of all.
pub(crate) fn correct<T>(tests: &mut [T], p: fn(&T) -> f64, q: fn(&mut T) -> &mut f64) {
    let p: Vec<f64> = tests.iter().map(p).collect();
    for (test, new) in tests.iter_mut().zip(benjamini_hochberg(&p)) {
        *q(test) = new;
    }
}

/// Number of values of at most `level`; NaN does not count.
pub(crate) fn at_most(values: impl IntoIterator<Item = f64>, level: f64) -> usize {
    values.into_iter().filter(|&q| q <= level).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        let q = benjamini_hochberg(&[0.01, f64::NAN, 0.04, 0.03, 0.5]);
        assert!((q[0] - 0.04).abs() < 1e-15 && q[1].is_nan());
        assert!((q[2] - 0.16 / 3.0).abs() < 1e-15 && (q[3] - q[2]).abs() < 1e-15);
        assert_eq!(q[4], 0.5);
    }

    proptest! {
        #[test]
        fn q_is_at_least_p_and_keeps_the_order(p in prop::collection::vec(1e-6..=1.0_f64, 0..60)) {
            let q = benjamini_hochberg(&p);
            for (p, q) in p.iter().zip(&q) {
                prop_assert!(q >= p && *q <= 1.0);
            }
            for a in 0..p.len() {
                for b in 0..p.len() {
                    prop_assert!(p[a] > p[b] || q[a] <= q[b]);
                }
            }
        }
    }
}
