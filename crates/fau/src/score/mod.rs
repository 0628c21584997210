//! Scores: how strongly a filter and an action unit are associated.

pub(crate) mod association;
pub(crate) mod bins;
pub(crate) mod column;
pub(crate) mod sensitivity;

/// Place of the first of the largest values.
pub(crate) fn first_largest(values: &[f64]) -> usize {
    (1..values.len()).fold(
        0,
        |best, at| if values[at] > values[best] { at } else { best },
    )
}
