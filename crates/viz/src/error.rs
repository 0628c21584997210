use std::path::{Path, PathBuf};

/// What can go wrong with patches and their pictures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The network failed.
    #[error(transparent)]
    Model(#[from] faus_model::Error),
    /// The caller's images could not be had.
    #[error("images for the patches: {0}")]
    Images(String),
    /// A filter that the layer does not have.
    #[error("layer `{layer}` has filters 0 to {last}, not {filter}")]
    NoFilter {
        /// The layer.
        layer: String,
        /// Its last filter.
        last: usize,
        /// The filter asked for.
        filter: usize,
    },
    /// A unit outside the feature map.
    #[error("unit (row {row}, column {column}) of filter {filter} lies outside layer `{layer}`")]
    NoUnit {
        /// The layer.
        layer: String,
        /// The filter asked for.
        filter: usize,
        /// The row asked for.
        row: usize,
        /// The column asked for.
        column: usize,
    },
    /// The user asked to stop.
    #[error("stopped on request")]
    Cancelled,
    /// There is nothing to look at.
    #[error("no images to look for patches in")]
    NoImages,
    /// A method name that cannot be read.
    #[error(
        "`{0}` is no method that can be used here: use gradient, deconvnet, guided or (for patches) occlusion"
    )]
    MethodName(String),
    /// A response that is no number, as of a network whose training diverged.
    #[error(
        "layer `{layer}` answers image {image} with something that is no number: was this network's training stopped by a diverging loss?"
    )]
    NotANumber {
        /// The layer.
        layer: String,
        /// The image's row.
        image: usize,
    },
    /// No patches were asked for.
    #[error("top is 0: it must be at least 1")]
    NoTop,
    /// A picture or table could not be written.
    #[error("{path}: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system or the encoder said.
        reason: String,
    },
}

impl Error {
    pub(crate) fn write<E: ToString>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_path_buf();
        move |e| Self::Write {
            path,
            reason: e.to_string(),
        }
    }
}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        Self::Model(error.into())
    }
}
