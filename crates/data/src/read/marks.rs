//! What a folder looks like, by the names in it: said where it is not the data set that was asked for.

use std::path::Path;

use regex::RegexSet;

use crate::error::Error;
use crate::read::folders::class_of;
use crate::read::name::join;
use crate::read::tree::FileTree;

/// How deep and how many names are looked at.
const DEPTH: usize = 4;
const NAMES: usize = 20_000;

/// A set: the name of a file or folder in it that no other has, the set, its source, and a further setting.
const MARKS: [(&str, &str, &str, &str); 17] = [
    (r"(?i)(^|/)cohn-kanade-images$", "CK+", "ck_plus", ""),
    (
        r"(?i)(^|/)S\d{3}_\d{3}_\d{8}_(emotion|facs)\.txt$",
        "CK+'s labels",
        "ck_plus",
        "",
    ),
    (r"(?i)(^|/)TFD_\d+x\d+\.mat$", "TFD", "tfd", ""),
    (
        r"(^|/)split_0/X\.npy$|(^|/)subjs\.npy$",
        "arrays of the authors' scripts",
        "arrays",
        "",
    ),
    (
        r"(?i)(^|/)(fer2013|icml_face_data|ckextended)\.csv$",
        "a table of pixels",
        "csv",
        "",
    ),
    (
        r"(?i)(^|/)SN\d{3}_au\d+\.txt$|(^|/)ActionUnit_Labels$",
        "DISFA",
        "disfa",
        "",
    ),
    (
        r"(?i)(^|/)SN\d{3}/[^/]+/AU\d+\.txt$",
        "DISFA+",
        "disfa_plus",
        "",
    ),
    (
        r"(?i)(^|/)(AU_OCC|AUCoding)$|(^|/)[FM]\d{3}_T\d+\.csv$",
        "BP4D",
        "bp4d",
        "",
    ),
    (r"(?i)(^|/)RAFCE_\w+\.txt$", "RAF-CE", "raf", ""),
    (r"(?i)(^|/)RAFAU_label\.txt$", "RAF-AU", "raf", ""),
    (
        r"(?i)(^|/)list_patition_label\.txt$",
        "RAF-DB",
        "folders",
        " and the label pattern raf_db (--label-pattern raf_db)",
    ),
    (
        r"(?i)(^|/)Rafd\d{3}_\d+_",
        "RaFD",
        "folders",
        " and the label pattern rafd (--label-pattern rafd)",
    ),
    (
        r"(^|/)[A-Z]{2}\.(AN|DI|FE|HA|NE|SA|SU)\d\.\d+\.",
        "JAFFE",
        "folders",
        " and the label pattern jaffe (--label-pattern jaffe)",
    ),
    (
        r"(?i)(^|/)[AB][FM]\d{2}(AF|AN|DI|HA|NE|SA|SU)(S|FL|FR|HL|HR)\.",
        "KDEF",
        "folders",
        " and the label pattern kdef (--label-pattern kdef)",
    ),
    (
        r"(^|/)S\d{3}_\d{3}_\d{8}\.(png|jpg)$",
        "images named like CK+'s or CK+48's",
        "folders",
        " if class folders hold them",
    ),
    (
        r"(^|/)checkpoints$|(^|/)summary\.json$",
        "a run of faus",
        "",
        "its data set is in its folder dataset: give that with --prepared",
    ),
    (
        r"(^|/)dataset\.json$",
        "a prepared data set",
        "",
        "give it with --prepared instead of --data",
    ),
];

/// A layout error with what the folder looks like, if that is another set than `source`.
pub(crate) fn with_likeness(error: Error, root: &Path, source: &str) -> Error {
    let Error::Layout {
        path,
        expected,
        found,
    } = error
    else {
        return error;
    };
    let found = match likeness(root, source) {
        Some(likeness) if !found.contains(&likeness) => format!("{found}; {likeness}"),
        _ => found,
    };
    Error::Layout {
        path,
        expected,
        found,
    }
}

/// What `root` looks like, in a sentence with the way out; `None` for nothing known, and for `source` itself.
fn likeness(root: &Path, source: &str) -> Option<String> {
    let paths = names(root)?;
    let marks = RegexSet::new(MARKS.map(|(mark, ..)| mark)).ok()?;
    let mut found = vec![false; MARKS.len()];
    for path in &paths {
        for at in marks.matches(path) {
            found[at] = true;
        }
    }
    let of_source =
        |own: &str| own == source || (own == "ck_plus" && source == "ck_plus_six_class");
    let known = MARKS
        .iter()
        .zip(found)
        .find(|(_, found)| *found)
        .map(|(mark, _)| mark);
    if let Some((_, set, own, more)) = known {
        let own_kind = of_source(own) && more.is_empty();
        return match *own {
            _ if own_kind => None,
            "" => Some(format!("this looks like {set}: {more}")),
            own => Some(format!("this looks like {set}: use the source {own}{more}")),
        };
    }
    let classes = paths
        .iter()
        .filter_map(|path| class_of(path.rsplit('/').next()?));
    let classes = std::collections::BTreeSet::from_iter(classes);
    (classes.len() >= 2 && source != "folders")
        .then(|| "this looks like class folders: use the source folders".to_owned())
}

/// Names of files and folders below `root`, relative to it.
fn names(root: &Path) -> Option<Vec<String>> {
    let tree = match root.is_file() && !root.to_string_lossy().to_lowercase().ends_with(".zip") {
        true => return Some(vec![root.file_name()?.to_string_lossy().into_owned()]),
        false => FileTree::open(root).ok()?,
    };
    let mut paths = Vec::new();
    let mut waiting = vec![(String::new(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        for path in tree
            .names(&folder)
            .unwrap_or_default()
            .iter()
            .map(|name| join(&folder, name))
        {
            if depth < DEPTH && tree.is_folder(&path) {
                waiting.push((path.clone(), depth + 1));
            }
            paths.push(path);
        }
        if paths.len() > NAMES {
            break;
        }
    }
    Some(paths)
}
