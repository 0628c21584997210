//! Zip archives as folders: listed once, read entry by entry from any thread, never unpacked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zip::{CompressionMethod, ZipArchive};

use crate::error::Error;
use crate::read::file::Skipped;
use crate::read::name::{hidden, is_zip, join};

/// Most entries of an archive; CK+'s images are 11,000.
const ENTRIES_LIMIT: usize = 500_000;
/// Entries above this many bytes must not be packed more tightly than [`RATIO_LIMIT`].
const RATIO_FROM: u64 = 1 << 20;
/// Most bytes that one packed byte may become. Drawn flat images reach 100, zeros 1000.
const RATIO_LIMIT: u64 = 200;
/// Most bytes of a name, and most folders in it.
const NAME_LIMIT: usize = 4096;
const DEPTH_LIMIT: usize = 64;
/// Names that are listed of those that cannot be reached.
const REFUSED_LIMIT: usize = 100;

/// An archive, listed.
pub(crate) struct Archive {
    path: PathBuf,
    zip: ZipArchive<Bytes>,
    /// The names in each folder; the root is `""`.
    folders: BTreeMap<String, BTreeSet<String>>,
    files: HashMap<String, usize>,
    refused: Vec<Skipped>,
    /// How many there are, listed or not.
    refusals: usize,
}

