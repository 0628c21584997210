//! The faus command line, and the program that an experiment starts.
//!
//! [`Program`] is every command of `faus` with parts of an experiment's own: a network, data sources, explanation methods,
//! association measures, studies. [`NetworkConfig`] is the `network` part of an experiment's JSON.
//!
//! It computes nothing itself: it parses, resolves settings, calls the other crates and prints.
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     faus_runner::Program::default().main()
//! }
//! ```

mod app;
mod choice;
mod commands;
mod config;
mod fits;
mod look;
mod memory;
mod pipeline;
mod view;

pub use app::program::Program;
pub use config::NetworkConfig;
pub use faus_model::Architecture;

pub(crate) use app::{console, interrupt, progress};
pub(crate) use pipeline::run_folder;
pub(crate) type MakeArchitecture<'a> = &'a Program;
