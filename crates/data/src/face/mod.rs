//! The face's place in an image: by landmarks if there are any, else by a detector.

pub(crate) mod authors;
pub(crate) mod boxes;
pub(crate) mod cut;
mod detector;
mod landmarks;
mod seeta;

use serde::{Deserialize, Serialize};

use crate::label::text::by_name;
use crate::picture::CropBox;

pub use cut::{CutFace, FaceCutter};
pub use detector::FaceDetector;
pub use landmarks::{Landmarks, face_square};
pub use seeta::FaceSearch;

/// How the face is cut out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CropMode {
    /// Landmarks where the image has usable ones, else the detector.
    #[default]
    Auto,
    /// Landmarks alone; an image without them is skipped.
    Landmarks,
    /// The detector alone.
    Detector,
    /// Like `Auto`, with the framing, grey and resampling of the authors' code (docs/PROTOCOL.md).
    Authors,
    /// No search: the largest square about the image's centre.
    None,
}

by_name!(
    CropMode,
    "crop",
    "auto, landmarks, detector, authors or none"
);

/// The largest square about the centre of a `width` × `height` image.
pub fn centre_square(width: u32, height: u32) -> CropBox {
    let side = width.min(height);
    CropBox::square((width - side) / 2, (height - side) / 2, side)
}

/// A square in whole pixels inside a `width` × `height` image: shrunk to the shorter side if it is larger, then moved
/// inside, so that the crop is always square and inside the image.
pub fn fit_square(left: f64, top: f64, side: f64, width: u32, height: u32) -> CropBox {
    let side = (side.round().max(1.0) as u32).min(width.min(height));
    let within = |start: f64, limit: u32| (start.round().max(0.0) as u32).min(limit - side);
    CropBox::square(within(left, width), within(top, height), side)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modes_round_trip() {
        for mode in [
            CropMode::Auto,
            CropMode::Landmarks,
            CropMode::Detector,
            CropMode::Authors,
            CropMode::None,
        ] {
            assert_eq!(mode.to_string().parse::<CropMode>().unwrap(), mode);
        }
        assert!("haar".parse::<CropMode>().is_err());
    }

    #[test]
    fn centre_square_of_a_ck_plus_image() {
        assert_eq!(
            centre_square(640, 490),
            CropBox {
                x: 75,
                y: 0,
                w: 490,
                h: 490
            }
        );
    }

    proptest! {
        #[test]
        fn squares_lie_inside(
            left in -1e4..1e4f64, top in -1e4..1e4f64, side in -10.0..1e4f64, width in 1u32..900, height in 1u32..900,
        ) {
            let crop = fit_square(left, top, side, width, height);
            prop_assert!(crop.w >= 1 && crop.w == crop.h);
            prop_assert!(crop.x + crop.w <= width && crop.y + crop.h <= height);
        }
    }
}
