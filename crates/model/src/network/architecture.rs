//! The trait of a network's architecture, and the zero-bias CNN of the paper.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::error::Error;
use crate::network::layer::{Layer, Stage};

/// The input and output of a network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InputSpec {
    /// Height and width of the grey input images, in pixels.
    pub side: usize,
    /// Number of expression classes.
    pub classes: usize,
    /// Dropout probability, 0 to leave it out.
    pub dropout: f64,
}

/// A network as [`Architecture::build`] returns it.
#[derive(Debug)]
pub struct Blueprint {
    /// The stages, in forward order; the last yields logits `[N, classes]`.
    pub stages: Vec<Stage>,
    /// Random choices worth recording, such as the paper's k.
    pub drawn: BTreeMap<String, f64>,
}

/// A network that can be trained, visualised and swapped for another.
///
/// Contract: the first stage takes `[N, 1, side, side]`, the last yields logits `[N, classes]`; stage names are unique
/// and stable, since checkpoints and patches name them; all randomness comes from `rng`.
pub trait Architecture: Send + Sync {
    /// The name written into checkpoints and run folders.
    fn name(&self) -> &str;

    /// Draws the initial weights, on the CPU.
    ///
    /// # Errors
    /// When the network does not support the input.
    fn build(&self, spec: &InputSpec, rng: &mut ChaCha8Rng) -> Result<Blueprint, Error>;
}

/// The network of Khorrami, Paine and Huang (2015), section 3.1, with the authors' code for the details that the paper
/// leaves open (docs/PROTOCOL.md): three 5×5 convolutions without bias (64, 128, 256 filters), 2×2, 2×2 and quadrant max pooling, a hidden layer of
/// 300 units, and the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ZeroBiasCnn {
    /// Scale of all initial weights; the authors' code draws it once from U[0.2, 1.2), as does `None`.
    pub k: Option<f64>,
}

/// Filters of the three convolutions.
const FILTERS: [i64; 3] = [64, 128, 256];
/// Side of every filter, in pixels of its input.
const KERNEL: i64 = 5;
/// Units of the hidden layer.
const HIDDEN: i64 = 300;

impl Architecture for ZeroBiasCnn {
    fn name(&self) -> &str {
        "zero_bias_cnn"
    }

    fn build(&self, spec: &InputSpec, rng: &mut ChaCha8Rng) -> Result<Blueprint, Error> {
        // Two 2×2 poolings, then quadrants: the side must divide by 8.
        if spec.side < 16 || !spec.side.is_multiple_of(8) {
            let architecture = self.name().to_owned();
            return Err(Error::ImageSide {
                architecture,
                minimum: 16,
                multiple: 8,
                side: spec.side,
            });
        }
        let k = self.k.unwrap_or_else(|| rng.random_range(0.2..1.2));
        let quadrant = (spec.side / 8) as i64;
        // The authors divide by √(fan-in) for the convolutions, by √(batch · fan-in) = √(64 · 1024) = 256 for the hidden
        // layer (their count includes the batch) and by √300 for the output.
        let (mut stages, mut inputs) = (Vec::new(), 1);
        for (name, outputs, pool) in [
            ("conv1", FILTERS[0], 2),
            ("conv2", FILTERS[1], 2),
            ("conv3", FILTERS[2], quadrant),
        ] {
            let spread = k / ((inputs * KERNEL * KERNEL) as f64).sqrt();
            let weight = normal(&[outputs, inputs, KERNEL, KERNEL], spread, rng)?;
            stages.push(Stage::conv_pool_relu(name, &weight, pool)?);
            inputs = outputs;
        }
        let hidden = vec![
            Layer::Flatten,
            Layer::Dropout { p: spec.dropout },
            Layer::Linear {
                weight: normal(&[HIDDEN, inputs * 2 * 2], k / 256.0, rng)?,
                bias: Tensor::f_ones([HIDDEN], tch::kind::FLOAT_CPU)?,
            },
            Layer::Relu,
        ];
        stages.push(Stage::new("fc4", hidden));
        let classes = spec.classes as i64;
        let output = Layer::Linear {
            weight: normal(&[classes, HIDDEN], k / (HIDDEN as f64).sqrt(), rng)?,
            bias: Tensor::f_zeros([classes], tch::kind::FLOAT_CPU)?,
        };
        stages.push(Stage::new("output", vec![output]));
        Ok(Blueprint {
            stages,
            drawn: BTreeMap::from([("k".to_owned(), k)]),
        })
    }
}

/// A f32 CPU tensor of this shape drawn from N(0, std²).
pub(crate) fn normal(shape: &[i64], std: f64, rng: &mut ChaCha8Rng) -> Result<Tensor, Error> {
    let normal = Normal::new(0.0, std)
        .map_err(|e| tch::TchError::Shape(format!("weights of spread {std}: {e}")))?;
    let drawn = normal.sample_iter(rng).map(|v: f64| v as f32);
    let count = shape.iter().product::<i64>() as usize;
    let values = drawn.take(count).collect::<Vec<f32>>();
    Ok(Tensor::f_from_slice(&values)?.f_reshape(shape)?)
}
