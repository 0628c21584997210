//! Recipes: every number of a training.

pub(crate) mod check;
mod effort;
mod schedule;
pub(crate) mod settings;
