//! Zip archives as folders: listed once, read entry by entry from any thread, never unpacked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use zip::read::ZipFileEntry;
use zip::{CompressionMethod, ZipArchive};

use crate::error::Error;
use crate::read::file::{SharedFile, Skipped};
use crate::read::name::{hidden, is_zip, join};

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

/// An archive, listed.
#[derive(Debug)]
pub(crate) struct Archive {
    path: PathBuf,
    zip: ZipArchive<SharedFile>,
    /// The names in each folder; the root is `""`.
    folders: BTreeMap<String, BTreeSet<String>>,
    files: HashMap<String, usize>,
    refused: Vec<Skipped>,
    /// Number of unreachable entries, listed or not.
    refusals: usize,
}

impl Archive {
    /// Lists the archive `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if it is not there, [`Error::Archive`] if it is damaged or too large.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let zip = directory(file.into()).map_err(|reason| Error::Archive {
            path: path.to_path_buf(),
            reason,
        })?;
        let mut archive = Self {
            path: path.to_path_buf(),
            folders: BTreeMap::from([(String::new(), BTreeSet::new())]),
            files: HashMap::new(),
            refused: Vec::new(),
            refusals: 0,
            zip,
        };
        if archive.zip.has_duplicate_names() {
            archive.refuse("", "holds a name twice; the later entry counts");
        }
        (0..archive.zip.len()).for_each(|at| archive.index(at));
        Ok(archive)
    }

    /// Notes entry `at`, or why it cannot be reached.
    fn index(&mut self, at: usize) {
        let Ok(entry) = self.zip.by_index_data(at) else {
            return;
        };
        let (is_folder, is_link) = (entry.is_dir(), entry.is_symlink());
        let name = match entry.name() {
            Ok(name) => name.into_owned(),
            Err(error) => return self.refuse(&format!("entry {at}"), &error.to_string()),
        };
        let inner = name.trim_start_matches("./").trim_end_matches('/');
        let mut parts = inner.split('/');
        if inner.is_empty() || parts.clone().any(hidden) && !parts.any(|part| part == "..") {
            return;
        }
        match unreachable(inner) {
            _ if is_link => self.refuse(&name, "a link, which is not followed"),
            Some(reason) => self.refuse(&name, reason),
            None if is_folder => self.add_folder(inner),
            None => {
                self.add(inner);
                self.files.insert(inner.to_owned(), at);
            }
        }
    }

    fn add_folder(&mut self, folder: &str) {
        self.folders.entry(folder.to_owned()).or_default();
        self.add(folder);
    }

    /// Adds a path to its folder, and the folders above, which may have no entries.
    fn add(&mut self, path: &str) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let names = self.folders.entry(parent.to_owned()).or_default();
        if names.insert(name.to_owned()) && !parent.is_empty() {
            self.add(parent);
        }
    }

    fn refuse(&mut self, name: &str, reason: &str) {
        self.refusals += 1;
        if self.refused.len() < REFUSED_LIMIT {
            let path = join(&self.file_name(), name);
            self.refused.push(Skipped::new(path, reason));
        }
    }

    fn file_name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The archive's own path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Entries that cannot be reached, and why; a last one counts those that are not listed.
    pub fn refused(&self) -> Vec<Skipped> {
        let mut all = self.refused.clone();
        let more = self.refusals - all.len();
        if more > 0 {
            let reason =
                format!("{more} more entries that cannot be reached, for reasons like these");
            all.push(Skipped::new(self.file_name(), reason));
        }
        all
    }

    /// The first archive in this one, by name.
    pub fn inner_archive(&self) -> Option<PathBuf> {
        let inner = self.files.keys().filter(|name| is_zip(name)).min()?;
        Some(self.path.join(inner))
    }

    /// The names in a folder, sorted; `None` if the folder does not exist.
    pub fn names(&self, folder: &str) -> Option<&BTreeSet<String>> {
        self.folders.get(folder)
    }

    /// Whether the file exists.
    pub fn is_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The whole entry, at most `limit` bytes.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.inflate(path, limit, &mut bytes)?;
        Ok(bytes)
    }

    /// Inflates an entry into an unnamed temporary file, which disappears when it is closed.
    pub fn open_file(&self, path: &str, limit: u64) -> Result<File, Error> {
        let place = std::env::temp_dir();
        let mut file = tempfile::tempfile().map_err(Error::io(&place))?;
        self.inflate(path, limit, &mut file)?;
        file.rewind().map_err(Error::io(&place))?;
        Ok(file)
    }

    fn inflate(&self, path: &str, limit: u64, to: &mut dyn Write) -> Result<(), Error> {
        let place = self.path.join(path);
        let at = *self
            .files
            .get(path)
            .ok_or_else(|| Error::not_found(&place))?;
        let bad = |reason: String| Error::Archive {
            path: place.clone(),
            reason,
        };
        let mut zip = self.zip.clone();
        let entry = zip.by_index_data(at).map_err(|e| bad(e.to_string()))?;
        if let Some(reason) = not_inflated(&entry) {
            return Err(bad(reason));
        }
        if entry.size() > limit {
            return Err(Error::too_large(&place, limit));
        }
        let entry = zip.by_index(at).map_err(|e| bad(e.to_string()))?;
        let mut bounded = entry.take(limit.saturating_add(1));
        match io::copy(&mut bounded, to).map_err(|e| bad(e.to_string()))? {
            count if count > limit => Err(Error::too_large(&place, limit)),
            _ => Ok(()),
        }
    }
}