impl Archive {
    /// Lists the archive `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if it is not there, [`Error::Archive`] if it is damaged or too large.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let length = file.metadata().map_err(Error::io(path))?.len();
        Self::list(path, Bytes::new(Place::File(Arc::new(file)), length))
    }

    /// Lists an archive in memory, called `path`.
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        Self::list(
            path,
            Bytes::new(Place::Memory(bytes.into()), bytes.len() as u64),
        )
    }

    fn list(path: &Path, mut bytes: Bytes) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Archive {
            path: path.to_path_buf(),
            reason,
        };
        check_counts(&mut bytes).map_err(wrong)?;
        let zip = ZipArchive::new(bytes).map_err(|error| wrong(error.to_string()))?;
        if zip.len() > ENTRIES_LIMIT {
            return Err(wrong(format!(
                "{} entries, more than the limit of {ENTRIES_LIMIT}",
                zip.len()
            )));
        }
        let mut archive = Self {
            path: path.to_path_buf(),
            folders: BTreeMap::from([(String::new(), BTreeSet::new())]),
            files: HashMap::new(),
            refused: Vec::new(),
            refusals: 0,
            zip,
        };
        archive.index();
        Ok(archive)
    }

    fn index(&mut self) {
        if self.zip.has_duplicate_names() {
            self.refuse("", "holds a name twice; the later entry counts");
        }
        for at in 0..self.zip.len() {
            let Ok(entry) = self.zip.by_index_data(at) else {
                continue;
            };
            let name = entry.name().map(|name| name.into_owned());
            let (is_folder, is_link) = (entry.is_dir(), entry.is_symlink());
            let name = match name {
                Ok(name) => name,
                Err(error) => {
                    self.refuse(&format!("entry {at}"), &error.to_string());
                    continue;
                }
            };
            let inner = name.trim_start_matches("./").trim_end_matches('/');
            if inner.is_empty()
                || inner.split('/').any(hidden) && !inner.split('/').any(|p| p == "..")
            {
                continue;
            }
            match unreachable(inner) {
                _ if is_link => self.refuse(&name, "a link, which is not followed"),
                Some(reason) => self.refuse(&name, reason),
                None if is_folder => self.add_folder(inner),
                None => {
                    let (folder, file) = inner.rsplit_once('/').unwrap_or(("", inner));
                    self.add_folder(folder);
                    self.folders
                        .entry(folder.to_owned())
                        .or_default()
                        .insert(file.to_owned());
                    self.files.insert(inner.to_owned(), at);
                }
            }
        }
    }

    /// Notes a folder and those above it, whether they have entries of their own or not.
    fn add_folder(&mut self, folder: &str) {
        let mut inner = folder;
        while !inner.is_empty() {
            let (parent, name) = inner.rsplit_once('/').unwrap_or(("", inner));
            self.folders.entry(inner.to_owned()).or_default();
            let names = self.folders.entry(parent.to_owned()).or_default();
            if !names.insert(name.to_owned()) {
                return;
            }
            inner = parent;
        }
    }

    fn refuse(&mut self, name: &str, reason: &str) {
        self.refusals += 1;
        if self.refused.len() < REFUSED_LIMIT {
            let archive = self.path.file_name().unwrap_or_default().to_string_lossy();
            self.refused
                .push(Skipped::new(join(&archive, name), reason));
        }
    }

    /// The archive's own path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Entries that cannot be reached, and why; the last one stands for all that are not listed.
    pub fn refused(&self) -> Vec<Skipped> {
        let archive = self.path.file_name().unwrap_or_default().to_string_lossy();
        let more = self.refusals - self.refused.len();
        let rest = (more > 0).then(|| {
            let reason =
                format!("{more} more entries that cannot be reached, for reasons like these");
            Skipped::new(archive.as_ref(), reason)
        });
        self.refused.iter().cloned().chain(rest).collect()
    }

    /// The first archive in this one, by name.
    pub fn inner_archive(&self) -> Option<PathBuf> {
        let inner = self.files.keys().filter(|name| is_zip(name)).min()?;
        Some(self.path.join(inner))
    }

    /// The names in a folder, sorted; `None` if there is no such folder.
    pub fn names(&self, folder: &str) -> Option<&BTreeSet<String>> {
        self.folders.get(folder)
    }

    /// Whether there is such a file.
    pub fn is_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The whole entry, `None` if there is none; never inflates further than `limit` bytes.
    pub fn read(&self, path: &str, limit: u64) -> Option<Result<Vec<u8>, Error>> {
        let inflated = || {
            let mut bytes = Vec::new();
            self.copy(path, limit, &mut bytes).map(|()| bytes)
        };
        self.is_file(path).then(inflated)
    }

    /// Inflates an entry into an unnamed temporary file, which goes when it is closed.
    pub fn open_file(&self, path: &str, limit: u64) -> Option<Result<File, Error>> {
        let place = std::env::temp_dir();
        let inflated = || {
            let mut file = tempfile::tempfile().map_err(Error::io(&place))?;
            self.copy(path, limit, &mut file)?;
            file.rewind().map_err(Error::io(&place))?;
            Ok(file)
        };
        self.is_file(path).then(inflated)
    }

    fn copy(&self, path: &str, limit: u64, to: &mut dyn Write) -> Result<(), Error> {
        let at = self.files.get(path).copied().unwrap_or(usize::MAX);
        let path = self.path.join(path);
        self.copy_entry(at, limit, to)
            .map_err(|failure| match failure {
                Failure::TooLarge => Error::TooLarge { path, limit },
                Failure::Bad(reason) => Error::Archive { path, reason },
            })
    }

    fn copy_entry(&self, at: usize, limit: u64, to: &mut dyn Write) -> Result<(), Failure> {
        let bad = |error: &dyn std::fmt::Display| Failure::Bad(error.to_string());
        let mut zip = self.zip.clone();
        {
            let entry = zip.by_index_data(at).map_err(|e| bad(&e))?;
            if entry.encrypted() {
                return Err(bad(
                    &"it is encrypted; unpack the archive with its password and name the folder",
                ));
            }
            let method = entry.compression();
            if !matches!(
                method,
                CompressionMethod::Stored | CompressionMethod::Deflated
            ) {
                return Err(bad(&format!(
                    "it is packed by {method}, which is not read; unpack the archive and name the folder"
                )));
            }
            if entry.size() > limit {
                return Err(Failure::TooLarge);
            }
            if entry.size() > RATIO_FROM && entry.size() / RATIO_LIMIT > entry.compressed_size() {
                return Err(bad(&format!(
                    "{} bytes become {}: more than {RATIO_LIMIT} times as many are not inflated; unpack the archive and name the folder",
                    entry.compressed_size(),
                    entry.size()
                )));
            }
        }
        let entry = zip.by_index(at).map_err(|e| bad(&e))?;
        let copied = io::copy(&mut entry.take(limit.saturating_add(1)), to).map_err(|e| bad(&e))?;
        if copied > limit {
            Err(Failure::TooLarge)
        } else {
            Ok(())
        }
    }
}

enum Failure {
    TooLarge,
    Bad(String),
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Archive({}, {} files)",
            self.path.display(),
            self.files.len()
        )
    }
}

