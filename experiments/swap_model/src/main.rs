//! An experiment with its own network: two small convolutions with biases instead of the paper's three without.
//!
//! Everything else is unchanged faus: data, folds, training, patches, action units, report, and every command of
//! `faus`. Run it with `just swap_model`, or `cargo run --release -p swap-model -- run
//! experiments/swap_model/tiny.json`.

use std::process::ExitCode;

use faus_model::{Architecture, Blueprint, Error, InputSpec, Layer, Stage, channels_last};
use faus_runner::Program;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use tch::Tensor;

/// conv 5×5×16, conv 5×5×32, both with bias, ReLU and 2×2 pooling; then one linear layer.
struct TinyNet;

impl Architecture for TinyNet {
    fn name(&self) -> &str {
        "tiny_net"
    }

    fn build(&self, spec: &InputSpec, rng: &mut ChaCha8Rng) -> Result<Blueprint, Error> {
        let (classes, features) = (spec.classes as i64, 32 * (spec.side as i64 / 4).pow(2));
        let stages = vec![
            Stage::new("conv1", convolution(&[16, 1, 5, 5], rng)?),
            Stage::new("conv2", convolution(&[32, 16, 5, 5], rng)?),
            Stage::new("output", {
                let weight = he_normal(&[classes, features], rng)?;
                let bias = Tensor::f_zeros([classes], tch::kind::FLOAT_CPU)?;
                vec![
                    Layer::Flatten,
                    Layer::Dropout { p: spec.dropout },
                    Layer::Linear { weight, bias },
                ]
            }),
        ];
        Ok(Blueprint {
            stages,
            drawn: Default::default(),
        })
    }
}

/// Convolution with bias that keeps the side, ReLU, 2×2 pooling.
fn convolution(shape: &[i64], rng: &mut ChaCha8Rng) -> Result<Vec<Layer>, Error> {
    let weight = channels_last(&he_normal(shape, rng)?)?;
    let bias = Some(Tensor::f_zeros([shape[0]], tch::kind::FLOAT_CPU)?);
    let padding = shape[2] / 2;
    Ok(vec![
        Layer::Conv {
            weight,
            bias,
            padding,
        },
        Layer::Relu,
        Layer::MaxPool { side: 2 },
    ])
}

/// Weights of spread √(2 / fan-in) (He et al. 2015).
fn he_normal(shape: &[i64], rng: &mut ChaCha8Rng) -> Result<Tensor, Error> {
    let (count, fan_in) = (
        shape.iter().product::<i64>(),
        shape[1..].iter().product::<i64>(),
    );
    let scale = (2.0 / fan_in as f32).sqrt();
    let draws: Vec<f32> = StandardNormal
        .sample_iter(rng)
        .take(count as usize)
        .map(|v: f32| scale * v)
        .collect();
    Ok(Tensor::f_from_slice(&draws)?.f_reshape(shape)?)
}

fn main() -> ExitCode {
    let program = Program::new(|_| Box::new(TinyNet));
    program
        .experiment("experiments/swap_model/tiny.json")
        .main()
}
