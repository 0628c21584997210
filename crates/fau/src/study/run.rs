//! The interface of a finished run to a study.

use std::mem::replace;

use crate::analysis::{Analysis, analyse_with};
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::options::{AnalysisOptions, CheckedOptions};
use crate::input::samples::SampleRow;
use crate::lens::{Lens, NetworkKind, Networks};
use crate::score::association::Association;
use crate::watch::Watch;

/// A finished run: its data, its networks, and its progress display.
pub struct RunView<'a> {
    /// The data set's rows, in order.
    pub samples: &'a [SampleRow],
    /// Names of the classes, by label.
    pub classes: &'a [String],
    /// The fold in which each row is tested; `None` where the data set has its own splits.
    pub test_fold: Option<&'a [i64]>,
    /// Rows of the test part of [`best_fold`](Self::best_fold).
    pub test_rows: &'a [usize],
    /// Whether the faces are drawn.
    pub synthetic: bool,
    /// Whether a program estimated the action units.
    pub machine_coded: bool,
    /// Whether the one network, of no fold, was trained by someone else on people that are not known.
    pub trained_elsewhere: bool,
    /// Why accuracies of this run are optimistic, as the end of a sentence; `None` if they are not.
    pub optimistic: Option<&'a str>,
    /// The run's settings of the analysis, not yet checked: a study may change some.
    pub options: &'a AnalysisOptions,
    /// Additional association measures.
    pub measures: &'a [&'a dyn Association],
    /// Finished folds.
    pub folds: &'a [usize],
    /// The fold that validated best, the first on ties: the one that the run analyses.
    pub best_fold: usize,
    /// Grey pixels of a row, `side · side`.
    pub image: &'a dyn Fn(usize) -> &'a [u8],
    /// Height and width of the images.
    pub side: usize,
    /// The run's networks.
    pub networks: &'a dyn Networks,
    /// Threads for the statistics; results do not depend on their number.
    pub pool: &'a rayon::ThreadPool,
    /// Shows progress: the step, the parts done, all parts. `false` stops the study.
    pub progress: &'a (dyn Fn(&str, usize, usize) -> bool + Sync),
    /// Prints a line of an intermediate result.
    pub say: &'a dyn Fn(&str),
}

/// The rows with FACS codes, renumbered from 0: row `i` of activations of `rows` belongs to sample `i`.
#[derive(Debug, Clone)]
pub struct CodedRows {
    /// Rows of the data set, ascending.
    pub rows: Vec<usize>,
    /// Their samples; `index` is the place in `rows`.
    pub samples: Vec<SampleRow>,
}

impl CodedRows {
    pub(crate) fn of(samples: &[SampleRow]) -> Self {
        let coded = samples.iter().filter(|sample| sample.coded.is_some());
        let mut samples: Vec<SampleRow> = coded.cloned().collect();
        let place = |(index, sample): (usize, &mut SampleRow)| replace(&mut sample.index, index);
        let rows = samples.iter_mut().enumerate().map(place).collect();
        Self { rows, samples }
    }
}

impl RunView<'_> {
    /// The fold whose network is analysed; `None` for one that was trained elsewhere.
    pub fn fold(&self) -> Option<usize> {
        (!self.trained_elsewhere).then_some(self.best_fold)
    }

    /// The rows with FACS codes.
    pub fn coded(&self) -> CodedRows {
        CodedRows::of(self.samples)
    }

    /// The analysed layer of the best fold's network.
    ///
    /// # Errors
    /// Errors from [`Networks::lens`].
    pub fn lens(&self, network: NetworkKind) -> Result<Box<dyn Lens + '_>, Error> {
        self.networks.lens(network, self.best_fold, None)
    }

    /// Reports that `done` of `of` parts are done.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when the user cancels the study.
    pub fn step(&self, what: &str, done: usize, of: usize) -> Result<(), Error> {
        let goes_on = (self.progress)(what, done, of);
        goes_on.then_some(()).ok_or(Error::Cancelled)
    }

    /// Long statistics on the run's threads, its progress shown as `what`.
    pub fn work<R: Send>(&self, what: &str, work: impl FnOnce(&Watch) -> R + Send) -> R {
        let progress = self.progress;
        let observer = move |done, of| progress(what, done, of);
        let watch = Watch {
            observer: Some(&observer),
        };
        self.pool.install(|| work(&watch))
    }

    /// [`analyse_with`] of activations of the coded rows.
    ///
    /// # Errors
    /// Errors from [`analyse_with`].
    pub fn analyse(
        &self,
        what: &str,
        activations: &Activations,
        coded: &CodedRows,
        options: &CheckedOptions,
    ) -> Result<Analysis, Error> {
        let (samples, measures) = (&coded.samples, self.measures);
        self.work(what, |watch| {
            analyse_with(activations, samples, options, measures, watch)
        })
    }

    /// The scores of the coded rows alone, without nulls and intervals.
    ///
    /// # Errors
    /// Errors from [`analyse_with`].
    pub fn scores(
        &self,
        what: &str,
        activations: &Activations,
        coded: &CodedRows,
    ) -> Result<Analysis, Error> {
        let options = AnalysisOptions {
            permutations: 0,
            bootstrap: 0,
            ..self.options.clone()
        };
        self.analyse(what, activations, coded, &options.check()?)
    }
}
