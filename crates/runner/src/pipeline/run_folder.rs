//! The folder of a run, locked against other processes, and the JSON files in it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use faus_base::{file, text};
use serde_json::Value;

/// A run's folder, locked by this process.
#[derive(Debug)]
pub(crate) struct RunFolder {
    root: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Creates or opens the folder; fails if another process is writing to it.
    pub fn open(root: &Path) -> Result<Self> {
        let shown = root.display();
        let refused =
            || format!("{shown}: cannot write here; choose another folder with --out DIR");
        std::fs::create_dir_all(root).with_context(refused)?;
        let lock = File::create(root.join(".lock")).with_context(refused)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                root: root.to_path_buf(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => bail!(
                "{shown}: another faus is working here; wait for it, or choose another folder with --out DIR"
            ),
            Err(TryLockError::Error(e)) => Err(e).with_context(refused),
        }
    }

    /// The folder for the results of a network of the user's own.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when it is a run's.
    pub fn of_own(root: &Path) -> Result<Self> {
        if root.join("config.json").exists() {
            let root = root.display();
            bail!(
                "{root}: a run folder, whose results are of its own networks; choose another folder with --out"
            );
        }
        Self::open(root)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn join(&self, part: &str) -> PathBuf {
        self.root.join(part)
    }

    pub fn fold(&self, fold: usize) -> PathBuf {
        fold_folder(&self.root, fold)
    }
}

/// The folder of a fold of the run in `root`.
pub(super) fn fold_folder(root: &Path, fold: usize) -> PathBuf {
    root.join("folds").join(fold.to_string())
}

/// Writes indented JSON, atomically.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    file::write_json(path, value).with_context(|| format!("{}: cannot be written", path.display()))
}

/// Writes a file, atomically.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    file::write(path, bytes).with_context(|| format!("{}: cannot be written", path.display()))
}

/// Removes a file or folder, if it is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    file::remove(path).with_context(|| format!("{}: cannot be removed", path.display()))
}

/// Reads JSON; `None` if the file does not exist.
pub(crate) fn read_json(path: &Path) -> Result<Option<Value>> {
    let shown = path.display();
    match std::fs::read(path) {
        Ok(bytes) => text::json(&bytes)
            .map_err(|fault| anyhow!("{shown}: damaged; delete it to recreate it: {fault}")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("{shown}: cannot be read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_holds_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("run");
        let held = RunFolder::open(&root).unwrap();
        let refused = RunFolder::open(&root).unwrap_err().to_string();
        assert!(refused.contains("another faus"), "{refused}");
        drop(held);
        assert!(RunFolder::open(&root).is_ok());
    }

    #[test]
    fn json_is_there_or_damaged_or_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        assert_eq!(read_json(&path).unwrap(), None);
        write_json(&path, &[1, 2]).unwrap();
        assert_eq!(read_json(&path).unwrap(), Some(serde_json::json!([1, 2])));
        write_bytes(&path, b"{").unwrap();
        assert!(
            read_json(&path)
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }
}
