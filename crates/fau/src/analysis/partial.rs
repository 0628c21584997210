//! Association of a filter and a unit given the other units: action units occur together, so a filter may follow one by way
//! of another.

use faus_base::order::mean;
use rayon::prelude::*;

use crate::analysis::names::{Name, farthest};
use crate::input::coded::positives;
use crate::input::table::{Table, rows_of};

/// Share of a unit's variance that the other units must leave for it to be told from them.
const UNIQUE: f64 = 1e-9;
/// Share of a filter's variance below which what the units leave of it is rounding.
const ROUNDING: f64 = 1e-12;

/// A filter's linear regression on all action units together. NaN for a unit that others determine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Partial {
    /// The unit with the largest partial correlation in size.
    pub au: Option<u8>,
    /// Its partial correlation.
    pub r: f64,
    /// Partial correlation of the unit that the filter is named after.
    pub named: f64,
}

/// The partial associations of the filters of `names`, in their order; `aus` are the table's units.
pub(crate) fn partial(names: &[Name], aus: &[u8], table: &Table) -> Vec<Partial> {
    let units = Units::of(&table.presence);
    let of = |name: &Name| {
        let r = units.partial_r(&table.columns[name.filter]);
        let strongest = farthest(&r);
        Partial {
            au: strongest.map(|unit| aus[unit]),
            r: strongest.map_or(f64::NAN, |unit| r[unit]),
            named: r[name.unit],
        }
    };
    names.par_iter().map(of).collect()
}

/// The least squares of the units, solved once for all filters.
struct Units {
    /// Rows that show each unit.
    lists: Vec<Vec<u32>>,
    /// Standard deviation of each unit times the root of the number of rows.
    scales: Vec<f64>,
    /// Inverse of their correlations, with a minus; rows of units that were left out hold no inverse.
    swept: Vec<Vec<f64>>,
    /// The units in the regression, and of these the ones that those left out do not depend on.
    used: Vec<bool>,
    unique: Vec<bool>,
}

impl Units {
    fn of(presence: &[Vec<bool>]) -> Self {
        let rows = presence.first().map_or(0, Vec::len) as f64;
        let counts: Vec<f64> = presence.iter().map(|own| positives(own) as f64).collect();
        let covariance = |a: usize, b: usize| {
            let both = presence[a].iter().zip(&presence[b]);
            let both = both.filter(|(a, b)| **a && **b).count() as f64;
            both - counts[a] * counts[b] / rows
        };
        let units = 0..presence.len();
        let scales: Vec<f64> = units.clone().map(|a| covariance(a, a).sqrt()).collect();
        let row = |a: usize| {
            let row = units.clone();
            row.map(|b| covariance(a, b) / (scales[a] * scales[b]))
                .collect()
        };
        let mut swept: Vec<Vec<f64>> = units.clone().map(row).collect();
        let mut used = vec![false; presence.len()];
        for unit in units.clone() {
            if swept[unit][unit] > UNIQUE {
                sweep(&mut swept, unit);
                used[unit] = true;
            }
        }
        let free = |unit: usize| {
            let mut others = units.clone().filter(|&other| !used[other]);
            used[unit] && others.all(|other| swept[unit][other].abs() < UNIQUE.sqrt())
        };
        Self {
            lists: presence.iter().map(|own| rows_of(own, true)).collect(),
            unique: units.clone().map(free).collect(),
            scales,
            swept,
            used,
        }
    }

    /// The column's partial correlation with each unit.
    fn partial_r(&self, column: &[f64]) -> Vec<f64> {
        let middle = mean(column);
        let squares: f64 = column.iter().map(|x| (x - middle).powi(2)).sum();
        let with = |(list, scale): (&Vec<u32>, &f64)| {
            let sum = list.iter().map(|&row| column[row as usize] - middle);
            sum.sum::<f64>() / scale
        };
        let products: Vec<f64> = self.lists.iter().zip(&self.scales).map(with).collect();
        let used: Vec<usize> = (0..products.len()).filter(|&at| self.used[at]).collect();
        let slope = |&unit: &usize| {
            let terms = used.iter();
            let terms = terms.map(|&other| -self.swept[unit][other] * products[other]);
            (unit, terms.sum::<f64>())
        };
        let slopes: Vec<(usize, f64)> = used.iter().map(slope).collect();
        let explained: f64 = slopes.iter().map(|(unit, b)| b * products[*unit]).sum();
        let rest = (squares - explained).max(ROUNDING * squares);
        let mut partial = vec![f64::NAN; products.len()];
        for (unit, b) in slopes.into_iter().filter(|(unit, _)| self.unique[*unit]) {
            // t/√(t² + degrees of freedom), where t is the slope over its standard error.
            partial[unit] = b / (b * b - rest * self.swept[unit][unit]).sqrt();
        }
        partial
    }
}

/// The sweep operator (Goodnight 1979, American Statistician 33): brings unit `at` into the regression. Afterwards the rows
/// and columns of swept units are minus the inverse of their correlations, and the others' entries in these rows their slopes.
fn sweep(matrix: &mut [Vec<f64>], at: usize) {
    let pivot = matrix[at][at];
    let mut own: Vec<f64> = matrix[at].iter().map(|x| x / pivot).collect();
    for (_, values) in (0..).zip(matrix.iter_mut()).filter(|(row, _)| *row != at) {
        let slope = values[at];
        values
            .iter_mut()
            .zip(&own)
            .for_each(|(x, own)| *x -= slope * own);
        values[at] = slope / pivot;
    }
    own[at] = -1.0 / pivot;
    matrix[at] = own;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_others_determine_has_no_share_of_its_own() {
        let presence = |of: fn(usize) -> bool| (0..40).map(of).collect::<Vec<bool>>();
        let [a, b, not_a] = [|i| i % 2 == 0, |i| i % 3 == 0, |i| i % 2 == 1].map(presence);
        let units = Units::of(&[a, b.clone(), not_a]);
        let column: Vec<f64> = (0..40).map(|i| f64::from(i % 3 + i * i % 7)).collect();
        let r = units.partial_r(&column);
        assert!(r[0].is_nan() && r[2].is_nan() && r[1].abs() < 1.0, "{r:?}");
        // An exact copy of one unit owes nothing to the others.
        let copy: Vec<f64> = b.iter().map(|on| f64::from(u8::from(*on))).collect();
        let r = units.partial_r(&copy);
        assert!((r[1] - 1.0).abs() < 1e-6, "{r:?}");
    }
}
