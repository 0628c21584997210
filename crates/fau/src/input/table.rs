//! Columns of activations and of codes over the same coded rows.

use std::mem::replace;

use faus_base::order::auroc;
use rayon::prelude::*;

use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::Coded;
use crate::input::samples::SampleRow;

/// Activations filter by filter, and presence action unit by action unit, each `[coded rows]`.
pub(crate) struct Table {
    pub columns: Vec<Vec<f64>>,
    pub presence: Vec<Vec<bool>>,
}

impl Table {
    pub fn new(
        coded: &Coded,
        activations: &Activations,
        aus: impl IntoIterator<Item = u8>,
    ) -> Self {
        Self {
            columns: (0..activations.filters())
                .into_par_iter()
                .map(|filter| activations.column(&coded.rows, filter))
                .collect(),
            presence: aus.into_iter().map(|au| coded.presence(au)).collect(),
        }
    }

    /// Number of action units.
    pub fn units(&self) -> usize {
        self.presence.len()
    }

    /// AUROC of one filter and one action unit.
    pub fn auroc(&self, filter: usize, unit: usize) -> f64 {
        auroc(&self.columns[filter], &self.presence[unit])
    }

    /// `of` the numbers of every filter and action unit, by filter, then action unit.
    pub fn each<T: Send>(&self, of: impl Fn(usize, usize) -> T + Sync) -> Vec<T> {
        let (filters, units) = (self.columns.len(), self.units());
        let pairs = (0..filters * units).into_par_iter();
        pairs.map(|at| of(at / units, at % units)).collect()
    }

    /// `score` of every pair, by filter, then action unit.
    pub fn each_pair<T: Send>(&self, score: impl Fn(&[f64], &[bool]) -> T + Sync) -> Vec<T> {
        self.each(|filter, unit| score(&self.columns[filter], &self.presence[unit]))
    }
}

/// Samples must number the rows of the activations array, each once, and activations of coded ones must be finite.
pub(crate) fn check_rows(activations: &Activations, samples: &[SampleRow]) -> Result<(), Error> {
    let rows = activations.rows();
    if activations.filters() == 0 {
        return Err(Error::NoFilters { rows });
    }
    if samples.len() == activations.filters() && samples.len() != rows {
        let (count, filters) = (samples.len(), activations.filters());
        return Err(Error::Unsuitable(format!(
            "{count} samples, but the activations array is [{rows}, {filters}], and its rows must be the images; transpose \
             it to [images, filters] (numpy: a.T)"
        )));
    }
    Error::unless_equal("samples", samples.len(), rows)?;
    let mut used = vec![false; rows];
    for &SampleRow { index, .. } in samples {
        let problem = match used.get_mut(index).map(|used| replace(used, true)) {
            None => "outside the array",
            Some(true) => "used twice",
            Some(false) => continue,
        };
        return Err(Error::BadIndex {
            index,
            problem,
            rows,
        });
    }
    let coded = samples.iter().filter(|sample| sample.coded.is_some());
    activations.check_finite(coded.map(|sample| sample.index))
}

/// Whether a filter has one activation on all rows.
pub(crate) fn constant(column: &[f64]) -> bool {
    column.windows(2).all(|pair| pair[0] == pair[1])
}

/// The rows that show an action unit, or those that do not.
pub(crate) fn rows_of(presence: &[bool], with: bool) -> Vec<u32> {
    let rows = (0..).zip(presence).filter(|(_, own)| **own == with);
    rows.map(|(row, _)| row).collect()
}

/// The `values` at some places.
pub(crate) fn pick<T: Copy>(values: &[T], places: &[usize]) -> Vec<T> {
    places.iter().map(|&at| values[at]).collect()
}

/// The `values` at some places, such as the codes of every row after an exchange.
pub(crate) fn gather<T: Copy>(values: &[T], places: &[u32]) -> Vec<T> {
    places.iter().map(|&at| values[at as usize]).collect()
}
