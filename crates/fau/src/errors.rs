//! Everything that can go wrong between two files on disk and a table of associations.

use std::path::PathBuf;

/// An error of the FAU analysis; the message names the file or the value, the reason and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file or folder could not be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file is larger than this crate agrees to load.
    #[error("{path} has {bytes} bytes, more than the limit of {limit}; split it or reduce it first", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size accepted.
        limit: u64,
    },
    /// A file is not the activations array of DESIGN 4.
    #[error("{path} is not an activations array: {reason}; expected a .npy file, float32 or float64, shape [images, filters]", path = path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A table lacks a column that the analysis needs.
    #[error("{path} has no column `{column}` (it has: {found}); write one as described for samples.csv", path = path.display())]
    MissingColumn {
        /// The table.
        path: PathBuf,
        /// The column that was looked for.
        column: &'static str,
        /// The columns that are there, separated by commas.
        found: String,
    },
    /// A cell of a table cannot be understood.
    #[error("{path}, line {line}: {reason}", path = path.display())]
    Cell {
        /// The table.
        path: PathBuf,
        /// Line in the file, from 1; 0 if the position is unknown.
        line: u64,
        /// What was found, and what was expected.
        reason: String,
    },
    /// Activations and samples do not describe the same images.
    #[error(
        "{activations} rows of activations but {samples} samples; both must come from the same prepared data set"
    )]
    LengthMismatch {
        /// Rows of the activations array.
        activations: usize,
        /// Rows of the samples table.
        samples: usize,
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
    /// The number of values is not rows × filters.
    #[error(
        "{values} activations given for {rows} rows × {filters} filters; give exactly one value for each"
    )]
    BadShape {
        /// Rows asked for.
        rows: usize,
        /// Filters asked for.
        filters: usize,
        /// Values given.
        values: usize,
    },
    /// An activation is NaN or infinite.
    #[error(
        "activation of filter {filter} in row {row} is {value}; the network diverged or the array is damaged, so no statistic of it means anything"
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
        /// The limit asked for.
        min_positives: usize,
        /// Rows that are coded.
        coded: usize,
        /// The action unit nearest to being usable, in words.
        closest: String,
    },
    /// An analysis option is out of range.
    #[error("analysis option `{name}` is {value}; {expected}")]
    BadOption {
        /// The option.
        name: &'static str,
        /// Its value.
        value: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// A picture could not be drawn.
    #[error("cannot draw {name}: {reason}")]
    Chart {
        /// File name of the picture.
        name: String,
        /// What the plotting library said.
        reason: String,
    },
    /// A network could not compute what a study needs.
    #[error("{0}")]
    Lens(Box<dyn std::error::Error + Send + Sync>),
    /// The caller wanted no more.
    #[error("stopped on request; nothing was written, the same command starts again")]
    Cancelled,
    /// Some arrays that belong together do not.
    #[error("{what}: {got} given, {expected} expected; they must come from the same run")]
    Mismatch {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many there should be.
        expected: usize,
    },
}
