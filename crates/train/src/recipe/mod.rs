//! Recipes: every number of a training.

pub(crate) mod check;
pub(crate) mod effort;
mod schedule;
pub(crate) mod settings;
