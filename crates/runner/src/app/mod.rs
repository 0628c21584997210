//! The program around the commands: command line, output, progress, interruption.

pub(crate) mod arguments;
pub(crate) mod command_line;
pub(crate) mod console;
pub(crate) mod interrupt;
pub(crate) mod libtorch;
pub(crate) mod program;
pub(crate) mod progress;
