//! Inputs of the analysis: activations, samples with their codes, options.

pub(crate) mod activations;
pub(crate) mod coded;
pub(crate) mod options;
pub(crate) mod samples;
pub(crate) mod table;
