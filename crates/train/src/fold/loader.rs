//! Makes training batches.

use faus_base::random;
use faus_data::augment;
use faus_data::normalise::to_unit_range;
use faus_model::{DropoutLayer, TrainBatch};
use rand::{Rng, RngExt};
use rayon::prelude::*;
use tch::{Device, Tensor};

use crate::error::Error;
use crate::fold::job::FoldJob;

/// Images of a batch that one thread trains on; fixed, so that sums do not depend on the number of threads.
pub(crate) const SHARE: usize = 16;
/// Batches made ahead of the training step.
pub(crate) const AHEAD: usize = 3;

/// Makes the batches of a fold.
pub(crate) struct Loader<'a> {
    pub job: FoldJob<'a>,
    /// Rows to draw from.
    pub rows: &'a [usize],
    /// Layers whose masks are drawn here; none if the step draws them, on the threads that compute it.
    pub dropout: Vec<DropoutLayer>,
}

/// Working memory of one thread.
#[derive(Default)]
struct Scratch {
    padded: Vec<u8>,
    sums: Vec<f32>,
}

impl Loader<'_> {
    /// The shares of the batch of step `step`: everything in it is determined by seed, fold, step and place.
    pub fn batch(&self, step: u64) -> Result<Vec<TrainBatch>, Error> {
        let (job, fold) = (&self.job, self.job.fold as u64);
        let side = job.prepared.image_size();
        let mut draw = random::named(job.seed, "batch", &[fold, step]);
        let mut row = || self.rows[draw.random_range(0..self.rows.len())];
        let rows: Vec<usize> = (0..job.recipe.batch_size).map(|_| row()).collect();
        let mut values = vec![0.0; rows.len() * side * side];
        values
            .par_chunks_mut(side * side)
            .zip(&rows)
            .enumerate()
            .for_each_init(Scratch::default, |scratch, (place, (out, &row))| {
                self.image(row, &[fold, step, place as u64], out, scratch);
            });
        let labels: Vec<i64> = rows.iter().map(|&row| job.prepared.labels()[row]).collect();
        let seed = |place| random::named(job.seed, "dropout", &[fold, step, place]).next_u64();
        let seeds: Vec<u64> = (0..rows.len() as u64).map(seed).collect();
        // Automatic differentiation on a GPU processes the whole batch at once.
        let share = match job.device {
            Device::Cpu => SHARE,
            _ => rows.len(),
        };
        let shares = values.chunks(share * side * side);
        let shares = shares.zip(labels.chunks(share)).zip(seeds.chunks(share));
        let weight = 1.0 / rows.len() as f64;
        shares
            .map(|((values, labels), seeds)| self.share(values, labels, seeds, weight))
            .collect()
    }

    fn image(&self, row: usize, key: &[u64], out: &mut [f32], scratch: &mut Scratch) {
        let (prepared, recipe) = (self.job.prepared, self.job.recipe);
        let (image, side) = (prepared.image(row), prepared.image_size());
        if recipe.augment {
            let mut draw = random::named(self.job.seed, "augment", key);
            let parameters = recipe.augmentation.draw(side, &mut draw);
            augment::apply(&parameters, image, side, out, &mut scratch.padded);
        } else {
            to_unit_range(image, out);
        }
        recipe.normalisation.apply(out, side, &mut scratch.sums);
    }

    /// The tensor on the training's device. It reaches a GPU from page-locked memory, so that neither this thread nor the
    /// GPU waits for the copy; the step that uses it is queued behind it on the same stream.
    fn upload(&self, tensor: Tensor) -> Result<Tensor, Error> {
        let (device, kind) = (self.job.device, tensor.kind());
        if !device.is_cuda() {
            return Ok(tensor.f_to_device(device)?);
        }
        // `pin_memory` itself warns at each call that its device argument is deprecated.
        let pinned = tensor.f_internal_pin_memory(device)?;
        Ok(pinned.f_to_device_(device, kind, true, false)?)
    }

    fn share(
        &self,
        values: &[f32],
        labels: &[i64],
        dropout_seeds: &[u64],
        weight: f64,
    ) -> Result<TrainBatch, Error> {
        let side = self.job.prepared.image_size() as i64;
        let shape = [labels.len() as i64, 1, side, side];
        let mask = |layer: &DropoutLayer| self.upload(layer.mask(dropout_seeds)?);
        Ok(TrainBatch {
            images: self.upload(Tensor::f_from_slice(values)?.f_reshape(shape)?)?,
            labels: self.upload(Tensor::f_from_slice(labels)?)?,
            dropout_masks: self.dropout.iter().map(mask).collect::<Result<_, _>>()?,
            dropout_seeds: dropout_seeds.to_vec(),
            weight,
        })
    }
}
