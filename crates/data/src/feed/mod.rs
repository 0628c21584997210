//! From a prepared image to a network's input: augmentation and normalisation.

pub mod augment;
pub mod normalise;
pub mod sheet;
