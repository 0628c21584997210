//! The numbers of tables and drawings as CSV.

use serde::Serialize;
use serde_json::Value;

/// A table as CSV text; tuples and arrays in a row are flattened.
pub(crate) fn csv_text<N: AsRef<[u8]>>(
    header: impl IntoIterator<Item = N>,
    rows: impl IntoIterator<Item = impl Serialize>,
) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail, and rows have the length of their header.
    let _ = writer.write_record(header);
    for row in rows {
        let _ = writer.serialize(row);
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// [`csv_text`] with a header such as `au,auroc,low,high`.
pub(crate) fn csv(header: &str, rows: impl IntoIterator<Item = impl Serialize>) -> String {
    csv_text(header.split(','), rows)
}

/// A number for a CSV cell: `NaN` for a missing one, as in the run's own tables.
pub(crate) fn cell(value: Option<f64>) -> String {
    value.unwrap_or(f64::NAN).to_string()
}

/// Both ends of an interval.
pub(crate) fn ends(interval: Option<(f64, f64)>) -> [String; 2] {
    [interval.map(|ends| ends.0), interval.map(|ends| ends.1)].map(cell)
}

/// Objects as CSV: the values of `keys`, in this order, under `header`.
pub(crate) fn csv_of<'a>(
    header: &str,
    keys: &str,
    rows: impl IntoIterator<Item = &'a Value>,
) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => cell(value.as_f64()),
    };
    let cells = |row: &'a Value| keys.split(',').map(|key| text(&row[key]));
    let rows = rows.into_iter().map(|row| cells(row).collect::<Vec<_>>());
    csv(header, rows)
}
