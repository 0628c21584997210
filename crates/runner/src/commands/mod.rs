//! One file per command: its arguments, and the function that runs it.

pub(crate) mod ablate;
pub(crate) mod activations;
pub(crate) mod analyse;
pub(crate) mod audit;
pub(crate) mod augment;
pub(crate) mod compare;
pub(crate) mod controls;
pub(crate) mod correlate;
pub(crate) mod doctor;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod inspect;
pub(crate) mod intervene;
pub(crate) mod locate;
pub(crate) mod network;
pub(crate) mod predict;
pub(crate) mod prepare;
pub(crate) mod probe;
pub(crate) mod replicate;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod select;
pub(crate) mod study;
pub(crate) mod synth;
pub(crate) mod train;
pub(crate) mod visualize;
