//! Rows of `samples.csv`.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::{AuCoding, Role};
use crate::picture::CropBox;

/// One image of a prepared data set: a row of `samples.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Position in `images.npy` and in every other file of the set.
    pub index: usize,
    /// The person's number; −1 if unknown.
    pub subject: i64,
    /// The recording, unique within the set: `S005_001`.
    pub sequence: String,
    /// The frame's number within the recording.
    pub frame: u32,
    /// Labelled or held out.
    pub role: Role,
    /// Class, counted from 0; −1 for held-out rows.
    pub label: i64,
    /// The class's name; empty for held-out rows.
    pub label_name: String,
    /// The fold; −1 for a held-out row whose subject is in none, and in data sets with given splits.
    pub fold: i64,
    /// The part in each given split (TFD, FER2013's Usage); empty if the data set has folds. Stored in `folds.npy` as
    /// `[N, splits]`, not in `samples.csv`.
    pub parts: Vec<Part>,
    /// Whether landmarks or the detector placed the crop (false: the image was used uncropped).
    pub face_found: bool,
    /// The crop in the original image.
    pub crop: Option<CropBox>,
    /// The original image, relative to the source's root, with `/`.
    pub path: String,
    /// FACS codes; only the peak frame of a sequence is coded.
    pub aus: AuCoding,
}

impl Sample {
    /// The part when fold `fold` of `folds` tests: the data set's own, else the next fold validates and the others train.
    /// Held-out rows, and rows in none of the folds, are in no part.
    pub(crate) fn part(&self, fold: usize, folds: usize) -> Part {
        if self.role == Role::HeldOut {
            return Part::None;
        }
        match (self.parts.get(fold), usize::try_from(self.fold)) {
            (Some(&given), _) => given,
            (None, Ok(own)) if own == fold => Part::Test,
            (None, Ok(own)) if own == (fold + 1) % folds => Part::Validation,
            (None, Ok(own)) if own < folds => Part::Train,
            _ => Part::None,
        }
    }
}

/// The columns of `samples.csv`, in their order.
#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    index: usize,
    subject: i64,
    sequence: String,
    frame: u32,
    role: Role,
    label: i64,
    label_name: String,
    fold: i64,
    face_found: bool,
    crop_x: Option<u32>,
    crop_y: Option<u32>,
    crop_w: Option<u32>,
    crop_h: Option<u32>,
    path: String,
    aus: String,
}

impl From<&Sample> for Row {
    fn from(sample: &Sample) -> Self {
        let crop = sample.crop;
        Self {
            index: sample.index,
            subject: sample.subject,
            sequence: sample.sequence.clone(),
            frame: sample.frame,
            role: sample.role,
            label: sample.label,
            label_name: sample.label_name.clone(),
            fold: sample.fold,
            face_found: sample.face_found,
            crop_x: crop.map(|c| c.x),
            crop_y: crop.map(|c| c.y),
            crop_w: crop.map(|c| c.w),
            crop_h: crop.map(|c| c.h),
            path: sample.path.clone(),
            aus: sample.aus.to_string(),
        }
    }
}

impl TryFrom<Row> for Sample {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let crop = match (row.crop_x, row.crop_y, row.crop_w, row.crop_h) {
            (Some(x), Some(y), Some(w), Some(h)) => Some(CropBox { x, y, w, h }),
            (None, None, None, None) => None,
            _ => {
                let reason = "some of crop_x, crop_y, crop_w, crop_h are empty and some are not";
                return Err(Error::parse(reason));
            }
        };
        Ok(Self {
            index: row.index,
            subject: row.subject,
            sequence: row.sequence,
            frame: row.frame,
            role: row.role,
            label: row.label,
            label_name: row.label_name,
            fold: row.fold,
            parts: Vec::new(),
            face_found: row.face_found,
            crop,
            path: row.path,
            aus: row.aus.parse()?,
        })
    }
}