/// Why an entry is not inflated.
fn not_inflated(entry: &ZipFileEntry<'_>) -> Option<String> {
    let (method, packed, size) = (entry.compression(), entry.compressed_size(), entry.size());
    if entry.encrypted() {
        let way_out = "unpack the archive with its password and name the folder";
        return Some(format!("it is encrypted; {way_out}"));
    }
    if !matches!(
        method,
        CompressionMethod::Stored | CompressionMethod::Deflated
    ) {
        return Some(format!(
            "it is packed by {method}, which is not read; unpack the archive and name the folder"
        ));
    }
    let bomb = size > RATIO_FROM && size / RATIO_LIMIT > packed;
    bomb.then(|| {
        format!(
            "{packed} bytes become {size}: more than {RATIO_LIMIT} times as many are not inflated; unpack the archive and \
             name the folder"
        )
    })
}

/// Why a file of this name is not allowed in the tree.
fn unreachable(name: &str) -> Option<&'static str> {
    let drive = name.as_bytes().get(1) == Some(&b':');
    if name.starts_with('/') || drive {
        return Some("an absolute path, which is not followed");
    }
    if name.contains(['\\', '\0']) {
        return Some(
            "a name with a backslash or a zero byte: unpack the archive and name its folder",
        );
    }
    if name.len() > NAME_LIMIT || name.split('/').count() > DEPTH_LIMIT {
        return Some("a name that is too long or too deep");
    }
    let odd = name.split('/').any(|part| matches!(part, "" | "." | ".."));
    odd.then_some("a path that leads out of the archive, which is not followed")
}

/// The archive's directory.
fn directory(mut file: SharedFile) -> Result<ZipArchive<SharedFile>, String> {
    check_end(&mut file)?;
    let zip = ZipArchive::new(file).map_err(|error| error.to_string())?;
    match zip.len() {
        0..=ENTRIES_LIMIT => Ok(zip),
        more => Err(format!(
            "{more} entries, more than the limit of {ENTRIES_LIMIT}"
        )),
    }
}

/// Checks the end records. The zip crate reserves memory for as many entries as the record of large archives (zip64)
/// declares, so that number is compared with the length of the file first.
fn check_end(file: &mut SharedFile) -> Result<(), String> {
    const END: &[u8] = b"PK\x05\x06";
    const END_64: &[u8] = b"PK\x06\x06";
    let length = file
        .seek(SeekFrom::End(0))
        .map_err(|error| error.to_string())?;
    let mut tail = vec![0; length.min(1 << 17) as usize];
    file.seek(SeekFrom::Start(length - tail.len() as u64))
        .and_then(|_| file.read_exact(&mut tail))
        .map_err(|error| error.to_string())?;
    if !tail.windows(4).any(|word| word == END) {
        let way_out = "cut off (fetch it again), or no zip archive (unpack it and name the folder)";
        return Err(format!("it has no directory at its end: {way_out}"));
    }
    for at in (0..tail.len()).filter(|&at| tail[at..].starts_with(END_64)) {
        let number = |from| tail[at..].get(from..).and_then(<[u8]>::first_chunk);
        let declared = [24, 32].map(|from| number(from).map_or(0, |n| u64::from_le_bytes(*n)));
        if declared.iter().any(|&entries| entries > length / 46) {
            let entries = declared[1];
            return Err(format!(
                "it declares {entries} entries, but is too short for them"
            ));
        }
    }
    Ok(())
}
