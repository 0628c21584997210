//! Errors of patches, explanations and pictures.

use std::path::{Path, PathBuf};

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
    /// The wrong number of something.
    #[error("{got} {what} given, {expected} expected")]
    Count {
        /// The things counted.
        what: String,
        /// How many there are.
        got: usize,
        /// How many there should be.
        expected: usize,
    },
    /// An unknown filter, unit, class or method.
    #[error("there is no {what} `{name}`; choose from {known}")]
    Unknown {
        /// The kind of thing.
        what: String,
        /// The requested name or number.
        name: String,
        /// The valid names or numbers.
        known: String,
    },
    /// A layer without spatial positions.
    #[error("layer `{0}` has no square maps over the image; set visualize.layer to a convolution")]
    NoPlaces(String),
    /// Too few FACS codes to rank filters by.
    #[error("no action unit is coded often enough in {path} to rank filters by; choose them by number or by class", path = .0.display())]
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
    /// A file could not be written.
    #[error("{path}: {reason}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The reason given by the system or the encoder.
        reason: String,
    },
    /// A write failed; [`Error::at`] adds the file.
    #[error(transparent)]
    Disk(#[from] std::io::Error),
}

impl Error {
    pub(crate) fn count(what: impl ToString, got: usize, expected: usize) -> Self {
        let what = what.to_string();
        Self::Count {
            what,
            got,
            expected,
        }
    }

    pub(crate) fn unknown(what: impl ToString, name: impl ToString, known: impl ToString) -> Self {
        Self::Unknown {
            what: what.to_string(),
            name: name.to_string(),
            known: known.to_string(),
        }
    }

    pub(crate) fn write<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        move |e| Self::Write {
            path: path.to_path_buf(),
            reason: e.to_string(),
        }
    }

    /// Adds the file to an error of the disk.
    pub(crate) fn at(self, path: &Path) -> Self {
        match self {
            Self::Disk(error) => Self::write(path)(error),
            other => other,
        }
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
