//! One function a command: options in, work done by the crates, a line or two said.

mod activations;
mod compare;
mod data;
mod doctor;
mod fau;
mod report;
mod run;
mod training;
mod visualize;

pub(crate) use activations::{ActivationsArgs, activations};
pub(crate) use compare::{CompareArgs, compare};
pub(crate) use data::{
    AuditArgs, AugmentArgs, InspectArgs, PrepareArgs, SynthArgs, audit_command, augment, inspect,
    prepare_command, synth,
};
pub(crate) use doctor::{doctor, libtorch_version};
pub(crate) use fau::{
    AblateArgs, ControlsArgs, CorrelateArgs, InterveneArgs, LocateArgs, ProbeArgs, ReplicateArgs,
    ablate, controls, correlate, intervene, locate, probe, replicate,
};
pub(crate) use report::{ReportArgs, report};
pub(crate) use run::{RunArgs, run};
pub(crate) use training::{
    EvaluateArgs, SelectArgs, TrainArgs, evaluate_command, select_command, train,
};
pub(crate) use visualize::{VisualizeArgs, visualize};
