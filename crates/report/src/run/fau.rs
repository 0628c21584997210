//! `fau/`: filters against action units. Columns that a version or an analysis does not write are absent.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::files::{Part, RunFolder};

const CORRELATE: &str = "`faus correlate --activations A.npy --samples samples.csv --output RUN/fau` writes it; it needs samples coded for action units.";

/// A number that is one.
pub(crate) fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// A table and what is said of it as a whole.
pub(crate) struct Analysis<T> {
    pub rows: Part<Vec<T>>,
    pub summary: Part<Value>,
}

impl<T: DeserializeOwned> Analysis<T> {
    fn read(folder: &RunFolder, name: &str, remedy: &'static str) -> Self {
        Self {
            rows: folder.table(&format!("fau/{name}.csv"), remedy),
            summary: folder.json(&format!("fau/{name}.json"), remedy),
        }
    }
}

impl<T> Analysis<T> {
    /// Its sentences, as they stand.
    pub fn verdict(&self) -> Vec<String> {
        verdict(self.summary.as_ref().unwrap_or(&Value::Null))
    }
}

/// The sentences of a summary's `verdict`.
pub(crate) fn verdict(summary: &Value) -> Vec<String> {
    let sentences = summary["verdict"].as_array().into_iter().flatten();
    sentences
        .filter_map(|s| Some(s.as_str()?.to_owned()))
        .collect()
}

/// `fau/`.
pub(crate) struct Fau {
    pub summary: Part<Value>,
    pub correspondences: Part<Vec<Correspondence>>,
    pub associations: Part<Vec<Association>>,
    pub class_effects: Part<Vec<ClassEffect>>,
    pub held_out: Part<Vec<HeldOut>>,
    pub sensitivity: Part<Vec<Sensitivity>>,
    pub replication: Analysis<Replication>,
    pub controls: Analysis<Control>,
    pub probes: Analysis<Probe>,
    pub interventions: Analysis<Intervention>,
    pub causal: Analysis<Causal>,
    pub spatial: Analysis<Spatial>,
}

impl Fau {
    pub fn read(folder: &RunFolder) -> Self {
        Self {
            summary: folder.json("fau/fau.json", CORRELATE),
            correspondences: folder.table("fau/correspondences.csv", CORRELATE),
            associations: folder.table("fau/associations.csv", CORRELATE),
            class_effects: folder.table("fau/class_effects.csv", CORRELATE),
            held_out: folder.table("fau/held_out.csv", CORRELATE),
            sensitivity: folder.table("fau/sensitivity.csv", CORRELATE),
            replication: Analysis::read(folder, "replication", "`faus replicate RUN` computes it."),
            controls: Analysis::read(folder, "controls", "`faus controls RUN` computes it."),
            probes: Analysis::read(folder, "probes", "`faus probe RUN` computes it."),
            interventions: Analysis::read(
                folder,
                "interventions",
                "`faus intervene RUN` computes it, on synthetic faces.",
            ),
            causal: Analysis::read(folder, "causal", "`faus ablate RUN` computes it."),
            spatial: Analysis::read(folder, "spatial", "`faus locate RUN` computes it."),
        }
    }
}

/// A filter's action unit: the one with the largest KL.
#[derive(Debug, Clone, Default, Deserialize)]
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

/// A filter against an action unit. KL in nats, AUROC and q in [0, 1].
#[derive(Debug, Clone, Default, Deserialize)]
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
    pub auroc_low: Option<f64>,
    pub auroc_high: Option<f64>,
    pub auroc_within_class: Option<f64>,
    pub intensity_rho: Option<f64>,
}

/// An action unit's best filter inside one class.
#[derive(Debug, Clone, Default, Deserialize)]
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

/// A pair found on labelled sequences, scored on those without a label.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HeldOut {
    pub filter: u64,
    pub au: u64,
    pub auroc_labelled: Option<f64>,
    pub auroc: Option<f64>,
    pub q: Option<f64>,
}

/// The analysis with another histogram.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sensitivity {
    pub bins: Option<u64>,
    pub prior: Option<String>,
    pub pseudo_samples: Option<f64>,
    pub spearman: Option<f64>,
    pub same_au: Option<f64>,
}

/// A pair chosen on training subjects, scored on test subjects.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Replication {
    pub fold: u64,
}

/// A control against an action unit.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Control {
    pub control: String,
    pub au: u64,
    pub best_auroc: Option<f64>,
    pub best_auroc_low: Option<f64>,
    pub best_auroc_high: Option<f64>,
}

/// A linear probe from a layer to an action unit.
#[derive(Debug, Clone, Default, Deserialize)]
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
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Intervention {
    pub filter: u64,
    pub au: u64,
    pub people: Option<u64>,
    pub effect: Option<f64>,
    pub share_up: Option<f64>,
    pub q: Option<f64>,
}

/// What silencing an action unit's filters does to a class.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Causal {
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

/// Where a filter's maxima lie.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spatial {
    pub filter: u64,
    pub au: u64,
    pub images: Option<u64>,
    pub pointing_rate: Option<f64>,
    pub chance: Option<f64>,
    pub q: Option<f64>,
    pub iou: Option<f64>,
    pub iou_chance: Option<f64>,
}
