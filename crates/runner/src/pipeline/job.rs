//! The resolved arguments of `faus run`.

use std::path::PathBuf;

use faus_data::Prepared;
use faus_model::Architecture;
use faus_train::FoldResult;
use tch::Device;

use crate::app::arguments::ParallelFolds;
use crate::app::program::Program;
use crate::config::{ExperimentConfig, Preset};

/// `faus run`: one experiment from data to report, in one folder.
pub(crate) struct Job<'a> {
    /// The program, with the parts that its experiment adds.
    pub program: &'a Program,
    /// The network.
    pub architecture: &'a dyn Architecture,
    /// The experiment, resolved.
    pub config: ExperimentConfig,
    /// The preset it was resolved with.
    pub preset: Preset,
    /// Folds to run; `None` runs all that the data set has.
    pub folds: Option<Vec<usize>>,
    /// Where to train: one device, or several GPUs in parallel.
    pub devices: Vec<Device>,
    /// Folds that train at once on each device; results do not depend on it (on a GPU to rounding).
    pub parallel: ParallelFolds,
    /// The user's data folder.
    pub data: Option<PathBuf>,
    /// The user's prepared set, in place of `data`.
    pub prepared: Option<PathBuf>,
    /// The run folder.
    pub out: PathBuf,
    /// Resume unfinished folds from their last checkpoint.
    pub resume: bool,
    /// Write event files for TensorBoard beside each fold's metrics.
    pub tensorboard: bool,
    /// The command line, for repeating the run.
    pub command: Vec<String>,
}

/// The result of a fold, or the reason why it alone failed.
pub(super) type Outcome = Result<FoldResult, String>;

/// Folds with their outcomes.
pub(super) type Folds = Vec<(usize, Outcome)>;

/// The fold with the highest validation accuracy, the first on ties.
pub(super) fn best_fold(folds: impl Iterator<Item = (usize, f64)>) -> Option<usize> {
    let best = folds.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(fold, _)| fold)
}

impl Job<'_> {
    /// Folder of the run's data set.
    pub(super) fn dataset(&self) -> PathBuf {
        self.out.join("dataset")
    }

    /// The device for everything except training folds.
    pub(crate) fn device(&self) -> Device {
        self.devices.first().copied().unwrap_or(Device::Cpu)
    }

    /// The folds to run, limited to those that exist.
    pub(super) fn wanted(&self, prepared: &Prepared) -> Vec<usize> {
        let all = || (0..prepared.info().folds).collect();
        self.folds.clone().unwrap_or_else(all)
    }
}
