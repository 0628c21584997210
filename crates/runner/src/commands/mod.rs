//! One command a file: its arguments, and the function that carries it out.

mod audit;
mod augment;
mod bench;
mod compare;
mod doctor;
mod evaluate;
mod fau;
mod inside;
mod inspect;
mod prepare;
mod report;
mod run;
mod select;
mod synth;
mod train;

pub(crate) use audit::{AuditArgs, audit};
pub(crate) use augment::{AugmentArgs, augment};
pub(crate) use bench::{BenchArgs, bench};
pub(crate) use compare::{CompareArgs, compare};
pub(crate) use doctor::{doctor, libtorch_version};
pub(crate) use evaluate::{EvaluateArgs, evaluate};
pub(crate) use fau::{
    AblateArgs, ControlsArgs, CorrelateArgs, InterveneArgs, LocateArgs, ProbeArgs, ReplicateArgs,
    ablate, controls, correlate, intervene, locate, probe, replicate, watched,
};
pub(crate) use inside::{ActivationsArgs, VisualizeArgs, activations, visualize};
pub(crate) use inspect::{InspectArgs, inspect};
pub(crate) use prepare::{PrepareArgs, prepare};
pub(crate) use report::{ReportArgs, report};
pub(crate) use run::{RunArgs, run};
pub(crate) use select::{SelectArgs, select};
pub(crate) use synth::{SynthArgs, synth};
pub(crate) use train::{TrainArgs, train};
