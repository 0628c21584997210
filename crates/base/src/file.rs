//! Atomic writes: into a draft beside the target, flushed to the disk, then renamed.

use std::io::{BufWriter, Result, Write};
use std::path::Path;

use atomic_write_file::AtomicWriteFile;

/// Writes `bytes` to `path`.
///
/// # Errors
/// File-system errors; an existing file is then left intact.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// Writes `value` to `path` as indented JSON with a final newline.
///
/// # Errors
/// File-system errors, and [`std::io::ErrorKind::InvalidData`] for what JSON cannot hold.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    write(path, (text + "\n").as_bytes())
}

/// Writes what `fill` puts into a buffered writer to `path`.
///
/// # Errors
/// Errors from the file system and from `fill`; the caller chooses the type that [`std::io::Error`] is converted to.
pub fn write_with<E: From<std::io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let mut file = AtomicWriteFile::open(path)?;
    let mut buffered = BufWriter::new(&mut file);
    fill(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    Ok(file.commit()?)
}

/// Removes a file or a folder with all it holds; a missing path is not an error.
///
/// # Errors
/// File-system errors.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_draft() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        write(&path, b"old").unwrap();
        let failed = write_with(&path, |file| {
            file.write_all(b"half")?;
            Err(std::io::Error::other("broken"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn removing_twice_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a");
        std::fs::create_dir_all(folder.join("b")).unwrap();
        assert!(remove(&folder).is_ok() && remove(&folder).is_ok() && !folder.exists());
    }
}
