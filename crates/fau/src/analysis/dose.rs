//! Dose and response: does a filter follow the intensity of the unit that it is named after, A to E?

use faus_base::order::{doubled_midranks, mean};
use rayon::prelude::*;
use serde::Serialize;

use crate::analysis::inference::PairInference;
use crate::analysis::names::Name;
use crate::chance::exchange::Scheme;
use crate::chance::p_value;
use crate::chance::random::Purpose;
use crate::chance::rates::correct;
use crate::error::Error;
use crate::input::coded::{Coded, grouped};
use crate::input::options::AnalysisOptions;
use crate::input::table::{Table, gather, pick};
use crate::watch::Watch;

/// Permutations drawn at a time.
const AT_ONCE: usize = 500;

/// A named filter among the images that show its unit and are graded. NaN and `None`: not named, or too few grades.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Dose {
    /// Spearman's correlation of activation and intensity.
    pub rho: f64,
    /// Its two-sided p: grades exchanged among the graded images as codes are.
    pub p: f64,
    /// Its false-discovery rate over the named filters that can be tested.
    pub q: f64,
    /// Share of the variance that a step function of the intensity explains which rises with it, or falls for a filter that is
    /// less active with its unit (isotonic regression).
    pub r2: f64,
    /// Whether the mean activation of each intensity rises (falls) from one to the next.
    pub monotone: Option<bool>,
}

impl Dose {
    const NONE: Self = Self {
        rho: f64::NAN,
        p: f64::NAN,
        q: f64::NAN,
        r2: f64::NAN,
        monotone: None,
    };
}

/// The responses of the filters of `names`, in their order.
///
/// # Errors
/// [`Error::Cancelled`].
pub(crate) fn dose_response(
    names: &[Name],
    pairs: &[PairInference],
    (coded, table): (&Coded, &Table),
    options: &AnalysisOptions,
    watch: &Watch,
) -> Result<Vec<Dose>, Error> {
    let rho = |name: &Name| pairs[name.filter * table.units() + name.unit].intensity_rho;
    let places = names.iter().enumerate();
    let tested = places.filter(|(_, name)| name.holds(options.fdr) && !rho(name).is_nan());
    let mut all = vec![Dose::NONE; names.len()];
    for (au, own) in grouped(tested.map(|(at, name)| (name.au, (at, name)))) {
        let graded = Graded::of(coded, au);
        let columns = own.iter().map(|(_, name)| {
            let column = pick(&table.columns[name.filter], &graded.rows);
            (column, f64::from(name.sign()))
        });
        let columns: Vec<(Vec<f64>, f64)> = columns.collect();
        let p = graded.p(&columns, options, watch)?;
        for (((at, name), (column, sign)), p) in own.iter().zip(&columns).zip(p) {
            let (r2, monotone) = isotonic(column, &graded.grades, *sign);
            all[*at] = Dose {
                rho: rho(name),
                p,
                q: f64::NAN,
                r2,
                monotone: Some(monotone),
            };
        }
    }
    correct(&mut all, |dose| dose.p, |dose| &mut dose.q);
    Ok(all)
}

/// The images that show a unit with a known intensity.
struct Graded<'a> {
    rows: Vec<usize>,
    grades: Vec<u8>,
    coded: Coded<'a>,
}

impl<'a> Graded<'a> {
    fn of(coded: &Coded<'a>, au: u8) -> Self {
        let grades = coded.intensities(au);
        let rows: Vec<usize> = (0..coded.len()).filter(|&row| grades[row] > 0).collect();
        Self {
            coded: coded.only(|row| grades[row] > 0),
            grades: pick(&grades, &rows),
            rows,
        }
    }

