//! Parts that every command uses: the program, shared arguments, output, progress, interruption.

pub(crate) mod arguments;
pub(crate) mod console;
pub(crate) mod interrupt;
pub(crate) mod libtorch;
pub(crate) mod own_network;
pub(crate) mod program;
pub(crate) mod progress;
pub(crate) mod usage;
