//! Zip archives as folders: listed once, read entry by entry from any thread, never unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use sync_file::{ReadAt, Size, SyncFile};
use zip::read::ZipFileEntry;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::error::Error;
use crate::read::file::Skipped;
use crate::read::name::{hidden, is_zip, join, split};

/// Maximum number of entries of an archive; CK+'s images are 11,000.
const ENTRIES_LIMIT: usize = 500_000;
/// Entries above this many bytes must not be packed more tightly than [`RATIO_LIMIT`].
const RATIO_FROM: u64 = 1 << 20;
/// Maximum expansion of one packed byte. Drawn flat images reach 100, zeros 1000.
const RATIO_LIMIT: u64 = 200;
/// Maximum length of a name in bytes, and maximum folder depth.
const NAME_LIMIT: usize = 4096;
const DEPTH_LIMIT: usize = 64;
/// Unreachable entries that are listed.
const REFUSED_LIMIT: usize = 100;

/// What is wrong with an archive or an entry of one, without its path.
type Wrong = Box<dyn std::error::Error>;

/// An archive, listed.
#[derive(Debug)]
pub(crate) struct Archive {
    zip: ZipArchive<SyncFile>,
    /// The names in each folder; the root is `""`.
    pub folders: BTreeMap<String, BTreeSet<String>>,
    /// The place of each file among the entries.
    pub files: BTreeMap<String, usize>,
    /// Entries that cannot be reached, and why; a last one counts those that are not listed.
    pub refused: Vec<Skipped>,
}

impl Archive {
    /// Lists the archive `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if it is not there, [`Error::Unusable`] if it is damaged or too large.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = SyncFile::open(path).map_err(Error::io(path))?;
        let wrong = |reason| format!("not a usable zip archive: {reason}");
        let zip = directory(file).map_err(|reason| Error::unusable(path, wrong(reason)))?;
        let mut archive = Self {
            folders: BTreeMap::from([(String::new(), BTreeSet::new())]),
            files: BTreeMap::new(),
            refused: Vec::new(),
            zip,
        };
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let entries = (0..archive.zip.len()).filter_map(|at| archive.index(at).err());
        let mut refused = Vec::from_iter(entries);
        if archive.zip.has_duplicate_names() {
            let twice = "holds a name twice; the later entry counts";
            refused.insert(0, Skipped::new("", twice));
        }
        let more = refused.len().saturating_sub(REFUSED_LIMIT);
        refused.truncate(REFUSED_LIMIT);
        if more > 0 {
            let reason = "more entries that cannot be reached, for reasons like these";
            refused.push(Skipped::new("", format!("{more} {reason}")));
        }
        for entry in &mut refused {
            entry.path = join(&file_name, &entry.path);
        }
        archive.refused = refused;
        Ok(archive)
    }

    /// Notes entry `at`.
    ///
    /// # Errors
    /// Why it cannot be reached.
    fn index(&mut self, at: usize) -> Result<(), Skipped> {
        let Ok(entry) = self.zip.by_index_data(at) else {
            return Ok(());
        };
        let (is_folder, is_link) = (entry.is_dir(), entry.is_symlink());
        let wrong = |error: ZipError| Skipped::new(format!("entry {at}"), error.to_string());
        // Windows' own archives have backslashes between folders.
        let name = entry.name().map_err(wrong)?.replace('\\', "/");
        let inner = name.trim_start_matches("./").trim_end_matches('/');
        let mut parts = inner.split('/');
        if inner.is_empty() || parts.clone().any(hidden) && !parts.any(|part| part == "..") {
            return Ok(());
        }
        let link = is_link.then_some("a link, which is not followed");
        if let Some(reason) = link.or_else(|| unreachable(inner)) {
            return Err(Skipped::new(name, reason));
        }
        if is_folder {
            self.folders.entry(inner.to_owned()).or_default();
        } else {
            self.files.insert(inner.to_owned(), at);
        }
        self.add(inner);
        Ok(())
    }

    /// Adds a path to its folder, and the folders above, which may have no entries.
    fn add(&mut self, path: &str) {
        let (parent, name) = split(path);
        let names = self.folders.entry(parent.to_owned()).or_default();
        if names.insert(name.to_owned()) && !parent.is_empty() {
            self.add(parent);
        }
    }

    /// The first archive in this one, by name.
    pub fn inner_archive(&self) -> Option<&String> {
        self.files.keys().find(|name| is_zip(name))
    }

    /// Inflates an entry into an unnamed temporary file, which disappears when it is closed.
    pub fn open_file(&self, path: &str, place: &Path, limit: u64) -> Result<File, Error> {
        let mut file = tempfile::tempfile().map_err(Error::io(&std::env::temp_dir()))?;
        self.inflate(path, place, limit, &mut file)?;
        file.rewind().map_err(Error::io(place))?;
        Ok(file)
    }

    /// Writes the entry `path`, at most `limit` bytes; `place` goes into messages.
    pub fn inflate(
        &self,
        path: &str,
        place: &Path,
        limit: u64,
        to: &mut dyn Write,
    ) -> Result<(), Error> {
        let at = self.files.get(path);
        let at = at.ok_or_else(|| Error::not_found(place))?;
        let wrong = |reason| format!("not readable in its archive: {reason}");
        let bytes = self.copy(*at, limit, to);
        match bytes.map_err(|reason| Error::unusable(place, wrong(reason)))? {
            bytes if bytes > limit => Err(Error::too_large(place, limit)),
            _ => Ok(()),
        }
    }

    /// The bytes of an entry, of which at most one more than `limit` were written.
    fn copy(&self, at: usize, limit: u64, to: &mut dyn Write) -> Result<u64, Wrong> {
        let mut zip = self.zip.clone();
        let entry = zip.by_index_data(at)?;
        check_packing(&entry)?;
        if entry.size() > limit {
            return Ok(entry.size());
        }
        let mut bounded = zip.by_index(at)?.take(limit.saturating_add(1));
        Ok(io::copy(&mut bounded, to)?)
    }
}

