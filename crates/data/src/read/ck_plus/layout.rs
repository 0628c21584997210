//! Finds the parts of a CK+ copy: its owners ship four archives, which users unpack in several ways.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::label::text::digits;
use crate::read::name::{is_zip, join, listed, parent};
use crate::read::tree::FileTree;

const IMAGES: &str = "cohn-kanade-images";
/// The folder that the images' archive unpacks to in some copies.
const ARCHIVE: &str = "extended-cohn-kanade-images";
/// How deep below the given folder a copy is searched, since downloads often add a folder or two around it, and in how
/// many folders, so that a whole home directory is never searched.
const AROUND: usize = 3;
const SEARCHED: usize = 2000;

/// The parts of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Images,
    Emotion,
    Facs,
    Landmarks,
}

impl Place {
    pub const ALL: [Self; 4] = [Self::Images, Self::Emotion, Self::Facs, Self::Landmarks];
}

/// The names of each part's folder: CK+ was shipped with both spellings.
const NAMES: [&[&str]; 4] = [
    &[IMAGES],
    &["Emotion", "Emotion_labels"],
    &["FACS", "FACS_labels"],
    &["Landmarks"],
];

/// The locations of the parts of a CK+ copy.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// The tree rooted at the folder that holds the parts.
    pub tree: FileTree,
    /// The folder of each [`Place`] that the copy has; it always has images and emotions.
    parts: [Option<String>; 4],
}

impl Layout {
    /// The folder of a part, if the copy has it.
    pub fn part(&self, place: Place) -> Option<&str> {
        self.parts[place as usize].as_deref()
    }

    /// Finds the parts in `given`: the folder that holds them, unpacked or as the archives that CK+ comes in, a folder up
    /// to three above it, a `.zip` of any of these, or the images' folder itself. Case does not matter in folders' names.
    pub fn find(given: &Path) -> Result<Self, Error> {
        let metadata =
            std::fs::metadata(given).map_err(|error| missing(given, &error.to_string()))?;
        let tree = match given.file_name() {
            _ if metadata.is_dir() => FileTree::with_archives(&above_images(given)?)?,
            Some(name) if is_zip(&name.to_string_lossy()) => FileTree::open(given)?,
            _ => return Err(missing(given, "a file that is no .zip")),
        };
        let tree = copy_root(given, tree)?;
        let parts = Place::ALL.map(|place| part(&tree, place));
        let layout = Self { tree, parts };
        if layout.part(Place::Images).is_none() {
            return Err(missing(given, &found_in(&layout.tree)?));
        }
        if layout.part(Place::Emotion).is_none() {
            let expected = "the emotion labels in a folder 'Emotion' or 'Emotion_labels' with S005/001/…_emotion.txt";
            return Err(Error::layout(given, expected, found_in(&layout.tree)?));
        }
        Ok(layout)
    }
}

/// The folder to search: `given`, or the one above it if `given` is the images' folder or the archive's around that.
fn above_images(given: &Path) -> Result<PathBuf, Error> {
    // `.` has no file name.
    let mut folder = match given.file_name() {
        Some(_) => given.to_path_buf(),
        None => given.canonicalize().map_err(Error::io(given))?,
    };
    for name in [IMAGES, ARCHIVE] {
        let found = folder.file_name().unwrap_or_default();
        let named = found.eq_ignore_ascii_case(name);
        if named && part(&FileTree::open(&folder)?, Place::Emotion).is_none() {
            folder = parent(&folder).to_path_buf();
        }
    }
    Ok(folder)
}

/// The folder that holds the parts: the root, or the one folder below it that does. All parts are taken from there:
/// mixing images of one copy with labels of another would go unnoticed.
fn copy_root(given: &Path, tree: FileTree) -> Result<FileTree, Error> {
    let mut copies = copies(&tree)?;
    match copies.len() {
        1 => Ok(copies.swap_remove(0).1),
        0 => Err(missing(given, &found_in(&tree)?)),
        several => {
            let names: Vec<_> = copies.into_iter().map(|(name, _)| name).collect();
            let found = format!("{several} copies, name one of them: {}", listed(&names));
            Err(missing(given, &found))
        }
    }
}

