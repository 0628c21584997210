//! How many directions the filters of a layer respond in: a collapsed network has few, whatever its number of filters.

use crate::input::activations::Activations;

/// exp of the entropy of the eigenvalues of the covariance of F(x), divided by their sum: the effective rank of the
/// covariance matrix (Roy & Vetterli 2007, EUSIPCO). Between 1 and the number of filters; NaN if all are constant.
pub(crate) fn effective_rank(activations: &Activations) -> f64 {
    let eigenvalues = tridiagonal(products(activations)).eigenvalues();
    let sum: f64 = eigenvalues.iter().sum();
    let shares = eigenvalues.iter().map(|value| value / sum);
    let entropy: f64 = shares.filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
    match sum > 0.0 {
        true => entropy.exp(),
        false => f64::NAN,
    }
}

/// Products of the centred columns with each other or, where there are fewer, of the rows: both matrices have the same
/// eigenvalues other than 0, those of the covariance times the number of rows less one.
fn products(activations: &Activations) -> Vec<Vec<f64>> {
    let columns: Vec<Vec<f64>> = (0..activations.filters())
        .map(|filter| {
            let column = activations.filter(filter);
            let mean = faus_base::order::mean(&column);
            column.into_iter().map(|x| x - mean).collect()
        })
        .collect();
    let vectors = match columns.len() <= activations.rows() {
        true => columns,
        false => (0..activations.rows())
            .map(|row| columns.iter().map(|column| column[row]).collect())
            .collect(),
    };
    let with = |a: &Vec<f64>| vectors.iter().map(|b| dot(a, b)).collect();
    vectors.iter().map(with).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A symmetric matrix with numbers on the diagonal and beside it alone.
struct Tridiagonal {
    diagonal: Vec<f64>,
    beside: Vec<f64>,
}

/// Householder's reduction, which keeps the eigenvalues (Golub & Van Loan, *Matrix Computations*, algorithm 8.3.1).
fn tridiagonal(mut matrix: Vec<Vec<f64>>) -> Tridiagonal {
    let n = matrix.len();
    let mut beside = Vec::new();
    for at in 0..n.saturating_sub(1) {
        let mut v = matrix[at][at + 1..].to_vec();
        let length = dot(&v, &v).sqrt();
        let reflected = if v[0] > 0.0 { -length } else { length };
        beside.push(reflected);
        v[0] -= reflected;
        let squares = dot(&v, &v);
        if squares == 0.0 {
            continue;
        }
        let rest = || at + 1..n;
        let p: Vec<f64> = rest()
            .map(|row| 2.0 / squares * dot(&matrix[row][at + 1..], &v))
            .collect();
        let half = dot(&p, &v) / squares;
        let w: Vec<f64> = p.iter().zip(&v).map(|(p, v)| p - half * v).collect();
        for (row, (vi, wi)) in rest().zip(v.iter().zip(&w)) {
            for (cell, (vj, wj)) in matrix[row][at + 1..].iter_mut().zip(v.iter().zip(&w)) {
                *cell -= vi * wj + wi * vj;
            }
        }
    }
    let diagonal = (0..n).map(|at| matrix[at][at]).collect();
    Tridiagonal { diagonal, beside }
}

impl Tridiagonal {
    /// By bisection, ascending; those below 0 by rounding are 0.
    fn eigenvalues(&self) -> Vec<f64> {
        let trace: f64 = self.diagonal.iter().sum();
        let find = |number: usize| {
            let (mut low, mut high) = (0.0, trace);
            // 2⁻⁶⁰ of the trace.
            for _ in 0..60 {
                let middle = (low + high) / 2.0;
                match self.below(middle) > number {
                    true => high = middle,
                    false => low = middle,
                }
            }
            low
        };
        (0..self.diagonal.len()).map(find).collect()
    }

    /// Number of eigenvalues below `x`: the negative pivots of the matrix less x (Sturm; Golub & Van Loan, section 8.4.1).
    fn below(&self, x: f64) -> usize {
        let mut pivot = 1.0;
        let squares = std::iter::once(0.0).chain(self.beside.iter().map(|b| b * b));
        let pivots = self.diagonal.iter().zip(squares).filter(|(d, square)| {
            pivot = *d
                - x
                - square
                    / if pivot == 0.0 {
                        f64::MIN_POSITIVE
                    } else {
                        pivot
                    };
            pivot < 0.0
        });
        pivots.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_counted_and_not_filters() {
        let rank = |rows, filters, value: fn(usize) -> f32| {
            let values = (0..rows * filters).map(value).collect();
            effective_rank(&Activations::new(rows, filters, values).unwrap())
        };
        // Each of four filters on at one of four images: three directions once the mean is gone.
        assert!((rank(4, 4, |at| f32::from(u8::from(at % 5 == 0))) - 3.0).abs() < 1e-9);
        // One direction in all filters, on more images than filters and on fewer.
        for (rows, filters) in [(9, 4), (4, 9)] {
            let one = Activations::new(
                rows,
                filters,
                (0..rows * filters)
                    .map(|at| ((at / filters) * (1 + at % filters)) as f32)
                    .collect(),
            );
            assert!((effective_rank(&one.unwrap()) - 1.0).abs() < 1e-6);
        }
        assert!(rank(3, 2, |_| 1.0).is_nan());
    }
}
