//! Writes tables and JSON files, atomically.

use std::path::Path;

use faus_base::file;

use crate::error::Error;

/// Writes `rows`, the header first, as CSV.
pub fn write_csv(path: &Path, mut rows: impl Iterator<Item = Vec<String>>) -> Result<(), Error> {
    let written = file::write_with(path, |out| {
        let mut table = csv::Writer::from_writer(out);
        rows.try_for_each(|row| table.write_record(row))?;
        table.flush()
    });
    written.map_err(Error::file(path))
}

/// Writes indented JSON without a final newline.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value).map_err(Error::file(path))?;
    file::write(path, text.as_bytes()).map_err(Error::file(path))
}
