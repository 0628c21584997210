//! Tables as text: every row is a struct or a tuple, its fields are the cells.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::error::Error;

/// The header's columns, separated by commas there, then the rows. Nested fields are cells of the same row; an undefined
/// number is `NaN`.
pub(crate) fn rows<R: Serialize>(
    header: &str,
    table: impl IntoIterator<Item = R>,
) -> Result<Vec<Vec<String>>, Error> {
    let mut lines = vec![header.split(',').map(str::to_owned).collect()];
    for row in table {
        let mut line = Vec::new();
        cells(&serde_json::to_value(row)?, &mut line);
        lines.push(line);
    }
    Ok(lines)
}

fn cells(value: &Value, line: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| cells(value, line)),
        Value::Object(fields) => fields.values().for_each(|value| cells(value, line)),
        Value::Null => line.push("NaN".to_owned()),
        Value::String(text) => line.push(text.clone()),
        // Integral f64 values are 1.0 in JSON, but 1 in a table.
        Value::Number(number) if number.is_f64() => {
            line.push(number.as_f64().unwrap_or(f64::NAN).to_string());
        }
        other => line.push(other.to_string()),
    }
}

/// The table as CSV, cells quoted where needed.
pub(crate) fn csv(lines: &[Vec<String>]) -> String {
    let line = |cells: &Vec<String>| {
        let cells: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
        cells.join(",") + "\n"
    };
    lines.iter().map(line).collect()
}

fn quoted(text: &str) -> Cow<'_, str> {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")).into(),
        false => text.into(),
    }
}
