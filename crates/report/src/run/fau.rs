//! `fau/`: filters against action units. Columns that a version or an analysis does not write are absent.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::folder::{Contents, Gap, RunFolder};
use super::remedy::CORRELATE;

/// Name of an action unit as it stands inside a sentence, e.g. `lip corner puller`; empty for numbers without a name.
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
pub(crate) struct Study<T> {
    pub rows: Contents<Vec<T>>,
    pub summary: Contents<Value>,
}

impl<T: DeserializeOwned> Study<T> {
    fn read(folder: &RunFolder, name: &str, remedy: &'static str) -> Self {
        let rows = folder.table(&format!("fau/{name}.csv"), remedy);
        let summary = folder.json(&format!("fau/{name}.json"), remedy);
        Self {
            rows: rows.into(),
            summary: summary.into(),
        }
    }
}

/// The sentences of a summary's `verdict`.
pub(crate) fn verdict(summary: &Value) -> impl Iterator<Item = &str> {
    let sentences = summary["verdict"].as_array().into_iter().flatten();
    sentences.filter_map(Value::as_str)
}

/// Ends of an interval under these keys.
pub(crate) fn ends(of: &Value, low: &str, high: &str) -> Option<(f64, f64)> {
    of[low].as_f64().zip(of[high].as_f64())
}

/// The objects of a list; none where it is missing.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// `fau/`.
pub(crate) struct Fau {
    pub summary: Contents<Value>,
    pub correspondences: Contents<Vec<Correspondence>>,
    pub associations: Contents<Vec<Association>>,
    pub own_measures: Vec<OwnMeasure>,
    pub class_effects: Contents<Vec<ClassEffect>>,
    pub sensitivity: Contents<Vec<Sensitivity>>,
    pub replicate: Contents<Value>,
    pub controls: Study<Control>,
    pub probe: Study<Probe>,
    pub intervene: Study<Intervention>,
    pub ablate: Study<Ablation>,
    pub locate: Study<Location>,
    pub own_studies: Vec<OwnStudy>,
}

impl Fau {
    pub fn read(folder: &RunFolder) -> Self {
        let summary: Contents<Value> = folder.json("fau/fau.json", CORRELATE).into();
        let replicate = folder.json("fau/replication.json", "`faus replicate RUN` computes it.");
        let synthetic = "`faus intervene RUN` computes it, on synthetic faces.";
        Self {
            correspondences: folder.table("fau/correspondences.csv", CORRELATE).into(),
            associations: folder.table(ASSOCIATIONS, CORRELATE).into(),
            own_measures: OwnMeasure::read_all(folder, &summary),
            class_effects: folder.table("fau/class_effects.csv", CORRELATE).into(),
            sensitivity: folder.table("fau/sensitivity.csv", CORRELATE).into(),
            replicate: replicate.into(),
            controls: Study::read(folder, "controls", "`faus controls RUN` computes it."),
            probe: Study::read(folder, "probes", "`faus probe RUN` computes it."),
            intervene: Study::read(folder, "interventions", synthetic),
            ablate: Study::read(folder, "causal", "`faus ablate RUN` computes it."),
            locate: Study::read(folder, "spatial", "`faus locate RUN` computes it."),
            own_studies: OwnStudy::read_all(folder),
            summary,
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

    /// A filter against an action unit.
    pub fn pair(&self, filter: u64, au: u64) -> Option<&Association> {
        let same = |row: &&Association| (row.filter, row.au) == (filter, au);
        self.associations.iter().find(same)
    }

    /// The correspondences, largest KL first.
    pub fn ranked(&self) -> Vec<&Correspondence> {
        let mut ranked: Vec<&Correspondence> = self.correspondences.iter().collect();
        let kl = |row: &Correspondence| row.kl.unwrap_or(0.0);
        ranked.sort_by(|a, b| kl(b).total_cmp(&kl(a)).then(a.filter.cmp(&b.filter)));
        ranked
    }

    /// The summary of one control, by name.
    pub fn control(&self, name: &str) -> Option<&Value> {
        let mut controls = list(&self.controls.summary["controls"]).iter();
        controls.find(|control| control["control"] == name)
    }
}

/// A filter's action unit: the one with the largest KL.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Correspondence {
    pub filter: u64,
    pub au: u64,
    pub kl: Option<f64>,
    pub au_name: Option<String>,
    pub auroc: Option<f64>,
    pub q: Option<f64>,
    pub q_within_class: Option<f64>,
    pub p_max: Option<f64>,
    pub q_max: Option<f64>,
}

const ASSOCIATIONS: &str = "fau/associations.csv";

/// A filter against an action unit. KL in nats, AUROC and q in [0, 1].
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Association {
    pub filter: u64,
    pub au: u64,
    pub n_with: Option<u64>,
    pub n_without: Option<u64>,
    pub kl: Option<f64>,
    pub auroc: Option<f64>,
    pub r: Option<f64>,
    pub q: Option<f64>,
    pub q_within_class: Option<f64>,
    pub kl_null_95: Option<f64>,
    pub kl_low: Option<f64>,
    pub kl_high: Option<f64>,
    pub auroc_within_class: Option<f64>,
    pub intensity_rho: Option<f64>,
}

impl Association {
    pub fn kl_interval(&self) -> Option<(f64, f64)> {
        self.kl_low.zip(self.kl_high)
    }
}

/// An experiment's own measure of association: the columns `m`, `p_m`, `q_m`, `m_low` and `m_high` of `associations.csv`.
pub(crate) struct OwnMeasure {
    pub name: String,
    scores: BTreeMap<(u64, u64), OwnScore>,
}

/// A filter against an action unit by an own measure.
#[derive(Default)]
pub(crate) struct OwnScore {
    pub value: Option<f64>,
    pub p: Option<f64>,
    pub q: Option<f64>,
    pub interval: Option<(f64, f64)>,
}

impl OwnMeasure {
    /// The measures that `fau.json` lists under `own_measures`.
    fn read_all(folder: &RunFolder, summary: &Value) -> Vec<Self> {
        let names = list(&summary["own_measures"])
            .iter()
            .filter_map(Value::as_str);
        let names: Vec<&str> = names.collect();
        if names.is_empty() {
            return vec![];
        }
        let rows: Vec<BTreeMap<String, String>> =
            folder.table(ASSOCIATIONS, CORRELATE).unwrap_or_default();
        names.iter().map(|name| Self::of(name, &rows)).collect()
    }

