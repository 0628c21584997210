//! The errors of this crate.

use std::path::{Path, PathBuf};

/// An error of the FAU analysis; the message names the file or the value, the reason and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file is too large to load.
    #[error("{path} has {bytes} bytes, more than the limit of {limit}; split it or reduce it first", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size accepted.
        limit: u64,
    },
    /// A file is not an activations array.
    #[error("{path} is not an activations array: {reason}; expected a .npy file, float32 or float64, shape [images, filters]", path = path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// A table lacks a column that the analysis needs.
    #[error("{path} has no column `{column}` (it has: {found}); write one as described for samples.csv", path = path.display())]
    MissingColumn {
        /// The table.
        path: PathBuf,
        /// The missing column.
        column: &'static str,
        /// The columns of the table, separated by commas.
        found: String,
    },
    /// An invalid cell of a table.
    #[error("{path}, line {line}: {reason}", path = path.display())]
    Cell {
        /// The table.
        path: PathBuf,
        /// Line in the file, from 1; 0 if the position is unknown.
        line: u64,
        /// The cell, and the expected form.
        reason: String,
    },
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
        value: f32,
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
        "no action unit is present in at least {min_positives} and absent in at least {min_positives} of the {coded} coded samples (closest: {closest}); add coded samples or lower `min_positives`"
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
    /// A picture could not be drawn.
    #[error("cannot draw {name}: {reason}")]
    Chart {
        /// File name of the picture.
        name: String,
        /// Message of the plotting library.
        reason: String,
    },
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
    let path = path.to_path_buf();
    match std::fs::metadata(&path).map(|found| found.len()) {
        Ok(bytes) if bytes > limit => Err(Error::TooLarge { path, bytes, limit }),
        Ok(_) => std::fs::read(&path).map_err(|source| Error::Read { path, source }),
        Err(source) => Err(Error::Read { path, source }),
    }
}

impl Error {
    pub(crate) fn bad_option(
        name: &'static str,
        value: impl ToString,
        expected: &'static str,
    ) -> Self {
        let value = value.to_string();
        Self::BadOption {
            name,
            value,
            expected,
        }
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_path_buf();
        Self::Write { path, source }
    }

    /// Rejects `got` of `what` unless there are `expected`.
    pub(crate) fn unless_equal(
        what: &'static str,
        got: usize,
        expected: usize,
    ) -> Result<(), Self> {
        match got == expected {
            true => Ok(()),
            false => Err(Self::Mismatch {
                what,
                got,
                expected,
            }),
        }
    }
}
