//! What is done to an image on its way to the network.

pub mod augment;
pub mod normalise;
pub mod sheet;
pub mod throughput;
