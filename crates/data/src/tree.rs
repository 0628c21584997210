//! A data set's files, wherever they lie: read only, by paths relative to the root, with `/` on every system.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::files::{read_bounded, visible_names};

/// The files of a data set as one read-only tree.
///
/// Paths are relative to the tree's root, with `/`; the root itself is `""`. Hidden names (`.DS_Store`, `._x`) are never
/// listed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FileTree {
    root: PathBuf,
}

impl FileTree {
    /// Takes the folder `root`.
    ///
    /// # Errors
    /// [`Error::Io`] if it is not there or cannot be listed.
    pub fn open(root: &Path) -> Result<Self, Error> {
        visible_names(root)?;
        Ok(Self {
            root: root.to_path_buf(),
        })
    }

    /// The place that was given, for messages and for keeping outputs away from it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The tree below one of its folders, which becomes the root.
    pub fn below(&self, folder: &str) -> Self {
        Self {
            root: self.place(folder),
        }
    }

    /// Where a path lies on disk, for messages.
    pub fn place(&self, path: &str) -> PathBuf {
        match path {
            "" => self.root.clone(),
            path => self.root.join(path),
        }
    }

    /// The names in a folder that are not hidden, sorted.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no such folder or it cannot be listed.
    pub fn names(&self, folder: &str) -> Result<Vec<String>, Error> {
        visible_names(&self.place(folder))
    }

    /// Whether there is such a folder.
    pub fn is_folder(&self, path: &str) -> bool {
        self.place(path).is_dir()
    }

    /// Whether there is such a file.
    pub fn is_file(&self, path: &str) -> bool {
        self.place(path).is_file()
    }

    /// The file, open for reading and seeking; one in an archive is inflated into an unnamed temporary file.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened, [`Error::TooLarge`] above `limit`.
    pub fn open_file(&self, path: &str, limit: u64) -> Result<File, Error> {
        let place = self.place(path);
        let file = File::open(&place).map_err(Error::io(&place))?;
        let length = file.metadata().map_err(Error::io(&place))?.len();
        match length > limit {
            true => Err(Error::TooLarge { path: place, limit }),
            false => Ok(file),
        }
    }

    /// The whole file; never reads further than `limit` bytes.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::TooLarge`] above `limit`.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, Error> {
        read_bounded(&self.place(path), limit)
    }
}

/// `folder/name`, or `name` at the root.
pub(crate) fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
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
        assert!(matches!(
            tree.read("a/b/x.txt", 4),
            Err(Error::TooLarge { limit: 4, .. })
        ));
        assert!(FileTree::open(&dir.path().join("none")).is_err());
    }
}
