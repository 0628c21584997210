use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong while a synthetic data set is described, drawn or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option lies outside the range that can be drawn.
    #[error("synthetic faces: {option} is {got}, but must be {expected}")]
    Option {
        /// Name of the field of [`crate::SynthOptions`].
        option: &'static str,
        /// The value that was asked for.
        got: String,
        /// The values that work.
        expected: &'static str,
    },
    /// The renderer has no such action unit.
    #[error("action unit {got} cannot be drawn; known are {known:?}")]
    UnknownAu {
        /// The number that was asked for.
        got: u8,
        /// All numbers that can be drawn.
        known: &'static [u8],
    },
    /// The output folder holds something already.
    #[error(
        "{}: exists and is not empty; name another folder or remove it first (nothing was changed)",
        path.display()
    )]
    OutputNotEmpty {
        /// The folder that was to be written.
        path: PathBuf,
    },
    /// The progress callback asked to stop; nothing is left behind.
    #[error("stopped after {done} of {total}; nothing was written")]
    Cancelled {
        /// Sequences or people drawn by then.
        done: usize,
        /// Sequences or people to draw.
        total: usize,
    },
    /// A file or folder could not be made, written or moved.
    #[error("{}: {action} failed: {source}; check the free space and your permissions there", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The reason the system gave.
        source: io::Error,
    },
    /// No square could be cut out of a drawn face.
    #[error("cropping a drawn face failed: {0}")]
    Crop(#[from] faus_data::Error),
    /// A picture could not be encoded.
    #[error("{}: the PNG could not be encoded: {source}", path.display())]
    Encode {
        /// The picture's path.
        path: PathBuf,
        /// The encoder's reason.
        source: image::ImageError,
    },
}

impl Error {
    /// Wraps a system error with the path and the action it belongs to.
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            path,
            action,
            source,
        }
    }
}
