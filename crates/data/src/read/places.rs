//! Images of a set by their paths as a table or list writes them: with another root, another extension, or the name alone.

use std::collections::{BTreeMap, HashMap};

use faus_base::text::composed;

use crate::read::name::{split, stem, unaligned};

/// How well a path names an image, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// The same path.
    Whole,
    /// One is the end of the other.
    End,
    /// A file name alone, extension and `_aligned` apart, that one image has.
    Stem,
    /// The only image with this file name, in another folder than the path names.
    Elsewhere,
}

/// Rows of images by their paths.
pub(crate) struct Places {
    whole: HashMap<String, usize>,
    /// Paths and rows by file name, and by file name without extension.
    by_name: HashMap<String, Vec<(String, usize)>>,
    by_stem: HashMap<String, Vec<usize>>,
}

/// A path as written in the set.
fn plain(path: &str) -> String {
    let path = composed(path.trim()).replace('\\', "/");
    path.trim_start_matches("./").to_owned()
}

impl Places {
    /// Images in the order of their rows.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let mut places = Self {
            whole: HashMap::new(),
            by_name: HashMap::new(),
            by_stem: HashMap::new(),
        };
        for (row, path) in paths.into_iter().map(plain).enumerate() {
            let name = split(&path).1.to_owned();
            let bare = unaligned(&name).unwrap_or(stem(&name)).to_owned();
            places.by_stem.entry(bare).or_default().push(row);
            let named = places.by_name.entry(name).or_default();
            named.push((path.clone(), row));
            places.whole.insert(path, row);
        }
        places
    }

    /// The row of each path. Of several paths the one that fits an image best has it; an image that different paths fit
    /// equally well belongs to none: `train/happy/im0.png` and `test/happy/im0.png` are not both `happy/im0.png`.
    ///
    /// Folders that differ are ignored only where no path has the right ones and no file name occurs twice: otherwise
    /// `bert/0001.png` would be taken for `anna/0001.png`.
    pub fn find<'a>(&self, paths: impl IntoIterator<Item = &'a str>) -> Vec<Option<(usize, Fit)>> {
        let paths = Vec::from_iter(paths.into_iter().map(plain));
        let mut found = Vec::from_iter(paths.iter().map(|path| self.row(path)));
        let of_name: BTreeMap<&str, &str> = paths
            .iter()
            .map(|path| (split(path).1, path.as_str()))
            .collect();
        let unique = self.by_name.values().all(|named| named.len() == 1)
            && paths
                .iter()
                .all(|path| of_name[split(path).1] == path.as_str());
        let own = |found: &Option<(usize, Fit)>| found.is_some_and(|(_, fit)| fit < Fit::Elsewhere);
        if !unique || found.iter().any(own) {
            found
                .iter_mut()
                .filter(|found| !own(found))
                .for_each(|found| *found = None);
        }
        let mut best: BTreeMap<usize, (Fit, &str, bool)> = BTreeMap::new();
        for (path, (row, fit)) in paths
            .iter()
            .zip(&found)
            .filter_map(|(path, found)| Some((path, (*found)?)))
        {
            let known = best.entry(row).or_insert((fit, path, true));
            if fit < known.0 {
                *known = (fit, path, true);
            } else if fit == known.0 && known.1 != path {
                known.2 = false;
            }
        }
        let keep =
            |&(row, fit): &(usize, Fit)| best.get(&row).is_some_and(|best| best.0 == fit && best.2);
        found.into_iter().map(|found| found.filter(keep)).collect()
    }

    fn row(&self, path: &str) -> Option<(usize, Fit)> {
        if let Some(&row) = self.whole.get(path) {
            return Some((row, Fit::Whole));
        }
        let Some(named) = self.by_name.get(split(path).1) else {
            let bare = stem(split(path).1);
            let rows = self.by_stem.get(unaligned(bare).unwrap_or(bare))?;
            let fit = if path.contains('/') {
                Fit::Elsewhere
            } else {
                Fit::Stem
            };
            return only(rows).map(|row| (*row, fit));
        };
        let ends = |long: &str, short: &str| {
            let rest = long.strip_suffix(short);
            rest.is_some_and(|rest| rest.ends_with('/'))
        };
        let fits = |(ours, _): &&(String, usize)| ends(path, ours) || ends(ours, path);
        let fitting = Vec::from_iter(named.iter().filter(fits));
        match (&fitting[..], &named[..]) {
            ([(_, row)], _) => Some((*row, Fit::End)),
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

fn only<T>(all: &[T]) -> Option<&T> {
    all.first().filter(|_| all.len() == 1)
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
            find(&images, &["bert/0001.png", "anna/x.png"]),
            [Some(0), None]
        );
        assert_eq!(
            find(&images, &["bert/0001.png", "cleo/0001.png"]),
            [None, None]
        );
        let twice = ["a/0001.png", "b/0001.png", "b/0002.png"];
        assert_eq!(find(&twice, &["c/0002.png"]), [None]);
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
