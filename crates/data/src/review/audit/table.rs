//! An external split, read from a table.

use std::path::Path;

use serde::Deserialize;

use crate::error::Error;
use crate::label::text::brief;
use crate::read::file::read_bounded;

/// Maximum size in bytes of a split table: a million long paths.
const TABLE_LIMIT: u64 = 256 << 20;

/// A row of the table.
#[derive(Deserialize)]
pub(super) struct Row {
    pub path: String,
    pub split: String,
    #[serde(default)]
    pub fold: String,
    #[serde(default)]
    pub label: String,
}

/// The rows; column names in any case.
pub(super) fn read(path: &Path) -> Result<Vec<Row>, Error> {
    let wrong = |error: csv::Error| Error::parse(format!("{}: {error}", path.display()));
    let bytes = read_bounded(path, TABLE_LIMIT)?;
    let mut table = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes.as_slice());
    let header = table.headers().map_err(wrong)?.iter();
    let header: csv::StringRecord = header
        .map(|name| name.trim_start_matches('\u{feff}').to_ascii_lowercase())
        .collect();
    let missing = |column| !header.iter().any(|name| name == column);
    if missing("path") || missing("split") {
        let expected = "a table with the columns path,split and, if there are any, fold and label";
        let found = header.iter().collect::<Vec<_>>().join(",");
        return Err(Error::layout(path, expected, brief(&found)));
    }
    let rows = table.records().map(|row| row?.deserialize(Some(&header)));
    rows.collect::<Result<_, _>>().map_err(wrong)
}
