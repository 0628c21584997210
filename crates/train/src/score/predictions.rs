//! Runs a network over a part of a data set.

use std::path::Path;

use faus_data::Prepared;
use faus_data::normalise::{Normalisation, to_unit_range};
use faus_model::Network;
use tch::{Device, Kind, Tensor};

use crate::error::Error;
use crate::score::fits::check_side;
use crate::workers::Workers;

/// Images per worker at a time; fixed, so that results do not depend on the number of workers.
pub(crate) const CHUNK: usize = 32;

/// Logits of a network for some images.
#[derive(Debug, Clone, PartialEq)]
pub struct Predictions {
    /// Rows of the data set.
    pub indices: Vec<usize>,
    /// Their true labels.
    pub labels: Vec<i64>,
    /// `[indices, classes]`.
    pub logits: Vec<f32>,
    /// Number of classes.
    pub classes: usize,
}

impl Predictions {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether it has no images.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Logits of row `row`.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.logits[row * self.classes..][..self.classes]
    }

    /// The class with the largest logit, the first on ties.
    pub fn predicted(&self, row: usize) -> usize {
        let logits = self.row(row);
        let larger = |best, c| if logits[c] > logits[best] { c } else { best };
        (1..self.classes).fold(0, larger)
    }

    /// Writes `index, label, predicted, logit_<class> …` as CSV, atomically.
    ///
    /// # Errors
    /// When a write fails.
    pub fn write_csv(&self, path: &Path, class_names: &[String]) -> Result<(), Error> {
        let logits = class_names.iter().map(|class| format!("logit_{class}"));
        let header = ["index", "label", "predicted"].map(str::to_owned);
        let header = header.into_iter().chain(logits).collect();
        let rows = (0..self.len()).map(|row| {
            let (index, label) = (self.indices[row].to_string(), self.labels[row].to_string());
            let first = [index, label, self.predicted(row).to_string()];
            let logits = self.row(row).iter().map(f32::to_string);
            first.into_iter().chain(logits).collect()
        });
        crate::files::write_csv(path, std::iter::once(header).chain(rows))
    }
}

/// Normalised images of these rows, `[rows, 1, side, side]` f32 on the CPU.
fn images(set: &Prepared, rows: &[usize], normalisation: &Normalisation) -> Result<Tensor, Error> {
    let (side, mut scratch) = (set.image_size(), Vec::new());
    let mut values = vec![0.0; rows.len() * side * side];
    for (&row, out) in rows.iter().zip(values.chunks_exact_mut(side * side)) {
        to_unit_range(set.image(row), out);
        normalisation.apply(out, side, &mut scratch);
    }
    let side = side as i64;
    Ok(Tensor::f_from_slice(&values)?.f_reshape([rows.len() as i64, 1, side, side])?)
}

/// Logits of these rows of the data set.
///
/// # Errors
/// When the data set's image size is not the network's.
pub fn evaluate(
    network: &Network,
    prepared: &Prepared,
    rows: &[usize],
    normalisation: &Normalisation,
    workers: &Workers,
) -> Result<Predictions, Error> {
    check_side(network.spec().side, prepared)?;
    let plan = network.plan()?;
    let replica = |rows| Ok((network.replica()?, rows));
    let jobs: Result<_, Error> = rows.chunks(CHUNK).map(replica).collect();
    let logits = workers.map(network.device(), jobs?, |(network, rows): (Network, _)| {
        let images = images(prepared, rows, normalisation)?.f_to_device(network.device())?;
        let logits = network.planned_logits(&images, &plan)?;
        let logits = logits.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?;
        Ok(Vec::<f32>::try_from(&logits.f_reshape([-1])?)?)
    })?;
    Ok(Predictions {
        indices: rows.to_vec(),
        labels: rows.iter().map(|&row| prepared.labels()[row]).collect(),
        logits: logits.concat(),
        classes: network.spec().classes,
    })
}
