//! Finds the parts of a CK+ copy.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::read::name::{is_zip, join};
use crate::read::tree::FileTree;

const IMAGES: &str = "cohn-kanade-images";
/// The folder that the images' archive unpacks to in some copies.
const ARCHIVE: &str = "extended-cohn-kanade-images";
/// Folders around the folder of a copy that are looked through, and folders looked into on the way: downloads put one or
/// two around it, and a whole home is not to be searched.
const AROUND: usize = 3;
const LOOKED_INTO: usize = 2000;
/// CK+ was shipped with both spellings.
const EMOTION: &[&str] = &["Emotion", "Emotion_labels"];

/// The parts of a copy in which a recording has a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Images,
    Emotion,
    Facs,
    Landmarks,
}

/// Where the parts of a CK+ copy lie. Its owners ship four archives, and people unpack them in several ways.
///
/// The parts are folders of `tree`, whose root is the folder that holds them.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub tree: FileTree,
    pub images: String,
    pub emotion: String,
    pub facs: Option<String>,
    pub landmarks: Option<String>,
}

impl Layout {
    /// The folder of a part, if the copy has it.
    pub fn part(&self, place: Place) -> Option<&str> {
        match place {
            Place::Images => Some(&self.images),
            Place::Emotion => Some(&self.emotion),
            Place::Facs => self.facs.as_deref(),
            Place::Landmarks => self.landmarks.as_deref(),
        }
    }

    /// Finds the parts in `given`: the folder that holds them, unpacked or as the archives that CK+ comes in, a folder up
    /// to three above it, a `.zip` of any of these, or the images' folder itself. Case does not matter in folders' names.
    pub fn find(given: &Path) -> Result<Self, Error> {
        let metadata =
            std::fs::metadata(given).map_err(|error| missing(given, &error.to_string()))?;
        let is_zip = given
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
        let tree = match metadata.is_dir() {
            true => FileTree::with_archives(&above_images(given)?)?,
            false if is_zip => FileTree::open(given)?,
            false => return Err(missing(given, "a file that is no .zip")),
        };
        Self::in_tree(given, tree)
    }

    /// Finds the parts in a tree, which `given` names in messages.
    pub fn in_tree(given: &Path, tree: FileTree) -> Result<Self, Error> {
        let tree = copy_root(given, tree)?;
        let Some(images) = part(&tree, &[IMAGES]) else {
            return Err(missing(given, &found_in(&tree)?));
        };
        let Some(emotion) = part(&tree, EMOTION) else {
            return Err(Error::Layout {
                path: given.to_path_buf(),
                expected: "the emotion labels in a folder 'Emotion' or 'Emotion_labels' with S005/001/…_emotion.txt"
                    .to_owned(),
                found: found_in(&tree)?,
            });
        };
        let facs = part(&tree, &["FACS", "FACS_labels"]);
        let landmarks = part(&tree, &["Landmarks"]);
        Ok(Self {
            tree,
            images,
            emotion,
            facs,
            landmarks,
        })
    }
}

/// The folder to look in: `given`, or what is above it if it is the images' folder or the archive's around that.
fn above_images(given: &Path) -> Result<PathBuf, Error> {
    // `.` has no name of its own.
    let mut folder = match given.file_name() {
        Some(_) => given.to_path_buf(),
        None => given.canonicalize().map_err(Error::io(given))?,
    };
    for name in [IMAGES, ARCHIVE] {
        let named = folder
            .file_name()
            .is_some_and(|found| found.eq_ignore_ascii_case(name));
        if named && part(&FileTree::open(&folder)?, EMOTION).is_none() {
            folder = match folder.parent() {
                Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
                Some(parent) => parent.to_path_buf(),
                None => folder,
            };
        }
    }
    Ok(folder)
}

/// The folder that holds the parts: `root`, or the one folder below it that does. All parts are then taken from there
/// alone: to mix the images of one copy with the labels of another would go unnoticed.
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

