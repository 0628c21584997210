//! The faus command line, and the program that an experiment starts.
//!
//! [`Program`] is every command of `faus` with an experiment's network, data sources, explanation methods, association
//! measures and studies. [`NetworkConfig`] is the `network` part of an experiment's JSON.
//!
//! The crate computes nothing: it parses, resolves settings, calls the other crates and prints.
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     faus_runner::Program::default().main()
//! }
//! ```

// Printing that neither panics nor stops the work when nobody reads on (`| head`): see `console`.
macro_rules! print {
    ($($text:tt)*) => { crate::app::console::to_stdout(std::format_args!($($text)*), "") };
}
macro_rules! println {
    ($($text:tt)*) => { crate::app::console::to_stdout(std::format_args!($($text)*), "\n") };
}
macro_rules! eprintln {
    ($($text:tt)*) => { crate::app::console::to_stderr(std::format_args!($($text)*)) };
}

mod app;
mod command_line;
mod commands;
mod config;
mod pipeline;

pub use app::program::Program;
pub use config::NetworkConfig;
pub use faus_model::Architecture;
