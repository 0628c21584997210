//! Images by their paths, for paths with a different root.

use std::collections::{HashMap, HashSet};

use faus_base::text::composed;

use crate::read::name::{split, stem};

/// The images of a set by path and by file name.
pub(crate) struct Places {
    paths: Vec<String>,
    whole: HashMap<String, usize>,
    by_name: HashMap<String, Vec<usize>>,
}

/// A path as written in the set.
fn plain(path: &str) -> String {
    let path = composed(path.trim()).replace('\\', "/");
    path.trim_start_matches("./").to_owned()
}

impl Places {
    /// The images with these paths.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let paths = Vec::from_iter(paths.into_iter().map(plain));
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, path) in paths.iter().enumerate() {
            let name = split(path).1.to_owned();
            by_name.entry(name).or_default().push(at);
        }
        let whole = paths.iter().cloned().zip(0..).collect();
        Self {
            paths,
            whole,
            by_name,
        }
    }

    /// Also finds images by names without extension, and without `_aligned` as RAF-DB's face crops have, where no file has
    /// the whole name.
    #[must_use]
    pub fn by_stem(mut self) -> Self {
        for (at, path) in self.paths.iter().enumerate() {
            let (_, name) = split(path);
            let keys = [Some(stem(name)), stem(name).strip_suffix("_aligned")];
            for key in keys.into_iter().flatten().filter(|key| *key != name) {
                self.by_name.entry(key.to_owned()).or_default().push(at);
            }
        }
        self
    }

    /// The image of each path: that of the same path, else the only one whose path is a suffix of it or has it as a suffix,
    /// else the only one with its file name. None where several paths would share an image in this way:
    /// `train/happy/im0.png` and `test/happy/im0.png` are not both `happy/im0.png`.
    pub fn find<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> Vec<Option<usize>> {
        let paths = Vec::from_iter(paths.into_iter().map(plain));
        let found = Vec::from_iter(paths.iter().map(|path| self.image(path)));
        let (mut first, mut shared) = (HashMap::new(), HashSet::new());
        for (at, path) in found.iter().zip(&paths) {
            if first.entry(at).or_insert(path) != &path {
                shared.insert(at);
            }
        }
        let found = found.iter().zip(&paths).map(|(at, path)| {
            at.filter(|image| !shared.contains(at) || self.paths[*image] == *path)
        });
        found.collect()
    }

    fn image(&self, path: &str) -> Option<usize> {
        if let Some(&image) = self.whole.get(path) {
            return Some(image);
        }
        let (_, name) = split(path);
        let by_stem = || self.by_name.get(stem(name));
        let named = self.by_name.get(name).or_else(by_stem)?;
        let ends = |long: &str, short: &str| {
            let rest = long.strip_suffix(short);
            rest.is_some_and(|rest| rest.ends_with('/'))
        };
        let fits = |at: &usize| ends(path, &self.paths[*at]) || ends(&self.paths[*at], path);
        let fitting = Vec::from_iter(named.iter().copied().filter(fits));
        match (&fitting[..], &named[..]) {
            ([image], _) | ([], [image]) => Some(*image),
            _ => None,
        }
    }
}
