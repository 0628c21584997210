//! Errors of describing, drawing and writing synthetic faces.

use std::fmt::Display;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::person::AUS;

/// An error of describing, drawing or writing synthetic faces.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option lies outside its range.
    #[error("synthetic faces: {option} is {got}, but must be {expected}")]
    Option {
        /// Field of [`crate::SynthOptions`] or [`crate::Difficulty`].
        option: &'static str,
        /// The value given.
        got: String,
        /// The valid values.
        expected: String,
    },
    /// The renderer lacks this action unit.
    #[error("action unit {got} cannot be drawn; known are {AUS:?}")]
    UnknownAu {
        /// The number given.
        got: u8,
    },
    /// The output folder is not empty.
    #[error(
        "{}: exists and is not empty; name another folder or remove it first (nothing was changed)",
        path.display()
    )]
    OutputNotEmpty {
        /// The output folder.
        path: PathBuf,
    },
    /// The progress callback requested a stop; nothing is left behind.
    #[error("stopped after {done} of {total}; nothing was written")]
    Cancelled {
        /// Sequences or people drawn so far.
        done: usize,
        /// Sequences or people to draw.
        total: usize,
    },
    /// A file or folder could not be created, written or moved.
    #[error("{}: {action} failed: {source}; check the free space and your permissions there", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The failed action.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// No square could be cut out of a drawn face.
    #[error("cropping a drawn face failed: {0}")]
    Crop(#[from] faus_data::Error),
}

impl Error {
    /// Wraps a system error with its path and action.
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            path,
            action,
            source,
        }
    }
}

/// [`Error::Option`] unless `got` lies within `range`.
pub(crate) fn within<T: PartialOrd + Display>(
    option: &'static str,
    got: T,
    range: RangeInclusive<T>,
) -> Result<(), Error> {
    if range.contains(&got) {
        return Ok(());
    }
    Err(Error::Option {
        option,
        got: got.to_string(),
        expected: format!("{} to {}", range.start(), range.end()),
    })
}
