//! Features of grey images without a network, to compare networks with.

use rand::RngExt;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use crate::chance::random::{Purpose, keyed};
use crate::error::Error;
use crate::input::activations::Activations;
use crate::study::run::RunView;

/// Squares along each side of the image in which edges are measured.
const GRID: usize = 4;
/// Side of the shrunken images.
const SHRUNKEN: usize = 12;

/// Features of every row, computed from its pixels and the image's side.
fn features(
    run: &RunView,
    rows: &[usize],
    of: fn(&[u8], usize) -> Vec<f32>,
) -> Result<Activations, Error> {
    let features = rows.iter().flat_map(|&row| of((run.image)(row), run.side));
    let values: Vec<f32> = features.collect();
    Activations::new(rows.len(), values.len() / rows.len().max(1), values)
}

/// Mean, standard deviation and mean edge strength (Sobel) of every row, and edge strength in a 4×4 grid.
pub(crate) fn edges(run: &RunView, rows: &[usize]) -> Result<Activations, Error> {
    features(run, rows, edges_of)
}

fn edges_of(image: &[u8], side: usize) -> Vec<f32> {
    let n = image.len() as f32;
    let mean = image.iter().map(|&g| f32::from(g)).sum::<f32>() / n;
    let squares: f32 = image.iter().map(|&g| (f32::from(g) - mean).powi(2)).sum();
    let mut cells = vec![0.0; GRID * GRID];
    for row in 1..side - 1 {
        for column in 1..side - 1 {
            let at = |down: usize, right: usize| {
                f32::from(image[(row + down - 1) * side + column + right - 1])
            };
            let across =
                at(0, 2) + 2.0 * at(1, 2) + at(2, 2) - at(0, 0) - 2.0 * at(1, 0) - at(2, 0);
            let along = at(2, 0) + 2.0 * at(2, 1) + at(2, 2) - at(0, 0) - 2.0 * at(0, 1) - at(0, 2);
            cells[row * GRID / side * GRID + column * GRID / side] += across.hypot(along) / n;
        }
    }
    let edges = cells.iter().sum();
    [vec![mean, (squares / n).sqrt(), edges], cells].concat()
}

/// `count` random projections of the pixels of some images of one size: weights of a standard normal distribution, by seed.
pub(crate) fn projections(images: &[&[u8]], count: usize, seed: u64) -> Result<Activations, Error> {
    let pixels = images.first().map_or(0, |image| image.len());
    let project = |at: usize| -> Vec<f32> {
        let rng = keyed(seed, Purpose::Projections, at as u64);
        let weights: Vec<f32> = rng.sample_iter(StandardNormal).take(pixels).collect();
        let of = |image: &&[u8]| {
            let greys = image.iter().zip(&weights);
            greys.map(|(grey, weight)| f32::from(*grey) * weight).sum()
        };
        images.iter().map(of).collect()
    };
    let columns: Vec<Vec<f32>> = (0..count).into_par_iter().map(project).collect();
    let values = (0..images.len()).flat_map(|row| columns.iter().map(move |column| column[row]));
    Activations::new(images.len(), count, values.collect())
}

/// Every row as 12×12 mean greys.
pub(crate) fn shrunken(run: &RunView, rows: &[usize]) -> Result<Activations, Error> {
    features(run, rows, shrunken_of)
}

fn shrunken_of(image: &[u8], side: usize) -> Vec<f32> {
    let mut cells = vec![(0.0, 0.0); SHRUNKEN * SHRUNKEN];
    for (at, &grey) in image.iter().enumerate() {
        let cell = (at / side * SHRUNKEN / side) * SHRUNKEN + at % side * SHRUNKEN / side;
        cells[cell].0 += f32::from(grey);
        cells[cell].1 += 1.0;
    }
    let cells = cells.into_iter();
    cells.map(|(sum, n): (f32, f32)| sum / n.max(1.0)).collect()
}

#[cfg(test)]
mod tests {
    use faus_base::order::{deviation, mean};

    use super::*;

    #[test]
    fn projections_have_the_length_of_the_image_as_their_deviation() {
        let images: [&[u8]; 2] = [&[3, 0, 4, 0], &[0, 12, 5, 0]];
        let found = projections(&images, 20_000, 1).unwrap();
        let row = |row| (0..found.filters()).map(|at| found.get(row, at)).collect();
        let [a, b]: [Vec<f64>; 2] = [row(0), row(1)];
        // The standard errors are 0.04, 0.03 and 0.5.
        assert!(mean(&a).abs() < 0.15 && (deviation(&a) - 5.0).abs() < 0.1);
        let product: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a * b).collect();
        assert!((mean(&product) - 20.0).abs() < 2.0, "{}", mean(&product));
        assert_eq!(found, projections(&images, 20_000, 1).unwrap());
    }
}
