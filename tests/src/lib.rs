//! What the end-to-end tests share: the programs as a user has them, places to run them in, and data sets to run them on.
//!
//! - [`Place`] is an empty working folder with the project's experiments in it; [`Place::faus`] runs a command there.
//! - [`shared`] holds what is made once for all tests: small synthetic faces, and a finished run on them.
//! - [`Onnx`] writes the file of a small network whose weights a test chooses.
//! - [`official`] writes a CK+ of the true size in the official layout, of tiny grey images.
//! - [`Table`], [`read_json`] and [`read_npy`] read results as other people's scripts do, by nothing but their formats.
//!
//! It knows the programs only by their command line and their files, so it needs no libtorch to compile. The tests
//! themselves lie in `tests/tests/e2e`, whose `main.rs` says what goes where; `tests/golden` holds the scripts behind
//! the other crates' golden numbers.

// Helpers of tests: what fails here should stop the test with a message, as an assertion does.
#![allow(clippy::unwrap_used)]

mod files;
pub mod official;
mod onnx;
mod place;
mod programs;
mod ran;
pub mod shared;

pub use files::{Table, copy_tree, listing, numbers_of_people, read_json, read_npy};
pub use onnx::Onnx;
pub use place::Place;
pub use programs::{Program, program, repository};
pub use ran::Ran;
