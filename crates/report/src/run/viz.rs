//! `viz/<layer>`: patches, atlas, sanity panels, class evidence.

use serde::Deserialize;

use crate::files::{Part, RunFolder, missing};

pub(crate) const VISUALIZE: &str =
    "`faus visualize --checkpoint C --prepared P --layer conv3 --output RUN/viz/conv3` writes it.";

/// `viz/<layer>`.
pub(crate) struct Layer {
    pub name: String,
    pub filters: Part<Filters>,
    pub sanity: Part<Sanity>,
    pub evidence: Part<Evidence>,
}

impl Layer {
    /// A file of this layer's folder, relative to the run.
    pub fn file(&self, name: &str) -> String {
        format!("viz/{}/{name}", self.name)
    }
}

/// `filters.json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filters {
    pub method: Option<String>,
    pub split: Option<String>,
    pub fold: Option<u64>,
    pub images: Option<u64>,
    pub distinct: Option<String>,
    pub field: Option<u64>,
    pub order: Vec<u64>,
    pub filters: Vec<FilterPatches>,
}

/// The patches of a filter, best first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FilterPatches {
    pub filter: u64,
    pub patches: Vec<Patch>,
}

/// One patch: its unit's receptive field in the image, in pixels.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Patch {
    pub index: Option<u64>,
    pub subject: Option<i64>,
    pub activation: Option<f64>,
    pub x: Option<f64>,
    pub y: Option<f64>,
    pub w: Option<f64>,
    pub h: Option<f64>,
}

/// `sanity.json`: how much of the projections is left when what was learnt is taken away.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sanity {
    pub sentence: Option<String>,
    pub panels: Vec<Panel>,
}

/// One comparison with the trained network's projections.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Panel {
    pub label: String,
    pub spearman: Option<Spread>,
    pub spearman_abs: Option<Spread>,
    pub ssim: Option<Spread>,
}

/// Mean and standard deviation over patches.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spread {
    pub mean: Option<f64>,
    pub sd: Option<f64>,
    pub n: Option<u64>,
}

/// `evidence.json`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Evidence {
    pub images: Vec<EvidenceImage>,
}

/// What the maps of one row speak of.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EvidenceImage {
    pub subject: Option<i64>,
    pub label: Option<String>,
    pub predicted: Option<String>,
    pub class: Option<String>,
    pub probability: Option<f64>,
}

pub(super) fn read(folder: &RunFolder) -> Vec<Layer> {
    let layer = |name: String| Layer {
        filters: folder.json(&format!("viz/{name}/filters.json"), VISUALIZE),
        sanity: folder.json(&format!("viz/{name}/sanity.json"), VISUALIZE),
        evidence: folder.json(&format!("viz/{name}/evidence.json"), VISUALIZE),
        name,
    };
    let layers: Vec<Layer> = folder.folders("viz").into_iter().map(layer).collect();
    match layers.is_empty() {
        false => layers,
        true => vec![Layer {
            name: "conv3".to_owned(),
            filters: Err(missing("viz/conv3/filters.json", VISUALIZE)),
            sanity: Err(missing("viz/conv3/sanity.json", VISUALIZE)),
            evidence: Err(missing("viz/conv3/evidence.json", VISUALIZE)),
        }],
    }
}
