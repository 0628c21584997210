//! Sanity checks of explanations: maps of the same units under random weights, an edge detector and a shifted input.

use faus_base::order;
use faus_model::{Architecture, Network};
use serde::Serialize;

use crate::atlas::Atlas;
use crate::atlas::similarity::{magnitudes, sobel, spearman, ssim};
use crate::error::Result;
use crate::explain::back_projection::BackProjection;
use crate::explain::field::crop;
use crate::explain::method::Explain;
use crate::explain::patch::{Explainer, Maps, Patch};
use crate::lens::strongest::TopUnit;

/// Added to every input pixel, in units of the network's input ([0, 2] before normalisation; our choice: half of it).
const SHIFT: f64 = 1.0;

/// The source of a panel's maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PanelKind {
    /// The trained network with its layers randomised from the explained one down to this panel's (Adebayo et al., arXiv
    /// 1810.03292, section 3.1).
    Cascade,
    /// An untrained network.
    Untrained,
    /// The size of the image's own gradient, without any network.
    Edges,
    /// The trained network with a constant added to its input and cancelled by its first bias (Kindermans et al., arXiv
    /// 1711.00867).
    Shift,
}

/// Mean and standard deviation over the maps that have a score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// The mean; `None` without scores.
    pub mean: Option<f64>,
    /// The standard deviation over the maps (of the population).
    pub sd: Option<f64>,
    /// Maps that have a score; a constant map has no rank correlation.
    pub n: usize,
}

impl Score {
    fn of(scores: impl Iterator<Item = Option<f64>>) -> Self {
        let scores: Vec<f64> = scores.flatten().collect();
        let (n, mean) = (scores.len(), order::mean(&scores));
        let squares: Vec<f64> = scores.iter().map(|s| (s - mean).powi(2)).collect();
        let known = |x: f64| (n > 0).then_some(x);
        Self {
            mean: known(mean),
            sd: known(order::mean(&squares).sqrt()),
            n,
        }
    }
}

/// Similarity of one kind of maps to the trained network's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Panel {
    /// A name of letters and underscores: the last layer randomised, `untrained`, `edges`, `shift` …
    pub name: String,
    /// The source of its maps.
    pub kind: PanelKind,
    /// The display name.
    pub label: String,
    /// Rank correlation of the maps; `None` for edges, which have no sign.
    pub spearman: Option<Score>,
    /// Rank correlation of their absolute values.
    pub spearman_abs: Score,
    /// Structural similarity of their absolute values, each scaled to [0, 1].
    pub ssim: Score,
    /// Two short lines above its pictures.
    #[serde(skip)]
    pub(crate) head: [String; 2],
    /// One for each patch.
    #[serde(skip)]
    pub(crate) maps: Maps,
}

/// A test of how much of the pictures is due to the image and the method rather than training.
///
/// A method whose maps hardly change under random weights shows the image, not what the network learnt (Adebayo et al. 2018).
/// Deconvnet and guided back-propagation are prone to that, since they partly recover the image (Nie et al., arXiv
/// 1805.07039).
#[derive(Debug, Clone, PartialEq)]
pub struct Sanity {
    /// The seed of the random networks.
    pub seed: u64,
    /// The filters compared.
    pub filters: Vec<usize>,
    /// Number of patches compared.
    pub patches: usize,
    /// The comparisons.
    pub panels: Vec<Panel>,
    /// Their interpretation, in one sentence.
    pub sentence: String,
}

/// Two independent untrained networks.
pub struct Untrained {
    /// The source of weights for randomised layers.
    pub cascade: Network,
    /// A panel by itself.
    pub other: Network,
    /// The seed that they were drawn with.
    pub seed: u64,
}

impl Untrained {
    /// Draws two independent networks, initialised as `like` was, on its device; the weights of a graph are redrawn.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn draw(architecture: &dyn Architecture, seed: u64, like: &Network) -> Result<Self> {
        // Far from `seed`, which training uses.
        let (spec, device) = (like.spec(), like.device());
        let draw = |n: u64| {
            let seed = seed ^ (0x5a17_0000 + n);
            match like.redrawn(seed)? {
                Some(network) => Ok(network),
                None => Network::build(architecture, spec, seed, device),
            }
        };
        Ok(Self {
            cascade: draw(0)?,
            other: draw(1)?,
            seed,
        })
    }
}

