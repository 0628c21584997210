//! A fold to train.

use std::path::Path;

use faus_base::random;
use faus_data::Prepared;
use faus_model::{Architecture, InputSpec, Network};
use rand::Rng;
use tch::Device;

use crate::error::Error;
use crate::recipe::check::CheckedRecipe;

/// One fold to train.
#[derive(Clone, Copy)]
pub struct FoldJob<'a> {
    /// The data set.
    pub prepared: &'a Prepared,
    /// The network.
    pub architecture: &'a dyn Architecture,
    /// The recipe.
    pub recipe: &'a CheckedRecipe,
    /// The test fold.
    pub fold: usize,
    /// Random seed.
    pub seed: u64,
    /// Where to train.
    pub device: Device,
    /// The fold's folder: `checkpoints/`, `best.safetensors`, `metrics.csv`, `predictions.csv`, `fold.json`, and
    /// `events.out.tfevents.faus` if requested.
    pub dir: &'a Path,
    /// Resume from the newest saved state, if there is one.
    pub resume: bool,
    /// Write the metrics as a TensorBoard event file too.
    pub tensorboard: bool,
}

impl FoldJob<'_> {
    /// The network at the start of training.
    ///
    /// # Errors
    /// When the network does not support the images, or the device is out of memory.
    pub fn initial_network(&self) -> Result<Network, Error> {
        self.draw("weights", self.fold as u64)
    }

    /// Number `start` of further networks as at the start of training, for comparison; the same in every fold.
    ///
    /// # Errors
    /// As [`Self::initial_network`].
    pub fn untrained_start(&self, start: u64) -> Result<Network, Error> {
        self.draw("untrained start", start)
    }

    fn draw(&self, purpose: &str, number: u64) -> Result<Network, Error> {
        let spec = input_spec(self.prepared, self.recipe);
        let seed = random::named(self.seed, purpose, &[number]).next_u64();
        Ok(Network::build(self.architecture, spec, seed, self.device)?)
    }
}

/// The input and output of a network for this data set.
pub(crate) fn input_spec(prepared: &Prepared, recipe: &CheckedRecipe) -> InputSpec {
    InputSpec {
        side: prepared.image_size(),
        classes: prepared.info().classes.len(),
        dropout: recipe.dropout,
    }
}
