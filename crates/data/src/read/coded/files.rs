//! Every file of a tree, and the parts of its name.

use regex::{Captures, Regex};

use crate::error::Error;
use crate::read::file::{ReadFile, TEXT_LIMIT};
use crate::read::name::{is_image, join};
use crate::read::tree::FileTree;

/// Limits of the walk.
const DEPTH: usize = 12;
const FOLDERS: usize = 1_000_000;
const FILES: usize = 5_000_000;
/// Maximum size in bytes of a table of codes: BP4D's largest have 100 kB.
const CODES_LIMIT: u64 = TEXT_LIMIT << 8;

/// The files of a data set in order of path.
pub(super) struct Files {
    tree: FileTree,
    pub paths: Vec<String>,
    pub read: Vec<ReadFile>,
}

impl Files {
    /// Lists the tree.
    ///
    /// # Errors
    /// If the root cannot be listed, or there are too many files.
    pub fn of(tree: &FileTree) -> Result<Self, Error> {
        let mut paths = Vec::new();
        let mut waiting = vec![(String::new(), 0)];
        let mut folders = 0;
        while let Some((folder, depth)) = waiting.pop() {
            folders += 1;
            let names = match tree.names(&folder) {
                Ok(names) => names,
                Err(error) if depth == 0 => return Err(error),
                Err(_) => continue,
            };
            for path in names.iter().map(|name| join(&folder, name)) {
                match tree.is_folder(&path) {
                    true if depth < DEPTH => waiting.push((path, depth + 1)),
                    true => {}
                    false => paths.push(path),
                }
            }
            if folders > FOLDERS || paths.len() > FILES {
                let expected = format!("at most {FILES} files in {FOLDERS} folders");
                return Err(Error::layout(tree.root(), expected, "more"));
            }
        }
        paths.sort_unstable();
        let (tree, read) = (tree.clone(), Vec::new());
        Ok(Self { tree, paths, read })
    }

    /// The paths that a pattern matches, with its groups.
    pub fn matching<'a>(
        &'a self,
        pattern: &'a Regex,
    ) -> impl Iterator<Item = (&'a str, Captures<'a>)> {
        let matched = |path: &'a String| Some((path.as_str(), pattern.captures(path)?));
        self.paths.iter().filter_map(matched)
    }

    pub fn images(&self) -> impl Iterator<Item = &str> {
        self.paths
            .iter()
            .map(String::as_str)
            .filter(|path| is_image(path))
    }

    /// Where a file lies, for messages.
    pub fn place(&self, path: &str) -> std::path::PathBuf {
        self.tree.place(path)
    }

    /// The text of a file of codes.
    ///
    /// # Errors
    /// When it cannot be read or is no text.
    pub fn text(&mut self, path: &str) -> Result<String, Error> {
        let bytes = self.tree.read(path, CODES_LIMIT)?;
        self.read.push(ReadFile::new(path, &bytes));
        let text = faus_base::text::plain(&bytes);
        let text = text.map_err(|reason| Error::unusable(&self.tree.place(path), reason))?;
        Ok(text.to_owned())
    }
}

/// A pattern of this crate.
///
/// # Errors
/// Never for one that compiles.
pub(super) fn pattern(text: &str) -> Result<Regex, Error> {
    Regex::new(text).map_err(|error| Error::parse(error.to_string()))
}

/// The number at the end of a file's name, without its extension: `frame_0012.png` and `12.jpg` are 12.
pub(super) fn frame(path: &str) -> Option<u32> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = crate::read::name::stem(name);
    let digits = stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    stem[digits..].parse().ok()
}

/// The folder of a file.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}
