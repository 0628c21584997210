//! What a folder looks like, by the names in it: said where it is not the data set that was asked for.

use std::collections::BTreeSet;
use std::path::Path;

use regex::RegexSet;

use crate::error::Error;
use crate::read::folders::class_of;
use crate::read::name::{is_zip, split};
use crate::read::tree::FileTree;

/// How deep and how many names are looked at.
const DEPTH: usize = 4;
const NAMES: usize = 20_000;

/// A set: the name of a file or folder in it that no other has, the set, its source, and a further setting.
#[rustfmt::skip]
const MARKS: [(&str, &str, &str, &str); 17] = [
    (r"(?i)(^|/)cohn-kanade-images$", "CK+", "ck_plus", ""),
    (r"(?i)(^|/)S\d{3}_\d{3}_\d{8}_(emotion|facs)\.txt$", "CK+'s labels", "ck_plus", ""),
    (r"(?i)(^|/)TFD_\d+x\d+\.mat$", "TFD", "tfd", ""),
    (r"(^|/)split_0/X\.npy$|(^|/)subjs\.npy$", "arrays of the authors' scripts", "arrays", ""),
    (r"(?i)(^|/)(fer2013|icml_face_data|ckextended)\.csv$", "a table of pixels", "csv", ""),
    (r"(?i)(^|/)SN\d{3}_au\d+\.txt$|(^|/)ActionUnit_Labels$", "DISFA", "disfa", ""),
    (r"(?i)(^|/)SN\d{3}/[^/]+/AU\d+\.txt$", "DISFA+", "disfa_plus", ""),
    (r"(?i)(^|/)(AU_OCC|AUCoding)$|(^|/)[FM]\d{3}_T\d+\.csv$", "BP4D", "bp4d", ""),
    (r"(?i)(^|/)RAFCE_\w+\.txt$", "RAF-CE", "raf", ""),
    (r"(?i)(^|/)RAFAU_label\.txt$", "RAF-AU", "raf", ""),
    (r"(?i)(^|/)list_patition_label\.txt$", "RAF-DB", "folders", " and the label pattern raf_db (--label-pattern raf_db)"),
    (r"(?i)(^|/)Rafd\d{3}_\d+_", "RaFD", "folders", " and the label pattern rafd (--label-pattern rafd)"),
    (r"(^|/)[A-Z]{2}\.(AN|DI|FE|HA|NE|SA|SU)\d\.\d+\.", "JAFFE", "folders", " and the label pattern jaffe (--label-pattern jaffe)"),
    (r"(?i)(^|/)[AB][FM]\d{2}(AF|AN|DI|HA|NE|SA|SU)(S|FL|FR|HL|HR)\.", "KDEF", "folders", " and the label pattern kdef (--label-pattern kdef)"),
    (r"(^|/)S\d{3}_\d{3}_\d{8}\.(png|jpg)$", "images named like CK+'s or CK+48's", "folders", " if class folders hold them"),
    (r"(^|/)checkpoints$|(^|/)summary\.json$", "a run of faus", "", "its data set is in its folder dataset: give that with --prepared"),
    (r"(^|/)dataset\.json$", "a prepared data set", "", "give it with --prepared instead of --data"),
];

/// A layout error with what the folder looks like, if that is another set than `source`.
pub(crate) fn with_likeness(mut error: Error, root: &Path, source: &str) -> Error {
    if let Error::Layout { found, .. } = &mut error
        && let Some(likeness) = likeness(root, source)
        && !found.contains(&likeness)
    {
        *found += &format!("; {likeness}");
    }
    error
}

/// What `root` looks like, in a sentence with the way out; `None` for nothing known, and for `source` itself.
fn likeness(root: &Path, source: &str) -> Option<String> {
    let paths = names(root)?;
    let marks = RegexSet::new(MARKS.map(|(mark, ..)| mark)).ok()?;
    let first = paths.iter().flat_map(|path| marks.matches(path)).min();
    let Some((_, set, own, more)) = first.map(|at| MARKS[at]) else {
        let classes = paths.iter().filter_map(|path| class_of(split(path).1));
        let several = BTreeSet::from_iter(classes).len() >= 2 && source != "folders";
        let likeness = "this looks like class folders: use the source folders";
        return several.then(|| likeness.to_owned());
    };
    let of_source = own == source || (own == "ck_plus" && source == "ck_plus_six_class");
    match own {
        _ if of_source && more.is_empty() => None,
        "" => Some(format!("this looks like {set}: {more}")),
        own => Some(format!("this looks like {set}: use the source {own}{more}")),
    }
}

/// Names of files and folders below `root`, relative to it.
fn names(root: &Path) -> Option<Vec<String>> {
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    if root.is_file() && !is_zip(&name) {
        return Some(vec![name.into_owned()]);
    }
    let found = FileTree::open(root).ok()?.walk(DEPTH, NAMES).ok()?;
    Some(found.into_iter().map(|(path, _)| path).collect())
}