/// Every folder that contains an images' folder, by its path below `tree`; the search does not continue inside one.
fn copies(tree: &FileTree) -> Result<Vec<(String, FileTree)>, Error> {
    let mut copies = Vec::new();
    let mut waiting = VecDeque::from([(String::new(), tree.clone(), 0)]);
    for _ in 0..SEARCHED {
        let Some((path, tree, depth)) = waiting.pop_front() else {
            break;
        };
        if part(&tree, Place::Images).is_some() {
            copies.push((path, tree));
            continue;
        }
        let names = match tree.names("") {
            Ok(names) => names,
            Err(error) if depth == 0 => return Err(error),
            Err(_) => continue,
        };
        for name in names.iter().filter(|_| depth < AROUND) {
            if tree.is_folder(name) {
                waiting.push_back((join(&path, name), inside(&tree, name), depth + 1));
            }
        }
    }
    Ok(copies)
}

/// The tree below a folder, including any CK+ archives in it.
fn inside(tree: &FileTree, folder: &str) -> FileTree {
    let below = tree.below(folder);
    if !below.root().is_dir() {
        return below;
    }
    let shipped = |name: &String| is_zip(name) && name.to_ascii_lowercase().contains("kanade");
    match below.names("").unwrap_or_default().iter().any(shipped) {
        true => FileTree::with_archives(below.root()).unwrap_or(below),
        false => below,
    }
}

/// The contents of a tree that lacks a part, and the archives in it that were not read.
fn found_in(tree: &FileTree) -> Result<String, Error> {
    let mut found = tree.contents()?;
    if let Some(inner) = tree.inner_archive() {
        found += &format!(
            "; an archive within the archive, {}, of which nothing is read: unpack the outer one and name its folder",
            inner.display()
        );
    }
    Ok(found)
}

fn missing(given: &Path, found: &str) -> Error {
    let expected = format!(
        "CK+ in its official layout: '{IMAGES}/S005/001/S005_001_00000001.png' with 'Emotion', 'FACS' and 'Landmarks' \
         beside it (class folders such as CK+48 are another source: folders)"
    );
    Error::layout(given, expected, found)
}

/// A part's first folder that holds subject folders: in the root, in the images' archive or, because an archive unpacks
/// to a folder of the same name, inside itself.
fn part(tree: &FileTree, place: Place) -> Option<String> {
    let mut bases = called(tree, "", &[ARCHIVE]);
    bases.insert(0, String::new());
    let within = |base: &String| called(tree, base, NAMES[place as usize]);
    let mut folders: Vec<String> = bases.iter().flat_map(within).collect();
    let nested: Vec<String> = folders.iter().flat_map(within).collect();
    folders.extend(nested);
    let filled = |folder: &String| holds_subjects(tree, folder);
    let filled = folders.iter().position(filled);
    // Without any, the first: an empty label folder means that nothing is labelled, which is reported later.
    folders.into_iter().nth(filled.unwrap_or(0))
}

/// The folders in `base` with one of the names, in the order of `names`; some systems do not preserve the case of names.
fn called(tree: &FileTree, base: &str, names: &[&str]) -> Vec<String> {
    let there = tree.names(base).unwrap_or_default();
    let named = names.iter().flat_map(|name| {
        let same = |found: &&String| found.eq_ignore_ascii_case(name);
        there.iter().filter(same)
    });
    let paths = named.map(|name| join(base, name));
    paths.filter(|path| tree.is_folder(path)).collect()
}

fn holds_subjects(tree: &FileTree, folder: &str) -> bool {
    let names = tree.names(folder).unwrap_or_default();
    names.iter().any(|name| subject_number(name).is_some())
}

/// `S005`, `s005` → 5.
pub(super) fn subject_number(name: &str) -> Option<i64> {
    number(name.strip_prefix(['S', 's'])?)
}

/// Digits only, at most nine.
pub(super) fn number(text: &str) -> Option<i64> {
    digits(text, 9)
}

/// The parts of a CK+ file stem `S005_001_00000011`: subject, sequence (`001`), frame.
pub fn frame_name(stem: &str) -> Option<(i64, &str, u32)> {
    let parts: Vec<_> = stem.split('_').collect();
    let &[subject, sequence, frame] = parts.as_slice() else {
        return None;
    };
    number(sequence)?;
    let frame = u32::try_from(number(frame)?).ok()?;
    Some((subject_number(subject)?, sequence, frame))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_file_names_apart() {
        assert_eq!(frame_name("S005_001_00000011"), Some((5, "001", 11)));
        for bad in [
            "",
            "S005",
            "S005_001",
            "S005_001_x",
            "S005_001_1_2",
            "005_001_1",
            "S_001_1",
            "S005__1",
            "S5_1_-1",
        ] {
            assert_eq!(frame_name(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_read_or_refused(name in "\\PC{0,30}") {
            let _ = frame_name(&name);
        }
    }
}
