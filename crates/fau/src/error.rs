//! The errors of this crate.

use std::path::{Path, PathBuf};

/// An error of the FAU analysis; the message names the file or the value, the reason and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Disk {
        /// `read` or `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The contents of a file are unusable: the file, the fault and the expected form.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, String),
    /// A sample's index is outside the activations array, or used twice.
    #[error(
        "sample index {index} is {problem}; the {rows} samples must be numbered 0 to {rows} - 1, each once"
    )]
    BadIndex {
        /// The index found.
        index: usize,
        /// `outside the array` or `used twice`.
        problem: &'static str,
        /// Rows of the activations array.
        rows: usize,
    },
    /// The array has no filters.
    #[error("the activations array has no filters (shape [{rows}, 0])")]
    NoFilters {
        /// Rows of the activations array.
        rows: usize,
    },
    /// An activation is NaN or infinite.
    #[error(
        "activation of filter {filter} in row {row} is {value}; the network diverged or the array is damaged"
    )]
    NotFinite {
        /// Filter (column), from 0.
        filter: usize,
        /// Image (row), from 0.
        row: usize,
        /// The value.
        value: f64,
    },
    /// No row has an action-unit coding.
    #[error(
        "none of the {rows} samples is coded for action units (column `aus` is `NA` everywhere); the analysis needs FACS labels"
    )]
    NoCodedRows {
        /// Rows of the samples table.
        rows: usize,
    },
    /// Every action unit is too rare or too frequent.
    #[error(
        "no action unit is present in coded images of at least {min_positives} people and absent in those of as many, among {coded} coded samples (closest: {closest}); add coded samples or lower `min_positives`"
    )]
    NoUsableAu {
        /// The limit.
        min_positives: usize,
        /// Rows that are coded.
        coded: usize,
        /// The action unit nearest to being usable, in words.
        closest: String,
    },
    /// An option is out of range.
    #[error("option `{name}` is {value}; {expected}")]
    BadOption {
        /// The option.
        name: &'static str,
        /// Its value.
        value: String,
        /// The accepted values.
        expected: &'static str,
    },
    /// A picture could not be drawn: its file, and the message of the plotting library.
    #[error("cannot draw {0}: {1}")]
    Chart(String, String),
    /// A network could not compute what a study needs.
    #[error("{0}")]
    Lens(Box<dyn std::error::Error + Send + Sync>),
    /// A table or facts that JSON cannot hold.
    #[error("cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A row of a study's table does not fit its header.
    #[error(
        "row {row} of the study's table has {got} cells, its header {columns}; give every column one cell"
    )]
    Cells {
        /// Row below the header, from 1.
        row: usize,
        /// Its cells.
        got: usize,
        /// Columns of the header.
        columns: usize,
    },
    /// A run lacks what a study needs.
    #[error("{0}")]
    Unsuitable(String),
    /// The user stopped the work.
    #[error("stopped on request, nothing was written; run the same command again to start over")]
    Cancelled,
    /// Arrays of different runs.
    #[error("{what}: {got} given, {expected} expected; they must belong to the same images")]
    Mismatch {
        /// The things counted.
        what: &'static str,
        /// Their number.
        got: usize,
        /// The right number.
        expected: usize,
    },
}

/// The contents of a file of at most `limit` bytes.
pub(crate) fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let failed = Error::disk("read", path);
    let bytes = std::fs::metadata(path).map_err(&failed)?.len();
    let fault = format!("{bytes} bytes exceed the limit of {limit}; split it or reduce it first");
    match bytes > limit {
        true => Err(Error::file(path, fault)),
        false => std::fs::read(path).map_err(failed),
    }
}

impl Error {
    pub(crate) fn file(path: &Path, fault: impl Into<String>) -> Self {
        Self::File(path.to_path_buf(), fault.into())
    }

    /// Adds the failed action and the path to an error of the disk.
    pub(crate) fn disk(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Disk {
            action,
            path: path.to_path_buf(),
            source,
        }
    }

    /// Rejects `value` of option `name` unless it `fits`.
    pub(crate) fn unless(
        fits: bool,
        name: &'static str,
        value: impl ToString,
        expected: &'static str,
    ) -> Result<(), Self> {
        fits.then_some(()).ok_or(Self::BadOption {
            name,
            value: value.to_string(),
            expected,
        })
    }

    /// Rejects `got` of `what` unless there are `expected`.
    pub(crate) fn unless_equal(
        what: &'static str,
        got: usize,
        expected: usize,
    ) -> Result<(), Self> {
        (got == expected).then_some(()).ok_or(Self::Mismatch {
            what,
            got,
            expected,
        })
    }
}