/// Why an entry's name is not one that a tree of files can have.
fn unreachable(name: &str) -> Option<&'static str> {
    let drive = name.as_bytes().get(1) == Some(&b':');
    if name.starts_with('/') || drive {
        return Some("an absolute path, which is not followed");
    }
    if name.contains('\\') || name.contains('\0') {
        return Some(
            "a name with a backslash or a zero byte: unpack the archive and name its folder",
        );
    }
    if name.len() > NAME_LIMIT || name.split('/').count() > DEPTH_LIMIT {
        return Some("an absurdly long or deep name");
    }
    let odd = name.split('/').any(|part| matches!(part, "" | "." | ".."));
    odd.then_some("a path that leads out of the archive, which is not followed")
}

/// The crate reserves memory for as many entries as the archive says it has, so that number is held against the length of
/// the file first. It stands in the end record, or, for large archives, in the one of zip64.
fn check_counts(bytes: &mut Bytes) -> Result<(), String> {
    const END: &[u8] = b"PK\x05\x06";
    const END_64: &[u8] = b"PK\x06\x06";
    let most = bytes.length / 46;
    let tail = bytes.length.min(1 << 17);
    let mut last = vec![0; tail as usize];
    let read = |bytes: &mut Bytes, last: &mut Vec<u8>| {
        bytes.seek(SeekFrom::End(-(tail as i64)))?;
        bytes.read_exact(last)
    };
    read(bytes, &mut last).map_err(|error| error.to_string())?;
    if !last.windows(4).any(|w| w == END) {
        let reason = "it has no directory at its end: cut off (fetch it again), or no zip archive (unpack it and name the folder)";
        return Err(reason.to_owned());
    }
    for (at, _) in last.windows(4).enumerate().filter(|(_, w)| *w == END_64) {
        let number = |from: usize| {
            let word = last.get(at + from..).and_then(|rest| rest.first_chunk());
            word.map_or(0, |word| u64::from_le_bytes(*word))
        };
        if number(24) > most || number(32) > most {
            return Err(format!(
                "it says it has {} entries, but is too short for them",
                number(32)
            ));
        }
    }
    Ok(())
}

/// An archive's bytes, read by position, so that clones read at the same time without a lock.
struct Bytes {
    place: Place,
    length: u64,
    at: u64,
    /// What was read last, since directories are read in small pieces.
    buffer: Vec<u8>,
    buffer_at: u64,
}

#[derive(Clone)]
enum Place {
    File(Arc<File>),
    Memory(Arc<[u8]>),
}

const BUFFER: usize = 32 << 10;

impl Bytes {
    fn new(place: Place, length: u64) -> Self {
        Self {
            place,
            length,
            at: 0,
            buffer: Vec::new(),
            buffer_at: 0,
        }
    }
}

impl Clone for Bytes {
    fn clone(&self) -> Self {
        Self::new(self.place.clone(), self.length)
    }
}

impl Place {
    fn read_at(&self, to: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::File(file) => read_file_at(file, to, at),
            Self::Memory(bytes) => {
                let rest = bytes
                    .get(usize::try_from(at).unwrap_or(usize::MAX)..)
                    .unwrap_or_default();
                let count = rest.len().min(to.len());
                to[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
        }
    }
}

#[cfg(unix)]
fn read_file_at(file: &File, to: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, to, at)
}

#[cfg(windows)]
fn read_file_at(file: &File, to: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, to, at)
}

impl Read for Bytes {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let inside = |from: u64, length: usize, at: u64| at >= from && at < from + length as u64;
        if to.len() >= BUFFER && !inside(self.buffer_at, self.buffer.len(), self.at) {
            let count = self.place.read_at(to, self.at)?;
            self.at += count as u64;
            return Ok(count);
        }
        if !inside(self.buffer_at, self.buffer.len(), self.at) {
            self.buffer.resize(BUFFER, 0);
            let count = self.place.read_at(&mut self.buffer, self.at)?;
            self.buffer.truncate(count);
            self.buffer_at = self.at;
        }
        let rest = &self.buffer[((self.at - self.buffer_at) as usize).min(self.buffer.len())..];
        let count = rest.len().min(to.len());
        to[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Bytes {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
