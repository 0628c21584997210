//! Images of a set by their paths as a table or list writes them: with another root, another extension, or the name alone.

use std::collections::{BTreeMap, HashMap, HashSet};

use faus_base::text::composed;

use crate::read::name::{split, stem, unaligned};

/// How well a path names an image, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// The same path.
    Whole,
    /// One is the end of the other.
    End,
    /// The same, extension and `_aligned` apart.
    Stem,
    /// The only image with this file name, in another folder than the path names.
    Elsewhere,
}

/// Rows of images by their paths.
pub(crate) struct Places {
    whole: HashMap<String, usize>,
    /// Paths and rows by file name; without extension and `_aligned` by those without.
    by_name: HashMap<String, Vec<(String, usize)>>,
    by_stem: HashMap<String, Vec<(String, usize)>>,
    /// Names of all folders.
    folders: HashSet<String>,
}

/// A path as written in the set.
fn plain(path: &str) -> String {
    let path = composed(path.trim()).replace('\\', "/");
    path.trim_start_matches("./").to_owned()
}

/// A path without extension and `_aligned`.
fn bare(path: &str) -> String {
    unaligned(path).unwrap_or(stem(path)).to_owned()
}

impl Places {
    /// Images in the order of their rows.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let mut places = Self {
            whole: HashMap::new(),
            by_name: HashMap::new(),
            by_stem: HashMap::new(),
            folders: HashSet::new(),
        };
        for (row, path) in paths.into_iter().map(plain).enumerate() {
            let (folder, _) = split(&path);
            places.folders.extend(folder.split('/').map(str::to_owned));
            for (named, path) in [
                (&mut places.by_name, path.clone()),
                (&mut places.by_stem, bare(&path)),
            ] {
                let key = split(&path).1.to_owned();
                named.entry(key).or_default().push((path, row));
            }
            places.whole.insert(path, row);
        }
        places
    }

    /// The row of each path. Of several paths the one that fits an image best has it; an image that different paths fit
    /// equally well belongs to none: `train/happy/im0.png` and `test/happy/im0.png` are not both `happy/im0.png`.
    ///
    /// Folders that differ are ignored only where no path has one of the set's folders and no image's file name occurs twice:
    /// otherwise `bert/0001.png` would be taken for `anna/0001.png`.
    pub fn find<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> Vec<Option<(usize, Fit)>> {
        let paths = Vec::from_iter(paths.into_iter().map(plain));
        let mut found = Vec::from_iter(paths.iter().map(|path| self.row(path)));
        let is_near = |(_, fit): &(usize, Fit)| *fit < Fit::Elsewhere;
        let known = |path: &String| {
            let folder = split(split(path).0).1;
            !folder.is_empty() && self.folders.contains(folder)
        };
        let near = found.iter().flatten().any(is_near) || paths.iter().any(known);
        if near || !self.unique(&paths) {
            found
                .iter_mut()
                .for_each(|found| *found = found.filter(is_near));
        }
        let mut best: BTreeMap<usize, (Fit, &str, bool)> = BTreeMap::new();
        let rows = paths.iter().zip(&found);
        for (path, (row, fit)) in rows.filter_map(|(path, found)| Some((path, (*found)?))) {
            let known = best.entry(row).or_insert((fit, path, true));
            if fit < known.0 {
                *known = (fit, path, true);
            } else if fit == known.0 && known.1 != path {
                known.2 = false;
            }
        }
        let keep = |(row, fit): &(usize, Fit)| best[row].0 == *fit && best[row].2;
        found.into_iter().map(|found| found.filter(keep)).collect()
    }

    /// Whether every file name of an image occurs once, among the images and among the paths.
    fn unique(&self, paths: &[String]) -> bool {
        let named = paths.iter().map(|path| (split(path).1, path));
        let named = named.filter(|(name, _)| self.by_name.contains_key(*name));
        let last: HashMap<&str, &String> = named.clone().collect();
        let once = self.by_name.values().all(|named| named.len() == 1);
        once && named.into_iter().all(|(name, path)| last[name] == path)
    }

    fn row(&self, path: &str) -> Option<(usize, Fit)> {
        if let Some(&row) = self.whole.get(path) {
            return Some((row, Fit::Whole));
        }
        let name = split(path).1;
        let (named, path, near) = match self.by_name.get(name) {
            Some(named) => (named, path.to_owned(), Fit::End),
            None => (
                self.by_stem.get(split(&bare(path)).1)?,
                bare(path),
                Fit::Stem,
            ),
        };
        let ends = |long: &str, short: &str| {
            let rest = long.strip_suffix(short);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        let fits = |(ours, _): &&(String, usize)| ends(&path, ours) || ends(ours, &path);
        let fitting = Vec::from_iter(named.iter().filter(fits));
        match (&fitting[..], &named[..]) {
            ([(_, row)], _) => Some((*row, near)),
            ([], [(_, row)]) => Some((*row, Fit::Elsewhere)),
            _ => None,
        }
    }
}