    /// Two-sided p of each column's rank correlation with the grades: the share of exchanges of grades with one as far from 0.
    fn p(
        &self,
        columns: &[(Vec<f64>, f64)],
        options: &AnalysisOptions,
        watch: &Watch,
    ) -> Result<Vec<f64>, Error> {
        let (subjects, recordings) = (&self.coded.subjects, &self.coded.recordings);
        let scheme = Scheme::of_subjects(subjects, recordings, options.exchange);
        let ranks = |values: &[f64]| -> Vec<i64> {
            let doubled = doubled_midranks(values).into_iter();
            let middle = values.len() as i64 + 1;
            doubled.map(|rank| i64::from(rank) - middle).collect()
        };
        let grades: Vec<f64> = self.grades.iter().map(|&grade| f64::from(grade)).collect();
        let grades = ranks(&grades);
        let columns: Vec<Vec<i64>> = columns.iter().map(|(column, _)| ranks(column)).collect();
        let product = |column: &[i64], grades: &[i64]| -> i64 {
            let pairs = column.iter().zip(grades);
            pairs.map(|(x, grade)| x * grade).sum::<i64>().abs()
        };
        let observed = columns.iter().map(|column| product(column, &grades));
        let mut counts: Vec<(i64, usize)> = observed.map(|observed| (observed, 0)).collect();
        for first in (0..options.permutations).step_by(AT_ONCE) {
            watch.step(first, options.permutations)?;
            let some = first..(first + AT_ONCE).min(options.permutations);
            let draw = |index: usize| {
                gather(
                    &grades,
                    &scheme.draw(options.seed, Purpose::Dose, index as u64),
                )
            };
            let draws: Vec<Vec<i64>> = some.into_par_iter().map(draw).collect();
            let filters = counts.par_iter_mut().zip(&columns);
            filters.for_each(|((observed, reached), column)| {
                let far = draws
                    .iter()
                    .filter(|drawn| product(column, drawn) >= *observed);
                *reached += far.count();
            });
        }
        let counts = counts.into_iter();
        Ok(counts
            .map(|(_, reached)| p_value(reached, options.permutations))
            .collect())
    }
}

/// Isotonic regression of `values` on `grades` in the direction of `sign`, by pooling adjacent violators (Barlow et al. 1972): the share
/// of variance explained, and whether nothing had to be pooled.
fn isotonic(values: &[f64], grades: &[u8], sign: f64) -> (f64, bool) {
    let middle = mean(values);
    let levels = grouped(
        grades
            .iter()
            .zip(values.iter().map(|x| sign * (x - middle))),
    );
    let count = levels.len();
    // Sum and size of each level, neighbours in the wrong order pooled.
    let mut pooled: Vec<(f64, f64)> = Vec::new();
    for level in levels.into_values() {
        let mut last = (level.iter().sum::<f64>(), level.len() as f64);
        while let Some(before) = pooled.pop_if(|before| before.0 / before.1 > last.0 / last.1) {
            last = (before.0 + last.0, before.1 + last.1);
        }
        pooled.push(last);
    }
    let squares: f64 = values.iter().map(|x| (x - middle).powi(2)).sum();
    let explained: f64 = pooled.iter().map(|(sum, size)| sum * sum / size).sum();
    (explained / squares, pooled.len() == count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_in_the_wrong_order_are_pooled() {
        let grades = [1, 1, 2, 3, 3];
        let (r2, monotone) = isotonic(&[0.0, 2.0, 4.0, 2.0, 4.0], &grades, 1.0);
        // Means 1, 4 and 3, of which the last two become 10/3; of all 2.4. Explained 2 · 1.4² + 3 · (14/15)² = 98/15, of 11.2.
        assert!((r2 - 98.0 / 15.0 / 11.2).abs() < 1e-12 && !monotone);
        // Against the sign nothing is explained.
        let (r2, monotone) = isotonic(&[1.0, 1.0, 2.0, 3.0, 3.0], &grades, -1.0);
        assert!(r2.abs() < 1e-12 && !monotone);
        assert_eq!(
            isotonic(&[1.0, 1.0, 2.0, 3.0, 3.0], &grades, 1.0),
            (1.0, true)
        );
    }
}
