use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::str::FromStr;

use npyz::{Deserialize, NpyFile};
use serde_json::Value;
use walkdir::WalkDir;

/// A CSV file with a header.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names of the columns, in order.
    pub columns: Vec<String>,
    /// Cells, row by row.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a table.
    #[track_caller]
    pub fn read(path: &Path) -> Self {
        let mut reader = csv::Reader::from_path(path).unwrap();
        let columns = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        let rows = reader
            .records()
            .map(|r| r.unwrap().iter().map(str::to_owned).collect())
            .collect();
        Self { columns, rows }
    }

    /// A column as text.
    #[track_caller]
    pub fn text(&self, column: &str) -> Vec<&str> {
        let at = self.columns.iter().position(|c| c == column);
        let at = at.unwrap_or_else(|| panic!("no column {column} among {:?}", self.columns));
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }

    /// A column as numbers.
    #[track_caller]
    pub fn numbers<T: FromStr<Err: Debug>>(&self, column: &str) -> Vec<T> {
        self.text(column)
            .into_iter()
            .map(|cell| cell.parse().unwrap())
            .collect()
    }
}

/// The number of every person in a column of `samples.csv`: of `S005`, `005` and `5` it is 5.
pub fn numbers_of_people(table: &Table) -> Vec<i64> {
    let number = |cell: &str| cell.trim_start_matches('S').parse().unwrap();
    table.text("subject").into_iter().map(number).collect()
}

/// Reads a JSON file.
#[track_caller]
pub fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Shape and values of an npy file of exactly this element type.
#[track_caller]
pub fn read_npy<T: Deserialize>(path: &Path) -> (Vec<u64>, Vec<T>) {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let npy = NpyFile::new(&bytes[..]).unwrap();
    (npy.shape().to_vec(), npy.into_vec().unwrap())
}

/// Copies the files of a folder that are `wanted`.
pub fn copy_tree(from: &Path, to: &Path, wanted: impl Fn(&Path) -> bool) {
    for entry in WalkDir::new(from).follow_links(true) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(target).unwrap();
        } else if wanted(entry.path()) {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a folder, by its path from there, with its content.
pub fn listing(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|e| e.file_type().is_file());
    files
        .map(|entry| {
            let name = entry
                .path()
                .strip_prefix(folder)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}
