//! Forecasts the memory of a training: a system that runs out of memory kills the process without a message.

use faus_data::Prepared;
use faus_model::{Architecture, Network};
use tch::{Device, Kind, Tensor};

use crate::error::Error;
use crate::fold::job::input_spec;
use crate::fold::loader::{AHEAD, SHARE};
use crate::recipe::check::CheckedRecipe;
use crate::score::predictions::CHUNK;

/// Share of the free memory that training may take; the rest is for reading and writing files.
const SHARE_OF_MEMORY: f64 = 0.9;
/// Bytes for each byte of the feature maps of a share in training: the maps, their gradients, and libtorch's working
/// copies (measured for the paper's network at 48×48 and 96×96 pixels; our choice, upwards).
const TRAINING: u64 = 4;
/// The same for inference: the maps of one layer and the next.
const RUNNING: u64 = 2;
/// Copies of the weights beside the gradients: weights, up to two moments, those being written into a checkpoint.
const WEIGHTS: u64 = 6;
const F32: u64 = 4;

/// Peak memory of a training; a deliberately high estimate. For CUDA it is the host's memory alone, since the GPU's is
/// not known in advance.
#[derive(Debug, Clone, Copy)]
pub struct MemoryForecast {
    batch_size: u64,
    /// Threads that compute feature maps; 0 on a GPU.
    workers: u64,
    /// Bytes of an image, of all feature maps of an image, and of all weights.
    image: u64,
    maps: u64,
    weights: u64,
}

impl MemoryForecast {
    /// The forecast for `workers` threads.
    ///
    /// # Errors
    /// When the network does not support the images.
    pub fn new(
        architecture: &dyn Architecture,
        prepared: &Prepared,
        recipe: &CheckedRecipe,
        workers: usize,
        device: Device,
    ) -> Result<Self, Error> {
        let spec = input_spec(prepared, recipe);
        let network = Network::build(architecture, spec, 0, Device::Cpu)?;
        let workers = if device.is_cuda() { 0 } else { workers };
        Self::of(&network, recipe.batch_size, workers)
    }

    fn of(network: &Network, batch_size: usize, workers: usize) -> Result<Self, Error> {
        let parameters: usize = network.parameters().iter().map(|(_, t)| t.numel()).sum();
        Ok(Self {
            batch_size: batch_size as u64,
            workers: workers as u64,
            image: (network.spec().side as u64).pow(2) * F32,
            maps: map_bytes(network)?,
            weights: parameters as u64 * F32,
        })
    }

    /// The number of folds, up to `wanted`, that fit into memory together, and the free bytes.
    ///
    /// # Errors
    /// [`Error::Memory`] if none fits.
    pub fn folds_that_fit(&self, wanted: usize) -> Result<(usize, u64), Error> {
        let Some(free) = available_memory() else {
            return Ok((wanted, u64::MAX));
        };
        let room = (free as f64 * SHARE_OF_MEMORY) as u64;
        let fit = self.folds_in(room) as usize;
        if fit > 0 {
            return Ok((fit, free));
        }
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        Err(Error::Memory {
            batch_size: self.batch_size,
            needed: gigabytes(self.per_fold() + self.all_workers()),
            free: gigabytes(free),
            way_out: match self.largest_batch(room) {
                0 => "use smaller images (--set data.image_size=48)".to_owned(),
                most => format!("use --set train.batch_size={most} or less"),
            },
        })
    }

    fn per_fold(&self) -> u64 {
        // Waiting batches, the one in training, and the one in preparation, which exists twice.
        let batches = (AHEAD as u64 + 3) * self.batch_size * self.image;
        // Every share has separate gradients, added when all are computed.
        let shares = self.batch_size.div_ceil(SHARE as u64);
        let gradients = if self.workers == 0 { 0 } else { shares };
        batches + (gradients + WEIGHTS) * self.weights
    }

    fn all_workers(&self) -> u64 {
        let share = self.batch_size.min(SHARE as u64);
        self.workers * self.maps * (TRAINING * share).max(RUNNING * CHUNK as u64)
    }

    fn folds_in(&self, bytes: u64) -> u64 {
        bytes.saturating_sub(self.all_workers()) / self.per_fold().max(1)
    }

    /// The largest batch with which a fold fits into `room` bytes, to the nearest lower power of two; 0 if none fits.
    fn largest_batch(&self, room: u64) -> u64 {
        let mut smaller = *self;
        smaller.batch_size = self.batch_size.next_power_of_two() / 2;
        while smaller.batch_size > 0 && smaller.folds_in(room) == 0 {
            smaller.batch_size /= 2;
        }
        smaller.batch_size
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

/// Bytes that this process may still allocate, according to the system and to its container; `None` if neither is known.
fn available_memory() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let machine = Some(system.available_memory()).filter(|bytes| *bytes > 0);
    // The container's own count of free memory leaves out the file cache, which is released on demand.
    let container = system.cgroup_limits();
    let container = container.map(|limits| limits.total_memory.saturating_sub(limits.rss));
    machine.into_iter().chain(container).min()
}

#[cfg(test)]
mod tests {
    use faus_model::{InputSpec, ZeroBiasCnn};

    use super::*;

    fn forecast(batch_size: usize, side: usize) -> MemoryForecast {
        let spec = InputSpec {
            side,
            classes: 8,
            dropout: 0.5,
        };
        let network = Network::build(&ZeroBiasCnn::default(), spec, 1, Device::Cpu).unwrap();
        MemoryForecast::of(&network, batch_size, 2).unwrap()
    }

    /// Maps by hand: convolutions, pools and ReLUs of 64×96², 128×48² and 256×24² values, and the small rest.
    #[test]
    fn the_papers_network_by_hand() {
        let forecast = forecast(64, 96);
        let convolutions = [(64, 96, 48), (128, 48, 24), (256, 24, 2)];
        let values: u64 = convolutions
            .map(|(maps, side, pooled)| maps * (side * side + 2 * pooled * pooled))
            .iter()
            .sum();
        let rest = 1024 * 2 + 300 * 2 + 8;
        assert_eq!(forecast.all_workers(), 2 * 4 * 16 * 4 * (values + rest));
        let weights =
            4 * (64 * 25 + 128 * 64 * 25 + 256 * 128 * 25 + 300 * 1024 + 300 + 8 * 300 + 8);
        let images = 6 * 64 * 96 * 96 * 4;
        assert_eq!(forecast.per_fold(), images + (4 + 6) * weights);
    }

    #[test]
    fn more_images_need_more_and_fewer_folds_fit() {
        let (small, large) = (forecast(64, 48), forecast(65_536, 48));
        assert!(large.per_fold() > 100 * small.per_fold());
        assert_eq!(large.all_workers(), small.all_workers());
        let room = small.all_workers() + 3 * small.per_fold();
        assert_eq!((small.folds_in(room), small.folds_in(1)), (3, 0));
        let most = large.largest_batch(room);
        assert!((64..65_536).contains(&most) && most.is_power_of_two());
    }

    #[test]
    fn the_system_reports_its_free_memory() {
        if cfg!(any(target_os = "linux", target_os = "macos")) {
            assert!(available_memory().unwrap() > 1 << 20);
        }
    }
}
