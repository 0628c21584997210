use std::path::{Path, PathBuf};

use crate::tree::join;
use crate::{Error, FileTree};

const IMAGES: &str = "cohn-kanade-images";
/// The folder that the images' archive unpacks to in some copies.
const ARCHIVE: &str = "extended-cohn-kanade-images";
/// CK+ was shipped with both spellings.
const EMOTION: &[&str] = &["Emotion", "Emotion_labels"];

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
    /// Finds the parts in `given`: the folder that holds them, unpacked or as the archives that CK+ comes in, that
    /// folder's parent, a `.zip` of either, or the images' folder itself.
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
        let tree = copy_root(given, tree)?;
        let names = tree.names("")?;
        let Some(images) = part(&tree, &[IMAGES]) else {
            return Err(missing(given, &listed(&names)));
        };
        let Some(emotion) = part(&tree, EMOTION) else {
            return Err(Error::Layout {
                path: given.to_path_buf(),
                expected: "the emotion labels in a folder 'Emotion' or 'Emotion_labels' with S005/001/…_emotion.txt"
                    .to_owned(),
                found: listed(&names),
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
    let mut folder = given.to_path_buf();
    for name in [IMAGES, ARCHIVE] {
        let named = folder.file_name().is_some_and(|found| found == name);
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

/// The folder that holds the parts: `root`, or the one folder in it that does. All parts are then taken from there
/// alone: to mix the images of one copy with the labels of another would go unnoticed.
fn copy_root(given: &Path, tree: FileTree) -> Result<FileTree, Error> {
    let holds_images = |tree: &FileTree| part(tree, &[IMAGES]).is_some();
    if holds_images(&tree) {
        return Ok(tree);
    }
    let names = tree.names("")?;
    let copies: Vec<_> = names
        .iter()
        .filter(|name| tree.is_folder(name) && holds_images(&tree.below(name)))
        .cloned()
        .collect();
    match copies.as_slice() {
        [] => Err(missing(given, &listed(&names))),
        [copy] => Ok(tree.below(copy)),
        several => Err(missing(
            given,
            &format!(
                "{} copies, name one of them: {}",
                several.len(),
                listed(several)
            ),
        )),
    }
}

fn missing(given: &Path, found: &str) -> Error {
    Error::Layout {
        path: given.to_path_buf(),
        expected: format!(
            "CK+ in its official layout: '{IMAGES}/S005/001/S005_001_00000001.png' with 'Emotion', 'FACS' and 'Landmarks' \
             beside it"
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
    let direct = ["", ARCHIVE]
        .iter()
        .flat_map(|base| names.iter().map(move |name| join(base, name)));
    let candidates: Vec<String> = direct.filter(|path| tree.is_folder(path)).collect();
    let nested = candidates
        .iter()
        .flat_map(|path| names.iter().map(move |name| join(path, name)));
    let nested: Vec<String> = nested.filter(|path| tree.is_folder(path)).collect();
    let filled = candidates
        .iter()
        .chain(&nested)
        .find(|path| holds_subjects(tree, path))
        .cloned();
    // An empty label folder is a label folder all the same: nothing is labelled then, and that is told apart later.
    filled.or_else(|| candidates.into_iter().next())
}

fn holds_subjects(tree: &FileTree, folder: &str) -> bool {
    tree.names(folder)
        .is_ok_and(|names| names.iter().any(|name| subject_number(name).is_some()))
}

/// `S005` → 5.
pub(super) fn subject_number(name: &str) -> Option<i64> {
    number(name.strip_prefix('S')?)
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
