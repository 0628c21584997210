//! Writes tables and JSON files, atomically.

use std::path::Path;

use faus_base::file;

use crate::error::Error;

/// Writes `rows`, the header first, as CSV.
pub(crate) fn write_csv(
    path: &Path,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<(), Error> {
    let written = file::write_with(path, |out| {
        let mut table = csv::Writer::from_writer(out);
        for row in rows {
            table.write_record(row)?;
        }
        table.flush()
    });
    written.map_err(Error::file(path))
}

/// Writes indented JSON without a final newline.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).map_err(Error::file(path))?;
    file::write(path, text.as_bytes()).map_err(Error::file(path))
}
