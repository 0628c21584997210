//! What can go wrong with a network, a checkpoint or a device.

use std::path::PathBuf;

/// What can go wrong with a network, a checkpoint or a device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// The images are too small for the network's pooling.
    #[error(
        "a {architecture} network needs images of at least {minimum}x{minimum} pixels whose side is a multiple of {multiple}, got {side}x{side}; choose another image size"
    )]
    ImageSide {
        /// The network's name.
        architecture: String,
        /// Smallest side that works.
        minimum: usize,
        /// The side must be a multiple of this.
        multiple: usize,
        /// The side that was asked for.
        side: usize,
    },
    /// A stage was asked for that the network does not have.
    #[error("the network has no layer `{wanted}`; it has {known}")]
    NoStage {
        /// The name asked for.
        wanted: String,
        /// The names there are.
        known: String,
    },
    /// A stage without a convolution was asked for its feature maps.
    #[error("layer `{0}` has no feature maps: name a convolutional layer")]
    NoFeatureMap(String),
    /// A device was asked for that is not there.
    #[error("device `{wanted}` is not available: {reason}; use --device cpu")]
    Device {
        /// The device asked for.
        wanted: String,
        /// Why it is not there.
        reason: String,
    },
    /// A precision that the device, or libtorch, does not have.
    #[error("train.precision is {wanted}: {reason}; use --set train.precision=float32, or a GPU")]
    Precision {
        /// The precision asked for.
        wanted: &'static str,
        /// Why it cannot be.
        reason: String,
    },
    /// A device name that cannot be read.
    #[error("`{0}` is no device: use auto, cpu, cuda, cuda:N or cuda:N,M")]
    DeviceName(String),
    /// A checkpoint could not be read or written.
    #[error("{path}: {reason}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn checkpoint(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::Checkpoint {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }
}
