//! Training of one fold, and its files.

mod autotune;
mod divergence;
pub(crate) mod job;
mod loader;
mod losses;
pub(crate) mod memory_forecast;
mod metrics;
pub(crate) mod optimizer;
pub(crate) mod progress;
pub(crate) mod result;
mod run;
pub(crate) mod shuffled;
pub(crate) mod state;
mod tensorboard;
