//! The binary `faus`: the command line over the paper's network.

use std::process::ExitCode;

use faus_model::ZeroBiasCnn;

fn main() -> ExitCode {
    faus_runner::main_with(&|network| Box::new(ZeroBiasCnn { k: network.k }))
}
