//! An experiment with its own association measure: the difference of a filter's mean activation with and without an
//! action unit, in standard deviations (Cohen's d).
//!
//! Everything else is unchanged faus: p from permutations, q, the interval over people and the report's columns
//! included. Run it with `just swap_measure`.

use std::process::ExitCode;

use faus_fau::Association;
use faus_runner::Program;

/// Cohen's d with the pooled standard deviation; NaN for a constant filter.
struct CohensD;

impl Association for CohensD {
    fn name(&self) -> &'static str {
        "cohens_d"
    }

    fn score(&self, activations: &[f64], with_au: &[bool]) -> f64 {
        let (with, without) = (
            group(activations, with_au, true),
            group(activations, with_au, false),
        );
        let (a, b) = (mean(&with), mean(&without));
        let squares =
            |group: &[f64], mean: f64| group.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        let pooled = (squares(&with, a) + squares(&without, b)) / (activations.len() - 2) as f64;
        (a - b) / pooled.sqrt()
    }

    /// Two-sided: a filter may also be less active with the action unit.
    fn strength(&self, score: f64) -> f64 {
        score.abs()
    }
}

/// The activations of one group, sorted: a score must not depend on the order of the images, but floating-point sums do.
fn group(activations: &[f64], with_au: &[bool], wanted: bool) -> Vec<f64> {
    let pairs = activations.iter().zip(with_au);
    let own = pairs.filter(|(_, with)| **with == wanted);
    let mut values: Vec<f64> = own.map(|(value, _)| *value).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn main() -> ExitCode {
    let program = Program::default().measure(CohensD);
    program
        .experiment("experiments/swap_measure/measure.json")
        .main()
}
