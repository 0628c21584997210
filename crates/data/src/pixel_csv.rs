//! Tables of pixels in the form of FER2013: `emotion,pixels,Usage`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::files::ReadFile;
use crate::source::{Fetched, Folding, RawImage, RawSample, Scan, Skipped, Source};
use crate::{AuCoding, ClassMap, Error, Expression, Role};

/// Most bytes of a table: FER2013 has 301 MB.
const TABLE_LIMIT: u64 = 1 << 30;
/// Most pixels of an image in a table.
const PIXELS_LIMIT: usize = 1 << 20;
/// FER2013's codes, and those that `ckextended.csv` adds: not CK+'s.
const CODES: [Expression; 8] = [
    Expression::Anger,
    Expression::Disgust,
    Expression::Fear,
    Expression::Happy,
    Expression::Sadness,
    Expression::Surprise,
    Expression::Neutral,
    Expression::Contempt,
];

/// A table `emotion,pixels,Usage` with one square grey image to a row: FER2013, ckextended.csv.
///
/// Codes: 0 anger, 1 disgust, 2 fear, 3 happy, 4 sadness, 5 surprise, 6 neutral, 7 contempt. The table does not say who is
/// in an image, so folds are dealt image by image within each class and the set is marked as not subject-independent.
/// `Usage` is kept as the row's sequence name (`Training-12`), but deals no folds.
#[derive(Debug, Clone)]
pub struct PixelCsv {
    path: PathBuf,
    classes: ClassMap,
}

#[derive(Deserialize)]
struct Row {
    emotion: String,
    pixels: String,
    #[serde(rename = "Usage", alias = "usage", default)]
    usage: String,
}

impl PixelCsv {
    /// Takes the table at `path`; rows that are no class of `classes` are left out.
    ///
    /// # Errors
    /// [`Error::Io`] if it is not there, [`Error::TooLarge`] above 1 GiB, [`Error::Layout`] without the columns.
    pub fn open(path: &Path, classes: ClassMap) -> Result<Self, Error> {
        let size = std::fs::metadata(path).map_err(Error::io(path))?.len();
        if size > TABLE_LIMIT {
            return Err(Error::TooLarge {
                path: path.to_path_buf(),
                limit: TABLE_LIMIT,
            });
        }
        let wrong = |found: String| Error::Layout {
            path: path.to_path_buf(),
            expected: "a table with the columns emotion,pixels,Usage".to_owned(),
            found,
        };
        let mut table = csv::Reader::from_path(path).map_err(|error| wrong(error.to_string()))?;
        let columns = table.headers().map_err(|error| wrong(error.to_string()))?;
        if !["emotion", "pixels"]
            .iter()
            .all(|wanted| columns.iter().any(|column| column == *wanted))
        {
            return Err(wrong(
                columns
                    .iter()
                    .take(8)
                    .map(crate::au::brief)
                    .collect::<Vec<_>>()
                    .join(","),
            ));
        }
        Ok(Self {
            path: path.to_path_buf(),
            classes,
        })
    }

    fn file_name(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// The row as a sample, `None` if its emotion is no class here.
    fn sample(
        &self,
        number: usize,
        row: &Row,
        (at, length): (u64, u64),
    ) -> Result<Option<RawSample>, Error> {
        let expression = row
            .emotion
            .trim()
            .parse()
            .ok()
            .and_then(|code: usize| CODES.get(code).copied());
        let expression = expression.ok_or_else(|| {
            Error::parse(format!(
                "expected an emotion from 0 to 7, found '{}'",
                crate::au::brief(&row.emotion)
            ))
        })?;
        let Some(label) = self.classes.label_of(expression) else {
            return Ok(None);
        };
        square(&row.pixels)?;
        Ok(Some(RawSample {
            image: RawImage::Stored { at, length },
            path: format!("{}:{number}", self.file_name()),
            subject: -1,
            sequence: format!(
                "{}-{number}",
                if row.usage.is_empty() {
                    "row"
                } else {
                    row.usage.trim()
                }
            ),
            frame: 0,
            role: Role::Labelled,
            label,
            aus: AuCoding::NotCoded,
            landmarks: None,
            is_face: true,
            parts: Vec::new(),
        }))
    }
}

/// Grey values of a square image, separated by blanks.
fn square(text: &str) -> Result<(u32, Vec<u8>), Error> {
    let data: Vec<u8> = text
        .split_ascii_whitespace()
        .take(PIXELS_LIMIT + 1)
        .map(|word| {
            word.parse()
                .map_err(|_| Error::parse(format!("'{}' is no grey value", crate::au::brief(word))))
        })
        .collect::<Result<_, _>>()?;
    let side = data.len().isqrt();
    if side == 0 || side * side != data.len() || data.len() > PIXELS_LIMIT {
        return Err(Error::parse(format!(
            "{} pixels are no square image",
            data.len()
        )));
    }
    Ok((side as u32, data))
}

impl Source for PixelCsv {
    fn name(&self) -> &str {
        "pixel table"
    }

