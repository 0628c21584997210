//! Errors that prevent a report. Missing or damaged parts of a run are not errors: their sections name them.

use std::io;
use std::path::{Path, PathBuf};

/// An error of the report; the message names the file, the reason and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The run folder is missing.
    #[error("{path} is not a run folder: {source}; give the folder that `faus run` printed, such as runs/ck_plus-quick", path = path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The page could not be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The page could not be laid out.
    #[error("cannot lay out the report: {0}")]
    Layout(#[from] askama::Error),
}

impl Error {
    /// Converts an operating-system error while writing `path`.
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Write { path, source }
    }
}