    fn of(name: &str, rows: &[BTreeMap<String, String>]) -> Self {
        let score = |row: &BTreeMap<String, String>| {
            let number = |key: &str| row.get(key)?.parse::<f64>().ok();
            let key = |key: &str| row.get(key)?.parse().ok();
            let [low, high] = ["low", "high"].map(|end| number(&format!("{name}_{end}")));
            let score = OwnScore {
                value: number(name),
                p: number(&format!("p_{name}")),
                q: number(&format!("q_{name}")),
                interval: low.zip(high),
            };
            Some(((key("filter")?, key("au")?), score))
        };
        Self {
            name: name.to_owned(),
            scores: rows.iter().filter_map(score).collect(),
        }
    }

    /// The score of a filter against an action unit.
    pub fn score(&self, filter: u64, au: u64) -> Option<&OwnScore> {
        self.scores.get(&(filter, au))
    }

    /// The filters and their scores against an action unit.
    pub fn of_unit(&self, au: u64) -> impl Iterator<Item = (u64, &OwnScore)> {
        let of = self
            .scores
            .iter()
            .filter(move |((_, other), _)| *other == au);
        of.map(|((filter, _), score)| (*filter, score))
    }
}

/// An action unit's best filter inside one class.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ClassEffect {
    pub au: u64,
    pub label_name: String,
    pub filter: u64,
    pub n_with: Option<u64>,
    pub n_without: Option<u64>,
    pub auroc: Option<f64>,
    pub auroc_low: Option<f64>,
    pub auroc_high: Option<f64>,
}

/// The analysis with another histogram.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sensitivity {
    pub bins: Option<u64>,
    pub prior: Option<String>,
    pub pseudo_samples: Option<f64>,
    pub spearman: Option<f64>,
    pub same_au: Option<f64>,
}

/// A control against an action unit.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Control {
    pub control: String,
    pub au: u64,
    pub best_auroc: Option<f64>,
    pub best_auroc_low: Option<f64>,
    pub best_auroc_high: Option<f64>,
}

/// A linear probe from a layer to an action unit.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Probe {
    pub network: String,
    pub layer: String,
    pub au: u64,
    pub auroc: Option<f64>,
    pub f1: Option<f64>,
    pub auroc_low: Option<f64>,
    pub auroc_high: Option<f64>,
    pub control_auroc: Option<f64>,
    pub class_control_auroc: Option<f64>,
}

/// A filter's response to one switched action unit, in standard deviations of the filter.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Intervention {
    pub filter: u64,
    pub au: u64,
    pub effect: Option<f64>,
}

/// The effect on a class of silencing an action unit's filters; `label` is empty for all classes together.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ablation {
    pub au: u64,
    pub label: String,
    pub label_name: String,
    pub images: Option<u64>,
    pub filters: Option<u64>,
    pub recall_before: Option<f64>,
    pub recall_after: Option<f64>,
    pub drop: Option<f64>,
    pub drop_random: Option<f64>,
    pub drop_active: Option<f64>,
    pub p_random: Option<f64>,
    pub p_active: Option<f64>,
}

/// The places of a filter's maxima.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Location {
    pub filter: u64,
    pub au: u64,
    pub images: Option<u64>,
    pub pointing_rate: Option<f64>,
    pub chance: Option<f64>,
    pub q: Option<f64>,
    pub iou: Option<f64>,
    pub iou_chance: Option<f64>,
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
        let stems = folder.json_files("fau").into_iter();
        stems.filter_map(|stem| Self::read(folder, &stem)).collect()
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
