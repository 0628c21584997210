//! Images of a set by their paths, for paths with a different root.

use std::collections::{HashMap, HashSet};

use crate::prepared::Prepared;

/// Rows by path and by file name.
pub(super) struct Places<'a> {
    set: &'a Prepared,
    whole: HashMap<String, usize>,
    by_name: HashMap<&'a str, Vec<usize>>,
    /// Rows that match several paths: `train/happy/im0.png` and `test/happy/im0.png` are not both `happy/im0.png`.
    ambiguous: HashSet<usize>,
}

/// A path as written in the set.
fn plain(path: &str) -> String {
    let path = path.trim().replace('\\', "/");
    path.trim_start_matches("./").to_owned()
}

impl<'a> Places<'a> {
    pub fn of(set: &'a Prepared) -> Self {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for sample in set.samples() {
            let name = sample.path.rsplit('/').next().unwrap_or_default();
            by_name.entry(name).or_default().push(sample.index);
        }
        let whole = set
            .samples()
            .iter()
            .map(|s| (s.path.clone(), s.index))
            .collect();
        Self {
            set,
            whole,
            by_name,
            ambiguous: HashSet::new(),
        }
    }

    /// Leaves out the rows that several paths of a table match by suffix.
    pub fn forget_ambiguous<'b>(&mut self, paths: impl Iterator<Item = &'b str>) {
        let mut known: HashMap<usize, String> = HashMap::new();
        let mut twice = HashSet::new();
        for path in paths.map(plain) {
            if let Some(at) = self.find(&path)
                && known.entry(at).or_insert_with(|| path.clone()) != &path
            {
                twice.insert(at);
            }
        }
        self.ambiguous = twice;
    }

    /// The row of a path: the same path, else the only one that is a suffix of it or has it as a suffix, else the only
    /// one with its file name.
    pub fn find(&self, path: &str) -> Option<usize> {
        let path = plain(path);
        let path = path.as_str();
        if let Some(&row) = self.whole.get(path) {
            return Some(row);
        }
        let named = self.by_name.get(path.rsplit('/').next()?)?;
        let ends = |long: &str, short: &str| {
            long.strip_suffix(short)
                .is_some_and(|rest| rest.ends_with('/'))
        };
        let fitting: Vec<usize> = named
            .iter()
            .copied()
            .filter(|&row| {
                let ours = self.set.samples()[row].path.as_str();
                ends(path, ours) || ends(ours, path)
            })
            .collect();
        match (fitting.as_slice(), named.as_slice()) {
            ([row], _) | ([], [row]) => Some(*row).filter(|row| !self.ambiguous.contains(row)),
            _ => None,
        }
    }
}
