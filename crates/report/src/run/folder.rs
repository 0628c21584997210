//! Reads a run folder: a missing or damaged file becomes a sentence on the page, not a failure.

use std::io::Cursor;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use csv::StringRecord;
use faus_base::table::Table;
use faus_base::text;
use image::{DynamicImage, ImageFormat, ImageReader};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::errors::Error;

/// Size limit of a JSON or CSV file: 256 MiB, above the table of a hundred thousand images.
const MAX_TEXT: u64 = 256 << 20;
/// Size limit of all pictures together, before base64 adds a third: keeps the page under 15 MB.
const MAX_PICTURES: u64 = 10 << 20;
/// Memory limit for decoding a picture, against malicious files.
const MAX_DECODED: u64 = 256 << 20;

// The commands that write a missing file, as sentences.
pub(crate) const RERUN: &str =
    "`faus run EXPERIMENT.json --resume` finishes the run and writes it.";
pub(crate) const ANALYSE: &str = "`faus analyse` writes it.";
pub(crate) const PREPARE: &str = "`faus data prepare` or `faus run` writes it.";
pub(crate) const VISUALIZE: &str = "`faus visualize RUN --out RUN/viz/conv3` writes it.";
pub(crate) const CORRELATE: &str = "`faus correlate --activations A.npy --samples RUN/dataset/samples.csv --out RUN/fau` writes it; it needs samples coded for action units.";

/// Why a part of the report cannot be shown.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    /// The file, relative to the run folder.
    pub file: String,
    /// What is wrong with it; `None` if it is missing.
    pub damage: Option<String>,
    /// How to obtain it.
    pub remedy: &'static str,
}

impl Gap {
    pub fn missing(file: &str, remedy: &'static str) -> Self {
        Self {
            file: file.to_owned(),
            damage: None,
            remedy,
        }
    }

    pub fn damaged(file: &str, reason: impl ToString, remedy: &'static str) -> Self {
        Self {
            damage: Some(reason.to_string()),
            ..Self::missing(file, remedy)
        }
    }

    pub fn unread(file: &str, error: std::io::Error, remedy: &'static str) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::missing(file, remedy),
            _ => Self::damaged(file, error, remedy),
        }
    }
}

/// A part of the run, or why it cannot be shown.
pub(crate) type Part<T> = Result<T, Gap>;

/// The contents of a file; empty, with the reason, where it cannot be read.
pub(crate) struct Contents<T> {
    value: T,
    pub gap: Option<Gap>,
}

impl<T: Default> From<Part<T>> for Contents<T> {
    fn from(part: Part<T>) -> Self {
        let (value, gap) = match part {
            Ok(value) => (value, None),
            Err(gap) => (T::default(), Some(gap)),
        };
        Self { value, gap }
    }
}

impl<T> Deref for Contents<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Contents<T> {
    /// Why the file cannot be read, if it exists.
    pub fn damage(&self) -> Option<&Gap> {
        self.gap.as_ref().filter(|gap| gap.damage.is_some())
    }
}

/// Header and rows of a CSV file.
type Records = (StringRecord, Vec<StringRecord>);

/// A run folder being read, or a folder that `faus correlate` wrote.
pub(crate) struct RunFolder {
    root: PathBuf,
    /// The folder holds what a run has in `fau/`, and nothing else.
    pub correlated: bool,
    /// The folder is that of `faus analyse`: a network from a file, which was not trained here.
    pub analysed: bool,
    pictures_left: AtomicU64,
}

