//! `dataset/dataset.json` and the rows of `dataset/samples.csv`.

use serde::Deserialize;
use serde_json::Value;

/// `dataset/dataset.json`; shapes that may vary stay JSON.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct DataSet {
    pub name: Option<String>,
    pub synthetic: Option<bool>,
    #[serde(alias = "digest")]
    pub source_digest: Option<String>,
    pub classes: Vec<String>,
    #[serde(alias = "counts_per_class", alias = "class_counts")]
    pub counts: Value,
    pub subjects: Value,
    pub image_size: Value,
    pub folds: Value,
    pub subject_independent: Option<bool>,
    pub held_out: Option<u64>,
    pub fold_rule: Option<String>,
    pub crop: Value,
    pub notes: Vec<String>,
    pub skipped: Vec<Skipped>,
}

/// An input that was left out.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Skipped {
    pub path: String,
    pub reason: String,
}

impl DataSet {
    /// Labelled images, from `{name: count}` or a list in the order of the classes; `None` if a class has no count.
    pub fn labelled(&self) -> Option<u64> {
        match &self.counts {
            Value::Object(counts) if self.classes.is_empty() => {
                counts.values().map(Value::as_u64).sum()
            }
            counts => {
                let of = |(at, name)| counts.get(name).or_else(|| counts.get(at))?.as_u64();
                self.classes.iter().enumerate().map(of).sum()
            }
        }
    }

    /// Number of people, 0 where the source names none.
    pub fn people(&self) -> Option<u64> {
        quantity(&self.subjects)
    }

    /// Number of folds.
    pub fn fold_count(&self) -> Option<u64> {
        quantity(&self.folds)
    }
}

/// A number, or the length of a list.
fn quantity(value: &Value) -> Option<u64> {
    let length = || Some(value.as_array()?.len() as u64);
    value.as_u64().or_else(length)
}

/// One row of `samples.csv`; row i is image i.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sample {
    pub index: u64,
    pub subject: i64,
    pub sequence: String,
    pub frame: String,
    pub label: i64,
    pub label_name: String,
    pub fold: i64,
}
