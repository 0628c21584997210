//! Commands that ask whether filters follow action units: each reads a run folder and writes into its `fau/`.

mod ablate;
mod controls;
mod correlate;
mod intervene;
mod locate;
mod open;
mod probe;
mod replicate;
mod table;

pub(crate) use ablate::{AblateArgs, ablate};
pub(crate) use controls::{ControlsArgs, controls};
pub(crate) use correlate::{CorrelateArgs, correlate};
pub(crate) use intervene::{InterveneArgs, intervene};
pub(crate) use locate::{LocateArgs, locate};
pub(crate) use probe::{ProbeArgs, probe};
pub(crate) use replicate::{ReplicateArgs, replicate};
