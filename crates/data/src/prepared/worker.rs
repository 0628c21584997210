//! One image on its way to a row: fetched, its face found, cut out and resized.

use std::collections::BTreeMap;

use image::{DynamicImage, GrayImage};

use crate::error::Error;
use crate::face::boxes::Boxes;
use crate::face::cut::{cut, detected, framed, grey, is_flat, is_small_square};
use crate::face::{CropMode, FaceDetector, Landmarks, authors, centre_square, face_square};
use crate::picture::CropBox;
use crate::picture::depth::{bits, read_as, scaled, scaled_alone, transparent};
use crate::prepared::options::PrepareOptions;
use crate::read::file::{ReadFile, Skipped};
use crate::read::name::folder;
use crate::read::source::{RawSample, Source};

/// How far from the middle, as a share of the width, a face counts as off centre. Our choice: a centred face ends up at
/// a quarter of the width if the picture was doubled in size but its landmarks were not.
const OFF_CENTRE: f64 = 0.2;
/// A cropped and resized face.
pub(crate) struct Face {
    pub pixels: Vec<u8>,
    pub crop: CropBox,
    pub found: bool,
}

/// Unusual things about the pixels of an image that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Odd {
    /// A 16-bit file whose values are read as values of this many bits.
    Bits(u32),
    /// One that uses fewer bits than most of its folder.
    Darker,
    /// One that uses more.
    Deeper,
    Transparent,
    Flat,
}

/// The result for one image.
#[derive(Default)]
pub(crate) struct Outcome {
    pub face: Option<Face>,
    /// The bits that the values of a 16-bit file use.
    pub bits: Option<u32>,
    pub odd: Vec<Odd>,
    /// Whether landmarks placed the crop at the image's side.
    pub off_centre: Option<bool>,
    pub skipped: Vec<Skipped>,
    pub read: Vec<ReadFile>,
}

impl Outcome {
    fn skip(&mut self, path: &str, reason: String) {
        self.skipped.push(Skipped::new(path, reason));
    }
}

/// Prepares images one by one; shared by all threads.
pub(crate) struct Worker<'a> {
    pub source: &'a dyn Source,
    pub options: &'a PrepareOptions,
    pub detector: FaceDetector,
    pub boxes: Option<&'a Boxes>,
    /// The usual bits of 16-bit files by folder, where they count.
    pub depths: BTreeMap<String, u32>,
}

impl Worker<'_> {
    pub fn process(&self, raw: &RawSample) -> Outcome {
        let mut outcome = Outcome::default();
        match self.face(raw, &mut outcome) {
            Ok(face) => outcome.face = Some(face),
            Err(error) => outcome.skip(&raw.path, error.reason()),
        }
        outcome
    }

    fn face(&self, raw: &RawSample, outcome: &mut Outcome) -> Result<Face, Error> {
        let fetched = self.source.fetch(raw)?;
        outcome.read.extend(fetched.read);
        outcome.bits = bits(&fetched.image);
        let of_folder = self.depths.get(folder(&raw.path)).copied();
        let used = outcome.bits.map(|bits| read_as(bits, of_folder));
        let darker = (used > outcome.bits).then_some(Odd::Darker);
        let deeper = of_folder.is_some() && outcome.bits > of_folder;
        let deeper = deeper.then_some(Odd::Deeper);
        let bits = used.filter(|bits| *bits < 16 && darker.is_none());
        let bits = bits.map(Odd::Bits);
        let transparent = transparent(&fetched.image).then_some(Odd::Transparent);
        outcome
            .odd
            .extend([bits, darker, deeper, transparent].into_iter().flatten());
        let image = grey(self.options.crop, scaled(fetched.image, used));
        let found = self.find(raw, &image, outcome)?;
        let crop = found.unwrap_or_else(|| centre_square(image.width(), image.height()));
        let pixels = cut(self.options.crop, &image, crop, self.options.image_size);
        outcome.odd.extend(is_flat(&pixels).then_some(Odd::Flat));
        Ok(Face {
            pixels,
            crop,
            found: found.is_some(),
        })
    }

    /// The face; `None` if the whole image is used.
    fn find(
        &self,
        raw: &RawSample,
        image: &GrayImage,
        outcome: &mut Outcome,
    ) -> Result<Option<CropBox>, Error> {
        let (width, height) = image.dimensions();
        let by_hand = |boxes: &Boxes| boxes.of(&raw.path, width, height);
        let by_hand = self.boxes.and_then(by_hand);
        let found = match self.options.crop {
            _ if by_hand.is_some() => return by_hand.transpose(),
            CropMode::None => return Ok(None),
            CropMode::Auto | CropMode::Authors if is_face(raw, image) => return Ok(None),
            CropMode::Landmarks => self.marked(raw, image, outcome)?,
            CropMode::Auto | CropMode::Authors if raw.landmarks.is_some() => {
                let marked = self.marked(raw, image, outcome);
                marked.or_else(|unusable| {
                    let crop = self.detected(image)?;
                    // The image is kept, but the bad landmark file is listed.
                    let path = raw.landmarks.as_ref().unwrap_or(&raw.path);
                    let reason = format!("{}; the detector was used", unusable.reason());
                    outcome.skip(path, reason);
                    Ok::<_, Error>(crop)
                })?
            }
            CropMode::Auto | CropMode::Authors | CropMode::Detector => self.detected(image)?,
        };
        Ok(Some(found))
    }

    fn detected(&self, image: &GrayImage) -> Result<CropBox, Error> {
        let mode = self.options.crop;
        let found = detected(mode, &self.detector, image);
        let found = found.map(|found| framed(mode, found, image));
        found.ok_or_else(|| {
            Error::parse("no face was found, even in a second, more lenient try (give its box with --boxes; for images that are already face crops: crop none)")
        })
    }

    fn marked(
        &self,
        raw: &RawSample,
        image: &GrayImage,
        outcome: &mut Outcome,
    ) -> Result<CropBox, Error> {
        let path = raw.landmarks.as_deref();
        let path = path.ok_or_else(|| Error::parse("it has no landmark file"))?;
        let (text, read) = self.source.landmarks(path)?;
        outcome.read.push(read);
        let (width, height) = image.dimensions();
        let crop = face_square(&Landmarks::parse(&text)?, width, height)?;
        let middle = f64::from(crop.x) + f64::from(crop.w) / 2.0;
        outcome.off_centre = Some((middle / f64::from(width) - 0.5).abs() > OFF_CENTRE);
        Ok(match self.options.crop {
            CropMode::Authors => authors::about_marked(crop, width, height),
            _ => crop,
        })
    }
}

/// Mean difference in grey values up to which a row and a crop show the same image. Our choice: more than another JPEG of it
/// differs by, less than another face.
const SAME: usize = 4;

/// Whether a row with this crop and these pixels was made from `image`.
pub(super) fn is_of(mode: CropMode, crop: CropBox, pixels: &[u8], image: DynamicImage) -> bool {
    let image = grey(mode, scaled_alone(image));
    if !crop.is_within(image.width(), image.height()) {
        return false;
    }
    let again = cut(mode, &image, crop, pixels.len().isqrt() as u32);
    let apart = again
        .iter()
        .zip(pixels)
        .map(|(a, b)| usize::from(a.abs_diff(*b)));
    apart.sum::<usize>() <= SAME * pixels.len()
}

/// Whether the image is already a face crop: by the source, or as a small square without landmarks.
fn is_face(raw: &RawSample, image: &GrayImage) -> bool {
    raw.is_face || (raw.landmarks.is_none() && is_small_square(image))
}
