//! Reading a run folder so that every missing or damaged file becomes a sentence, not a failure.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;

/// Largest JSON or CSV file read: 64 MiB, far above what any run writes.
const MAX_TEXT: u64 = 64 << 20;
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

impl Gap {
    /// The remedy in pieces; `true` marks what stands between backticks, code.
    pub fn remedy_pieces(&self) -> impl Iterator<Item = (bool, &'static str)> {
        let pieces = self.remedy.split('`').enumerate();
        pieces.map(|(at, piece)| (at % 2 == 1, piece))
    }
}

/// A part of the run, or why it cannot be shown.
pub(crate) type Part<T> = Result<T, Gap>;

/// A run folder being read.
pub(crate) struct RunFolder {
    root: PathBuf,
    pictures_left: u64,
}

impl RunFolder {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            pictures_left: MAX_PICTURES,
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

    /// Loads a PNG or SVG as a `data:` URI, as long as all pictures together stay within their limit.
    pub fn picture(&mut self, file: &str, remedy: &'static str) -> Part<String> {
        let bytes = self.bytes(file, self.pictures_left, remedy)?;
        let kind = match bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            true => "image/png",
            false if file.ends_with(".svg") => "image/svg+xml",
            false => return Err(damaged(file, "it is not a PNG file".to_owned(), remedy)),
        };
        self.pictures_left -= bytes.len() as u64;
        Ok(format!("data:{kind};base64,{}", STANDARD.encode(bytes)))
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
