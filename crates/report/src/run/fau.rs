//! `fau/`: filters against action units. Columns depend on the version and the analysis, and may be absent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::folder::{Contents, Gap, Part, RunFolder};
use super::remedy::CORRELATE;
use super::value::list;

/// Name of an action unit for use inside a sentence, e.g. `lip corner puller`; empty for numbers without a name.
pub(crate) fn au_name(au: u64) -> String {
    let name = u8::try_from(au).map_or("Unnamed", faus_base::au::name);
    match name {
        "Unnamed" => String::new(),
        name => name[..1].to_lowercase() + &name[1..],
    }
}

/// `AU 12 lip corner puller`.
pub(crate) fn au_label(au: u64) -> String {
    format!("AU {au} {}", au_name(au)).trim_end().to_owned()
}

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

/// The sentences of a summary's `verdict`.
pub(crate) fn verdict(summary: &Value) -> impl Iterator<Item = &str> {
    let sentences = summary["verdict"].as_array().into_iter().flatten();
    sentences.filter_map(Value::as_str)
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

/// `fau/`. Rows are objects with the columns of their table as keys; `NaN` is null.
pub(crate) struct Fau {
    pub summary: Contents<Value>,
    /// Each filter with its action unit, the one with the largest KL, and their association; largest KL first.
    pub correspondences: Contents<Vec<Value>>,
    /// Each filter against each action unit.
    pub associations: Contents<Vec<Value>>,
    pub class_effects: Contents<Vec<Value>>,
    pub sensitivity: Contents<Vec<Value>>,
    pub replicate: Contents<Value>,
    pub controls: Study,
    pub probe: Study,
    pub intervene: Study,
    pub ablate: Study,
    pub locate: Study,
    pub own_studies: Vec<OwnStudy>,
}

impl Fau {
    pub fn read(folder: &RunFolder) -> Self {
        let replicate = folder.json("fau/replication.json", "`faus replicate RUN` computes it.");
        let synthetic = "`faus intervene RUN` computes it, on synthetic faces.";
        let associations = pairs(folder, "fau/associations.csv");
        let found = pairs(folder, "fau/correspondences.csv");
        let known = associations.as_deref().unwrap_or_default();
        Self {
            summary: folder.json("fau/fau.json", CORRELATE).into(),
            correspondences: found.map(|found| ranked(found, known)).into(),
            associations: associations.into(),
            class_effects: folder.rows("fau/class_effects.csv", CORRELATE).into(),
            sensitivity: folder.rows("fau/sensitivity.csv", CORRELATE).into(),
            replicate: replicate.into(),
            controls: Study::read(folder, "controls", "`faus controls RUN` computes it."),
            probe: Study::read(folder, "probes", "`faus probe RUN` computes it."),
            intervene: Study::read(folder, "interventions", synthetic),
            ablate: Study::read(folder, "causal", "`faus ablate RUN` computes it."),
            locate: Study::read(folder, "spatial", "`faus locate RUN` computes it."),
            own_studies: OwnStudy::read_all(folder),
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
        let listed = list(&self.summary["own_measures"]).iter();
        listed.filter_map(Value::as_str).collect()
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
    match rows.iter().position(|row| !pair(row)) {
        Some(at) => {
            let reason = format!(
                "row {} has no number of a filter and an action unit",
                at + 1
            );
            Err(Gap::damaged(file, reason, CORRELATE))
        }
        None => Ok(rows),
    }
}

/// Correspondences with the columns of their association, largest KL first.
fn ranked(mut found: Vec<Value>, associations: &[Value]) -> Vec<Value> {
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
    let kl = |row: &Value| row["kl"].as_f64().unwrap_or(0.0);
    found.sort_by(|a, b| kl(b).total_cmp(&kl(a)).then(filter(a).cmp(&filter(b))));
    found
}

/// A study that an experiment added: a `fau/*.json` with a key `study`, and the table beside it.
pub(crate) struct OwnStudy {
    pub name: String,
    pub summary: Value,
    /// Stem of its files.
    pub stem: String,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub gap: Option<Gap>,
}

impl OwnStudy {
    fn read_all(folder: &RunFolder) -> Vec<Self> {
        let names = folder.names("fau").into_iter();
        let studies = names.filter_map(|name| Self::read(folder, name.strip_suffix(".json")?));
        studies.collect()
    }

    fn read(folder: &RunFolder, stem: &str) -> Option<Self> {
        let summary: Value = folder.json(&format!("fau/{stem}.json"), "").ok()?;
        let cells = |row: &csv::StringRecord| row.iter().map(str::to_owned).collect();
        let (header, rows, gap) = match folder.records(&format!("fau/{stem}.csv"), "") {
            Ok((header, rows)) => (cells(&header), rows.iter().map(cells).collect(), None),
            Err(gap) => (vec![], vec![], Some(gap)),
        };
        Some(Self {
            name: summary["study"].as_str()?.to_owned(),
            summary,
            stem: stem.to_owned(),
            header,
            rows,
            gap,
        })
    }
}
