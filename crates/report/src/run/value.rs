//! JSON values that may be missing: lists, intervals, and any value as text.

use serde_json::Value;

/// The objects of a list; none where it is missing.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Ends of an interval under these keys.
pub(crate) fn ends(of: &Value, low: &str, high: &str) -> Option<(f64, f64)> {
    of[low].as_f64().zip(of[high].as_f64())
}

/// A value on one line.
pub(crate) fn brief(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(values) => values.iter().map(brief).collect::<Vec<_>>().join(", "),
        Value::Object(entries) => {
            let entry = |(key, value)| format!("{key} {}", brief(value));
            entries.iter().map(entry).collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.to_string(),
    }
}