/// Compares the patches of `filters` with maps of the same units made in other ways. Runs on rayon's current pool.
///
/// # Errors
/// When the networks do not have the same parameters or the user cancels.
pub fn sanity(
    network: &Network,
    stage: usize,
    untrained: &Untrained,
    atlas: &Atlas,
    filters: &[usize],
) -> Result<Sanity> {
    let chosen = filters.iter().filter_map(|f| atlas.filter(*f));
    let patches: Vec<&Patch> = chosen.flat_map(|f| &f.patches).collect();
    let comparison = Comparison {
        units: patches.iter().map(|p| p.unit).collect(),
        trained: patches.iter().map(|p| p.projection.clone()).collect(),
        patches,
        stage,
        atlas,
    };
    let mut panels = comparison.cascade(network, &untrained.cascade)?;
    let maps = comparison.maps(&untrained.other, atlas.method)?;
    let (kind, head) = (PanelKind::Untrained, ["untrained", "network"]);
    panels.push(comparison.panel("untrained", kind, "untrained network", head, maps));
    let (kind, head, maps) = (PanelKind::Edges, ["edges", "(Sobel)"], comparison.edges());
    panels.push(comparison.panel("edges", kind, "edge detector (Sobel)", head, maps));
    panels.extend(comparison.shifts(network)?);
    Ok(Sanity {
        seed: untrained.seed,
        filters: filters.to_vec(),
        patches: comparison.patches.len(),
        sentence: sentence(atlas.method.title(), &panels),
        panels,
    })
}

#[derive(Clone)]
struct Comparison<'a> {
    patches: Vec<&'a Patch>,
    units: Vec<TopUnit>,
    /// The trained network's map of each unit.
    trained: Maps,
    stage: usize,
    atlas: &'a Atlas<'a>,
}

impl Comparison<'_> {
    fn maps(&self, network: &Network, method: &dyn Explain) -> Result<Maps> {
        let explainer = Explainer::new(network, self.stage, method)?;
        explainer.maps(network, &self.units, &self.atlas.images)
    }

    /// The layers randomised one after the other, from the explained one down; those of a graph, which are many and branch, at once.
    fn cascade(&self, network: &Network, random: &Network) -> Result<Vec<Panel>> {
        if network.graph().is_some() {
            let maps = self.maps(random, self.atlas.method)?;
            let (label, head) = ("all layers randomised", ["all layers", "random"]);
            let panel = self.panel("all_layers", PanelKind::Cascade, label, head, maps);
            return Ok(vec![panel]);
        }
        let randomised = network.deep_copy()?;
        let weights = random.parameters();
        let top = &network.stages()[self.stage].name;
        let mut panels = Vec::new();
        for stage in network.stages()[..=self.stage].iter().rev() {
            let layer = &stage.name;
            let own = |name: &str| name.rsplit_once('.').is_some_and(|(of, _)| of == layer);
            for (name, values) in weights.iter().filter(|(name, _)| own(name)) {
                randomised.set_parameter(name, values)?;
            }
            let to = if layer == top { "" } else { "to " };
            let (short, from) = (format!("{to}{layer}"), format!("{top} "));
            let from = if layer == top { "" } else { &from };
            let (label, head) = (format!("{from}{short} randomised"), [&*short, "random"]);
            let maps = self.maps(&randomised, self.atlas.method)?;
            panels.push(self.panel(layer, PanelKind::Cascade, &label, head, maps));
        }
        Ok(panels)
    }

    fn edges(&self) -> Maps {
        let images = self.atlas.images.source;
        let map = |patch: &&Patch| {
            let grey = images.grey(patch.unit.index).iter();
            let image: Vec<f32> = grey.map(|&v| f32::from(v) / 255.0).collect();
            let edges = sobel(&image, images.side());
            crop(&edges, images.side(), patch.region)
        };
        self.patches.iter().map(map).collect()
    }

    /// The method itself, and gradient × input, under a constant that the network cancels.
    fn shifts(&self, network: &Network) -> Result<Vec<Panel>> {
        let (kind, gradient) = (PanelKind::Shift, &BackProjection::Gradient);
        let maps = |method| {
            let explainer = Explainer::new(network, self.stage, method)?;
            explainer.shifted_maps(network, SHIFT, &self.units, &self.atlas.images)
        };
        let (Some(own), Some(shifted)) = (maps(self.atlas.method)?, maps(gradient)?) else {
            return Ok(vec![]);
        };
        let (label, head) = ("constant input shift", ["input", "shifted"]);
        let first = self.panel("shift", kind, label, head, own);
        let mut times_input = self.clone();
        times_input.trained = self.times_input(self.maps(network, gradient)?, 0.0);
        let label = "constant input shift, gradient x input";
        let (name, head) = ("shift_gradient_x_input", ["shifted,", "grad x inp"]);
        let maps = self.times_input(shifted, SHIFT as f32);
        let second = times_input.panel(name, kind, label, head, maps);
        Ok(vec![first, second])
    }

    /// Each map times its input, to which `shift` is added.
    fn times_input(&self, maps: Maps, shift: f32) -> Maps {
        let images = self.atlas.images.source;
        let product = |(map, patch): (Vec<f32>, &&Patch)| {
            let input = crop(&images.input(patch.unit.index), images.side(), patch.region);
            let pairs = map.iter().zip(input);
            pairs.map(|(g, x)| g * (x + shift)).collect()
        };
        maps.into_iter().zip(&self.patches).map(product).collect()
    }

    /// Scores of `maps` beside the trained network's.
    fn panel(&self, name: &str, kind: PanelKind, text: &str, head: [&str; 2], maps: Maps) -> Panel {
        let pairs = || self.trained.iter().zip(&maps);
        let sizes = || pairs().map(|(a, b)| (magnitudes(a), magnitudes(b)));
        let shown = |map: &[f32]| map.iter().any(|v| *v != 0.0);
        let similarity = |((a, b), patch): ((Vec<f32>, Vec<f32>), &&Patch)| {
            let both = shown(&a) && shown(&b);
            both.then(|| ssim(&a, &b, patch.region.width)).flatten()
        };
        let signed = Score::of(pairs().map(|(a, b)| spearman(a, b)));
        Panel {
            name: name.to_owned(),
            kind,
            label: text.to_owned(),
            spearman: (kind != PanelKind::Edges).then_some(signed),
            spearman_abs: Score::of(sizes().map(|(a, b)| spearman(&a, &b))),
            ssim: Score::of(sizes().zip(&self.patches).map(similarity)),
            head: head.map(str::to_owned),
            maps,
        }
    }
}

