//! A person: identity, action units, expressions and their course.

pub(crate) mod au;
pub(crate) mod expression;
pub(crate) mod identity;
pub(crate) mod performance;

/// The action units that the renderer can draw, ascending (Ekman, Friesen and Hager, FACS manual 2002).
pub const AUS: [u8; 22] = [
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20, 23, 24, 25, 26, 27, 43,
];
