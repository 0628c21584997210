//! `fau/`: filters against action units. Columns depend on the version and the analysis, and may be absent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::folder::{CORRELATE, Contents, Gap, Part, RunFolder};
use super::value::{au, filter, list, texts};

const PROBE: &str = "`faus probe RUN` computes it.";

/// A study's table and summary.
pub(crate) struct Study {
    pub rows: Contents<Vec<Value>>,
    pub summary: Contents<Value>,
}

impl Study {
    fn read(folder: &RunFolder, name: &str, remedy: &'static str) -> Self {
        Self {
            rows: folder.rows(&format!("fau/{name}.csv"), remedy).into(),
            summary: folder.json(&format!("fau/{name}.json"), remedy).into(),
        }
    }
}

/// `fau/`. Rows are objects with the columns of their table as keys; `NaN` is null.
pub(crate) struct Fau {
    pub summary: Contents<Value>,
    /// Each filter with its action unit, the one with the largest KL, and their association; largest KL first.
    pub correspondences: Contents<Vec<Value>>,
    /// Each filter named after an action unit, and their association; largest |z| first.
    pub names: Contents<Vec<Value>>,
    /// Each filter against each action unit.
    pub associations: Contents<Vec<Value>>,
    pub class_effects: Contents<Vec<Value>>,
    pub sensitivity: Contents<Vec<Value>>,
    pub replicate: Study,
    /// Absent unless another data set was given.
    pub replicate_on: Study,
    pub controls: Study,
    pub probe: Study,
    pub sparse_probes: Contents<Vec<Value>>,
    pub intervene: Study,
    pub ablate: Study,
    pub locate: Study,
}

impl Fau {
    pub fn read(folder: &RunFolder) -> Self {
        let synthetic = "`faus intervene RUN` computes it, on synthetic faces.";
        let on = "`faus replicate RUN --on PREPARED` computes it.";
        let associations = pairs(folder, "fau/associations.csv");
        let found = pairs(folder, "fau/correspondences.csv");
        let names = pairs(folder, "fau/names.csv");
        let known = associations.as_deref().unwrap_or_default();
        Self {
            summary: folder.json("fau/fau.json", CORRELATE).into(),
            correspondences: found.map(|found| ranked(found, known, "kl")).into(),
            names: names.map(|names| ranked(names, known, "z")).into(),
            associations: associations.into(),
            class_effects: folder.rows("fau/class_effects.csv", CORRELATE).into(),
            sensitivity: folder.rows("fau/sensitivity.csv", CORRELATE).into(),
            replicate: Study::read(folder, "replication", "`faus replicate RUN` computes it."),
            replicate_on: Study::read(folder, "replication_on", on),
            controls: Study::read(folder, "controls", "`faus controls RUN` computes it."),
            probe: Study::read(folder, "probes", PROBE),
            sparse_probes: folder.rows("fau/sparse_probes.csv", PROBE).into(),
            intervene: Study::read(folder, "interventions", synthetic),
            ablate: Study::read(folder, "causal", "`faus ablate RUN` computes it."),
            locate: Study::read(folder, "spatial", "`faus locate RUN` computes it."),
        }
    }

    /// Filters without any response; they have no correspondence.
    pub fn dead(&self) -> usize {
        self.summary["dead_filters"]["count"].as_u64().unwrap_or(0) as usize
    }

    /// The level that the analysis used for q.
    pub fn level(&self) -> f64 {
        self.summary["null"]["fdr"].as_f64().unwrap_or(0.05)
    }

    /// Measures of association that the experiment added: a measure `m` has the columns `m`, `p_m`, `q_m`, `m_low` and
    /// `m_high`.
    pub fn own_measures(&self) -> Vec<&str> {
        texts(&self.summary["own_measures"]).collect()
    }

    /// For each action unit the filter named after it that is most active with it, the strongest first.
    pub fn best_of_units(&self) -> Vec<&Value> {
        let mut seen = BTreeSet::new();
        let more = |name: &&Value| name["z"].as_f64().is_some_and(|z| z > 0.0);
        let named = self.names.iter().filter(more);
        named.filter(|name| seen.insert(au(name))).collect()
    }

    /// The counts of named filters in the trained network and in its controls; null before `faus controls`.
    pub fn within_expressions(&self) -> &Value {
        &self.controls.summary["within_expressions"]
    }

    /// The summary of one control, by name.
    pub fn control(&self, name: &str) -> Option<&Value> {
        let mut controls = list(&self.controls.summary["controls"]).iter();
        controls.find(|control| control["control"] == name)
    }
}

/// The rows of a table in which each has a filter and an action unit.
fn pairs(folder: &RunFolder, file: &str) -> Part<Vec<Value>> {
    let rows = folder.rows(file, CORRELATE)?;
    let pair = |row: &Value| row["filter"].is_u64() && row["au"].is_u64();
    let Some(at) = rows.iter().position(|row| !pair(row)) else {
        return Ok(rows);
    };
    let row = at + 1;
    let reason = format!("row {row} has no number of a filter and an action unit");
    Err(Gap::damaged(file, reason, CORRELATE))
}

/// Pairs with the columns of their association, the largest size of `key` first.
fn ranked(mut found: Vec<Value>, associations: &[Value], key: &str) -> Vec<Value> {
    let pair = |row: &Value| (filter(row), au(row));
    let known: BTreeMap<_, &Value> = associations.iter().map(|row| (pair(row), row)).collect();
    for row in &mut found {
        let known = known.get(&pair(row)).and_then(|row| row.as_object());
        for (key, value) in known.into_iter().flatten() {
            if row[key].is_null() {
                row[key] = value.clone();
            }
        }
    }
    let size = |row: &Value| row[key].as_f64().unwrap_or(0.0).abs();
    found.sort_by(|a, b| size(b).total_cmp(&size(a)).then(filter(a).cmp(&filter(b))));
    found
}
