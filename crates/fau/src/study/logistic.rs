//! Penalised logistic regression, for linear probes.

use crate::error::Error;

/// Largest gradient component at the end, per row.
const TOLERANCE: f64 = 1e-11;
const MAX_STEPS: usize = 100;

/// A linear probe: margin w·x + b, positive where the action unit is more likely there than not.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    /// One weight for each feature.
    pub weights: Vec<f64>,
    /// The intercept, which is not penalised.
    pub intercept: f64,
}

impl Logistic {
    /// Minimises mean log-loss + `penalty`/2 · ‖w‖² over rows of `features` features each (`rows` holds row after row).
    /// The minimum is unique; Newton's method with conjugate gradients (Nocedal & Wright 2006, §7.1) and step halving
    /// finds it to rounding.
    ///
    /// # Errors
    /// [`Error::Mismatch`] unless there is a label for every row; [`Error::BadOption`] for a penalty that is not
    /// positive, or labels of one kind only.
    pub fn fit(
        rows: &[f64],
        features: usize,
        labels: &[bool],
        penalty: f64,
    ) -> Result<Self, Error> {
        let expected = labels.len() * features;
        Error::unless_equal("features of all rows", rows.len(), expected)?;
        let positive = penalty > 0.0 && penalty.is_finite();
        Error::unless(positive, "penalty", penalty, "give a positive number")?;
        let expected = "give rows of both kinds";
        Error::unless(both_kinds(labels), "labels", "all alike", expected)?;
        Ok(Problem {
            rows,
            features,
            labels,
            penalty,
        }
        .solve())
    }

    /// w·x + b.
    pub fn margin(&self, row: &[f64]) -> f64 {
        dot(&self.weights, row) + self.intercept
    }
}

/// Whether there are labels of both kinds.
pub(crate) fn both_kinds(labels: &[bool]) -> bool {
    labels.contains(&true) && labels.contains(&false)
}

struct Problem<'a> {
    rows: &'a [f64],
    features: usize,
    labels: &'a [bool],
    penalty: f64,
}

/// Loss, gradient and curvature at one point; weights first, the intercept last.
struct Point {
    at: Vec<f64>,
    loss: f64,
    gradient: Vec<f64>,
    /// p(1 − p) of every row.
    curvature: Vec<f64>,
}

impl Problem<'_> {
    fn solve(&self) -> Logistic {
        let mut point = self.point(vec![0.0; self.features + 1]);
        for _ in 0..MAX_STEPS {
            if point.gradient.iter().all(|g| g.abs() < TOLERANCE) {
                break;
            }
            let direction = self.newton_direction(&point);
            let slope = dot(&direction, &point.gradient);
            let mut length = 1.0;
            let next = loop {
                let moved = point.at.iter().zip(&direction);
                let next = self.point(moved.map(|(x, d)| x + length * d).collect());
                // Armijo's rule; near the minimum, rounding hides the decrease.
                if next.loss <= point.loss + 1e-4 * length * slope + 1e-15 || length < 1e-6 {
                    break next;
                }
                length /= 2.0;
            };
            point = next;
        }
        let intercept = point.at.pop().unwrap_or_default();
        Logistic {
            weights: point.at,
            intercept,
        }
    }

    fn point(&self, at: Vec<f64>) -> Point {
        let n = self.labels.len() as f64;
        let (weights, intercept) = (&at[..self.features], at[self.features]);
        let mut loss = 0.5 * self.penalty * dot(weights, weights);
        let mut gradient: Vec<f64> = weights.iter().map(|w| self.penalty * w).collect();
        gradient.push(0.0);
        let mut curvature = Vec::with_capacity(self.labels.len());
        for (row, &label) in self.each().zip(self.labels) {
            let margin = dot(weights, row) + intercept;
            let signed = if label { margin } else { -margin };
            // ln(1 + e^−s) without overflow.
            loss += ((-signed.abs()).exp().ln_1p() + (-signed).max(0.0)) / n;
            let p = 1.0 / (1.0 + (-margin).exp());
            let residual = (p - f64::from(u8::from(label))) / n;
            add(&mut gradient[..self.features], residual, row);
            gradient[self.features] += residual;
            curvature.push(p * (1.0 - p) / n);
        }
        Point {
            at,
            loss,
            gradient,
            curvature,
        }
    }

    fn each(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.labels.len()).map(|row| &self.rows[row * self.features..][..self.features])
    }

    /// Hessian times `v`.
    fn curve(&self, point: &Point, v: &[f64]) -> Vec<f64> {
        let mut result: Vec<f64> = v.iter().map(|v| self.penalty * v).collect();
        result[self.features] = 0.0;
        for (row, curvature) in self.each().zip(&point.curvature) {
            let along = curvature * (dot(&v[..self.features], row) + v[self.features]);
            add(&mut result[..self.features], along, row);
            result[self.features] += along;
        }
        result
    }

    fn newton_direction(&self, point: &Point) -> Vec<f64> {
        let mut direction = vec![0.0; point.at.len()];
        let mut residual: Vec<f64> = point.gradient.iter().map(|g| -g).collect();
        let mut search = residual.clone();
        let mut squares = dot(&residual, &residual);
        let start = squares.sqrt();
        // Superlinear convergence: steps are solved more exactly closer to the minimum.
        let enough = start * start.sqrt().min(0.1);
        for _ in 0..2 * point.at.len() {
            let curved = self.curve(point, &search);
            let bend = dot(&search, &curved);
            if bend <= 0.0 {
                break;
            }
            let length = squares / bend;
            add(&mut direction, length, &search);
            add(&mut residual, -length, &curved);
            let next = dot(&residual, &residual);
            if next.sqrt() <= enough {
                break;
            }
            let ratio = next / squares;
            squares = next;
            for (s, r) in search.iter_mut().zip(&residual) {
                *s = r + ratio * *s;
            }
        }
        direction
    }
}

/// Inner product in four lanes, which the compiler can keep in vector registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest = a4.remainder().iter().zip(b4.remainder());
    let rest: f64 = rest.map(|(a, b)| a * b).sum();
    let mut lanes = [0.0; 4];
    for (a, b) in a4.zip(b4) {
        for lane in 0..4 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f64>() + rest
}

/// `to += factor · from`.
fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_feature_by_symmetry() {
        // Mirror images: the intercept is 0, and the gradient vanishes.
        let fit =
            Logistic::fit(&[-2.0, -1.0, 1.0, 2.0], 1, &[false, false, true, true], 0.5).unwrap();
        let w = fit.weights[0];
        let pull = [1.0, 2.0]
            .map(|x: f64| x / (1.0 + (w * x).exp()))
            .iter()
            .sum::<f64>()
            / 2.0;
        assert!(fit.intercept.abs() < 1e-12 && (0.5 * w - pull).abs() < 1e-10);
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        assert!(Logistic::fit(&[1.0], 1, &[true], 1.0).is_err());
        assert!(Logistic::fit(&[1.0, 2.0], 1, &[true, false], 0.0).is_err());
        assert!(Logistic::fit(&[1.0], 1, &[true, false], 1.0).is_err());
        // Separable data has a finite solution under a penalty.
        let far = Logistic::fit(&[-1e3, 1e3], 1, &[false, true], 1e-6).unwrap();
        assert!(far.weights[0].is_finite());
    }
}
