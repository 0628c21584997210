//! Small networks with known weights, in either order of ReLU and pooling.

use std::collections::BTreeMap;

use faus_model::{Architecture, Blueprint, Error, InputSpec, Layer, Network, Stage};
use faus_viz::{ImageSet, Images};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

/// Convolutions `conv1`, `conv2` …, each with 2×2 pooling and ReLU.
pub struct Convolutions {
    /// Of each convolution the shape `[O, C, k, k]` and the values.
    pub weights: Vec<([i64; 4], Vec<f32>)>,
    /// The paper's order, ReLU before pooling, and not ours.
    pub relu_first: bool,
}

impl Architecture for Convolutions {
    fn name(&self) -> &str {
        "convolutions"
    }

    fn build(&self, _: &InputSpec, _: &mut ChaCha8Rng) -> Result<Blueprint, Error> {
        let stage = |(n, (shape, values)): (usize, &([i64; 4], Vec<f32>))| {
            let weight = Tensor::from_slice(values).reshape(shape);
            let mut layers = vec![
                Layer::conv_same(&weight)?,
                Layer::MaxPool { side: 2 },
                Layer::Relu,
            ];
            if self.relu_first {
                layers.swap(1, 2);
            }
            Ok(Stage::new(&format!("conv{}", n + 1), layers))
        };
        let stages = self.weights.iter().enumerate().map(stage);
        Ok(Blueprint {
            stages: stages.collect::<Result<_, Error>>()?,
            drawn: BTreeMap::new(),
        })
    }
}

impl Convolutions {
    /// The network, for images of this side.
    pub fn network(&self, side: usize) -> Network {
        let spec = InputSpec {
            side,
            classes: 1,
            dropout: 0.0,
        };
        Network::build(self, spec, 0, Device::Cpu).unwrap()
    }

    /// Three convolutions (8, 6, 5 filters of 3×3) of random weights.
    pub fn random(seed: u64, relu_first: bool) -> Self {
        let weights = [[8, 1, 3, 3], [6, 8, 3, 3], [5, 6, 3, 3]]
            .map(|shape| (shape, normal(seed, shape.iter().product::<i64>() as usize)));
        Self {
            weights: weights.to_vec(),
            relu_first,
        }
    }
}

/// `count` numbers from N(0, 1).
pub fn normal(seed: u64, count: usize) -> Vec<f32> {
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(count as u64);
    (0..count)
        .map(|_| StandardNormal.sample(&mut rng))
        .collect()
}

/// The tensor's values, row by row.
pub fn values(t: &Tensor) -> Vec<f32> {
    Vec::try_from(t.contiguous().flatten(0, -1)).unwrap()
}

/// Images given by their values and grey pixels.
pub struct Pictures {
    pub side: usize,
    /// `[images, side, side]`, normalised.
    pub values: Vec<f32>,
    /// `[images, side, side]`.
    pub grey: Vec<u8>,
    pub subjects: Vec<i64>,
}

impl Pictures {
    fn pixels(&self, row: usize) -> std::ops::Range<usize> {
        let pixels = self.side * self.side;
        row * pixels..(row + 1) * pixels
    }
}

impl Images for Pictures {
    fn side(&self) -> usize {
        self.side
    }

    fn grey(&self, row: usize) -> &[u8] {
        &self.grey[self.pixels(row)]
    }

    fn input(&self, row: usize) -> Vec<f32> {
        self.values[self.pixels(row)].to_vec()
    }

    fn subject(&self, row: usize) -> i64 {
        self.subjects[row]
    }
}

impl Pictures {
    /// These rows, of which a filter shows one per group.
    pub fn set<'a>(&'a self, rows: &'a [usize], groups: &'a [i64]) -> ImageSet<'a> {
        ImageSet {
            source: self,
            rows,
            groups,
            progress: &|_, _, _| true,
        }
    }
}
