//! Rows of `samples.csv`.

use faus_base::person::Person;
use faus_base::table::Table;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fold::part::Part;
use crate::label::{AuCoding, Role};
use crate::picture::CropBox;

/// One image of a prepared data set: a row of `samples.csv`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Position in `images.npy` and in every other file of the set.
    pub index: usize,
    /// The person's number; −1 if unknown. Stored in `subjects.npy`.
    #[serde(skip)]
    pub subject: i64,
    /// The person as the source names them, [`Person`]: `S005`, `5`, `KA`; `-1` if unknown. The column `subject`; empty for the
    /// number in [`PreparedWriter::push`](crate::PreparedWriter::push).
    #[serde(rename = "subject")]
    pub person: String,
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
    #[serde(skip)]
    pub parts: Vec<Part>,
    /// Whether landmarks or the detector placed the crop (false: the image was used uncropped).
    pub face_found: bool,
    /// The crop in the original image.
    #[serde(serialize_with = "crop_columns", skip_deserializing)]
    pub crop: Option<CropBox>,
    /// The original image, relative to the source's root, with `/`.
    pub path: String,
    /// FACS codes; only the peak frame of a sequence is coded.
    #[serde(serialize_with = "aus_column", deserialize_with = "read_aus")]
    pub aus: AuCoding,
    /// The units coded on one side alone, or with another mark of place, as coded: `L10:0;R14:2`.
    #[serde(default)]
    pub sides: String,
}

impl Sample {
    /// The person in words, one for all spellings of a person: `5` for `S005`, `KA`.
    pub fn who(&self) -> String {
        let person = Person::of(&self.person);
        person.map_or_else(|| self.subject.to_string(), |person| person.to_string())
    }

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
pub(crate) const COLUMNS: &str = "index,subject,sequence,frame,role,label,label_name,fold,face_found,crop_x,crop_y,crop_w,crop_h,path,aus,sides";

/// Four columns, empty without a crop.
fn crop_columns<S: Serializer>(crop: &Option<CropBox>, to: S) -> Result<S::Ok, S::Error> {
    let columns = crop.map(|CropBox { x, y, w, h }| [x, y, w, h].map(Some));
    columns.unwrap_or_default().serialize(to)
}

fn aus_column<S: Serializer>(aus: &AuCoding, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(aus)
}

fn read_aus<'de, D: Deserializer<'de>>(from: D) -> Result<AuCoding, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(D::Error::custom)
}

#[derive(Deserialize)]
struct Crop {
    crop_x: Option<u32>,
    crop_y: Option<u32>,
    crop_w: Option<u32>,
    crop_h: Option<u32>,
}

/// Reads `samples.csv`, whose columns may be in any order.
pub(crate) fn read_samples(table: &[u8]) -> Result<Vec<Sample>, String> {
    let table = Table::open(table)?;
    let columns = table.columns().clone();
    let rows = table.records().map(|row| {
        let row = row?;
        let sample: Sample = row.value(&columns)?;
        let crop: Crop = row.value(&columns)?;
        let crop = match (crop.crop_x, crop.crop_y, crop.crop_w, crop.crop_h) {
            (Some(x), Some(y), Some(w), Some(h)) => Some(CropBox { x, y, w, h }),
            (None, None, None, None) => None,
            _ => {
                let reason = "some of crop_x, crop_y, crop_w, crop_h are empty and some are not";
                return Err(format!("line {}: {reason}", row.line));
            }
        };
        Ok(Sample { crop, ..sample })
    });
    rows.collect()
}
