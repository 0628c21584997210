//! The programs as a person uses them: real binaries, real files, small data.
//!
//! | File | Holds |
//! |---|---|
//! | `whole_job.rs` | `faus run` from data to report, all experiments, a prepared set, resuming, not starting over |
//! | `true_size.rs` | a CK+ of the true size and counts gives the images, subjects and folds that are published |
//! | `sources.rs` | every form in which people hold the data, given splits, audits |
//! | `analyse.rs` | `faus analyse`: a network from its file to the page, and filters that were planted in it |
//! | `codes.rs` | action-unit codes as people hold them: tables beside images, FACS text, OpenFace, after pandas |
//! | `commands.rs` | the other commands, one after the other, and their files |
//! | `compare.rs` | runs side by side, the measures in a summary |
//! | `pictures.rs` | patches, atlas, sanity panels and evidence maps, by every choice and method |
//! | `predict.rs` | faces of photographs and videos, alone and among others |
//! | `export.rs` | a run's network as ONNX and TorchScript, read back, exported again |
//! | `own_network.rs` | ONNX files: layers, activations, patches, and the description of their input |
//! | `outputs.rs` | links, pipes, devices and readers that stop early: what is written where |
//! | `as_held.rs` | tables, JSON, archives and checkpoints of other kinds and dialects; names in both forms of Unicode; settings against a prepared set |
//! | `messages.rs` | what a person reads when something is wrong, and the exit code |
//! | `interrupted.rs` | Ctrl-C, two processes, going on |
//! | `parallel.rs` | folds side by side: the same bytes, stopped and gone on with |
//! | `robust.rs` | folds that fail by themselves, no room on the disk, too little memory, chance level |
//! | `statistics.rs` | nulls, controls, replication, probes, interventions: the commands that read a run folder |
//! | `swapped.rs` | the example experiments: a network, a source, a method, a measure |
//! | `installed.rs` | the binary as it lies on the disk: libtorch is found without help |
//! | `readme.rs` | every command of README.md, in its order |
//! | `regression.rs` | bugs that were there once, named after their issue |
//!
//! What several of them need is in `tests/src`. A test runs in a folder of its own; results of a shared run are only read.

// Outside the functions marked as tests, too, what fails should stop the test.
#![allow(clippy::unwrap_used)]

mod analyse;
mod as_held;
mod codes;
mod commands;
mod compare;
mod export;
mod installed;
mod interrupted;
mod messages;
mod outputs;
mod own_network;
mod parallel;
mod pictures;
mod predict;
mod readme;
mod regression;
mod robust;
mod sources;
mod statistics;
mod swapped;
mod true_size;
mod whole_job;
