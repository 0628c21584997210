//! Untrained starts: freshly drawn networks, the yardstick for everything that is claimed of a trained one.

use rayon::prelude::*;

use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::coded::{AuCount, Coded};
use crate::input::options::{AnalysisOptions, CheckedOptions};
use crate::input::table::check_rows;
use crate::lens::{Lens, NetworkKind};
use crate::study::gap::Resampled;
use crate::study::out_of_fold::{FoldActivations, OutOfFold, score_units};
use crate::study::run::{CodedRows, RunView};

/// Number of starts: a network above all 20 is there by chance with probability 1/21, below 0.05. Our choice.
pub(crate) const STARTS: usize = 20;

/// F(x) of the coded rows in each start.
///
/// # Errors
/// Errors from [`Networks::lens`](crate::Networks::lens), [`Error::Cancelled`].
pub(crate) fn starts(run: &RunView, coded: &CodedRows) -> Result<Vec<Activations>, Error> {
    let of = |start: usize| {
        let activations = start_lens(run, start)?.activations(&coded.rows)?;
        check_rows(&activations, &coded.samples)?;
        Ok(activations)
    };
    (0..STARTS).map(of).collect()
}

/// One of the starts.
///
/// # Errors
/// As [`starts`].
pub(crate) fn start_lens<'a>(run: &'a RunView, start: usize) -> Result<Box<dyn Lens + 'a>, Error> {
    run.step("Untrained starts", start, STARTS)?;
    let kind = NetworkKind::Start(start as u64);
    run.networks.lens(kind, run.best_fold, None)
}

/// The networks of the folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Networks {
    /// One network in all folds.
    One,
    /// Another in every fold, as in a run: number n has start n + k in fold k, so that no start is tested on the same people
    /// twice.
    OneEach,
}

/// [`score_units`] of each start, without p. `tests` are the folds' tested rows.
///
/// # Errors
/// None that the checked options do not have.
pub(crate) fn score_starts(
    aus: &[AuCount],
    starts: &[Activations],
    (networks, tests): (Networks, &[Vec<bool>]),
    coded: &Coded,
    options: &CheckedOptions,
) -> Result<Vec<Vec<OutOfFold>>, Error> {
    let options = without_p(options)?;
    let of = |start: usize| {
        let folds = tests.iter().enumerate().map(|(at, test)| FoldActivations {
            fold: at,
            activations: match networks {
                Networks::One => &starts[start],
                Networks::OneEach => &starts[(start + at) % starts.len()],
            },
            test: test.clone(),
        });
        score_units(aus, &folds.collect::<Vec<_>>(), coded, &options)
    };
    Ok((0..starts.len()).into_par_iter().map(of).collect())
}

/// For each action unit the starts' AUROC of one kind, see [`Resampled::further_start`].
pub(crate) fn further_starts(
    starts: &[Vec<OutOfFold>],
    kind: fn(&OutOfFold) -> &Resampled,
    seed: u64,
) -> Vec<Resampled> {
    let units = starts.first().map_or(0, Vec::len);
    let of = |unit: usize| {
        let own = starts.iter().map(|start| kind(&start[unit]));
        Resampled::further_start(&own.collect::<Vec<_>>(), seed)
    };
    (0..units).map(of).collect()
}

/// The options without permutations: starts need no p of their own.
pub(crate) fn without_p(options: &CheckedOptions) -> Result<CheckedOptions, Error> {
    let options = AnalysisOptions {
        permutations: 0,
        ..(**options).clone()
    };
    options.check()
}