/// A note on images that were found in another folder than the one named.
pub(crate) fn elsewhere(count: usize) -> Option<String> {
    (count > 0).then(|| {
        format!("{count} of these are found by their file name alone, in another folder than the one named: check that they are meant.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(images: &[&str], paths: &[&str]) -> Vec<Option<usize>> {
        let found = Places::of(images.iter().copied()).find(paths.iter().copied());
        found.into_iter().map(|found| Some(found?.0)).collect()
    }

    #[test]
    fn an_image_takes_the_path_that_fits_best() {
        let images = ["train/0001.png", "train/0002.png"];
        let both = [
            "test/0001.png",
            "train/0001.png",
            "test/0002.jpg",
            "train/0002.png",
        ];
        assert_eq!(find(&images, &both), [None, Some(0), None, Some(1)]);
        assert_eq!(find(&images, &["0001.jpg", "0001.png"]), [None, Some(0)]);
        assert_eq!(find(&images, &["a/0001.jpg", "b/0001.jpg"]), [None, None]);
        assert_eq!(
            find(&images, &["./train\\0001.png", "train/0001.png"]),
            [Some(0), Some(0)]
        );
    }

    #[test]
    fn another_folder_is_ignored_only_where_it_can_mean_nothing_else() {
        let images = ["happy/anna/0001.png", "happy/anna/0002.png"];
        assert_eq!(
            find(&images, &["anna/0001.png", "bert/0002.png"]),
            [Some(0), None]
        );
        assert_eq!(
            find(&images, &["orig/0001.png", "orig/x.png"]),
            [Some(0), None]
        );
        // Names of folders mean something in this table.
        assert_eq!(
            find(&images, &["bert/0001.png", "anna/x.png"]),
            [None, None]
        );
        assert_eq!(
            find(&images, &["bert/0001.png", "cleo/0001.png"]),
            [None, None]
        );
        let twice = ["a/0001.png", "b/0001.png", "b/0002.png"];
        assert_eq!(find(&twice, &["c/0002.png"]), [None]);
        // Other files of the table do not matter, and a folder that the set has is meant.
        let sets = ["happy/x1.png", "sad/x2.png"];
        let paths = ["orig/x1.png", "orig/x2.jpg", "p/thumbs.db", "q/thumbs.db"];
        assert_eq!(find(&sets, &paths), [Some(0), Some(1), None, None]);
        assert_eq!(find(&sets, &["orig/sad/x1.png"]), [None]);
        assert_eq!(
            find(&sets, &["a/happy/x1.jpg", "sad/x2"]),
            [Some(0), Some(1)]
        );
    }

    #[test]
    fn names_are_found_in_any_spelling() {
        let images = [
            "sad/Zoe\u{308}/0.png",
            "aligned/7_aligned.jpg",
            "a/x.png",
            "b/x.png",
        ];
        let paths = [
            "sad/Zo\u{eb}/0.png",
            "7.jpg",
            "/data/b/x.png",
            "x.png",
            "7_aligned.png",
        ];
        assert_eq!(
            find(&images, &paths[..4]),
            [Some(0), Some(1), Some(3), None]
        );
        assert_eq!(find(&images, &paths[4..]), [Some(1)]);
    }
}
