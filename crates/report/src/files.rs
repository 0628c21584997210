//! Reading a run folder so that every missing or damaged file becomes a sentence, not a failure.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;

use crate::Error;

/// Largest JSON or CSV file read: 256 MiB, above the table of a hundred thousand images.
const MAX_TEXT: u64 = 256 << 20;
/// All pictures together, before base64 makes them a third larger: keeps the page under 15 MB.
const MAX_PICTURES: u64 = 10 << 20;

/// Why a part of the report cannot be shown.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    /// The file, relative to the run folder.
    pub file: String,
    /// What is wrong with it; `None` if it is simply not there.
    pub damage: Option<String>,
    /// How to get it.
    pub remedy: &'static str,
}

/// A part of the run, or why it cannot be shown.
pub(crate) type Part<T> = Result<T, Gap>;

/// A run folder being read.
pub(crate) struct RunFolder {
    root: PathBuf,
    pictures_left: AtomicU64,
}

impl RunFolder {
    /// Opens a run folder.
    ///
    /// # Errors
    /// [`Error::NoRun`] if it is no folder.
    pub fn open_run(root: &Path) -> Result<Self, Error> {
        let no_run = |reason: String| Error::NoRun {
            path: root.to_path_buf(),
            reason,
        };
        match std::fs::metadata(root) {
            Ok(metadata) if metadata.is_dir() => Ok(Self::new(root)),
            Ok(_) => Err(no_run("it is a file".to_owned())),
            Err(error) => Err(no_run(error.to_string())),
        }
    }

    fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            pictures_left: AtomicU64::new(MAX_PICTURES),
        }
    }

    /// Parses a JSON file.
    pub fn json<T: DeserializeOwned>(&self, file: &str, remedy: &'static str) -> Part<T> {
        let bytes = self.bytes(file, MAX_TEXT, remedy)?;
        serde_json::from_slice(&bytes).map_err(|error| damaged(file, error.to_string(), remedy))
    }

    /// Parses a CSV file with a header.
    pub fn table<T: DeserializeOwned>(&self, file: &str, remedy: &'static str) -> Part<Vec<T>> {
        let bytes = self.bytes(file, MAX_TEXT, remedy)?;
        let rows = csv::Reader::from_reader(bytes.as_slice()).into_deserialize();
        let rows: Result<Vec<T>, csv::Error> = rows.collect();
        rows.map_err(|error| damaged(file, error.to_string(), remedy))
    }

    /// A file of the run, open for reading.
    pub fn open(&self, file: &str, remedy: &'static str) -> Part<File> {
        File::open(self.root.join(file)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => missing(file, remedy),
            _ => damaged(file, error.to_string(), remedy),
        })
    }

    /// Whether there is such a file.
    pub fn has(&self, file: &str) -> bool {
        self.root.join(file).is_file()
    }

    /// A PNG of the run as a `data:` URI, as long as all pictures together stay within their limit.
    pub fn picture(&self, file: &str, remedy: &'static str) -> Part<String> {
        let bytes = self.bytes(file, MAX_PICTURES, remedy)?;
        if !bytes.starts_with(PNG) {
            return Err(damaged(file, "it is not a PNG file".to_owned(), remedy));
        }
        self.embed("image/png", &bytes)
            .ok_or_else(|| damaged(file, self.too_large(bytes.len()), remedy))
    }

    /// A large PNG of the run in as few bytes as show it: as JPEG where that is smaller, shrunk to `widest` pixels.
    /// Does not count as embedded yet.
    pub fn compact(&self, file: &str, widest: u32, remedy: &'static str) -> Part<Compact> {
        let bytes = self.bytes(file, MAX_PICTURES, remedy)?;
        let limits = image_limits();
        let mut reader = image::ImageReader::new(std::io::Cursor::new(&bytes));
        reader.set_format(image::ImageFormat::Png);
        reader.limits(limits);
        let picture = reader.decode();
        let picture = picture.map_err(|error| damaged(file, error.to_string(), remedy))?;
        Ok(Compact::of(picture, bytes, widest))
    }

    /// Bytes as a `data:` URI; `None` once all pictures together would pass their limit.
    pub fn embed(&self, kind: &str, bytes: &[u8]) -> Option<String> {
        let left = self.pictures_left().checked_sub(bytes.len() as u64)?;
        self.pictures_left.store(left, Ordering::Relaxed);
        Some(format!("data:{kind};base64,{}", STANDARD.encode(bytes)))
    }

    /// Bytes that pictures may still take.
    pub fn pictures_left(&self) -> u64 {
        self.pictures_left.load(Ordering::Relaxed)
    }

    /// Says that a picture has no room on the page any more.
    pub fn no_room(&self, file: &str) -> Gap {
        let left = self.pictures_left();
        damaged(
            file,
            format!("{left} bytes are left for pictures on one page, too few for it"),
            "",
        )
    }

    fn too_large(&self, size: usize) -> String {
        let left = self.pictures_left();
        format!("its {size} bytes are more than the {left} left for pictures on one page")
    }

    /// Names of the folders in `folder`, ascending; numbers by value.
    pub fn folders(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(folder))
            .into_iter()
            .flatten();
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort_by_key(|name| (name.parse::<u64>().unwrap_or(u64::MAX), name.clone()));
        names
    }

    fn bytes(&self, file: &str, limit: u64, remedy: &'static str) -> Part<Vec<u8>> {
        let path = self.root.join(file);
        let size = match std::fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(missing(file, remedy));
            }
            Err(error) => return Err(damaged(file, error.to_string(), remedy)),
        };
        if size > limit {
            let reason = format!("its {size} bytes are more than the {limit} left for it here");
            return Err(damaged(file, reason, remedy));
        }
        std::fs::read(&path).map_err(|error| damaged(file, error.to_string(), remedy))
    }
}

pub(crate) fn missing(file: &str, remedy: &'static str) -> Gap {
    Gap {
        file: file.to_owned(),
        damage: None,
        remedy,
    }
}

pub(crate) fn damaged(file: &str, reason: String, remedy: &'static str) -> Gap {
    Gap {
        file: file.to_owned(),
        damage: Some(reason),
        remedy,
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A picture reduced to what a page needs.
pub(crate) struct Compact {
    pub kind: &'static str,
    pub bytes: Vec<u8>,
    pub width: u32,
}

impl Compact {
    /// JPEG at this quality keeps patches free of visible blocks.
    const QUALITY: u8 = 85;

    fn of(picture: image::DynamicImage, original: Vec<u8>, widest: u32) -> Self {
        let shrunk = match picture.width() > widest {
            true => picture.resize(widest, u32::MAX, image::imageops::FilterType::CatmullRom),
            false => picture,
        };
        let mut jpeg = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, Self::QUALITY);
        let encoded = match shrunk.color().has_color() {
            true => shrunk.to_rgb8().write_with_encoder(encoder),
            false => shrunk.to_luma8().write_with_encoder(encoder),
        };
        let width = shrunk.width();
        let (kind, bytes) = match encoded.is_ok() && jpeg.len() < original.len() {
            true => ("image/jpeg", jpeg),
            false => ("image/png", original),
        };
        Self { kind, bytes, width }
    }
}

/// A forged picture must not take the memory.
fn image_limits() -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(256 << 20);
    limits
}
