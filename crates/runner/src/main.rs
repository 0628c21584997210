//! The binary `faus`: every command, with the paper's network.

use std::process::ExitCode;

fn main() -> ExitCode {
    faus_runner::Program::default().main()
}
