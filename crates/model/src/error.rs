//! Errors of networks, checkpoints and devices.

use std::path::PathBuf;

/// An error of a network, a checkpoint or a device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A libtorch operation failed.
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
        /// The side of the images.
        side: usize,
    },
    /// The network has no stage of this name.
    #[error("the network has no layer `{wanted}`; it has {known}")]
    NoStage {
        /// The name.
        wanted: String,
        /// The names of the stages.
        known: String,
    },
    /// The stage has no convolution, so no feature maps.
    #[error("layer `{0}` has no feature maps: name a convolutional layer")]
    NoFeatureMap(String),
    /// The device is not available.
    #[error("device `{wanted}` is not available: {reason}; use --device cpu")]
    Device {
        /// The device.
        wanted: String,
        /// Why it is not available.
        reason: String,
    },
    /// The device, or libtorch, does not have this precision.
    #[error("train.precision is {wanted}: {reason}; use --set train.precision=float32, or a GPU")]
    Precision {
        /// The precision.
        wanted: String,
        /// Why not.
        reason: String,
    },
    /// A device name that cannot be read.
    #[error("`{0}` is not a device: use auto, cpu, cuda, cuda:N or cuda:N,M")]
    DeviceName(String),
    /// A checkpoint could not be read or written.
    #[error("{path}: {reason}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and the remedy.
        reason: String,
    },
}

impl Error {
    pub(crate) fn no_feature_map(stage: usize) -> Self {
        Self::NoFeatureMap(format!("#{stage}"))
    }

    /// The error of this checkpoint, from its reason.
    pub(crate) fn checkpoint<R: ToString>(path: &std::path::Path) -> impl Fn(R) -> Self {
        move |reason| Self::Checkpoint {
            path: path.to_path_buf(),
            reason: reason.to_string(),
        }
    }
}
