//! `dataset/dataset.json` and the rows of `dataset/samples.csv`.

use std::collections::BTreeMap;

use faus_base::person::Person;
use serde::Deserialize;
use serde_json::Value;

/// `dataset/dataset.json`; variable shapes stay JSON.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct DataSet {
    pub name: Option<String>,
    pub synthetic: Option<bool>,
    pub machine_coded: bool,
    pub au_threshold: Option<u8>,
    pub source_digest: Option<String>,
    pub classes: Vec<String>,
    pub counts: BTreeMap<String, u64>,
    pub subjects: Option<u64>,
    pub image_size: Value,
    pub folds: Option<u64>,
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
    /// Labelled images, where they are counted.
    pub fn labelled(&self) -> Option<u64> {
        Some(self.counts.values().sum()).filter(|images| *images > 0)
    }
}

/// One row of `samples.csv`; row i is image i.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sample {
    pub index: u64,
    pub subject: String,
    pub sequence: String,
    pub frame: String,
    pub label: i64,
    pub label_name: String,
    pub fold: i64,
    pub aus: String,
}

impl Sample {
    /// Whether it is coded with an action unit; `None` for an image without codes.
    pub fn coded_with(&self, au: u64) -> Option<bool> {
        let known = !["", "NA"].contains(&&*self.aus);
        let unit = |code: &str| code.split(':').next().and_then(|unit| unit.parse().ok());
        known.then(|| self.aus.split(';').any(|code| unit(code) == Some(au)))
    }

    /// The person, if known: old sets have numbers, new ones the data set's own names.
    pub fn person(&self) -> Option<Person> {
        Person::of(&self.subject)
    }
}