    fn root(&self) -> &Path {
        &self.path
    }

    fn synthetic(&self) -> bool {
        false
    }

    fn class_names(&self) -> Vec<String> {
        self.classes.names()
    }

    fn scan(&self) -> Result<Scan, Error> {
        let file = File::open(&self.path).map_err(Error::io(&self.path))?;
        let mut hashing = Hashing::new(file);
        let mut scan = Scan {
            samples: Vec::new(),
            skipped: Vec::new(),
            read: Vec::new(),
            folding: Folding::ByImage,
            notes: Vec::new(),
        };
        let mut table = csv::Reader::from_reader(&mut hashing);
        let headers = table.headers().cloned().unwrap_or_default();
        let mut record = csv::StringRecord::new();
        for at in 0.. {
            let start = table.position().byte();
            let row = match table.read_record(&mut record) {
                Ok(false) => break,
                Ok(true) => record.deserialize::<Row>(Some(&headers)),
                Err(error) => Err(error),
            };
            let place = (start, table.position().byte() - start);
            let sample = row
                .map_err(|error| Error::parse(error.to_string()))
                .and_then(|row| self.sample(at, &row, place));
            match sample {
                Ok(sample) => scan.samples.extend(sample),
                Err(error) => scan.skipped.push(Skipped::new(
                    format!("{}:{at}", self.file_name()),
                    error.reason(),
                )),
            }
        }
        drop(table);
        scan.read.push(ReadFile {
            path: self.file_name(),
            sha256: hashing.finish(),
        });
        if scan.samples.is_empty() {
            let reason = format!(
                "no row holds a usable image; {} are bad",
                scan.skipped.len()
            );
            return Err(Error::NothingLabelled {
                path: self.path.clone(),
                reason,
            });
        }
        Ok(scan)
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        let RawImage::Stored { at, length } = sample.image else {
            return Err(Error::parse("not a row of this table"));
        };
        let mut file = File::open(&self.path).map_err(Error::io(&self.path))?;
        file.seek(SeekFrom::Start(at))
            .map_err(Error::io(&self.path))?;
        let mut table =
            csv::Reader::from_path(&self.path).map_err(|e| Error::parse(e.to_string()))?;
        let headers = table
            .headers()
            .cloned()
            .map_err(|e| Error::parse(e.to_string()))?;
        let mut rows = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(file.take(length));
        let mut record = csv::StringRecord::new();
        rows.read_record(&mut record)
            .map_err(|e| Error::parse(e.to_string()))?;
        let row: Row = record
            .deserialize(Some(&headers))
            .map_err(|e| Error::parse(e.to_string()))?;
        let (side, pixels) = square(&row.pixels)?;
        Fetched::pixels(side, side, pixels)
    }
}

/// A reader that hashes what passes through it, so that a large table is read once.
struct Hashing {
    file: File,
    hash: sha2::Sha256,
}

impl Hashing {
    fn new(file: File) -> Self {
        Self {
            file,
            hash: sha2::Digest::new(),
        }
    }

    fn finish(self) -> [u8; 32] {
        sha2::Digest::finalize(self.hash).into()
    }
}

impl std::io::Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        sha2::Digest::update(&mut self.hash, &buffer[..count]);
        Ok(count)
    }
}
