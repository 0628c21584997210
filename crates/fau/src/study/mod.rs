//! Studies: tests of a finished run for evidence that its filters follow action units.

pub(crate) mod ablate;
pub(crate) mod answer;
pub(crate) mod control;
pub(crate) mod control_chart;
pub(crate) mod controls;
pub(crate) mod filter_sets;
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
pub(crate) mod response;
pub(crate) mod run;

use crate::error::Error;
use crate::input::options::AnalysisOptions;
use crate::study::answer::Answer;
use crate::study::run::RunView;

/// A test of a finished run: networks and codes in, an [`Answer`] out. Its fields are its options.
pub trait Study {
    /// The command, `faus NAME RUN`: lower-case words joined by `-`.
    fn name(&self) -> &str;

    /// Stem of the files in the run's `fau/`; the name unless existing scripts expect another.
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
    match (options.permutations, options.bootstrap) {
        (0, _) => Err(Error::bad_option("fau.permutations", 0, expected)),
        (_, 0) => Err(Error::bad_option("fau.bootstrap", 0, expected)),
        _ => Ok(()),
    }
}

/// The values that are numbers.
fn numbers(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    values.into_iter().filter(|x| !x.is_nan()).collect()
}
