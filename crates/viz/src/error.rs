//! Errors of patches, explanations and pictures.

use std::path::{Path, PathBuf};

/// A result of this crate.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate; the message names the layer, file or value and the reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network failed.
    #[error(transparent)]
    Model(#[from] faus_model::Error),
    /// The statistics failed.
    #[error(transparent)]
    Fau(#[from] faus_fau::Error),
    /// The wrong number of something: what it is, how many there are, and how many there should be.
    #[error("{1} {0} given, {2} expected")]
    Count(String, usize, usize),
    /// An unknown filter, unit, class or method: the kind of thing, the requested name or number, and the valid ones.
    #[error("there is no {0} `{1}`; choose from {2}")]
    Unknown(String, String, String),
    /// A layer without spatial positions.
    #[error("layer `{0}` has no square maps over the image; set visualize.layer to a convolution")]
    NoPlaces(String),
    /// No filter is named after an action unit.
    #[error("no filter is named after an action unit in {path}: none is coded often enough, or no filter responds to one beyond chance; choose filters by number or by class", path = .0.display())]
    NoActionUnits(PathBuf),
    /// All images are of the class, or none.
    #[error("all or none of these images are of class `{0}`; take all images (--split all)")]
    OneClass(String),
    /// The user stopped the work.
    #[error("stopped on request; repeat the command to finish")]
    Cancelled,
    /// There are no images.
    #[error("no images to compute activations of")]
    NoImages,
    /// An infinite or NaN response.
    #[error(
        "layer `{layer}` has an infinite or NaN response to image {image}; the loss of this network's training probably diverged"
    )]
    NotANumber {
        /// The layer.
        layer: String,
        /// The image's row.
        image: usize,
    },
    /// No patches requested.
    #[error("top is 0: it must be at least 1")]
    NoTop,
    /// A file could not be written, and the reason given by the system or the encoder.
    #[error("{path}: {1}", path = .0.display())]
    Write(PathBuf, String),
    /// A write failed, to a file that the caller adds.
    #[error(transparent)]
    Disk(#[from] std::io::Error),
}

impl Error {
    pub(crate) fn unknown(what: impl ToString, name: impl ToString, known: impl ToString) -> Self {
        Self::Unknown(what.to_string(), name.to_string(), known.to_string())
    }

    pub(crate) fn write<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        |error| Self::Write(path.to_path_buf(), error.to_string())
    }
}

impl From<csv::Error> for Error {
    fn from(error: csv::Error) -> Self {
        Self::Disk(error.into())
    }
}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        Self::Model(error.into())
    }
}

impl From<Error> for faus_fau::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled => Self::Cancelled,
            Error::Fau(error) => error,
            other => Self::Lens(Box::new(other)),
        }
    }
}
