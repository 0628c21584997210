//! Reading with limits, and digests of the files read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use faus_base::text::composed;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::read::name::hidden;

/// Maximum size in bytes of a label or landmark file: 68 landmarks take under 3 KiB.
pub(crate) const TEXT_LIMIT: u64 = 64 << 10;
/// Maximum size in bytes of an image file.
pub(crate) const IMAGE_LIMIT: u64 = 64 << 20;

/// One file that a data set was read from: its path relative to the root, with `/`, and the SHA-256 of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadFile {
    /// Relative path.
    pub path: String,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
}

impl ReadFile {
    /// The file at `path` with these `bytes`.
    pub fn new(path: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            // Composed, so that copies on different systems have one digest.
            path: composed(&path.into()).into_owned(),
            sha256: Sha256::digest(bytes).into(),
        }
    }
}

/// A skipped input, with the reason: an entry of `dataset.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Path relative to the source's root.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
    /// Images lost with it, where it stands for several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<usize>,
}

impl Skipped {
    /// The input at `path`, left out for `reason`.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
            images: None,
        }
    }

    /// An entry for this many images.
    #[must_use]
    pub fn of_images(mut self, images: usize) -> Self {
        self.images = Some(images);
        self
    }

    /// Inputs that the entries stand for.
    pub fn count(skipped: &[Self]) -> usize {
        skipped.iter().map(|entry| entry.images.unwrap_or(1)).sum()
    }
}

/// Opens a regular file of at most `limit` bytes; anything else is an error before opening, since opening a named pipe
/// blocks for ever.
pub(crate) fn open_file(path: &Path, limit: u64) -> Result<File, Error> {
    let found = std::fs::metadata(path).map_err(|error| {
        // Names are kept as text, where this character replaces bytes that are not UTF-8.
        let lossy = path.to_string_lossy().contains(char::REPLACEMENT_CHARACTER);
        Error::io(path)(match lossy {
            true => io::Error::other("its name is not UTF-8: rename it"),
            false => error,
        })
    })?;
    match found.len() {
        _ if !found.is_file() => Err(Error::io(path)(io::Error::other("not a file"))),
        bytes if bytes > limit => Err(Error::too_large(path, limit)),
        _ => File::open(path).map_err(Error::io(path)),
    }
}

/// The whole file; an error above `limit` bytes, which is the most ever read.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut file = open_file(path, limit)?.take(limit + 1);
    file.read_to_end(&mut bytes).map_err(Error::io(path))?;
    match bytes.len() as u64 > limit {
        true => Err(Error::too_large(path, limit)),
        false => Ok(bytes),
    }
}

/// The text of a file without the byte order mark that some editors put before it.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_start_matches('\u{feff}').to_owned()
}

/// One digest over all files that were read: SHA-256 over, in order of path, the path, a zero byte and the SHA-256 of
/// the bytes. Files can be read in any order, and none needs to be kept.
pub(crate) fn digest(mut files: Vec<ReadFile>) -> String {
    files.sort_unstable();
    files.dedup();
    let mut hash = Sha256::new();
    for file in &files {
        hash.update(file.path.as_bytes());
        hash.update([0]);
        hash.update(file.sha256);
    }
    faus_base::digest::hex(&hash.finalize())
}

/// The names in a folder that are not hidden, sorted.
pub(crate) fn visible_names(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let name = entry.map_err(Error::io(folder))?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.retain(|name| !hidden(name));
    names.sort_unstable();
    Ok(names)
}

/// A reader that hashes what it reads, so that a large file is read once.
pub(crate) struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    pub fn new(inner: R) -> Self {
        let hash = Sha256::new();
        Self { inner, hash }
    }

    /// The SHA-256 of the bytes read.
    pub fn sha256(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_ignores_the_order_of_reading() {
        let (a, b) = (ReadFile::new("a", b"1"), ReadFile::new("b", b"2"));
        let both = digest(vec![a.clone(), b.clone()]);
        assert_eq!(both, digest(vec![b.clone(), a.clone(), a.clone()]));
        assert_ne!(both, digest(vec![a, ReadFile::new("b", b"3")]));
        assert_eq!(both.len(), 64);
    }

    #[test]
    #[cfg(unix)]
    fn refuses_what_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [dir.path(), &socket] {
            let error = read_bounded(path, 10).unwrap_err().to_string();
            assert!(error.contains("not a file"), "{error}");
        }
    }

    #[test]
    fn refuses_what_is_too_large() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, [0; 11]).unwrap();
        assert_eq!(read_bounded(&path, 11).unwrap().len(), 11);
        let error = read_bounded(&path, 10).unwrap_err().to_string();
        assert!(error.contains("limit of 10 bytes"), "{error}");
    }
}
