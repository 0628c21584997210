//! The files of a data set, in a folder or in archives: read only, by paths relative to the root, with `/` everywhere.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;
use crate::read::archive::Archive;
use crate::read::file::{Skipped, open_file, read_bounded, visible_names};
use crate::read::name::{is_zip, join, listed, parent};

/// The files of a data set as one read-only tree: a folder, a zip archive, or several, overlaid.
///
/// Paths are relative to the tree's root, with `/`; the root itself is `""`. Hidden names (`.DS_Store`, `._x`,
/// `__MACOSX`) are never listed. Where a path is in several layers the first counts. Archives are read entry by entry:
/// nothing is unpacked onto the disk, and nothing is ever written into the input. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FileTree {
    root: PathBuf,
    layers: Arc<[Layer]>,
    /// The folder of the layers that is this tree's root.
    prefix: String,
    /// Archives that could not be opened, and why.
    damaged: Arc<[Skipped]>,
}

/// A folder, or an archive, on disk.
#[derive(Debug)]
struct Layer {
    path: PathBuf,
    archive: Option<Archive>,
}

impl FileTree {
    /// Takes the folder, or the `.zip` of one, at `root`.
    ///
    /// # Errors
    /// [`Error::Io`] if it is not there or cannot be listed, [`Error::Unusable`] for a damaged archive.
    pub fn open(root: &Path) -> Result<Self, Error> {
        if root.is_file() {
            return Ok(Self::of(root, vec![Layer::archive(root)?], vec![]));
        }
        visible_names(root)?;
        Ok(Self::folder(root))
    }

    /// The folder `root`, whether it can be listed or not.
    pub(crate) fn folder(root: &Path) -> Self {
        Self::of(root, vec![Layer::folder(root)], vec![])
    }

    /// [`open`](Self::open); if there is nothing but one folder, as in a `.zip` of a folder, that folder becomes the root.
    pub(crate) fn open_inner(root: &Path) -> Result<Self, Error> {
        let tree = Self::open(root)?;
        match tree.names("")?.as_slice() {
            [only] if tree.is_folder(only) => Ok(tree.below(only)),
            _ => Ok(tree),
        }
    }

    /// The folder of a file, and the file's name.
    pub(crate) fn around(file: &Path) -> (Self, String) {
        let (folder, name) = (parent(file), file.file_name().unwrap_or_default());
        let name = name.to_string_lossy();
        (Self::folder(folder), name.into_owned())
    }

    /// Takes the folder `root` and overlays every `.zip` in it, in order of name, as if unpacked there. One that cannot
    /// be opened, an unfinished download for example, is among those [`refused`](Self::refused).
    ///
    /// # Errors
    /// [`Error::Io`] if the folder is not there or cannot be listed.
    pub fn with_archives(root: &Path) -> Result<Self, Error> {
        let mut layers = vec![Layer::folder(root)];
        let mut damaged = Vec::new();
        let mut names = visible_names(root)?;
        names.retain(|name| is_zip(name) && root.join(name).is_file());
        for name in names {
            match Layer::archive(&root.join(&name)) {
                Ok(archive) => layers.push(archive),
                Err(error) => damaged.push(Skipped::new(name, error.reason())),
            }
        }
        Ok(Self::of(root, layers, damaged))
    }

    fn of(root: &Path, layers: Vec<Layer>, damaged: Vec<Skipped>) -> Self {
        Self {
            root: root.to_path_buf(),
            layers: layers.into(),
            prefix: String::new(),
            damaged: damaged.into(),
        }
    }

    /// The place of the root on disk: a folder, or an archive. Outputs must be outside it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The tree below one of its folders, which becomes the root.
    pub fn below(&self, folder: &str) -> Self {
        let mut tree = self.clone();
        tree.prefix = join(&self.prefix, folder);
        let on_disk = self.root.join(folder);
        if on_disk.is_dir() {
            tree.root = on_disk;
        }
        tree
    }

    /// Archives that cannot be opened and entries of archives that cannot be reached, and why.
    pub fn refused(&self) -> Vec<Skipped> {
        let archives = self.layers.iter().flat_map(|layer| &layer.archive);
        let entries = archives.flat_map(|archive| &archive.refused);
        self.damaged.iter().chain(entries).cloned().collect()
    }

    /// The names in the root and the first archive that cannot be read, for messages about what is missing.
    pub(crate) fn contents(&self) -> Result<String, Error> {
        let mut found = listed(&self.names("")?);
        if let Some(Skipped { path, reason, .. }) = self.refused().first() {
            found += &format!("; not read: {path} ({reason})");
        }
        Ok(found)
    }

    /// An archive inside an archive, which is not read: its place, for messages.
    pub(crate) fn inner_archive(&self) -> Option<PathBuf> {
        let inner = |layer: &Layer| Some(layer.place(layer.archive.as_ref()?.inner_archive()?));
        self.layers.iter().find_map(inner)
    }

    /// The location of a path, for messages; in an archive, a path below the archive's own.
    pub fn place(&self, path: &str) -> PathBuf {
        let (layer, full) = self.layer(path);
        layer.place(&full)
    }

