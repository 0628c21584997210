//! The faus command line, and the library an experiment calls to run the whole job.
//!
//! - [`main_with`] is the whole program for a network of yours: every command of `faus`, with [`Architecture`] swapped.
//! - [`ExperimentConfig`] is an experiment's JSON, resolved: experiment < preset < command line.
//! - [`Job`] is `faus run`: data, folds, activations, action units, patches and report in one run folder.
//!
//! It computes nothing itself; what the pieces do is documented in their crates.
//!
//! ```no_run
//! use faus_model::ZeroBiasCnn;
//!
//! fn main() -> std::process::ExitCode {
//!     faus_runner::main_with(&|network| Box::new(ZeroBiasCnn { k: network.k }))
//! }
//! ```

mod cli;
mod commands;
mod config;
mod console;
mod data;
mod interrupt;
mod job;
mod progress;
mod run_folder;

pub use cli::{main_from, main_with};
pub use config::{
    DataConfig, ExperimentConfig, NetworkConfig, Preset, SourceKind, VisualizeConfig,
};
pub use faus_model::Architecture;
pub use job::{Job, JobOutcome, ParallelFolds};

/// Makes the network that the program runs, from the `network` part of an experiment.
pub type MakeArchitecture<'a> = &'a (dyn Fn(&NetworkConfig) -> Box<dyn Architecture> + Sync);
