//! Pictures of an atlas, of its sanity checks and of the evidence for classes.

pub(crate) mod canvas;
pub(crate) mod evidence;
pub(crate) mod faces;
pub(crate) mod figure;
pub(crate) mod grid;
pub(crate) mod places;
pub(crate) mod sanity;
