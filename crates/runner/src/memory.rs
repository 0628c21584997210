use anyhow::{Result, bail};
use faus_data::Prepared;
use faus_model::{Architecture, InputSpec, Network};
use faus_train::{CheckedRecipe, MemoryNeed, Recipe, available_memory};
use tch::Device;

use crate::console::{counted, say};

/// Share of the free memory that training may take; the rest is for files that are read and written.
const SHARE_OF_MEMORY: f64 = 0.9;

/// The way out where an error's text says that memory ran out; `None` where it says something else.
///
/// A full GPU has several words for it: libtorch's own, cuBLAS' and cuDNN's status, and that none of cuDNN's algorithms
/// (an "engine") finds the work space that it wants.
pub(crate) fn out_of_memory(error: &str) -> Option<&'static str> {
    let words = ["out of memory", "ALLOC_FAILED", "unable to find an engine"];
    let said = words.iter().any(|word| error.contains(word));
    said.then_some(
        "let fewer folds train at once (faus run --parallel-folds 1) or use smaller batches",
    )
}

/// Whether training fits into memory, asked before the system ends us without a word.
pub(crate) struct MemoryCheck<'a> {
    pub architecture: &'a dyn Architecture,
    /// The recipe as it was set.
    pub train: &'a Recipe,
    pub recipe: &'a CheckedRecipe,
    pub prepared: &'a Prepared,
    /// Threads.
    pub workers: usize,
    pub device: Device,
}

impl MemoryCheck<'_> {
    /// How many of `wanted` folds the memory has room for at once; none is an error.
    pub fn folds_that_fit(&self, wanted: usize) -> Result<usize> {
        let Some(free) = available_memory() else {
            return Ok(wanted);
        };
        let room = (free as f64 * SHARE_OF_MEMORY) as u64;
        let need = self.need(self.recipe)?;
        let fit = need.folds_in(room) as usize;
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        let batch = self.recipe.batch_size;
        if fit == 0 {
            bail!(
                "train.batch_size is {batch}: a fold needs about {:.1} GB of memory, {:.1} GB are free; {}",
                gigabytes(need.per_fold + need.workers),
                gigabytes(free),
                match self.largest_batch(room)? {
                    0 => "use smaller images (--set data.image_size=48)".to_owned(),
                    most => format!("use --set train.batch_size={most} or less"),
                }
            );
        }
        if fit < wanted {
            say(format!(
                "Memory: {:.1} GB are free, so {} at once instead of {wanted}",
                gigabytes(free),
                counted(fit, "fold")
            ));
        }
        Ok(fit)
    }

    fn need(&self, recipe: &CheckedRecipe) -> Result<MemoryNeed> {
        let info = self.prepared.info();
        let spec = InputSpec {
            side: self.prepared.image_size(),
            classes: info.classes.len(),
            dropout: recipe.dropout,
        };
        let network = Network::build(self.architecture, spec, 0, Device::Cpu)?;
        Ok(MemoryNeed::of(&network, recipe, self.workers, self.device)?)
    }

    /// The largest batch of which a fold fits into `room` bytes, to the nearest lower power of two; 0 where none does.
    fn largest_batch(&self, room: u64) -> Result<usize> {
        let mut batch = self.recipe.batch_size.next_power_of_two() / 2;
        while batch > 0 {
            let mut recipe = self.train.clone();
            recipe.batch_size = batch;
            if self.need(&recipe.check()?)?.folds_in(room) > 0 {
                break;
            }
            batch /= 2;
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gpu_is_told_from_other_errors() {
        for full in [
            "CUDA out of memory. Tried to allocate 2.00 GiB",
            "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)",
            "GET was unable to find an engine to execute this computation",
        ] {
            assert!(out_of_memory(full).is_some(), "{full}");
        }
        assert_eq!(out_of_memory("an illegal memory access"), None);
    }
}