/// Why an entry is not inflated.
fn check_packing(entry: &ZipFileEntry<'_>) -> Result<(), String> {
    let (method, packed, size) = (entry.compression(), entry.compressed_size(), entry.size());
    if entry.encrypted() {
        let way_out = "unpack the archive with its password and name the folder";
        return Err(format!("it is encrypted; {way_out}"));
    }
    let way_out = "unpack the archive and name the folder";
    if ![CompressionMethod::Stored, CompressionMethod::Deflated].contains(&method) {
        let reason = format!("it is packed by {method}, which is not read; {way_out}");
        return Err(reason);
    }
    if size > RATIO_FROM && size / RATIO_LIMIT > packed {
        return Err(format!(
            "{packed} bytes become {size}: more than {RATIO_LIMIT} times as many are not inflated; {way_out}"
        ));
    }
    Ok(())
}

/// Why a file of this name is not allowed in the tree.
fn unreachable(name: &str) -> Option<&'static str> {
    let drive = name.as_bytes().get(1) == Some(&b':');
    if name.starts_with('/') || drive {
        return Some("an absolute path, which is not followed");
    }
    if name.contains(['\\', '\0']) {
        let way_out =
            "a name with a backslash or a zero byte: unpack the archive and name its folder";
        return Some(way_out);
    }
    if name.len() > NAME_LIMIT || name.split('/').count() > DEPTH_LIMIT {
        return Some("a name that is too long or too deep");
    }
    let odd = name.split('/').any(|part| matches!(part, "" | "." | ".."));
    odd.then_some("a path that leads out of the archive, which is not followed")
}

/// The archive's directory.
fn directory(file: SyncFile) -> Result<ZipArchive<SyncFile>, Wrong> {
    check_end(&file)?;
    let zip = ZipArchive::new(file)?;
    match zip.len() {
        0..=ENTRIES_LIMIT => Ok(zip),
        more => Err(format!("{more} entries, more than the limit of {ENTRIES_LIMIT}").into()),
    }
}

/// Checks the end records. The zip crate reserves memory for as many entries as the record of large archives (zip64)
/// declares, so that number is compared with the length of the file first.
fn check_end(file: &SyncFile) -> Result<(), Wrong> {
    const END: &[u8] = b"PK\x05\x06";
    const END_64: &[u8] = b"PK\x06\x06";
    let length = file.size()?;
    let mut tail = vec![0; length.min(1 << 17) as usize];
    let start = length - tail.len() as u64;
    file.read_exact_at(&mut tail, start)?;
    if !tail.windows(4).any(|word| word == END) {
        let way_out = "cut off (fetch it again), or no zip archive (unpack it and name the folder)";
        return Err(format!("it has no directory at its end: {way_out}").into());
    }
    for at in (0..tail.len()).filter(|&at| tail[at..].starts_with(END_64)) {
        let number = |from| tail[at..].get(from..).and_then(<[u8]>::first_chunk);
        let declared = [24, 32].map(|from| number(from).map_or(0, |n| u64::from_le_bytes(*n)));
        if let Some(entries) = declared.iter().find(|entries| **entries > length / 46) {
            return Err(format!("it declares {entries} entries, but is too short for them").into());
        }
    }
    Ok(())
}
