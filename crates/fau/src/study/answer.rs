//! The result of a study and its files.

use std::fmt::Display;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::write::{make_dir, save, save_json};

/// The findings of a study.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The table: header, then rows.
    pub table: Vec<Vec<String>>,
    /// Contents of the JSON, but for the verdict, which comes last there.
    pub facts: Map<String, Value>,
    /// The findings in sentences, the most important first.
    pub verdict: Vec<String>,
    /// Pictures as SVG, by file name.
    pub pictures: Vec<(String, String)>,
}

impl Answer {
    /// An answer without pictures; `header` lists the columns, separated by commas, and `facts` is a JSON object.
    pub fn new(header: &str, rows: impl IntoIterator<Item = Vec<String>>, facts: Value) -> Self {
        let header = header.split(',').map(str::to_owned).collect();
        Self {
            table: std::iter::once(header).chain(rows).collect(),
            facts: match facts {
                Value::Object(facts) => facts,
                other => Map::from_iter([("facts".to_owned(), other)]),
            },
            ..Self::default()
        }
    }

    /// Writes `file.csv`, `file.json` and the pictures into `dir`, each as a whole or not at all. The JSON of a study
    /// outside this crate begins with its name, `own`: the report finds it by that.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, dir: &Path, file: &str, own: Option<&str>) -> Result<(), Error> {
        make_dir(dir)?;
        let mut table = csv::WriterBuilder::new().flexible(true).from_writer(vec![]);
        for row in &self.table {
            let written = table.write_record(row);
            written.map_err(|error| Error::write(dir, error.into()))?;
        }
        let table = table.into_inner();
        let table = table.map_err(|error| Error::write(dir, error.into_error()))?;
        save(dir, &format!("{file}.csv"), &table)?;
        let mut facts = Map::new();
        facts.extend(own.map(|name| ("study".to_owned(), name.into())));
        facts.extend(self.facts.clone());
        facts.insert("verdict".to_owned(), json!(self.verdict));
        save_json(dir, &format!("{file}.json"), &facts)?;
        self.pictures
            .iter()
            .try_for_each(|(name, svg)| save(dir, name, svg.as_bytes()))
    }
}

/// Cells of a row.
pub(crate) fn cells(values: &[&dyn Display]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
