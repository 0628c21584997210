//! Folds: which images train, validate and test, without a subject on two sides.

pub mod assign;
pub mod held_back;
pub mod part;
pub mod people;
pub mod rule;
pub mod split;
pub mod subjects;
