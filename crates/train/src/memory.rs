//! How much memory a training needs, told before it is started: a system that runs out of it kills without a word.

use faus_model::Network;
use tch::{Device, Kind, Tensor};

use crate::evaluate::CHUNK;
use crate::loader::{AHEAD, SHARE};
use crate::{CheckedRecipe, Error};

/// Bytes for each byte of the feature maps of a share in training: the maps, their gradients, and libtorch's working
/// copies (measured for the paper's network at 48×48 and 96×96 pixels; our choice, upwards).
const TRAINING: u64 = 4;
/// The same where a network is only run: the maps of one layer and the next.
const RUNNING: u64 = 2;
/// Copies of the weights beside the gradients: weights, up to two moments, those being written into a checkpoint.
const WEIGHTS: u64 = 6;
const F32: u64 = 4;

/// Peak memory of a training on the CPU, in bytes; an estimate, meant to be too high rather than too low.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryNeed {
    /// Of each fold under way.
    pub per_fold: u64,
    /// Of the workers, whatever the number of folds.
    pub workers: u64,
}

impl MemoryNeed {
    /// What training `network` by `recipe` takes on `device` with `workers` threads.
    ///
    /// For CUDA it is the host's memory alone; the GPU's is not known beforehand.
    ///
    /// # Errors
    /// When the network cannot be run.
    pub fn of(
        network: &Network,
        recipe: &CheckedRecipe,
        workers: usize,
        device: Device,
    ) -> Result<Self, Error> {
        let parameters: usize = network.parameters().iter().map(|(_, t)| t.numel()).sum();
        let weights = parameters as u64 * F32;
        let (batch, side) = (recipe.batch_size as u64, network.spec().side as u64);
        // Those that wait, the one being learned from, and the one being made, which is there twice.
        let batches = (AHEAD as u64 + 3) * batch * side * side * F32;
        if device != Device::Cpu {
            return Ok(Self {
                per_fold: batches + WEIGHTS * weights,
                workers: 0,
            });
        }
        let maps = map_bytes(network)?;
        let share = SHARE.min(recipe.batch_size) as u64;
        let at_work = (TRAINING * share * maps).max(RUNNING * CHUNK as u64 * maps);
        Ok(Self {
            // Every share brings gradients of its own, which are added when all are there.
            per_fold: batches + (batch.div_ceil(SHARE as u64) + WEIGHTS) * weights,
            workers: workers as u64 * at_work,
        })
    }

    /// How many folds fit into `bytes` at once.
    pub fn folds_in(&self, bytes: u64) -> u64 {
        bytes.saturating_sub(self.workers) / self.per_fold.max(1)
    }
}

/// Bytes of all feature maps of one image.
fn map_bytes(network: &Network) -> Result<u64, Error> {
    let side = network.spec().side as i64;
    let mut x = Tensor::f_zeros([1, 1, side, side], (Kind::Float, network.device()))?;
    let mut values = 0;
    for layer in network.stages().iter().flat_map(|stage| &stage.layers) {
        x = tch::no_grad(|| layer.forward(&x))?;
        values += x.numel() as u64;
    }
    Ok(values * F32)
}

/// Bytes that this process may still take, by the system's word and that of its container; `None` where neither tells.
pub fn available_memory() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let machine = Some(system.available_memory()).filter(|bytes| *bytes > 0);
    // Not its own word on what is free: that counts pages of files, which are given back when they are wanted.
    let container = system
        .cgroup_limits()
        .map(|limits| limits.total_memory.saturating_sub(limits.rss));
    match (machine, container) {
        (Some(machine), Some(container)) => Some(machine.min(container)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use faus_model::{InputSpec, ZeroBiasCnn};

    use super::*;
    use crate::Recipe;

    fn need(batch_size: usize, side: usize) -> MemoryNeed {
        let spec = InputSpec {
            side,
            classes: 8,
            dropout: 0.5,
        };
        let network = Network::build(&ZeroBiasCnn::default(), spec, 1, Device::Cpu).unwrap();
        let recipe = Recipe {
            batch_size,
            ..Recipe::default()
        };
        MemoryNeed::of(&network, &recipe.check().unwrap(), 2, Device::Cpu).unwrap()
    }

    /// Maps by hand: convolutions, pools and ReLUs of 64×96², 128×48² and 256×24² values, and the small rest.
    #[test]
    fn the_papers_network_by_hand() {
        let need = need(64, 96);
        let convolutions = [(64, 96, 48), (128, 48, 24), (256, 24, 2)];
        let values: u64 = convolutions
            .map(|(maps, side, pooled)| maps * (side * side + 2 * pooled * pooled))
            .iter()
            .sum();
        let rest = 1024 * 2 + 300 * 2 + 8;
        assert_eq!(need.workers, 2 * 4 * 16 * 4 * (values + rest));
        let weights =
            4 * (64 * 25 + 128 * 64 * 25 + 256 * 128 * 25 + 300 * 1024 + 300 + 8 * 300 + 8);
        assert_eq!(need.per_fold, 6 * 64 * 96 * 96 * 4 + (4 + 6) * weights);
    }

    #[test]
    fn more_images_need_more_and_fewer_folds_fit() {
        let (small, large) = (need(64, 48), need(65_536, 48));
        assert!(large.per_fold > 100 * small.per_fold && large.workers == small.workers);
        let room = small.workers + 3 * small.per_fold;
        assert_eq!((small.folds_in(room), small.folds_in(1)), (3, 0));
    }

    #[test]
    fn the_system_tells_what_is_left() {
        if cfg!(any(target_os = "linux", target_os = "macos")) {
            assert!(available_memory().unwrap() > 1 << 20);
        }
    }
}
