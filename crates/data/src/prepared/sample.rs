//! Rows of `samples.csv`.

use faus_base::facs;
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
    /// Whether landmarks or the detector placed the crop (false: the image was used uncropped); `True` and `TRUE` are read too.
    #[serde(deserialize_with = "read_flag")]
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

/// pandas writes `True`, spreadsheets `TRUE`.
fn read_flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let text = String::deserialize(from)?;
    let read = text.to_ascii_lowercase().parse();
    read.map_err(|_| D::Error::custom(format!("face_found `{text}` is not true or false")))
}

/// Refuses empty codes of which some may have been `NA`. In older sets they are coded without any unit, beside `NA` for the others.
fn check_empty(lines: &[(u64, String)]) -> Result<(), String> {
    let mut empty = lines.iter().filter(|(_, cell)| cell.is_empty());
    let Some((first, _)) = empty.next() else {
        return Ok(());
    };
    let has = |kind: &str| lines.iter().any(|(_, cell)| cell == kind);
    if has("NA") && !has(facs::NONE) {
        return Ok(());
    }
    let count = 1 + empty.count();
    Err(format!(
        "{count} cells of `aus` are empty (first in line {first}), as pandas and spreadsheets leave `NA`: write `NA` (not coded) or \
         `none` (coded, no action unit) into them, or prepare the set again (pandas: read_csv(…, keep_default_na=False))"
    ))
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
    let (at, mut codes) = (table.column("aus"), Vec::new());
    let rows = table.records().map(|row| {
        let row = row?;
        let cell = at.and_then(|at| row.cells.get(at)).unwrap_or_default();
        if ["", "NA", facs::NONE].contains(&cell) {
            codes.push((row.line, cell.to_owned()));
        }
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
    let rows = rows.collect::<Result<_, _>>()?;
    check_empty(&codes)?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &[(&str, &str)]) -> Result<Vec<Sample>, String> {
        let row = |(at, (found, aus)): (usize, &(&str, &str))| {
            format!("{at},1,1,1,labelled,0,happy,0,{found},,,,,x.png,{aus},\n")
        };
        let rows = String::from_iter(rows.iter().enumerate().map(row));
        read_samples(format!("{COLUMNS}\n{rows}").as_bytes())
    }

    #[test]
    fn flags_are_read_as_programs_write_them() {
        let rows = read(&[("true", "NA"), ("True", "NA"), ("FALSE", "NA")]).unwrap();
        let found = Vec::from_iter(rows.iter().map(|row| row.face_found));
        assert_eq!(found, [true, true, false]);
        let error = read(&[("yes", "NA")]).unwrap_err();
        assert!(
            error.contains("line 2: face_found `yes` is not true or false"),
            "{error}"
        );
    }

    #[test]
    fn empty_codes_that_may_have_been_not_coded_are_refused() {
        let flagged =
            |codes: &[&str]| read(&Vec::from_iter(codes.iter().map(|aus| ("true", *aus))));
        let old = flagged(&["12:3", "", "NA"]).unwrap();
        assert_eq!(old[1].aus, AuCoding::Coded(vec![]));
        assert!(flagged(&["12:3", "none", "NA"]).is_ok());
        for lost in [
            &["12:3", "", ""][..],
            &["none", "", ""],
            &["none", "", "NA", ""],
        ] {
            let error = flagged(lost).unwrap_err();
            assert!(
                error.contains("2 cells of `aus` are empty (first in line 3)"),
                "{error}"
            );
        }
    }
}
