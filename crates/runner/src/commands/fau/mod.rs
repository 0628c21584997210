//! Commands that test a finished run's filters for action units, and `faus correlate` for the activations of any network.

mod ablate;
mod controls;
mod correlate;
mod intervene;
mod landmarks;
mod locate;
mod open;
mod probe;
mod replicate;
mod shuffled;

pub(crate) use ablate::{AblateArgs, ablate};
pub(crate) use controls::{ControlsArgs, controls};
pub(crate) use correlate::{CorrelateArgs, correlate};
pub(crate) use intervene::{InterveneArgs, intervene};
pub(crate) use locate::{LocateArgs, locate};
pub(crate) use probe::{ProbeArgs, probe};
pub(crate) use replicate::{ReplicateArgs, replicate};
