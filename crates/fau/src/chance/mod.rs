//! Chance: null distributions, corrections for many tests, and intervals.

pub(crate) mod bootstrap;
pub(crate) mod exchange;
pub(crate) mod held_out;
pub(crate) mod moments;
pub(crate) mod own;
pub(crate) mod permutation;
pub(crate) mod random;
pub(crate) mod rates;
pub(crate) mod within_class;
pub(crate) mod within_person;

/// p = (b + 1) / (m + 1): never 0, and exact (Phipson & Smyth 2010). NaN without draws.
pub(crate) fn p_value(at_least: usize, of: usize) -> f64 {
    match of {
        0 => f64::NAN,
        _ => (at_least + 1) as f64 / (of + 1) as f64,
    }
}
