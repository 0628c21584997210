//! The result of a study and its files.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::write::table::{csv, rows};
use crate::write::{make_dir, save, save_json};

/// The findings of a study.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The table: header, then rows.
    pub table: Vec<Vec<String>>,
    /// Contents of the JSON except the verdict, which is written last.
    pub facts: Map<String, Value>,
    /// The findings in sentences, the most important first.
    pub verdict: Vec<String>,
    /// Pictures as SVG, by file name.
    pub pictures: Vec<(String, String)>,
}

impl Answer {
    /// An answer without pictures. The header lists the columns, separated by commas; every row is a struct or tuple whose
    /// fields are the cells; `facts` is a JSON object.
    ///
    /// # Errors
    /// [`Error::Json`] for rows or facts that JSON cannot hold.
    pub fn new<R: Serialize>(
        header: &str,
        table: impl IntoIterator<Item = R>,
        facts: Value,
        verdict: Vec<String>,
    ) -> Result<Self, Error> {
        Ok(Self {
            table: rows(header, table)?,
            facts: serde_json::from_value(facts)?,
            verdict,
            pictures: vec![],
        })
    }

    /// Writes `file.csv`, `file.json` and the pictures into `dir`, each atomically. The JSON of a study outside this
    /// crate begins with its name, `own`, by which the report finds it.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, dir: &Path, file: &str, own: Option<&str>) -> Result<(), Error> {
        make_dir(dir)?;
        save(dir, &format!("{file}.csv"), csv(&self.table).as_bytes())?;
        let mut facts = Map::new();
        facts.extend(own.map(|name| ("study".to_owned(), name.into())));
        facts.extend(self.facts.clone());
        facts.insert("verdict".to_owned(), json!(self.verdict));
        save_json(dir, &format!("{file}.json"), &facts)?;
        let mut pictures = self.pictures.iter();
        pictures.try_for_each(|(name, svg)| save(dir, name, svg.as_bytes()))
    }
}
