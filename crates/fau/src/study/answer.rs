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
    /// Further files by name: pictures as SVG, tables as CSV.
    pub files: Vec<(String, String)>,
}

impl Answer {
    /// An answer without further files. The header lists the columns, separated by commas; every row is a struct or tuple whose
    /// fields are the cells, an undefined number is `NaN`; `facts` is a JSON object, `serde_json::json!({…})`.
    ///
    /// # Errors
    /// [`Error::Cells`] for a row with another number of cells than the header, [`Error::Json`] for rows or facts that JSON
    /// cannot hold.
    pub fn new<R: Serialize>(
        header: &str,
        table: impl IntoIterator<Item = R>,
        facts: Value,
        verdict: Vec<String>,
    ) -> Result<Self, Error> {
        let table = rows(header, table)?;
        let (columns, mut lines) = (table[0].len(), (1..).zip(&table[1..]));
        if let Some((row, line)) = lines.find(|(_, line)| line.len() != columns) {
            let got = line.len();
            return Err(Error::Cells { row, got, columns });
        }
        Ok(Self {
            table,
            facts: serde_json::from_value(facts)?,
            verdict,
            files: vec![],
        })
    }

    /// Words the answer for a network from a file, of which nothing says that it was trained.
    pub fn of_a_file(&mut self) {
        self.facts
            .insert("trained_elsewhere".to_owned(), true.into());
        for (_, fact) in self.facts.iter_mut() {
            reword(fact);
        }
        for line in &mut self.verdict {
            *line = reworded(line);
        }
    }

    /// Writes `file.csv`, `file.json` and the further files into `dir`, each atomically. The JSON of a study outside this
    /// crate contains its name, `own`, by which the report finds it.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn write(&self, dir: &Path, file: &str, own: Option<&str>) -> Result<(), Error> {
        make_dir(dir)?;
        save(dir, &format!("{file}.csv"), &csv(&self.table))?;
        let mut facts = Map::new();
        facts.extend(own.map(|name| ("study".to_owned(), name.into())));
        facts.extend(self.facts.clone());
        facts.insert("verdict".to_owned(), json!(self.verdict));
        save_json(dir, &format!("{file}.json"), &facts)?;
        let mut files = self.files.iter();
        files.try_for_each(|(name, text)| save(dir, name, text))
    }
}

/// The words of every text in a JSON value.
fn reword(value: &mut Value) {
    match value {
        Value::String(text) => *text = reworded(text),
        Value::Array(values) => values.iter_mut().for_each(reword),
        Value::Object(values) => values.iter_mut().for_each(|(_, value)| reword(value)),
        _ => {}
    }
}

fn reworded(text: &str) -> String {
    let text = text.replace("the trained network", "the network");
    let text = text.replace("The trained network", "The network");
    // There is no part of the data that tests it.
    let text = text.replace("test images", "labelled images");
    let text = text.replace(
        "those of this network before training",
        "those of the first of them",
    );
    text.replace("the network as trained", "the network as it is in its file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_from_a_file_is_not_called_trained() {
        let facts = json!({"controls": [{"words": "the network as trained", "filters": 3}]});
        let verdict = "The trained network is above untrained ones.".to_owned();
        let mut answer = Answer::new("a", [1], facts, vec![verdict]).unwrap();
        answer.of_a_file();
        assert_eq!(answer.verdict, ["The network is above untrained ones."]);
        let control = &answer.facts["controls"][0];
        assert_eq!(control["words"], "the network as it is in its file");
        assert_eq!(
            (&control["filters"], &answer.facts["trained_elsewhere"]),
            (&json!(3), &json!(true))
        );
    }

    #[test]
    fn a_row_that_does_not_fit_the_header_is_refused() {
        let answer = |rows: Vec<Vec<u8>>| Answer::new("a,b", rows, json!({}), vec![]);
        assert_eq!(answer(vec![vec![1, 2]]).unwrap().table[1], ["1", "2"]);
        let error = answer(vec![vec![1, 2], vec![3]]).unwrap_err().to_string();
        assert!(
            error.contains("row 2") && error.contains("1 cells"),
            "{error}"
        );
        assert!(Answer::new("a", [1], json!("not an object"), vec![]).is_err());
    }
}
