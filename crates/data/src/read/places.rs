//! Images of a set by their paths, for paths with a different root.

use std::collections::{HashMap, HashSet};

/// Rows by path and by file name.
pub(crate) struct Places<'a> {
    whole: HashMap<&'a str, usize>,
    /// Paths and rows by file name.
    by_name: HashMap<&'a str, Vec<(&'a str, usize)>>,
    /// Rows that match several paths: `train/happy/im0.png` and `test/happy/im0.png` are not both `happy/im0.png`.
    ambiguous: HashSet<usize>,
}

/// A path as written in the set.
fn plain(path: &str) -> String {
    let path = path.trim().replace('\\', "/");
    path.trim_start_matches("./").to_owned()
}

impl<'a> Places<'a> {
    /// Images by path and row, without those that several of `paths` match by suffix.
    pub fn of<'b>(
        rows: impl Iterator<Item = (&'a str, usize)> + Clone,
        paths: impl Iterator<Item = &'b str>,
    ) -> Self {
        let mut by_name: HashMap<&str, Vec<_>> = HashMap::new();
        for (path, row) in rows.clone() {
            let name = path.rsplit('/').next().unwrap_or_default();
            by_name.entry(name).or_default().push((path, row));
        }
        let mut places = Self {
            whole: rows.collect(),
            by_name,
            ambiguous: HashSet::new(),
        };
        let mut known: HashMap<usize, String> = HashMap::new();
        let mut twice = HashSet::new();
        for path in paths.map(plain) {
            if let Some(at) = places.find(&path)
                && *known.entry(at).or_insert_with(|| path.clone()) != path
            {
                twice.insert(at);
            }
        }
        places.ambiguous = twice;
        places
    }

    /// The row of a path: the same path, else the only one that is a suffix of it or has it as a suffix, else the only
    /// one with its file name.
    pub fn find(&self, path: &str) -> Option<usize> {
        let path = plain(path);
        if let Some(&row) = self.whole.get(path.as_str()) {
            return Some(row);
        }
        let named = self.by_name.get(path.rsplit('/').next()?)?;
        let ends = |long: &str, short: &str| {
            let rest = long.strip_suffix(short);
            rest.is_some_and(|rest| rest.ends_with('/'))
        };
        let fits = |(ours, _): &&(&str, usize)| ends(&path, ours) || ends(ours, &path);
        let fitting: Vec<_> = named.iter().filter(fits).collect();
        match (&fitting[..], &named[..]) {
            ([(_, row)], _) | ([], [(_, row)]) => Some(*row),
            _ => None,
        }
        .filter(|row| !self.ambiguous.contains(row))
    }
}
