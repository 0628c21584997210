//! The images that a network is applied to.

use faus_data::Prepared;
use faus_data::normalise::{Normalisation, to_unit_range};
use faus_model::Network;
use tch::Tensor;

use crate::error::{Error, Result};

/// Shows progress: the step under way, parts done, parts in all. `false` stops the work.
pub type Progress<'a> = &'a (dyn Fn(&str, usize, usize) -> bool + Sync);

/// Images by row.
pub trait Images: Sync {
    /// Height and width, in pixels.
    fn side(&self) -> usize;

    /// Grey pixels of a row, `[side, side]`.
    fn grey(&self, row: usize) -> &[u8];

    /// The network's input for a row: normalised, `[side, side]` f32.
    fn input(&self, row: usize) -> Vec<f32>;

    /// Subject of a row; negative where unknown.
    fn subject(&self, row: usize) -> i64;
}

/// Images of a prepared data set, or `loose` ones of its size, normalised when they are used.
pub(crate) struct GreyImages<'a> {
    pub prepared: &'a Prepared,
    pub loose: Option<&'a [Vec<u8>]>,
    /// `None` for a network that does it itself.
    pub normalisation: Option<Normalisation>,
}

impl Images for GreyImages<'_> {
    fn side(&self) -> usize {
        self.prepared.image_size()
    }

    fn grey(&self, row: usize) -> &[u8] {
        let loose = self.loose.map(|images| images[row].as_slice());
        loose.unwrap_or_else(|| self.prepared.image(row))
    }

    fn input(&self, row: usize) -> Vec<f32> {
        network_input(self.grey(row), self.side(), self.normalisation)
    }

    fn subject(&self, row: usize) -> i64 {
        let subjects = self.prepared.subjects();
        subjects.get(row).copied().unwrap_or(-1)
    }
}

/// A network's input for grey pixels `[side, side]`.
pub(crate) fn network_input(
    grey: &[u8],
    side: usize,
    normalisation: Option<Normalisation>,
) -> Vec<f32> {
    let mut values = vec![0.0; grey.len()];
    to_unit_range(grey, &mut values);
    if let Some(normalisation) = normalisation {
        normalisation.apply(&mut values, side, &mut Vec::new());
    }
    values
}

/// Some images of a data set.
#[derive(Clone, Copy)]
pub struct ImageSet<'a> {
    /// All images of the data set.
    pub source: &'a dyn Images,
    /// Rows to use, in the order of the results.
    pub rows: &'a [usize],
    /// Group of every row of the data set: a filter shows at most one patch per group. Negative or absent: no group.
    pub groups: &'a [i64],
    /// Called every few images.
    pub progress: Progress<'a>,
}

impl ImageSet<'_> {
    /// Shows progress.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the user cancels.
    pub(crate) fn report(&self, step: &str, done: usize, of: usize) -> Result<()> {
        match (self.progress)(step, done, of) {
            true => Ok(()),
            false => Err(Error::Cancelled),
        }
    }

    /// The network's input for these rows, `[rows, 1, side, side]` on its device.
    pub(crate) fn tensor(&self, rows: &[usize], network: &Network) -> Result<Tensor> {
        let values = rows.iter().flat_map(|&row| self.source.input(row));
        as_images(&values.collect::<Vec<_>>(), self.source.side(), network)
    }
}

/// Pixels as `[N, 1, side, side]` on the network's device.
pub(crate) fn as_images(values: &[f32], side: usize, network: &Network) -> Result<Tensor> {
    let side = side as i64;
    Ok(Tensor::f_from_slice(values)?
        .f_reshape([-1, 1, side, side])?
        .f_to_device(network.device())?)
}

/// A tensor's values in row-major order, f32 on the CPU.
pub(crate) fn values(x: &Tensor) -> Result<Vec<f32>> {
    let x = x
        .f_to_device(tch::Device::Cpu)?
        .f_to_kind(tch::Kind::Float)?
        .f_contiguous()?;
    let mut values = vec![0f32; x.numel()];
    x.f_copy_data(&mut values, x.numel())?;
    Ok(values)
}
