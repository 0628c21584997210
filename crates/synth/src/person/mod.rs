//! A person: identity, action units, expressions and their course.

pub(crate) mod au;
pub(crate) mod expression;
pub(crate) mod identity;
pub(crate) mod performance;