    /// The first layer that has a path, or the first of all, and the path in it.
    fn layer(&self, path: &str) -> (&Layer, String) {
        let full = join(&self.prefix, path);
        let has = |layer: &&Layer| layer.is_file(&full) || layer.is_folder(&full);
        let layer = self.layers.iter().find(has).unwrap_or(&self.layers[0]);
        (layer, full)
    }

    /// The names in a folder that are not hidden, sorted.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder does not exist or cannot be listed.
    pub fn names(&self, folder: &str) -> Result<Vec<String>, Error> {
        let full = join(&self.prefix, folder);
        let mut folders = self.layers.iter().filter(|layer| layer.is_folder(&full));
        // Without any, the first layer has the reason.
        let first = folders.next().unwrap_or(&self.layers[0]);
        let mut names = BTreeSet::from_iter(first.names(&full)?);
        for layer in folders {
            names.extend(layer.names(&full)?);
        }
        Ok(names.into_iter().collect())
    }

    /// Every path below the root, and whether it is a folder, through folders down to `depth` and until there are more than
    /// `most`. Folders that cannot be listed are passed over.
    ///
    /// # Errors
    /// [`Error::Io`] if the root cannot be listed.
    pub(crate) fn walk(&self, depth: usize, most: usize) -> Result<Vec<(String, bool)>, Error> {
        let mut found = Vec::new();
        let mut waiting = vec![(String::new(), 0)];
        while let Some((folder, level)) = waiting.pop() {
            let names = match self.names(&folder) {
                Err(error) if level == 0 => return Err(error),
                names => names.unwrap_or_default(),
            };
            for path in names.iter().map(|name| join(&folder, name)) {
                let is_folder = self.is_folder(&path);
                if is_folder && level < depth {
                    waiting.push((path.clone(), level + 1));
                }
                found.push((path, is_folder));
            }
            if found.len() > most {
                break;
            }
        }
        Ok(found)
    }

    /// Whether the folder exists.
    pub fn is_folder(&self, path: &str) -> bool {
        let full = join(&self.prefix, path);
        self.layers.iter().any(|layer| layer.is_folder(&full))
    }

    /// Whether the file exists.
    pub fn is_file(&self, path: &str) -> bool {
        let full = join(&self.prefix, path);
        self.layers.iter().any(|layer| layer.is_file(&full))
    }

    /// The file, open for reading and seeking; one in an archive is inflated into an unnamed temporary file.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened, [`Error::Unusable`] above `limit` or if it is damaged.
    pub fn open_file(&self, path: &str, limit: u64) -> Result<File, Error> {
        let (layer, full) = self.layer(path);
        let place = layer.place(&full);
        match &layer.archive {
            Some(archive) => archive.open_file(&full, &place, limit),
            None => open_file(&place, limit),
        }
    }

    /// The whole file; never reads further than `limit` bytes.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Unusable`] above `limit` or if it is damaged.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let (layer, full) = self.layer(path);
        let place = layer.place(&full);
        let Some(archive) = &layer.archive else {
            return read_bounded(&place, limit);
        };
        let mut bytes = Vec::new();
        archive.inflate(&full, &place, limit, &mut bytes)?;
        Ok(bytes)
    }
}

impl Layer {
    fn folder(path: &Path) -> Self {
        let (path, archive) = (path.to_path_buf(), None);
        Self { path, archive }
    }

    fn archive(path: &Path) -> Result<Self, Error> {
        let (path, archive) = (path.to_path_buf(), Some(Archive::open(path)?));
        Ok(Self { path, archive })
    }

    fn place(&self, path: &str) -> PathBuf {
        match path {
            "" => self.path.clone(),
            path => self.path.join(path),
        }
    }

    fn is_file(&self, path: &str) -> bool {
        match &self.archive {
            None => self.place(path).is_file(),
            Some(archive) => archive.files.contains_key(path),
        }
    }

    fn is_folder(&self, path: &str) -> bool {
        match &self.archive {
            None => self.place(path).is_dir(),
            Some(archive) => archive.folders.contains_key(path),
        }
    }

    fn names(&self, folder: &str) -> Result<Vec<String>, Error> {
        let place = self.place(folder);
        let Some(archive) = &self.archive else {
            return visible_names(&place);
        };
        let names = archive.folders.get(folder);
        let names = names.ok_or_else(|| Error::not_found(&place))?;
        Ok(names.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_reads_by_relative_paths() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::write(dir.path().join("a/b/x.txt"), "hello").unwrap();
        std::fs::write(dir.path().join("a/.hidden"), "").unwrap();
        let tree = FileTree::open(dir.path()).unwrap();
        assert_eq!(tree.names("").unwrap(), ["a"]);
        assert_eq!(tree.names("a").unwrap(), ["b"]);
        let below = tree.below("a/b");
        assert_eq!(below.read("x.txt", 5).unwrap(), b"hello");
        assert!(below.is_file("x.txt") && tree.is_folder("a/b") && !tree.is_file("a/b"));
        let error = tree.read("a/b/x.txt", 4).unwrap_err().to_string();
        assert!(error.contains("limit of 4 bytes"), "{error}");
        assert!(FileTree::open(&dir.path().join("none")).is_err());
    }
}
