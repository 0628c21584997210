//! What the golden script `tests/golden/model_steps.py` does, repeated: formula-made weights and images.

use faus_model::{InputSpec, Network, Plan, StepOutput, Tally, TrainBatch, ZeroBiasCnn};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// How a step is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// libtorch's automatic differentiation throughout: the reference.
    Autograd,
    /// The convolutions by our kernels.
    Winograd,
}

impl Method {
    pub fn plan(self, network: &Network) -> Plan {
        match self {
            Self::Autograd => Plan::default(),
            Self::Winograd => network.plan().unwrap(),
        }
    }

    pub fn step(self, network: &Network, batch: &TrainBatch) -> StepOutput {
        network
            .loss_and_gradients(batch, &self.plan(network))
            .unwrap()
    }
}

/// The script's `wave`, `[shape]` f32.
pub fn wave(shape: &[i64], offset: f64, scale: f64, shift: f64) -> Tensor {
    let count = shape.iter().product::<i64>();
    let value = |i: i64| {
        let s = ((i as f64 + 1.0) * 12.9898 + offset * 78.233).sin() * 43758.5453;
        (shift + scale * (2.0 * (s - s.floor()) - 1.0)) as f32
    };
    Tensor::from_slice(&(0..count).map(value).collect::<Vec<_>>()).reshape(shape)
}

/// The script's network without dropout, on the CPU.
pub fn network(side: usize) -> Network {
    network_of(side as i64, 0.0)
}

/// The script's network with this dropout probability.
pub fn network_of(side: i64, dropout: f64) -> Network {
    let spec = InputSpec {
        side: side as usize,
        classes: 8,
        dropout,
    };
    let network = Network::build(&ZeroBiasCnn::default(), spec, 0, Device::Cpu).unwrap();
    let scales = [
        (0.12, 0.0),
        (0.02, 0.0),
        (0.015, 0.0),
        (0.01, 0.0),
        (0.1, 1.0),
        (0.05, 0.0),
        (0.1, 0.0),
    ];
    for (k, ((name, tensor), (scale, shift))) in
        network.parameters().into_iter().zip(scales).enumerate()
    {
        network
            .set_parameter(&name, &wave(&tensor.size(), 1.0 + k as f64, scale, shift))
            .unwrap();
    }
    network
}

/// The script's batch; its dropout masks are those of the seeds 0 ...
pub fn batch(n: i64, side: i64, offset: f64) -> TrainBatch {
    TrainBatch {
        images: wave(&[n, 1, side, side], offset, 1.0, 0.0),
        labels: Tensor::arange(n, (Kind::Int64, Device::Cpu)).remainder(8),
        dropout_seeds: (0..n as u64).collect(),
        dropout_masks: vec![],
        weight: 1.0 / n as f64,
    }
}

/// Loss and hits of a step.
pub fn tally(output: &StepOutput) -> (f64, i64) {
    Tally::read([&output.tally]).unwrap()[0]
}

/// A golden file of this crate.
pub fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Numbers of a JSON array.
pub fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

/// The script's `sampled`.
pub fn sampled(t: &Tensor) -> Vec<f64> {
    let flat = Vec::<f32>::try_from(t.contiguous().flatten(0, -1)).unwrap();
    flat.iter()
        .step_by((flat.len() / 48).max(1))
        .take(48)
        .map(|v| f64::from(*v))
        .collect()
}