/// Every folder that holds the parts, with its path below `tree`; what lies within one is not looked into.
fn copies(tree: &FileTree) -> Result<Vec<(String, FileTree)>, Error> {
    let mut copies = Vec::new();
    let mut waiting = VecDeque::from([(String::new(), tree.clone(), 0)]);
    for _ in 0..LOOKED_INTO {
        let Some((path, tree, depth)) = waiting.pop_front() else {
            break;
        };
        if part(&tree, &[IMAGES]).is_some() {
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

/// The tree below a folder, with the archives of CK+ that lie there.
fn inside(tree: &FileTree, folder: &str) -> FileTree {
    let below = tree.below(folder);
    let names = match below.root().is_dir() {
        true => below.names("").unwrap_or_default(),
        false => Vec::new(),
    };
    let as_shipped = |name: &String| is_zip(name) && name.to_ascii_lowercase().contains("kanade");
    let laid_over = names
        .iter()
        .any(as_shipped)
        .then(|| FileTree::with_archives(below.root()));
    laid_over.and_then(Result::ok).unwrap_or(below)
}

/// What lies in a tree that lacks a part, with the reasons why more may be there than can be seen.
fn found_in(tree: &FileTree) -> Result<String, Error> {
    let mut found = listed(&tree.names("")?);
    if let Some(refused) = tree.refused().first() {
        found += &format!("; not read: {} ({})", refused.path, refused.reason);
    }
    if let Some(inner) = tree.inner_archive() {
        found += &format!(
            "; an archive within the archive, {}, of which nothing is read: unpack the outer one and name its folder",
            inner.display()
        );
    }
    Ok(found)
}

fn missing(given: &Path, found: &str) -> Error {
    Error::Layout {
        path: given.to_path_buf(),
        expected: format!(
            "CK+ in its official layout: '{IMAGES}/S005/001/S005_001_00000001.png' with 'Emotion', 'FACS' and 'Landmarks' \
             beside it (class folders such as CK+48 are another source: folders)"
        ),
        found: found.to_owned(),
    }
}

fn listed(names: &[String]) -> String {
    match names.len() {
        0 => "an empty folder".to_owned(),
        1..=8 => names.join(", "),
        more => format!("{} and {} more", names[..8].join(", "), more - 8),
    }
}

/// The first folder of one of the given names that holds subject folders, in the root, in the images' archive or,
/// because an archive unpacks to a folder of its own name, inside itself once more.
fn part(tree: &FileTree, names: &[&str]) -> Option<String> {
    let archives = called(tree, "", &[ARCHIVE]);
    let bases = std::iter::once(String::new()).chain(archives);
    let candidates: Vec<String> = bases.flat_map(|base| called(tree, &base, names)).collect();
    let nested: Vec<String> = candidates
        .iter()
        .flat_map(|path| called(tree, path, names))
        .collect();
    let filled = candidates
        .iter()
        .chain(&nested)
        .find(|path| holds_subjects(tree, path))
        .cloned();
    // An empty label folder is a label folder all the same: nothing is labelled then, and that is told apart later.
    filled.or_else(|| candidates.into_iter().next())
}

/// The folders in `base` that have one of the names, in the order of `names`; case does not matter, since some systems do not keep it.
fn called(tree: &FileTree, base: &str, names: &[&str]) -> Vec<String> {
    let there = tree.names(base).unwrap_or_default();
    let all = names.iter().flat_map(|name| {
        there
            .iter()
            .filter(move |found| found.eq_ignore_ascii_case(name))
    });
    all.map(|name| join(base, name))
        .filter(|path| tree.is_folder(path))
        .collect()
}

fn holds_subjects(tree: &FileTree, folder: &str) -> bool {
    tree.names(folder)
        .is_ok_and(|names| names.iter().any(|name| subject_number(name).is_some()))
}

/// `S005`, `s005` → 5.
pub(super) fn subject_number(name: &str) -> Option<i64> {
    number(name.strip_prefix(['S', 's'])?)
}

/// Digits alone, at most nine of them.
pub(super) fn number(text: &str) -> Option<i64> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A CK+ file stem `S005_001_00000011` in its parts: subject, sequence (`001`), frame.
pub fn frame_name(stem: &str) -> Option<(i64, &str, u32)> {
    let mut parts = stem.split('_');
    let (subject, sequence, frame) = (parts.next()?, parts.next()?, parts.next()?);
    number(sequence)?;
    let frame = u32::try_from(number(frame)?).ok()?;
    parts
        .next()
        .is_none()
        .then_some((subject_number(subject)?, sequence, frame))
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
