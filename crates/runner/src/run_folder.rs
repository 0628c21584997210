use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use atomic_write_file::AtomicWriteFile;
use serde_json::Value;

/// A run's folder, held by this process alone while it lives.
#[derive(Debug)]
pub(crate) struct RunFolder {
    root: PathBuf,
    _lock: File,
}

impl RunFolder {
    /// Makes or opens the folder; fails where another process writes into it.
    pub fn open(root: &Path) -> Result<Self> {
        let refused = || {
            format!(
                "{}: cannot write here; choose another folder with --out DIR",
                root.display()
            )
        };
        std::fs::create_dir_all(root).with_context(refused)?;
        let lock = File::create(root.join(".lock")).with_context(refused)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                root: root.to_path_buf(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => bail!(
                "{}: another faus is working here; wait for it, or choose another folder with --out DIR",
                root.display()
            ),
            Err(TryLockError::Error(e)) => Err(e).with_context(refused),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn join(&self, part: &str) -> PathBuf {
        self.root.join(part)
    }

    pub fn fold(&self, fold: usize) -> PathBuf {
        self.root.join("folds").join(fold.to_string())
    }
}

/// Writes indented JSON, atomically.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    write_bytes(path, text.as_bytes())
}

/// Writes a file, atomically.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = || format!("{}: cannot be written", path.display());
    let mut file = AtomicWriteFile::open(path).with_context(failed)?;
    file.write_all(bytes).with_context(failed)?;
    file.commit().with_context(failed)
}

/// Reads JSON; `None` where there is no such file.
pub(crate) fn read_json(path: &Path) -> Result<Option<Value>> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let damaged = || {
                format!(
                    "{}: damaged; delete it to have it made anew",
                    path.display()
                )
            };
            Ok(Some(serde_json::from_str(&text).with_context(damaged)?))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("{}: cannot be read", path.display())),
    }
}
