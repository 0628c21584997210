//! Studies: tests of a finished run for evidence that its filters follow action units.

pub(crate) mod ablate;
pub(crate) mod answer;
pub(crate) mod compare;
pub(crate) mod control;
pub(crate) mod control_chart;
pub(crate) mod controls;
pub(crate) mod effective_rank;
pub(crate) mod filter_sets;
pub(crate) mod gap;
#[cfg(test)]
mod golden;
pub(crate) mod intervene;
pub(crate) mod linear_probe;
pub(crate) mod locate;
pub(crate) mod logistic;
pub(crate) mod out_of_fold;
pub(crate) mod pixels;
pub(crate) mod pointing;
pub(crate) mod probe;
pub(crate) mod regions;
pub(crate) mod replicate;
pub(crate) mod replicate_on;
pub(crate) mod response;
pub(crate) mod run;
pub(crate) mod sparse;
pub(crate) mod stability;
pub(crate) mod starts;
pub(crate) mod unit_filters;
pub(crate) mod verdict;
pub(crate) mod within;

use faus_base::order::mean;

use crate::error::Error;
use crate::input::options::AnalysisOptions;
use crate::study::answer::Answer;
use crate::study::run::RunView;

/// A test of a finished run: networks and codes in, an [`Answer`] out.
///
/// The fields of a study are its options. Those of `faus` have flags for them; a study that an experiment adds has the flag
/// `--device` alone, so its program sets the fields. [`Answer`] becomes `fau/NAME.csv` and `fau/NAME.json` of the run, the
/// verdict is printed, and the next `faus report RUN` shows both.
///
/// This one counts the filters that respond to no test image:
///
/// ```
/// use faus_fau::{Answer, Error, NetworkKind, RunView, Study};
/// use serde_json::json;
///
/// struct SilentFilters;
///
/// impl Study for SilentFilters {
///     fn name(&self) -> &str {
///         "silent-filters"
///     }
///
///     fn answer(&self, run: &RunView) -> Result<Answer, Error> {
///         let lens = run.lens(NetworkKind::Trained)?;
///         let found = lens.activations(run.test_rows)?;
///         let responses = |filter: usize| (0..found.rows()).filter(|&row| found.get(row, filter) > 0.0).count();
///         let table: Vec<(usize, usize)> = (0..found.filters()).map(|filter| (filter, responses(filter))).collect();
///         let silent = table.iter().filter(|(_, images)| *images == 0).count();
///         let facts = json!({"synthetic": run.synthetic, "layer": lens.layer(), "fold": run.best_fold, "silent": silent});
///         let verdict = format!("{silent} of {} filters respond to no test image.", table.len());
///         Answer::new("filter,images_with_response", table, facts, vec![verdict])
///     }
/// }
/// ```
pub trait Study {
    /// The command, `faus NAME RUN`: lower-case words joined by `-`, and no command of faus.
    fn name(&self) -> &str;

    /// Stem of the files in the run's `fau/`; the name unless existing scripts expect another. A study of an experiment replaces
    /// only files that it wrote.
    fn file(&self) -> &str {
        self.name()
    }

    /// Rejects options out of range, before a run is opened.
    ///
    /// # Errors
    /// [`Error::BadOption`].
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Runs the study.
    ///
    /// # Errors
    /// [`Error::BadOption`] for an option that does not suit the run, [`Error::Unsuitable`] for a run that lacks what the
    /// study needs, [`Error::Lens`], [`Error::Cancelled`].
    fn answer(&self, run: &RunView) -> Result<Answer, Error>;
}

/// Rejects options without permutations or resamplings.
fn check_draws(options: &AnalysisOptions) -> Result<(), Error> {
    let expected =
        "this study needs at least 19 (10000 permutations and 1000 resamplings by default)";
    let (permutations, bootstrap) = (options.permutations, options.bootstrap);
    Error::unless(permutations > 0, "fau.permutations", 0, expected)?;
    Error::unless(bootstrap > 0, "fau.bootstrap", 0, expected)
}

/// Mean of the values that are numbers; NaN if there are none.
fn mean_known(values: impl IntoIterator<Item = f64>) -> f64 {
    let known = values.into_iter().filter(|x| !x.is_nan());
    mean(&known.collect::<Vec<_>>())
}