/// The interpretation of the panels. Bounds: our choice, three levels, since the correlation has no natural ones.
fn sentence(title: &str, panels: &[Panel]) -> String {
    let mean = |panel: Option<&Panel>| panel.and_then(|p| p.spearman_abs.mean);
    let edges = mean(panels.iter().find(|p| p.kind == PanelKind::Edges));
    let Some(random) = mean(panels.iter().rfind(|p| p.kind == PanelKind::Cascade)) else {
        return format!(
            "No map of {title} could be compared with one from random weights: the random network leaves these units silent."
        );
    };
    let verdict = match random {
        ..0.3 => "so these pictures show what was learnt rather than the image alone",
        ..0.6 => "so part of each picture is the image and the method, and not what was learnt",
        _ => "so these pictures show the image and the method more than what was learnt",
    };
    let beside = edges.map(|r| format!(" (a plain edge detector: {r:.2})"));
    let beside = beside.unwrap_or_default();
    format!(
        "With all weights random, {title} of the same units of the same images still agrees with the network's own at a rank correlation of {random:.2} of the absolute values{beside}, {verdict}."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(kind: PanelKind, mean: Option<f64>) -> Panel {
        let score = Score {
            mean,
            sd: mean.map(|_| 0.0),
            n: 1,
        };
        Panel {
            name: String::new(),
            kind,
            label: String::new(),
            spearman: None,
            spearman_abs: score,
            ssim: score,
            head: [const { String::new() }; 2],
            maps: vec![],
        }
    }

    #[test]
    fn the_sentence_follows_the_numbers() {
        let say = |random, edges| {
            let panels = [
                panel(PanelKind::Cascade, random),
                panel(PanelKind::Edges, edges),
            ];
            sentence("guided back-propagation", &panels)
        };
        assert!(say(Some(0.1), Some(0.2)).contains("what was learnt rather than"));
        assert!(say(Some(0.45), None).contains("part of each picture"));
        let most = say(Some(0.7), Some(0.65));
        assert!(
            most.contains("more than what was learnt") && most.contains("0.65"),
            "{most}"
        );
        assert!(say(None, None).contains("silent"));
    }

    #[test]
    fn scores_without_maps_are_no_number() {
        assert_eq!(Score::of([None, None].into_iter()).mean, None);
        let score = Score::of([Some(1.0), None, Some(0.0)].into_iter());
        assert_eq!((score.mean, score.sd, score.n), (Some(0.5), Some(0.5), 2));
    }
}
