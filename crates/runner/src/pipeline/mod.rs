//! The job of `faus run`: data, folds, analysis and report in one run folder.

pub(crate) mod analyse;
mod analysis;
mod checks;
pub(crate) mod dataset;
pub(crate) mod finished_run;
pub(crate) mod folds;
pub(crate) mod job;
pub(crate) mod landmarks;
pub(crate) mod run;
pub(crate) mod run_folder;
pub(crate) mod source;
