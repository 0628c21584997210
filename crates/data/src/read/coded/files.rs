//! Every file of a tree, and the parts of its name.

use faus_base::text::{composed, plain};
use regex::Regex;

use crate::error::Error;
use crate::read::file::{ReadFile, TEXT_LIMIT};
use crate::read::name::{is_image, split, stem};
use crate::read::tree::FileTree;

/// Limits of the walk.
const DEPTH: usize = 12;
const PATHS: usize = 5_000_000;
/// Maximum size in bytes of a table of codes: BP4D's largest have 100 kB.
const CODES_LIMIT: u64 = TEXT_LIMIT << 8;

/// The files of a data set in order of path.
pub(super) struct Files {
    pub tree: FileTree,
    pub paths: Vec<String>,
}

impl Files {
    /// Lists the tree.
    ///
    /// # Errors
    /// If the root cannot be listed, or there are too many files.
    pub fn of(tree: FileTree) -> Result<Self, Error> {
        let found = tree.walk(DEPTH, PATHS)?;
        if found.len() > PATHS {
            let expected = format!("at most {PATHS} files and folders");
            return Err(Error::layout(tree.root(), expected, "more"));
        }
        let files = found.into_iter().filter(|(_, is_folder)| !is_folder);
        let mut paths = Vec::from_iter(files.map(|(path, _)| path));
        paths.sort_unstable();
        Ok(Self { tree, paths })
    }

    pub fn images(&self) -> impl Iterator<Item = &str> {
        let paths = self.paths.iter().map(String::as_str);
        paths.filter(|path| is_image(path))
    }

    /// The text of a file of codes in canonical composition, which is added to those `read`.
    ///
    /// # Errors
    /// When it cannot be read or is no text.
    pub fn text(&self, path: &str, read: &mut Vec<ReadFile>) -> Result<String, Error> {
        let bytes = self.tree.read(path, CODES_LIMIT)?;
        read.push(ReadFile::new(path, &bytes));
        let text = plain(&bytes).map(|text| composed(text).into_owned());
        text.map_err(|reason| Error::unusable(&self.tree.place(path), reason))
    }

    /// The error of a tree without its codes.
    pub fn without(&self, codes: &str) -> Error {
        let contents = self.tree.contents();
        contents.map_or_else(
            |error| error,
            |found| Error::layout(self.tree.root(), codes, found),
        )
    }
}

/// A pattern of this crate.
///
/// # Errors
/// Never for one that compiles.
pub(super) fn pattern(text: &str) -> Result<Regex, Error> {
    Regex::new(text).map_err(|error| Error::parse(error.to_string()))
}

/// The number of a frame in a table, also as pandas writes it into a column with gaps: `100.0`.
///
/// # Errors
/// The text, if it is no such number.
pub(super) fn number(text: &str) -> Result<u32, String> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let number = whole.parse().ok();
    let number = number.filter(|_| fraction.bytes().all(|digit| digit == b'0'));
    number.ok_or_else(|| format!("'{text}' is no frame"))
}

/// The number at the end of a file's name, without its extension: `frame_0012.png` and `12.jpg` are 12.
pub(super) fn frame(path: &str) -> Option<u32> {
    let stem = stem(split(path).1);
    let digits = stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    stem[digits..].parse().ok()
}