impl RunFolder {
    /// Opens a run folder.
    ///
    /// # Errors
    /// [`Error::NoRun`] if it is not a folder.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let path = root.to_path_buf();
        let found = std::fs::metadata(root).and_then(|kind| match kind.is_dir() {
            true => Ok(()),
            false => Err(std::io::Error::other("it is a file")),
        });
        found.map_err(|source| Error::NoRun {
            path: path.clone(),
            source,
        })?;
        let has = |file: &str| root.join(file).exists();
        Ok(Self {
            correlated: has("fau.json") && !has("config.json") && !has("summary.json"),
            analysed: has("network.json") && !has("config.json"),
            root: path,
            pictures_left: AtomicU64::new(MAX_PICTURES),
        })
    }

    /// Parses a JSON file.
    pub fn json<T: DeserializeOwned>(&self, file: &str, remedy: &'static str) -> Part<T> {
        let bytes = self.bytes(file, MAX_TEXT, remedy)?;
        text::json(&bytes).map_err(|error| Gap::damaged(file, error, remedy))
    }

    /// Parses a CSV file with a header.
    pub fn table<T: DeserializeOwned>(&self, file: &str, remedy: &'static str) -> Part<Vec<T>> {
        let bytes = self.bytes(file, MAX_TEXT, remedy)?;
        let rows = Table::open(&bytes).and_then(|table| table.rows().collect());
        rows.map_err(|fault| Gap::damaged(file, fault, remedy))
    }

    /// The rows of a CSV file as objects; cells that read as numbers are numbers, `NaN` is null.
    pub fn rows(&self, file: &str, remedy: &'static str) -> Part<Vec<Value>> {
        let (header, rows) = self.records(file, remedy)?;
        let object = |row: &StringRecord| header.iter().zip(row.iter().map(value)).collect();
        Ok(rows.iter().map(object).collect())
    }

    /// Header and rows of a CSV file, unchanged.
    pub fn records(&self, file: &str, remedy: &'static str) -> Part<Records> {
        let bytes = self.bytes(file, MAX_TEXT, remedy)?;
        let damaged = |fault| Gap::damaged(file, fault, remedy);
        let table = Table::open(&bytes).map_err(damaged)?;
        let header = table.header().clone();
        let rows = table.records().map(|row| Ok(row?.cells));
        Ok((header, rows.collect::<Result<_, _>>().map_err(damaged)?))
    }

    /// The path of a file or folder of the run.
    pub fn path(&self, file: &str) -> PathBuf {
        let inside = Path::new(file).strip_prefix("fau");
        match inside.ok().filter(|_| self.correlated) {
            Some(file) => self.root.join(file),
            None => self.root.join(file),
        }
    }

    /// A PNG of the run, unchanged, as a `data:` URI; `None` if it cannot be shown.
    pub fn png(&self, file: &str) -> Option<String> {
        let bytes = self.bytes(file, MAX_PICTURES, "").ok()?;
        let png = bytes.starts_with(b"\x89PNG\r\n\x1a\n");
        png.then(|| self.embed("image/png", &bytes))?
    }

    /// A large PNG of the run, compressed: as JPEG if that is smaller, shrunk to `widest` pixels. Not yet counted as
    /// embedded.
    pub fn compact(&self, file: &str, widest: u32, remedy: &'static str) -> Part<Compact> {
        let bytes = self.bytes(file, MAX_PICTURES, remedy)?;
        let mut limits = image::Limits::default();
        limits.max_alloc = Some(MAX_DECODED);
        let mut reader = ImageReader::with_format(Cursor::new(&bytes), ImageFormat::Png);
        reader.limits(limits);
        let picture = reader.decode();
        let picture = picture.map_err(|error| Gap::damaged(file, error, remedy))?;
        Ok(Compact::of(picture, bytes, widest))
    }

    /// Bytes as a `data:` URI; `None` if all pictures together would exceed their limit.
    pub fn embed(&self, kind: &str, bytes: &[u8]) -> Option<String> {
        let left = self.pictures_left().checked_sub(bytes.len() as u64)?;
        self.pictures_left.store(left, Ordering::Relaxed);
        Some(format!("data:{kind};base64,{}", STANDARD.encode(bytes)))
    }

    /// Takes the room of a large text, which is not encoded, from that of the pictures.
    pub fn make_room(&self, text: usize) {
        let left = self.pictures_left().saturating_sub(text as u64 * 3 / 4);
        self.pictures_left.store(left, Ordering::Relaxed);
    }

    /// Bytes left for pictures.
    pub fn pictures_left(&self) -> u64 {
        self.pictures_left.load(Ordering::Relaxed)
    }

    /// Names of the files and folders in `folder`, ascending; numbers by value.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder));
        let entries = entries.into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort_by_key(|name| (name.parse::<u64>().unwrap_or(u64::MAX), name.clone()));
        names
    }

    fn bytes(&self, file: &str, limit: u64, remedy: &'static str) -> Part<Vec<u8>> {
        let path = self.path(file);
        let unread = |error| Gap::unread(file, error, remedy);
        let size = std::fs::metadata(&path).map_err(unread)?.len();
        if size > limit {
            let reason = format!("its {size} bytes are more than the {limit} left for it here");
            return Err(Gap::damaged(file, reason, remedy));
        }
        std::fs::read(&path).map_err(unread)
    }
}

fn value(cell: &str) -> Value {
    let number = || cell.parse::<f64>().ok().map(Value::from);
    let whole = cell.parse::<u64>().ok().map(Value::from);
    whole.or_else(number).unwrap_or_else(|| cell.into())
}

/// A picture, compressed for the page.
pub(crate) struct Compact {
    pub kind: &'static str,
    pub bytes: Vec<u8>,
    /// Width of the file's picture.
    pub width: u32,
}

impl Compact {
    /// A JPEG quality without visible blocks in patches, which are drawn enlarged.
    const QUALITY: u8 = 75;

    fn of(mut shrunk: DynamicImage, original: Vec<u8>, widest: u32) -> Self {
        let width = shrunk.width();
        if width > widest {
            shrunk = shrunk.resize(widest, u32::MAX, image::imageops::FilterType::CatmullRom);
        }
        let mut jpeg = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, Self::QUALITY);
        let encoded = match shrunk.color().has_color() {
            true => shrunk.to_rgb8().write_with_encoder(encoder),
            false => shrunk.to_luma8().write_with_encoder(encoder),
        };
        let (kind, bytes) = match encoded.is_ok() && jpeg.len() < original.len() {
            true => ("image/jpeg", jpeg),
            false => ("image/png", original),
        };
        Self { kind, bytes, width }
    }
}
