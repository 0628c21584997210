//! `viz/<layer>`: patches, sanity panels, class evidence.

use serde::Deserialize;

use super::folder::{Contents, RunFolder};
use super::remedy::VISUALIZE;

/// `viz/<layer>`.
pub(crate) struct Layer {
    pub name: String,
    pub filters: Contents<Filters>,
    pub sanity: Contents<Sanity>,
    pub evidence: Contents<Evidence>,
}

impl Layer {
    fn read(folder: &RunFolder, name: String) -> Self {
        let file = |file: &str| format!("viz/{name}/{file}");
        Self {
            filters: folder.json(&file("filters.json"), VISUALIZE).into(),
            sanity: folder.json(&file("sanity.json"), VISUALIZE).into(),
            evidence: folder.json(&file("evidence.json"), VISUALIZE).into(),
            name,
        }
    }

    /// A file of this layer's folder, relative to the run.
    pub fn file(&self, name: &str) -> String {
        format!("viz/{}/{name}", self.name)
    }
}

/// The layers with a folder; conv3, whose files are missing then, if there is none.
pub(super) fn read(folder: &RunFolder) -> Vec<Layer> {
    let mut names = folder.folders("viz");
    if names.is_empty() {
        names.push("conv3".to_owned());
    }
    let layers = names.into_iter().map(|name| Layer::read(folder, name));
    layers.collect()
}

/// `filters.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Filters {
    /// Name of the explanation method.
    pub method: Option<String>,
    /// The method's name as people read it.
    pub title: Option<String>,
    pub split: Option<String>,
    pub fold: Option<u64>,
    pub images: Option<u64>,
    pub distinct: Option<String>,
    pub field: Option<u64>,
    pub order: Vec<u64>,
    pub filters: Vec<FilterPatches>,
}

impl Filters {
    /// The explanation method in words: its recorded title, else its name; those of faus have a longer one.
    pub fn method(&self) -> &str {
        let name = self.method.as_deref().unwrap_or("back-projection");
        match name {
            "guided" => "guided back-propagation",
            "deconvnet" => "deconvnet projection",
            "gradient" => "plain gradient",
            "occlusion" => "occlusion map",
            own => self.title.as_deref().unwrap_or(own),
        }
    }
}

/// The patches of a filter, best first.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct FilterPatches {
    pub filter: u64,
    pub patches: Vec<Patch>,
}

/// One patch: its unit's receptive field in the image, in pixels.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Patch {
    pub index: Option<u64>,
    pub x: Option<f64>,
    pub y: Option<f64>,
    pub w: Option<f64>,
    pub h: Option<f64>,
}

impl Patch {
    /// Left, top, width and height; `None` if one is missing or impossible.
    pub fn area(&self) -> Option<[f64; 4]> {
        let sides = [self.x?, self.y?, self.w?, self.h?];
        let sane = |side: &f64| (0.0..=4096.0).contains(side);
        (sides.iter().all(sane) && sides[2] >= 1.0 && sides[3] >= 1.0).then_some(sides)
    }
}

/// `sanity.json`: how much of the projections is left when the learnt weights are removed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sanity {
    pub sentence: Option<String>,
    pub panels: Vec<Panel>,
}

/// One comparison with the trained network's projections.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Panel {
    pub label: String,
    pub spearman: Option<Spread>,
    pub spearman_abs: Option<Spread>,
    pub ssim: Option<Spread>,
}

/// Mean and standard deviation over patches.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spread {
    pub mean: Option<f64>,
    pub sd: Option<f64>,
    pub n: Option<u64>,
}

/// `evidence.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Evidence {
    pub images: Vec<EvidenceImage>,
}

/// The image and class of one row of maps.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct EvidenceImage {
    pub subject: Option<i64>,
    pub label: Option<String>,
    pub predicted: Option<String>,
    pub class: Option<String>,
    pub probability: Option<f64>,
}
