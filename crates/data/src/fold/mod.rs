//! Folds: which images train, validate and test, without a subject on two sides.

pub mod assign;
pub mod part;
pub mod people;
pub mod rule;
pub mod split;
pub mod subjects;
