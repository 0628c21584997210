//! Faces cut out as squares, of a data set's images or of any photograph.

use image::{DynamicImage, GrayImage};

use super::{CropMode, FaceDetector, authors, centre_square};
use crate::error::Error;
use crate::picture::decode::to_grey;
use crate::picture::{CropBox, resize};

/// Smallest side of a picture that may be a face (our choice).
const LEAST_SIDE: u32 = 16;
/// Grey values that the pixels of a face differ by at least; below it the image counts as black or flat. Our choice:
/// more than the noise of a JPEG of one colour.
const FLAT: u8 = 8;
/// Largest side of an image that is treated as an already cropped face, as in CK+48, FER2013 and TFD.
const FACE_SIDE: u32 = 64;

/// An image in grey as this crop mode weighs the colours.
pub(crate) fn grey(mode: CropMode, image: DynamicImage) -> GrayImage {
    match mode {
        CropMode::Authors => authors::grey(image),
        _ => to_grey(image),
    }
}

/// The crop of an image as `[side, side]` pixels.
pub(crate) fn cut(mode: CropMode, image: &GrayImage, crop: CropBox, side: u32) -> Vec<u8> {
    match mode {
        CropMode::Authors => authors::resize(image, crop, side),
        _ => resize(image, crop, side, side),
    }
}

/// Whether an image is a small square, and so already a face crop.
pub(crate) fn is_small_square(image: &GrayImage) -> bool {
    image.width() == image.height() && image.width() <= FACE_SIDE
}

/// The face of a portrait as this crop mode searches it.
pub(crate) fn detected(
    mode: CropMode,
    detector: &FaceDetector,
    image: &GrayImage,
) -> Option<CropBox> {
    match mode {
        CropMode::Authors => {
            let mut tries = [authors::FIRST, authors::SECOND].into_iter();
            tries.find_map(|search| detector.search(image, search))
        }
        _ => detector.find(image),
    }
}

/// What this crop mode keeps about a detected face.
pub(crate) fn framed(mode: CropMode, found: CropBox, image: &GrayImage) -> CropBox {
    match mode {
        CropMode::Authors => authors::about_detected(found, image.width(), image.height()),
        _ => found,
    }
}

/// Whether the pixels are black, or of one grey.
pub(crate) fn is_flat(pixels: &[u8]) -> bool {
    let darkest = pixels.iter().min().copied().unwrap_or(0);
    pixels.iter().all(|pixel| pixel - darkest < FLAT)
}

/// Finds the faces of photographs and cuts them out as those of a data set were.
pub struct FaceCutter {
    detector: FaceDetector,
    mode: CropMode,
    side: u32,
}

/// A face of a photograph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutFace {
    /// Its place in the photograph.
    pub crop: CropBox,
    /// Grey, `[side, side]`.
    pub pixels: Vec<u8>,
}

impl FaceCutter {
    /// Cuts faces of `side` pixels in this way.
    ///
    /// # Errors
    /// [`Error::Setting`] for a broken build.
    pub fn new(mode: CropMode, side: u32) -> Result<Self, Error> {
        Ok(Self {
            detector: FaceDetector::new()?,
            mode,
            side,
        })
    }

    /// The faces of an upright photograph: first the one that a data set would keep, then others by score. All of the
    /// photograph where it is a small square, or the data set's images were not searched.
    pub fn faces(&self, photograph: &DynamicImage) -> Vec<CutFace> {
        let image = grey(self.mode, photograph.clone());
        let faces = self.places(&image).into_iter();
        let faces = faces.map(|crop| CutFace {
            crop,
            pixels: cut(self.mode, &image, crop, self.side),
        });
        faces.filter(|face| !is_flat(&face.pixels)).collect()
    }

    fn places(&self, image: &GrayImage) -> Vec<CropBox> {
        if image.width().min(image.height()) < LEAST_SIDE {
            return vec![];
        }
        let takes_crops = matches!(self.mode, CropMode::Auto | CropMode::Authors);
        if self.mode == CropMode::None || takes_crops && is_small_square(image) {
            return vec![centre_square(image.width(), image.height())];
        }
        let mut found = Vec::from_iter(detected(self.mode, &self.detector, image));
        for other in self.detector.all(image) {
            if !found.iter().any(|own: &CropBox| own.overlaps(other)) {
                found.push(other);
            }
        }
        let framed = found.into_iter().map(|own| framed(self.mode, own, image));
        framed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::detector::photograph;

    fn cutter(mode: CropMode) -> FaceCutter {
        FaceCutter::new(mode, 48).unwrap()
    }

    #[test]
    fn people_of_a_group_are_found_once_each() {
        let Some(group) = photograph() else { return };
        let faces = cutter(CropMode::Auto).faces(&group.clone().into());
        // Twenty-nine people, most of them upright.
        assert!((20..=29).contains(&faces.len()), "{}", faces.len());
        for (n, face) in faces.iter().enumerate() {
            assert!(face.crop.is_within(group.width(), group.height()));
            assert_eq!(face.pixels.len(), 48 * 48);
            assert!(
                !faces[..n]
                    .iter()
                    .any(|other| other.crop.overlaps(face.crop))
            );
        }
    }

    #[test]
    fn the_first_face_is_the_one_that_a_data_set_keeps() {
        let Some(group) = photograph() else { return };
        let crop = CropBox {
            x: 545,
            y: 178,
            w: 100,
            h: 100,
        };
        let portrait = GrayImage::from_raw(490, 490, resize(&group, crop, 490, 490)).unwrap();
        let own = FaceDetector::new().unwrap().find(&portrait);
        let faces = cutter(CropMode::Auto).faces(&portrait.into());
        assert_eq!(faces.first().map(|face| face.crop), own);
    }

    #[test]
    fn small_squares_are_faces_and_a_blank_picture_has_none() {
        let slope = |side| GrayImage::from_fn(side, side, |x, y| image::Luma([(x + y) as u8]));
        let square = |side| DynamicImage::from(slope(side));
        let count = |mode, side| cutter(mode).faces(&square(side)).len();
        assert_eq!(count(CropMode::Auto, 48), 1);
        assert_eq!(count(CropMode::Auto, 15), 0);
        let black = DynamicImage::from(GrayImage::new(48, 48));
        assert!(cutter(CropMode::Auto).faces(&black).is_empty());
        assert_eq!(count(CropMode::Auto, 300), 0);
        assert_eq!(count(CropMode::Detector, 48), 0);
        assert_eq!(count(CropMode::None, 300), 1);
    }
}
