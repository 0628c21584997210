//! Reading with limits, and the digest of what was read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::read::name::hidden;

/// Most bytes of a label or landmark file: 68 landmarks take under 3 KiB.
pub(crate) const TEXT_LIMIT: u64 = 64 << 10;
/// Most bytes of an image file.
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
    pub(crate) fn new(path: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            path: path.into(),
            sha256: Sha256::digest(bytes).into(),
        }
    }
}

/// An input that was left out, and why: an entry of `dataset.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Path relative to the source's root.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Skipped {
    pub(crate) fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }
}

/// A file open for reading. What is no file is refused before it is opened: opening a named pipe would wait for ever.
pub(crate) fn open_file(path: &Path) -> Result<File, Error> {
    let kind = std::fs::metadata(path).map_err(|error| {
        // Names are kept as text, in which this stands for what is none.
        let lossy = path.to_string_lossy().contains(char::REPLACEMENT_CHARACTER);
        Error::io(path)(match lossy {
            true => std::io::Error::other("its name is not UTF-8: rename it"),
            false => error,
        })
    })?;
    if !kind.is_file() {
        return Err(Error::io(path)(std::io::Error::other("not a file")));
    }
    File::open(path).map_err(Error::io(path))
}

/// The whole file, or an error if it is larger than `limit`; never reads further than that.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let file = open_file(path)?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io(path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge {
            path: path.to_path_buf(),
            limit,
        });
    }
    Ok(bytes)
}

/// The text of a file; what some editors put before it, a byte order mark, is no part of it.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_start_matches('\u{feff}').to_owned()
}

/// One digest over all files that were read: SHA-256 over, in order of path, the path, a zero byte and the SHA-256 of
/// the bytes. Hashing each file by itself lets files be read in any order and none be kept.
pub(crate) fn digest(mut files: Vec<ReadFile>) -> String {
    files.sort_unstable();
    files.dedup();
    let mut hash = Sha256::new();
    for file in &files {
        hash.update(file.path.as_bytes());
        hash.update([0]);
        hash.update(file.sha256);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The names in a folder that are not hidden, sorted. `.DS_Store`, `._x` and their like never get further than here.
pub(crate) fn visible_names(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let name = entry
            .map_err(Error::io(folder))?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if !hidden(&name) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
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
        assert!(matches!(
            read_bounded(&path, 10),
            Err(Error::TooLarge { limit: 10, .. })
        ));
    }
}
