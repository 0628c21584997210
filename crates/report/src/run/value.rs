//! JSON values and rows, in which anything may be missing: lists, intervals, action units, and any value as text.

use std::collections::BTreeSet;

use serde_json::Value;

/// The objects of a list; none where it is missing.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The texts of a list.
pub(crate) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(value).iter().filter_map(Value::as_str)
}

/// Ends of an interval under these keys.
pub(crate) fn ends(of: &Value, low: &str, high: &str) -> Option<(f64, f64)> {
    of[low].as_f64().zip(of[high].as_f64())
}

/// The action unit of a row or an object; 0 where it is missing.
pub(crate) fn au(of: &Value) -> u64 {
    of["au"].as_u64().unwrap_or(0)
}

/// The filter of a row; 0 where it is missing.
pub(crate) fn filter(of: &Value) -> u64 {
    of["filter"].as_u64().unwrap_or(0)
}

/// The action units of some rows, ascending.
pub(crate) fn units(rows: &[Value]) -> BTreeSet<u64> {
    rows.iter().map(au).collect()
}

/// Key of the order down the face: the numbers of FACS rise from the brows to the chin, but for those of the eyes.
pub(crate) fn down_the_face(au: &u64) -> (u64, u64) {
    match au {
        41..=46 | 61..=69 => (7, *au),
        _ => (*au, 0),
    }
}

/// Name of an action unit for use inside a sentence, e.g. `lip corner puller`; empty for numbers without a name.
pub(crate) fn au_name(au: u64) -> String {
    match u8::try_from(au).map_or("Unnamed", faus_base::au::name) {
        "Unnamed" => String::new(),
        name => name[..1].to_lowercase() + &name[1..],
    }
}

/// `AU 12 lip corner puller`.
pub(crate) fn au_label(au: u64) -> String {
    format!("AU {au} {}", au_name(au)).trim_end().to_owned()
}

/// Items without repetitions, in the order of their first occurrence.
pub(crate) fn distinct<T: Clone + Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    items.filter(|item| seen.insert(item.clone())).collect()
}

/// A value on one line.
pub(crate) fn brief(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(values) => values.iter().map(brief).collect::<Vec<_>>().join(", "),
        Value::Object(entries) => {
            let entry = |(key, value)| format!("{key} {}", brief(value));
            entries.iter().map(entry).collect::<Vec<_>>().join(", ")
        }
        Value::Number(number) => number.to_string(),
    }
}
