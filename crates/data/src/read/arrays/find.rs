//! The arrays in a folder.

use std::path::Path;

use crate::error::Error;
use crate::read::name::{join, listed, split};
use crate::read::tfd::of_size;
use crate::read::tree::FileTree;

pub(super) const EXPECTED: &str = "the authors' X.npy, y.npy, subjs.npy and folds.npy (CK+), or folders split_0, split_1, … of X.npy, y.npy and folds.npy (TFD)";
/// Each of these makes a folder one of CK+; the others are then missed by name.
const CK_PLUS: [&str; 3] = ["X.npy", "y.npy", "subjs.npy"];

/// The data set that arrays hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    CkPlus,
    Tfd,
}

/// The only arrays in `input`, at most two folders down, and what they hold. TFD's sizes count as one.
pub(super) fn find(input: &Path, image_size: u32) -> Result<(FileTree, Kind), Error> {
    let tree = FileTree::open_inner(input)?;
    let folders = folders(&tree)?;
    let ck_plus = folders.iter().filter(|folder| {
        let has = |name: &&str| tree.is_file(&join(folder, name));
        CK_PLUS.iter().any(has)
    });
    let ck_plus: Vec<&String> = ck_plus.collect();
    let splits = |folder: &&String| tree.is_folder(&join(folder, "split_0"));
    let tfd: Vec<&String> = folders.iter().filter(splits).collect();
    let (folder, kind) = match (&ck_plus[..], one_size(&tfd, image_size)) {
        ([], None) if tfd.is_empty() => {
            return Err(Error::layout(input, EXPECTED, listed(&tree.names("")?)));
        }
        ([folder], None) if tfd.is_empty() => (*folder, Kind::CkPlus),
        ([], Some(folder)) => (folder, Kind::Tfd),
        _ => return Err(several(input, &ck_plus, &tfd)),
    };
    Ok(match folder.as_str() {
        "" => (tree, kind),
        folder => (tree.below(folder), kind),
    })
}

/// The root and the folders up to two levels down, without those of splits.
fn folders(tree: &FileTree) -> Result<Vec<String>, Error> {
    let mut folders = vec![String::new()];
    let mut level = folders.clone();
    for _ in 0..2 {
        let mut below = Vec::new();
        for folder in &level {
            let mut names = tree.names(folder)?;
            names.retain(|name| !name.starts_with("split_") && name != "unlabeled");
            let paths = names.iter().map(|name| join(folder, name));
            below.extend(paths.filter(|path| tree.is_folder(path)));
        }
        folders.extend(below.iter().cloned());
        level = below;
    }
    Ok(folders)
}

/// Of TFD's folders the only one, or that of the size to take; `None` if they are not sizes of one set.
fn one_size<'f>(tfd: &[&'f String], image_size: u32) -> Option<&'f String> {
    if let [only] = tfd {
        return Some(only);
    }
    let beside = tfd.windows(2).all(|two| split(two[0]).0 == split(two[1]).0);
    let names = Vec::from_iter(tfd.iter().map(|folder| split(folder).1.to_owned()));
    let name = of_size(&names, image_size, "").filter(|_| beside)?;
    tfd.iter().copied().find(|folder| split(folder).1 == name)
}

fn several(input: &Path, ck_plus: &[&String], tfd: &[&String]) -> Error {
    let of = |set, folders: &[&String]| {
        let place = |folder: &&String| match folder.as_str() {
            "" => format!("{set} in the folder itself"),
            folder => format!("{set} in {folder}"),
        };
        folders.iter().map(place).collect::<Vec<_>>()
    };
    let found = [of("CK+", ck_plus), of("TFD", tfd)].concat();
    let reason = format!(
        "holds several sets of arrays ({}); name the folder of one of them, or move the others away",
        listed(&found)
    );
    Error::unusable(input, reason)
}
