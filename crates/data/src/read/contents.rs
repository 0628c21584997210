//! What a data set consists of on disk, to notice later that it has changed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::read::file::{Hashing, ReadFile, digest};
use crate::read::name::{ends_in, is_image, is_other_image, is_zip};
use crate::read::tree::FileTree;

/// Limits of the walk.
const DEPTH: usize = 16;
const PATHS: usize = 5_000_000;
/// Maximum size in bytes of a file that is read.
const READ_LIMIT: u64 = 2 << 30;
/// That of an image: JAFFE's have 66 kB.
const PLAIN_LIMIT: u64 = 1 << 20;

/// The number of files of each folder right below `place` (`.`: those in no folder, or the file `place`), and a digest of their
/// paths, their sizes and, where a change may leave the size, the contents: labels and small images without compression. Other
/// images and archives are not read, so that one of exactly the old size goes unnoticed. Empty where nothing can be listed.
pub fn contents(place: &Path) -> BTreeMap<String, String> {
    let (tree, paths) = match place.is_dir() {
        true => {
            let tree = FileTree::folder(place);
            let found = tree.walk(DEPTH, PATHS).unwrap_or_default();
            let files = found.into_iter().filter(|(_, is_folder)| !is_folder);
            (tree, files.map(|(path, _)| path).collect())
        }
        false => {
            let (tree, name) = FileTree::around(place);
            (tree, Vec::from_iter(place.is_file().then_some(name)))
        }
    };
    let mut folders: BTreeMap<String, Vec<ReadFile>> = BTreeMap::new();
    for path in paths {
        let top = path.split_once('/').map_or(".", |(top, _)| top);
        let files = folders.entry(top.to_owned()).or_default();
        files.push(file(&tree, &path));
    }
    let text = |files: Vec<ReadFile>| {
        let plural = if files.len() == 1 { "" } else { "s" };
        format!("{} file{plural}, {}", files.len(), digest(files))
    };
    let folders = folders.into_iter();
    folders.map(|(top, files)| (top, text(files))).collect()
}

/// A file by its contents, or by its size alone.
fn file(tree: &FileTree, path: &str) -> ReadFile {
    let size = tree.place(path).metadata().map_or(0, |found| found.len());
    let by_size = ReadFile::new(path, &size.to_le_bytes());
    let packed = is_image(path) || is_other_image(path) || is_zip(path);
    let is_plain = ends_in(path, &[".bmp", ".tif", ".tiff"]) && size <= PLAIN_LIMIT;
    if packed && !is_plain {
        return by_size;
    }
    let read = || {
        let mut file = Hashing::new(tree.open_file(path, READ_LIMIT).ok()?);
        io::copy(&mut file, &mut io::sink()).ok()?;
        Some(file.sha256())
    };
    let sha256 = read().unwrap_or(by_size.sha256);
    ReadFile { sha256, ..by_size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_that_are_new_gone_or_changed_show_in_their_folder() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("happy/a.png", "12");
        write("happy/S010/b.png", "12");
        write("happy/S010/c.tiff", "12");
        write("Emotion/S005/x.txt", "3.0");
        write("notes.txt", "");
        let before = contents(dir.path());
        assert_eq!(Vec::from_iter(before.keys()), [".", "Emotion", "happy"]);
        assert!(before["happy"].starts_with("3 files, "), "{before:?}");
        // Neither a copy's date nor what a file manager leaves counts.
        write("happy/a.png", "12");
        write("happy/.DS_Store", "x");
        assert_eq!(contents(dir.path()), before);
        for (name, text, top) in [
            ("happy/a.png", "123", "happy"),
            ("happy/S010/d.png", "12", "happy"),
            ("happy/S010/c.tiff", "13", "happy"),
            ("Emotion/S005/x.txt", "5.0", "Emotion"),
        ] {
            let before = contents(dir.path());
            write(name, text);
            let mut now = contents(dir.path());
            assert_ne!(
                now.insert(top.to_owned(), before[top].clone()),
                before.get(top).cloned()
            );
            assert_eq!(now, before, "{name}");
        }
        fs::remove_file(dir.path().join("happy/a.png")).unwrap();
        assert!(contents(dir.path())["happy"].starts_with("3 files, "));
    }

    #[test]
    fn one_file_is_read_and_nothing_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.csv");
        assert!(contents(&path).is_empty());
        fs::write(&path, "3").unwrap();
        fs::write(dir.path().join("other.csv"), "1").unwrap();
        let before = contents(&path);
        assert!(before["."].starts_with("1 file, "), "{before:?}");
        fs::write(&path, "4").unwrap();
        assert_ne!(contents(&path), before);
    }
}
