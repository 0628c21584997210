//! The zero-bias CNN of Khorrami, Paine and Huang (2015) on libtorch, its checkpoints and devices.
//!
//! - [`Architecture`] describes a network as named [`Stage`]s of plain [`Layer`]s; [`ZeroBiasCnn`] is the paper's.
//! - [`Network`] runs one: logits, feature maps, and the loss with its gradients for a training step.
//! - [`OnnxFile`] reads the network of someone else, whose [`Graph`] a [`Network`] runs in place of stages.
//! - [`Export`] writes one for other programs, as ONNX or TorchScript.
//! - [`FieldNet`] computes the receptive field of a unit, forward and back; [`Maxima`] are the largest responses.
//! - [`Checkpoint`] stores and restores one as safetensors, never pickle.
//! - [`DeviceChoice`] finds CUDA, or the reason why it is unavailable.
//!
//! Reading data sets, optimiser steps and pictures belong to `faus-data`, `faus-train` and `faus-viz`.
//!
//! ```
//! use faus_model::{InputSpec, Network, ZeroBiasCnn};
//! use tch::{Device, Kind, Tensor};
//!
//! let spec = InputSpec { side: 48, classes: 8, dropout: 0.5 };
//! let network = Network::build(&ZeroBiasCnn::default(), spec, 1, Device::Cpu)?;
//! let images = Tensor::zeros([2, 1, 48, 48], (Kind::Float, Device::Cpu));
//! assert_eq!(network.logits(&images)?.size(), [2, 8]);
//! # Ok::<(), faus_model::Error>(())
//! ```

mod checkpoint;
mod compute;
mod device;
mod error;
mod export;
mod field;
mod graph;
mod kernels;
mod network;
mod precision;

pub use checkpoint::{Checkpoint, CheckpointInfo, TensorsByName, read_tensors, write_tensors};
pub use compute::dropout::DropoutLayer;
pub use compute::elementwise::in_memory;
pub use compute::maxima::Maxima;
pub use compute::plan::Plan;
pub use compute::step::{StepOutput, Tally, TrainBatch};
pub use device::{CudaStatus, DeviceChoice, DeviceList, cuda_status, device_name};
pub use error::Error;
pub use export::{Export, LocalContrast};
pub use field::map::{FieldMap, Region};
pub use field::net::FieldNet;
pub use field::trace::FieldTrace;
pub use graph::info::ExportInfo;
pub use graph::input::GraphInput;
pub use graph::load::OnnxFile;
pub use graph::trace::GraphTrace;
pub use graph::{Graph, GraphLayer};
pub use network::Network;
pub use network::architecture::{Architecture, Blueprint, InputSpec, ZeroBiasCnn};
pub use network::halfway::Halfway;
pub use network::layer::{Layer, Stage, channels_last};
pub use network::receptive::Receptive;
pub use precision::Precision;
