//! Dropout masks, drawn from a seed per image.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use crate::error::Error;
use crate::network::Network;
use crate::network::layer::Layer;

/// A dropout layer of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DropoutLayer {
    /// Index of its stage.
    stage: usize,
    /// Share of the values that is dropped.
    p: f64,
    /// Number of values of one image at this layer.
    features: usize,
}

impl DropoutLayer {
    /// The layer of stage `stage` that works on `x`, `[n, …]`.
    pub(crate) fn of(stage: usize, p: f64, x: &Tensor) -> Self {
        let rows = x.size().first().map_or(1, |&n| n.max(1) as usize);
        Self {
            stage,
            p,
            features: x.numel() / rows,
        }
    }

    /// Inverted dropout: `[n, features]` f32 of 0 and 1/(1 − p), on the CPU, row i drawn from `seeds[i]` alone.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn mask(&self, seeds: &[u64]) -> Result<Tensor, Error> {
        let keep = (1.0 / (1.0 - self.p)) as f32;
        let mut mask = Vec::with_capacity(seeds.len() * self.features);
        for seed in seeds {
            let mut rng = ChaCha8Rng::seed_from_u64(*seed);
            rng.set_stream(self.stage as u64);
            let drops = std::iter::repeat_with(|| rng.random::<f32>() < self.p as f32);
            let values = drops.map(|drops| if drops { 0.0 } else { keep });
            mask.extend(values.take(self.features));
        }
        let shape = [seeds.len() as i64, self.features as i64];
        Ok(Tensor::f_from_slice(&mask)?.f_reshape(shape)?)
    }
}

impl Network {
    /// The layers that drop out, in forward order.
    ///
    /// # Errors
    /// When the network does not fit its own input, or the weights cannot be copied from the GPU.
    pub fn dropout_layers(&self) -> Result<Vec<DropoutLayer>, Error> {
        // A single image, to learn the shapes; computed on the CPU, since cuDNN would autotune for it.
        let (network, side) = (self.to_device(Device::Cpu)?, self.spec().side as i64);
        let mut x = Tensor::f_zeros([1, 1, side, side], (Kind::Float, Device::Cpu))?;
        let mut found = Vec::new();
        tch::no_grad(|| {
            for (index, stage) in network.stages().iter().enumerate() {
                for layer in &stage.layers {
                    if let Layer::Dropout { p } = layer
                        && *p > 0.0
                    {
                        found.push(DropoutLayer::of(index, *p, &x));
                    }
                    x = layer.forward(&x)?;
                }
            }
            Ok(found)
        })
    }
}
