//! Null and interval of an additional measure.

use std::sync::atomic::AtomicUsize;

use rayon::prelude::*;

use crate::chance::bootstrap::{Range95, row_weights};
use crate::chance::exchange::Scheme;
use crate::chance::p_value;
use crate::chance::random::Purpose;
use crate::chance::rates::correct;
use crate::error::Error;
use crate::input::options::AnalysisOptions;
use crate::input::table::{Table, constant, gather};
use crate::score::association::Association;
use crate::watch::Watch;

/// Exchanged codes kept at a time, over permutations, action units and rows: 16 MB.
const KEPT: usize = 16 << 20;

/// Chance and uncertainty for one pair by an additional measure; NaN where not computed or undefined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnInference {
    /// The score.
    pub score: f64,
    /// p under exchange of codes, by [`Association::strength`].
    pub p: f64,
    /// Its false-discovery rate over all pairs.
    pub q: f64,
    /// 95% interval over resampled subjects.
    pub range: Range95,
}

/// Null and interval of every pair by `measure`, by filter, then action unit.
///
/// # Errors
/// [`Error::Cancelled`].
pub(crate) fn own_inference(
    measure: &dyn Association,
    table: &Table,
    (scheme, subjects): (&Scheme, &[u32]),
    options: &AnalysisOptions,
    watch: &Watch,
) -> Result<Vec<OwnInference>, Error> {
    let reached = reached(measure, table, scheme, options, watch)?;
    let weights = row_weights(subjects, options);
    let begun = AtomicUsize::new(0);
    let own = |filter: usize, unit: usize| {
        let at = filter * table.units() + unit;
        watch.next(&begun, reached.len())?;
        let (column, presence) = (&table.columns[filter], &table.presence[unit]);
        let score = measure.score(column, presence);
        Ok(OwnInference {
            score,
            p: match score.is_nan() || constant(column) {
                true => f64::NAN,
                false => p_value(reached[at], options.permutations),
            },
            q: f64::NAN,
            range: range(measure, column, presence, &weights),
        })
    };
    let all = table.each(own).into_iter();
    let mut all = all.collect::<Result<Vec<_>, Error>>()?;
    correct(&mut all, |own| own.p, |own| &mut own.q);
    Ok(all)
}

/// For every pair the number of exchanges of at least the observed strength.
fn reached(
    measure: &dyn Association,
    table: &Table,
    scheme: &Scheme,
    options: &AnalysisOptions,
    watch: &Watch,
) -> Result<Vec<usize>, Error> {
    let (permutations, units) = (options.permutations, table.units());
    let mut reached = vec![0; table.columns.len() * units];
    let rows = table.columns.first().map_or(0, Vec::len);
    let at_once = (KEPT / (rows * units).max(1)).clamp(1, 500);
    for first in (0..permutations).step_by(at_once) {
        watch.step(first, permutations)?;
        let some = first..(first + at_once).min(permutations);
        let draw = |index| scheme.draw(options.seed, Purpose::Exchange, index as u64);
        let sources: Vec<Vec<u32>> = some.into_par_iter().map(draw).collect();
        let presence = table.presence.par_iter();
        let moved = |codes: &Vec<bool>| sources.iter().map(|s| gather(codes, s)).collect();
        let codes: Vec<Vec<Vec<bool>>> = presence.map(moved).collect();
        let count = |(at, reached): (usize, &mut usize)| {
            let (column, unit) = (&table.columns[at / units], at % units);
            *reached += measure.null(column, &table.presence[unit], &codes[unit]);
        };
        reached.par_iter_mut().enumerate().for_each(count);
    }
    Ok(reached)
}

/// Percentile interval over resampled subjects: rows are repeated as often as their subject is drawn.
fn range(
    measure: &dyn Association,
    column: &[f64],
    presence: &[bool],
    weights: &[Vec<u8>],
) -> Range95 {
    let score = |weights: &Vec<u8>| {
        let rows = column.iter().zip(presence).zip(weights);
        let drawn = rows
            .flat_map(|((x, with), weight)| std::iter::repeat_n((*x, *with), usize::from(*weight)));
        let (column, presence): (Vec<f64>, Vec<bool>) = drawn.unzip();
        let first = presence.first().copied();
        match presence.iter().all(|with| Some(*with) == first) {
            true => f64::NAN,
            false => measure.score(&column, &presence),
        }
    };
    Range95::percentile(&weights.iter().map(score).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::exchange::Exchange;
    use crate::chance::permutation::permute;
    use crate::score::association::Kl;

    #[test]
    fn the_literal_null_of_kl_is_the_fast_one() {
        let columns = [7, 5, 3].map(|step| {
            let rows = 0..60;
            rows.map(|row| f64::from(row * step % 11))
                .collect::<Vec<f64>>()
        });
        let presence = [2, 3].map(|step| (0..60).map(|row| row % step == 0).collect());
        let table = Table {
            columns: columns.to_vec(),
            presence: presence.to_vec(),
        };
        let subjects: Vec<u32> = (0..60).map(|row| row / 4).collect();
        let recordings: Vec<u32> = (0..60).collect();
        let scheme = Scheme::of_subjects(&subjects, &recordings, Exchange::Both);
        let options = AnalysisOptions {
            bins: 7,
            permutations: 700,
            bootstrap: 50,
            ..AnalysisOptions::default()
        };
        let watch = Watch::default();
        let who = (&scheme, subjects.as_slice());
        let own = own_inference(&Kl::of(&options), &table, who, &options, &watch).unwrap();
        let fast = permute(&table, &scheme, &options, &watch).unwrap();
        let fast: Vec<f64> = fast.iter().flat_map(|f| &f.pairs).map(|p| p.p_kl).collect();
        assert_eq!(own.iter().map(|own| own.p).collect::<Vec<_>>(), fast);
        assert!(
            own.iter()
                .all(|own| own.range.low <= own.range.high && own.q >= own.p)
        );
    }
}
