//! The run folder of the file contract, as far as the report reads it. Every key may be absent.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::files::{Part, RunFolder, missing};

const RERUN: &str = "`faus run EXPERIMENT.json --resume` finishes the run and writes it.";
const PREPARE: &str = "`faus data prepare` or `faus run` writes it.";
const VISUALIZE: &str =
    "`faus visualize --checkpoint C --prepared P --layer conv3 --output RUN/viz/conv3` writes it.";
const CORRELATE: &str = "`faus correlate --activations A.npy --samples samples.csv --output RUN/fau` writes it; it needs samples coded for action units.";

/// Everything the report knows about a run.
pub(crate) struct Run {
    pub name: String,
    pub config: Part<Value>,
    pub summary: Part<Summary>,
    pub dataset: Part<DataSet>,
    pub folds: Vec<Fold>,
    pub layers: Vec<Layer>,
    pub fau: Fau,
}

/// `summary.json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Summary {
    pub experiment: Option<String>,
    pub preset: Option<String>,
    pub synthetic: Option<bool>,
    pub classes: Vec<String>,
    pub folds: Vec<FoldResult>,
    pub test_accuracy: Option<MeanStd>,
    pub final_test_accuracy: Option<MeanStd>,
    pub best_test_accuracy_optimistic: Option<MeanStd>,
    pub confusion: Vec<Vec<u64>>,
    pub per_class: BTreeMap<String, ClassScores>,
    pub seconds: Option<f64>,
    pub majority_accuracy: Option<f64>,
    pub shortened: Option<Vec<String>>,
    pub protocol: Option<String>,
    pub subject_independent: Option<bool>,
    pub dataset: Option<String>,
}

impl Summary {
    /// Whether the checkpoints were chosen by the accuracy that is reported, as the code of 2015 did.
    pub fn chosen_on_test(&self) -> bool {
        self.protocol.as_deref() == Some("paper-2015")
    }
}

