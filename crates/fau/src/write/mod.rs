//! Files of an analysis: tables, pictures, summary and verdict.

pub(crate) mod charts;
pub(crate) mod files;
pub(crate) mod front;
pub(crate) mod output;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod tables;
pub(crate) mod verdict;
pub(crate) mod words;

use std::path::Path;

use serde::Serialize;

use crate::error::Error;

pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(Error::disk("write", dir))
}

pub(crate) fn save(dir: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path = dir.join(name);
    faus_base::file::write(&path, text.as_bytes()).map_err(Error::disk("write", &path))
}

pub(crate) fn save_json(dir: &Path, name: &str, value: &impl Serialize) -> Result<(), Error> {
    let path = dir.join(name);
    faus_base::file::write_json(&path, value).map_err(Error::disk("write", &path))
}
