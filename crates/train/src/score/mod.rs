//! Scores of a network on images: predictions, counts, measures, intervals, and the choice between checkpoints.

pub(crate) mod checkpoints;
pub(crate) mod classified;
pub(crate) mod confusion;
pub(crate) mod fits;
pub(crate) mod interval;
pub(crate) mod measures;
pub(crate) mod predictions;