/// One fold's numbers, in `summary.json` and in its own `fold.json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FoldResult {
    pub fold: Option<u64>,
    pub best_step: Option<u64>,
    pub val_accuracy: Option<f64>,
    pub test_accuracy: Option<f64>,
    pub final_test_accuracy: Option<f64>,
    pub best_test_accuracy_optimistic: Option<f64>,
    pub seconds: Option<f64>,
    pub at_chance: bool,
    pub failed: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MeanStd {
    pub mean: Option<f64>,
    pub std: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ClassScores {
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    pub f1: Option<f64>,
    pub support: Option<u64>,
}

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
    pub notes: Vec<String>,
    pub skipped: Vec<Skipped>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Skipped {
    pub path: String,
    pub reason: String,
}

/// What `folds/<k>` and the summary say about one fold.
pub(crate) struct Fold {
    pub number: u64,
    pub result: Part<FoldResult>,
    pub metrics: Part<Vec<MetricsRow>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct MetricsRow {
    pub step: u64,
    pub train_loss: Option<f64>,
    pub val_accuracy: Option<f64>,
}

/// `viz/<layer>`.
pub(crate) struct Layer {
    pub name: String,
    pub filters: Part<Filters>,
    pub figure: Part<String>,
}

/// `filters.json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filters {
    pub method: Option<String>,
    pub filters: Vec<FilterPatches>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FilterPatches {
    pub patches: Vec<Patch>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Patch {
    pub w: Option<f64>,
    pub h: Option<f64>,
}

/// `fau/`.
pub(crate) struct Fau {
    pub summary: Part<Value>,
    pub correspondences: Part<Vec<Correspondence>>,
    pub associations: Part<Vec<AssociationRow>>,
    pub heat_map: Part<String>,
    pub charts: Vec<Chart>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Correspondence {
    pub filter: u64,
    pub au: u64,
    pub kl: Option<f64>,
    pub au_name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AssociationRow {
    pub filter: u64,
    pub au: u64,
    pub n_with: Option<u64>,
    pub n_without: Option<u64>,
    pub auroc: Option<f64>,
    pub r: Option<f64>,
}

/// Bars of one filter beside its patches, where both were drawn.
pub(crate) struct Chart {
    pub filter: u64,
    pub bars: String,
    pub patches: Option<String>,
}

impl Run {
    /// Folds that have a test accuracy.
    pub fn tested(&self) -> usize {
        let results = self
            .folds
            .iter()
            .filter_map(|fold| fold.result.as_ref().ok());
        results
            .filter(|result| result.test_accuracy.is_some())
            .count()
    }

    /// Whether test subjects are absent from training, where a file of the run says so.
    pub fn subject_independent(&self) -> Option<bool> {
        let summary = self
            .summary
            .as_ref()
            .ok()
            .and_then(|summary| summary.subject_independent);
        summary.or_else(|| self.dataset.as_ref().ok()?.subject_independent)
    }

    pub fn read(folder: &mut RunFolder, name: String) -> Self {
        let summary: Part<Summary> = folder.json("summary.json", RERUN);
        let listed = summary.as_ref().map_or(&[][..], |summary| &summary.folds);
        let folds = read_folds(folder, listed);
        let layers = read_layers(folder);
        let fau = read_fau(folder, &layers);
        Self {
            name,
            config: folder.json("config.json", RERUN),
            dataset: folder.json("dataset/dataset.json", PREPARE),
            folds,
            layers,
            fau,
            summary,
        }
    }
}

/// The folds of the summary and those that left a folder, by number; the summary has the last word.
fn read_folds(folder: &RunFolder, listed: &[FoldResult]) -> Vec<Fold> {
    let folders = folder.folders("folds");
    let mut numbers: Vec<u64> = folders
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    numbers.extend(listed.iter().filter_map(|result| result.fold));
    numbers.sort_unstable();
    numbers.dedup();
    let read = |number: u64| {
        let of_summary = listed.iter().find(|result| result.fold == Some(number));
        let own = || folder.json(&format!("folds/{number}/fold.json"), RERUN);
        Fold {
            number,
            result: of_summary.cloned().map_or_else(own, Ok),
            metrics: folder.table(&format!("folds/{number}/metrics.csv"), RERUN),
        }
    };
    numbers.into_iter().map(read).collect()
}

fn read_layers(folder: &mut RunFolder) -> Vec<Layer> {
    let names = folder.folders("viz");
    let mut layers = Vec::new();
    for name in names {
        layers.push(Layer {
            filters: folder.json(&format!("viz/{name}/filters.json"), VISUALIZE),
            figure: folder.picture(&format!("viz/{name}/figure.png"), VISUALIZE),
            name,
        });
    }
    if layers.is_empty() {
        layers.push(Layer {
            name: "conv3".to_owned(),
            filters: Err(missing("viz/conv3/filters.json", VISUALIZE)),
            figure: Err(missing("viz/conv3/figure.png", VISUALIZE)),
        });
    }
    layers
}

fn read_fau(folder: &mut RunFolder, layers: &[Layer]) -> Fau {
    let summary: Part<Value> = folder.json("fau/fau.json", CORRELATE);
    let named = |key: &str| summary.as_ref().ok().and_then(|s| s.get(key)).cloned();
    let layer = named("layer").and_then(|layer| layer.as_str().map(str::to_owned));
    let layer = layer.or_else(|| layers.last().map(|layer| layer.name.clone()));
    let filters = charted(&named("charts").unwrap_or_default());
    let heat_map = folder.picture("fau/heatmap.svg", CORRELATE);
    let mut charts = Vec::new();
    for filter in filters {
        let Ok(bars) = folder.picture(&format!("fau/filter-{filter:03}.svg"), CORRELATE) else {
            continue;
        };
        let patches = layer
            .as_ref()
            .filter(|layer| layers.iter().any(|l| l.name == **layer));
        let patches = patches.and_then(|layer| {
            let file = format!("viz/{layer}/filter-{filter:03}.png");
            folder.picture(&file, VISUALIZE).ok()
        });
        charts.push(Chart {
            filter,
            bars,
            patches,
        });
    }
    Fau {
        summary,
        correspondences: folder.table("fau/correspondences.csv", CORRELATE),
        associations: folder.table("fau/associations.csv", CORRELATE),
        heat_map,
        charts,
    }
}

/// Filters of the chart list, in its order. Only names of the contract count: a forged list must not make
/// the page swallow other files.
fn charted(list: &Value) -> Vec<u64> {
    let names = list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let number = |name: &str| {
        name.strip_prefix("filter-")?
            .strip_suffix(".svg")?
            .parse()
            .ok()
    };
    names.filter_map(number).collect()
}
