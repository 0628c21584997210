//! Errors of describing, drawing and writing synthetic faces.

use std::fmt::Display;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::person::au::AUS;

/// An error of describing, drawing or writing synthetic faces.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option lies outside its range.
    ///
    /// The field of [`crate::SynthOptions`] or [`crate::Difficulty`], the value given, the valid values.
    #[error("synthetic faces: {0} is {1}, but must be {2}")]
    Option(&'static str, String, String),
    /// The renderer lacks the action unit of this number.
    #[error("action unit {0} cannot be drawn; known are {AUS:?}")]
    UnknownAu(u8),
    /// This output folder is not empty.
    #[error("{}: exists and is not empty; name another folder or remove it first (nothing was changed)", .0.display())]
    OutputNotEmpty(PathBuf),
    /// The progress callback requested a stop; nothing is left behind.
    #[error("stopped after {done} of {total}; nothing was written")]
    Cancelled {
        /// Sequences or people drawn so far.
        done: usize,
        /// Sequences or people to draw.
        total: usize,
    },
    /// A file or folder could not be created, written or moved.
    ///
    /// The file or folder, the failed action, the system's reason.
    #[error("{path}: {1} failed: {2}; check the free space and your permissions there", path = .0.display())]
    Io(PathBuf, &'static str, #[source] io::Error),
    /// No square could be cut out of a drawn face.
    #[error("cropping a drawn face failed: {0}")]
    Crop(#[from] faus_data::Error),
}

impl Error {
    /// Wraps a system error with its path and action.
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io(path, action, source)
    }
}

/// [`Error::Option`] unless `got` lies within `range`.
pub(crate) fn within<T: PartialOrd + Display>(
    option: &'static str,
    got: T,
    range: RangeInclusive<T>,
) -> Result<(), Error> {
    let expected = || format!("{} to {}", range.start(), range.end());
    let fits = range.contains(&got).then_some(());
    fits.ok_or_else(|| Error::Option(option, got.to_string(), expected()))
}
