//! An external split, read from a table.

use std::path::Path;

use faus_base::table::Table;
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

/// The rows.
pub(super) fn read(path: &Path) -> Result<Vec<Row>, Error> {
    let wrong = |reason| Error::parse(format!("{}: {reason}", path.display()));
    let bytes = read_bounded(path, TABLE_LIMIT)?;
    let table = Table::open(&bytes).map_err(wrong)?;
    if table.require(&["path", "split"]).is_err() {
        let expected = "a table with the columns path,split and, if there are any, fold and label";
        return Err(Error::layout(path, expected, brief(&table.listed())));
    }
    table.rows().collect::<Result<_, _>>().map_err(wrong)
}
