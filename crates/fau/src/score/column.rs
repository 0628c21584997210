//! A filter's activations, sorted and binned once for all action units and measures.

use faus_base::order::{doubled_midranks, mean, ranked_auroc};

use crate::score::bins::{Sides, bin_numbers, histograms};

/// One filter over the coded images.
pub(crate) struct FilterColumn {
    /// The bin of each image, of `count`; `None` for constant activations.
    bins: Option<Vec<u32>>,
    count: usize,
    doubled_midranks: Vec<u32>,
    sorted: Sorted,
}

impl FilterColumn {
    pub fn new(activations: &[f64], bins: usize) -> Self {
        Self {
            bins: bin_numbers(activations, bins),
            count: bins,
            doubled_midranks: doubled_midranks(activations),
            sorted: Sorted::new(activations),
        }
    }

    /// Both histograms over the same bins; `None` for constant activations.
    pub fn histograms(&self, with_au: &[bool]) -> Option<Vec<Sides>> {
        Some(histograms(self.bins.as_ref()?, with_au, self.count))
    }

    pub fn auroc(&self, with_au: &[bool]) -> f64 {
        ranked_auroc(&self.doubled_midranks, with_au)
    }

    pub fn r(&self, with_au: &[bool]) -> f64 {
        self.sorted.r(with_au)
    }
}

/// Activations in ascending order: floating-point sums over them do not depend on the order of the images.
pub(crate) struct Sorted {
    /// Each with its image.
    values: Vec<(f64, u32)>,
    /// Sum of squared distances from their mean.
    squares: f64,
}

impl Sorted {
    pub fn new(activations: &[f64]) -> Self {
        let mut values: Vec<(f64, u32)> = activations.iter().copied().zip(0..).collect();
        values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let all: Vec<f64> = values.iter().map(|(x, _)| *x).collect();
        let middle = mean(&all);
        let squares = match all.first() == all.last() {
            true => f64::NAN,
            false => all.iter().map(|x| (x - middle).powi(2)).sum(),
        };
        Self { values, squares }
    }

    /// Pearson's correlation with presence (0/1); NaN for constant activations.
    pub fn r(&self, with_au: &[bool]) -> f64 {
        let (mut sums, mut sizes) = ([0.0; 2], [0.0; 2]);
        for &(x, image) in &self.values {
            let side = usize::from(!with_au[image as usize]);
            sums[side] += x;
            sizes[side] += 1.0;
        }
        let [with, without] = [0, 1].map(|side| sums[side] / sizes[side]);
        let scale = sizes[0] * sizes[1] / (self.values.len() as f64 * self.squares);
        ((with - without) * scale.sqrt()).clamp(-1.0, 1.0)
    }
}
