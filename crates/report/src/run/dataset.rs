//! `dataset/dataset.json` and `dataset/samples.csv`.

use serde::Deserialize;
use serde_json::Value;

use crate::files::{Part, RunFolder};

const PREPARE: &str = "`faus data prepare` or `faus run` writes it.";

/// `dataset/dataset.json`; shapes that may vary stay JSON.
#[derive(Debug, Clone, Default, Deserialize)]
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
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Skipped {
    pub path: String,
    pub reason: String,
}

pub(super) fn read(folder: &RunFolder) -> Part<DataSet> {
    folder.json("dataset/dataset.json", PREPARE)
}

impl DataSet {
    /// Images per class, from `{name: count}` or from a list in the order of the classes.
    pub fn class_counts(&self) -> Vec<(String, Option<u64>)> {
        let of = |name: &String, at: usize| self.counts.get(name).or_else(|| self.counts.get(at));
        match &self.counts {
            Value::Object(counts) if self.classes.is_empty() => {
                let counts = counts.iter();
                counts.map(|(name, n)| (name.clone(), n.as_u64())).collect()
            }
            _ => {
                let classes = self.classes.iter().enumerate();
                let count = |(at, name): (usize, &String)| {
                    (name.clone(), of(name, at).and_then(Value::as_u64))
                };
                classes.map(count).collect()
            }
        }
    }

    /// A number, or the length of a list.
    pub fn quantity(value: &Value) -> Option<u64> {
        value
            .as_u64()
            .or_else(|| Some(value.as_array()?.len() as u64))
    }
}

/// One row of `samples.csv`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sample {
    pub index: u64,
    pub subject: i64,
    pub sequence: String,
    pub frame: String,
    pub role: String,
    pub label: i64,
    pub label_name: String,
    pub fold: i64,
    pub path: String,
}

/// `samples.csv`, row by row; row i is image i.
pub(crate) struct Samples {
    pub rows: Vec<Sample>,
}

impl Samples {
    pub fn read(folder: &RunFolder) -> Part<Self> {
        let rows = folder.table("dataset/samples.csv", PREPARE)?;
        Ok(Self { rows })
    }

    /// The row of an image.
    pub fn of(&self, index: u64) -> Option<&Sample> {
        let at = usize::try_from(index).ok()?;
        self.rows.get(at).filter(|row| row.index == index)
    }
}
