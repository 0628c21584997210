//! Hidden folders for sets being written, and the clean-up of those left by killed writers.

use std::fs::{self, File};
use std::io::{Result, Write};
use std::path::Path;

use tempfile::TempDir;

use crate::read::name::parent;

/// Prefix of the folders' names.
const PREFIX: &str = ".faus-data-";
/// The file in each that holds the output's name and is locked while the writer lives.
const LOCK: &str = "lock";

/// A new hidden folder beside `output`, locked while the file lives; removes those of killed writers of the same output.
pub(super) fn work_folder(output: &Path) -> Result<(TempDir, File)> {
    let parent = parent(output);
    fs::create_dir_all(parent)?;
    clear(parent, output);
    let work = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
    let lock = lock(work.path(), output)?;
    Ok((work, lock))
}

fn lock(work: &Path, output: &Path) -> Result<File> {
    let mut file = File::create(work.join(LOCK))?;
    // Locked before the name is written, so that a file with a name is either locked or abandoned. On a file system
    // without locks nothing stale is ever removed, which is safe.
    let _ = file.lock();
    file.write_all(name_of(output))?;
    Ok(file)
}

fn name_of(output: &Path) -> &[u8] {
    output.file_name().unwrap_or_default().as_encoded_bytes()
}

/// Removes the folders of killed writers of `output`; uncertain ones are kept.
fn clear(parent: &Path, output: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if ours && is_folder && is_stale(&entry.path(), output) {
            // A folder that cannot be removed is harmless.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_stale(folder: &Path, output: &Path) -> bool {
    let path = folder.join(LOCK);
    fs::read(&path).is_ok_and(|name| name == name_of(output))
        && File::open(&path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// The leftovers of a killed writer: its folder and its lock, which nobody holds any longer.
    fn killed(parent: &Path, name: &str, output: &str) -> PathBuf {
        let folder = parent.join(format!("{PREFIX}{name}"));
        fs::create_dir(&folder).unwrap();
        lock(&folder, Path::new(output)).unwrap();
        folder
    }

    #[test]
    fn clears_the_leftovers_of_a_killed_writer_of_the_same_output() {
        let dir = tempfile::tempdir().unwrap();
        let mine = killed(dir.path(), "mine", "set");
        let other = killed(dir.path(), "other", "another");
        // The state before its writer has locked it and named its output.
        let fresh = killed(dir.path(), "fresh", "set");
        fs::write(fresh.join(LOCK), "").unwrap();
        let unmarked = dir.path().join(".faus-data-unmarked");
        fs::create_dir(&unmarked).unwrap();
        let living = killed(dir.path(), "living", "set");
        let held = File::open(living.join(LOCK)).unwrap();
        held.lock().unwrap();

        drop(work_folder(&dir.path().join("set")).unwrap());
        assert!(!mine.exists());
        for kept in [fresh, other, unmarked, living] {
            assert!(kept.exists(), "{}", kept.display());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
    }
}
