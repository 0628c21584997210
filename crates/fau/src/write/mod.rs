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
use serde_json::{Map, Value};

use crate::error::Error;

pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(Error::disk("write", dir))
}

pub(crate) fn save(dir: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path = dir.join(name);
    faus_base::file::write(&path, text.as_bytes()).map_err(Error::disk("write", &path))
}

/// The version of the files' fields: a field that changes its meaning raises it.
const SCHEMA: u32 = 1;

/// Writes an object behind `schema` and the program's `version`.
pub(crate) fn save_json(dir: &Path, name: &str, value: &impl Serialize) -> Result<(), Error> {
    let path = dir.join(name);
    let mut fields = Map::new();
    fields.insert("schema".to_owned(), SCHEMA.into());
    fields.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    if let Value::Object(own) = serde_json::to_value(value)? {
        fields.extend(own);
    }
    faus_base::file::write_json(&path, &fields).map_err(Error::disk("write", &path))
}
