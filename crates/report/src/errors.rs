//! What stops a report from being written. A missing or damaged part of a run does not: its section says so.

use std::path::PathBuf;

/// An error of the report; the message names the file, the reason and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The run folder is not there.
    #[error("{path} is not a run folder: {reason}; give the folder that `faus run` printed, such as runs/ck_plus-quick", path = path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The page could not be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The page could not be put together.
    #[error("cannot lay out the report: {0}")]
    Layout(#[from] askama::Error),
}
