//! Recipes: every number of a training.

pub(crate) mod check;
mod schedule;
pub(crate) mod settings;
