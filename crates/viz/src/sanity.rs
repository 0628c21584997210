use image::{DynamicImage, GrayImage};
use serde::Serialize;

use faus_model::Network;

use crate::canvas::{Canvas, FAINT, INK, centred, largest, unit_range};
use crate::patch::{Explainer, Frame};
use crate::pictures::{GAP, HEADING, MARGIN, TILE, headed, in_field};
use crate::scores::{magnitudes, sobel, spearman, ssim};
use crate::{Atlas, Captions, Error, FilterPatches, Method, Patch, TopUnit};

/// What is added to every input pixel, in units of the network's input ([0, 2] before normalisation; our choice: half of it).
const SHIFT: f64 = 1.0;

/// Another way to a map of the same unit of the same image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PanelKind {
    /// The trained network with its layers randomised from the looked-at one down to this panel's (Adebayo et al., arXiv
    /// 1810.03292, section 3.1).
    Cascade,
    /// A network that never was trained.
    Untrained,
    /// The size of the image's own gradient: no network at all.
    Edges,
    /// The trained network behind an input that a constant was added to, which its first bias takes out again (Kindermans et
    /// al., arXiv 1711.00867).
    Shift,
}

/// Mean and standard deviation over the maps that have a score, and how many these are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// The mean; `None` where there is no map to score.
    pub mean: Option<f64>,
    /// The standard deviation over the maps (of the population).
    pub sd: Option<f64>,
    /// Maps that have a score; one that is constant has no rank correlation.
    pub n: usize,
}

impl Score {
    fn of(scores: &[Option<f64>]) -> Self {
        let scores: Vec<f64> = scores.iter().copied().flatten().collect();
        let n = scores.len();
        if n == 0 {
            return Self {
                mean: None,
                sd: None,
                n,
            };
        }
        let mean = scores.iter().sum::<f64>() / n as f64;
        let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n as f64;
        Self {
            mean: Some(mean),
            sd: Some(variance.sqrt()),
            n,
        }
    }
}

/// How like the trained network's maps another way's maps are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Panel {
    /// A name of letters and underscores: the last layer randomised, `untrained`, `edges`, `shift` …
    pub name: String,
    /// What kind of comparison it is.
    pub kind: PanelKind,
    /// The name for people.
    pub label: String,
    /// Rank correlation of the maps; `None` for edges, which have no sign.
    pub spearman: Option<Score>,
    /// Rank correlation of their absolute values.
    pub spearman_abs: Score,
    /// Structural similarity of their absolute values, each scaled to [0, 1].
    pub ssim: Score,
    /// Two short lines above its pictures.
    #[serde(skip)]
    head: [String; 2],
    /// One for each patch.
    #[serde(skip)]
    maps: Vec<Vec<f32>>,
}

/// What the pictures owe to training, and what to the image and the method: the same units' maps made in other ways.
///
/// A method whose maps hardly change when the weights are random shows the image, not what was learnt (Adebayo et al. 2018);
/// deconvnet and guided back-propagation are prone to that, since they partly recover the image (Nie et al., arXiv 1805.07039).
#[derive(Debug, Clone, PartialEq)]
pub struct Sanity {
    /// The filters whose patches were compared.
    pub filters: Vec<usize>,
    /// How many patches were compared.
    pub patches: usize,
    /// The comparisons.
    pub panels: Vec<Panel>,
    /// What they mean, in one sentence.
    pub sentence: String,
}

/// The networks that panels compare with.
pub struct Untrained<'a> {
    /// Gives the weights of randomised layers.
    pub cascade: &'a Network,
    /// Another one, drawn independently.
    pub other: &'a Network,
}

/// Compares the patches of `filters` with maps of the same units made in other ways. Runs on rayon's current pool.
///
/// # Errors
/// When the networks do not have the same parameters or the user stops it.
pub fn sanity(
    network: &Network,
    stage: usize,
    untrained: &Untrained,
    atlas: &Atlas,
    filters: &[usize],
) -> Result<Sanity, Error> {
    let chosen = filters.iter().filter_map(|f| atlas.filter(*f));
    let patches: Vec<&Patch> = chosen.flat_map(|f| &f.patches).collect();
    let comparison = Comparison {
        units: patches.iter().map(|p| p.unit).collect(),
        stage,
        atlas,
        patches,
    };
    let mut panels = comparison.cascade(network, untrained.cascade)?;
    panels.push(comparison.panel(
        ("untrained", PanelKind::Untrained, "untrained network"),
        ["untrained", "network"],
        comparison.maps(untrained.other)?,
    ));
    panels.push(comparison.edges());
    panels.extend(comparison.shifts(network)?);
    Ok(Sanity {
        filters: filters.to_vec(),
        patches: comparison.patches.len(),
        sentence: sentence(atlas.method, &panels),
        panels,
    })
}

struct Comparison<'a, 'set> {
    units: Vec<TopUnit>,
    stage: usize,
    atlas: &'a Atlas<'a, 'set>,
    /// Of the trained network.
    patches: Vec<&'a Patch>,
}

impl Comparison<'_, '_> {
    fn maps(&self, network: &Network) -> Result<Vec<Vec<f32>>, Error> {
        Explainer::new(network, self.stage, self.atlas.method)?.maps(&self.units, self.atlas.images)
    }

    /// The layers randomised one after the other, from the looked-at one down.
    fn cascade(&self, network: &Network, random: &Network) -> Result<Vec<Panel>, Error> {
        let randomised = network.deep_copy()?;
        let layers: Vec<&str> = network.stages()[..=self.stage]
            .iter()
            .map(|s| s.name.as_str())
            .collect();
        let weights = random.parameters();
        let top = layers.last().copied().unwrap_or_default();
        let mut panels = Vec::new();
        for &layer in layers.iter().rev() {
            let mut own = weights.iter().filter(|(name, _)| {
                name.rsplit_once('.')
                    .is_some_and(|(stage, _)| stage == layer)
            });
            own.try_for_each(|(name, values)| randomised.set_parameter(name, values))?;
            let span = match layer == top {
                true => layer.to_owned(),
                false => format!("{top} to {layer}"),
            };
            let label = format!("{span} randomised");
            let maps = self.maps(&randomised)?;
            let short = match layer == top {
                true => layer.to_owned(),
                false => format!("to {layer}"),
            };
            let head = [short.as_str(), "random"];
            panels.push(self.panel((layer, PanelKind::Cascade, &label), head, maps));
        }
        Ok(panels)
    }

    fn edges(&self) -> Panel {
        let images = self.atlas.images;
        let frame: &Frame = &self.atlas.frame;
        let map = |patch: &&Patch| {
            let grey = (images.grey)(patch.unit.index);
            let image: Vec<f32> = grey.iter().map(|&v| f32::from(v) / 255.0).collect();
            let edges = sobel(&image, images.side);
            let (region, _) = frame.place(patch.unit.unit);
            let rows = region.row..region.row + region.height;
            let line = |row: usize| &edges[row * images.side + region.column..][..region.width];
            rows.flat_map(|row| line(row).to_vec()).collect()
        };
        let maps = self.patches.iter().map(map).collect();
        self.panel(
            ("edges", PanelKind::Edges, "edge detector (Sobel)"),
            ["edges", "(Sobel)"],
            maps,
        )
    }

    /// The method itself, and gradient × input, under a constant that the network does not see.
    fn shifts(&self, network: &Network) -> Result<Vec<Panel>, Error> {
        let shifted = |method| Explainer::shifted(network, self.stage, method, SHIFT);
        let images = self.atlas.images;
        let Some(own) = shifted(self.atlas.method)? else {
            return Ok(vec![]);
        };
        let names = ("shift", PanelKind::Shift, "constant input shift");
        let panel = self.panel(names, ["input", "shifted"], own.maps(&self.units, images)?);
        let Some(gradient) = shifted(Method::Gradient)? else {
            return Ok(vec![panel]);
        };
        let plain = Explainer::new(network, self.stage, Method::Gradient)?;
        let times_input = |maps: Vec<Vec<f32>>, shift: f32| {
            let pairs = self.units.iter().zip(maps);
            pairs
                .map(|(unit, map)| self.times_input(unit, map, shift))
                .collect::<Result<Vec<_>, _>>()
        };
        let before = times_input(plain.maps(&self.units, images)?, 0.0)?;
        let after = times_input(gradient.maps(&self.units, images)?, SHIFT as f32)?;
        let label = "constant input shift, gradient x input";
        let names = ("shift_gradient_x_input", PanelKind::Shift, label);
        let second = compare(
            names,
            ["shifted,", "grad x inp"],
            self.references(&before),
            after,
        );
        Ok(vec![panel, second])
    }

    fn times_input(&self, top: &TopUnit, map: Vec<f32>, shift: f32) -> Result<Vec<f32>, Error> {
        let image = self.atlas.images.values(&[top.index])?;
        let (region, _) = self.atlas.frame.place(top.unit);
        let side = self.atlas.images.side;
        let rows = region.row..region.row + region.height;
        let input = rows.flat_map(|row| &image[row * side + region.column..][..region.width]);
        Ok(map
            .iter()
            .zip(input)
            .map(|(g, x)| g * (x + shift))
            .collect())
    }

    fn panel(&self, names: (&str, PanelKind, &str), head: [&str; 2], maps: Vec<Vec<f32>>) -> Panel {
        let own: Vec<(&[f32], usize)> = self
            .patches
            .iter()
            .map(|p| (p.projection.as_slice(), p.w))
            .collect();
        compare(names, head, own, maps)
    }

    fn references<'m>(&self, maps: &'m [Vec<f32>]) -> Vec<(&'m [f32], usize)> {
        maps.iter()
            .zip(&self.patches)
            .map(|(map, patch)| (map.as_slice(), patch.w))
            .collect()
    }
}

/// Scores of `maps` beside the reference maps, each with its width.
fn compare(
    (name, kind, label): (&str, PanelKind, &str),
    head: [&str; 2],
    references: Vec<(&[f32], usize)>,
    maps: Vec<Vec<f32>>,
) -> Panel {
    let (mut signed, mut absolute, mut structure) = (vec![], vec![], vec![]);
    for ((reference, width), map) in references.iter().zip(&maps) {
        let (a, b) = (magnitudes(reference), magnitudes(map));
        signed.push(spearman(reference, map));
        absolute.push(spearman(&a, &b));
        let shown = |m: &[f32]| m.iter().any(|v| *v != 0.0);
        structure.push(
            (shown(&a) && shown(&b))
                .then(|| ssim(&a, &b, *width))
                .flatten(),
        );
    }
    Panel {
        name: name.to_owned(),
        kind,
        label: label.to_owned(),
        spearman: (kind != PanelKind::Edges).then(|| Score::of(&signed)),
        spearman_abs: Score::of(&absolute),
        ssim: Score::of(&structure),
        head: head.map(str::to_owned),
        maps,
    }
}

/// What the panels mean. Bounds: our choice, three steps of a correlation that has no natural ones.
fn sentence(method: Method, panels: &[Panel]) -> String {
    let title = method.title();
    let mean = |panel: Option<&Panel>| panel.and_then(|p| p.spearman_abs.mean);
    let last = panels.iter().rfind(|p| p.kind == PanelKind::Cascade);
    let edges = mean(panels.iter().find(|p| p.kind == PanelKind::Edges));
    let Some(random) = mean(last) else {
        return format!(
            "No map of {title} could be compared with one from random weights: the random network leaves these units silent."
        );
    };
    let verdict = if random < 0.3 {
        "so these pictures show what was learnt rather than the image alone"
    } else if random < 0.6 {
        "so part of each picture is the image and the method, and not what was learnt"
    } else {
        "so these pictures show the image and the method more than what was learnt"
    };
    let beside = edges.map_or(String::new(), |r| {
        format!(" (a plain edge detector: {r:.2})")
    });
    format!(
        "With all weights random, {title} of the same units of the same images still agrees with the trained network's at a rank correlation of {random:.2}{beside}, {verdict}."
    )
}

impl Sanity {
    /// A row for the best patch of each filter: the crop, the trained network's map, and each panel's, with the panels' scores
    /// below.
    pub fn picture(&self, atlas: &Atlas, captions: &Captions, scale: u32) -> DynamicImage {
        let filters: Vec<&FilterPatches> = self
            .filters
            .iter()
            .filter_map(|f| atlas.filter(*f))
            .collect();
        let shown: Vec<&FilterPatches> = filters
            .iter()
            .copied()
            .filter(|f| !f.patches.is_empty())
            .collect();
        let columns = 2 + self.panels.len() as u32;
        let (heads, rows) = (2 * LINE + GAP, shown.len().max(1) as u32 * (TILE + GAP));
        let width = 2 * MARGIN + NUMBERS + columns * PITCH;
        let top = MARGIN + HEADING + 2 * GAP;
        let height = top + heads + rows + 4 * LINE + MARGIN;
        let mut canvas = headed(width, height, scale, &captions.heading);
        let x = |column: u32| MARGIN + NUMBERS + column * PITCH;
        let write = |canvas: &mut Canvas, column: u32, lines: &[String], y: u32, ink| {
            for (n, line) in lines.iter().enumerate() {
                canvas.text((x(column), y + n as u32 * LINE), SMALL, line, ink);
            }
        };
        let two = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        write(&mut canvas, 0, &two("image", ""), top, INK);
        write(
            &mut canvas,
            1,
            &two("trained", atlas.method.name()),
            top,
            INK,
        );
        for (n, panel) in self.panels.iter().enumerate() {
            write(&mut canvas, 2 + n as u32, &panel.head, top, INK);
            let number = |name: &str, score: Option<Score>| {
                let mean = score.and_then(|s| s.mean);
                mean.map_or(format!("{name}     -"), |m| format!("{name} {m:5.2}"))
            };
            let scores = [
                number("rank", panel.spearman),
                number("|rank|", Some(panel.spearman_abs)),
                number("SSIM", Some(panel.ssim)),
            ];
            write(
                &mut canvas,
                2 + n as u32,
                &scores,
                top + heads + rows + GAP,
                FAINT,
            );
        }
        let mut first = 0;
        let mut row = 0;
        for filter in filters {
            if let Some(patch) = filter.patches.first() {
                let y = top + heads + row * (TILE + GAP);
                canvas.text((MARGIN, y), SMALL, &filter.filter.to_string(), FAINT);
                let mut draw = |column: u32, crop: GrayImage| {
                    canvas.grey((x(column), y), TILE, &in_field(filter, patch, &crop));
                };
                draw(0, unit_range(&patch.input, patch.w));
                draw(
                    1,
                    centred(&patch.projection, patch.w, largest(&patch.projection)),
                );
                for (n, panel) in self.panels.iter().enumerate() {
                    let map = &panel.maps[first];
                    let crop = match panel.kind {
                        PanelKind::Edges => unit_range(&magnitudes(map), patch.w),
                        _ => centred(map, patch.w, largest(map)),
                    };
                    draw(2 + n as u32, crop);
                }
                row += 1;
            }
            first += filter.patches.len();
        }
        canvas.finish()
    }
}

/// Points from one column to the next, for filters' numbers, and from line to line of small letters.
const PITCH: u32 = 76;
const NUMBERS: u32 = 26;
const LINE: u32 = 12;
const SMALL: u32 = 11;

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
            sentence(Method::Guided, &panels)
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
        assert_eq!(Score::of(&[None, None]).mean, None);
        let score = Score::of(&[Some(1.0), None, Some(0.0)]);
        assert_eq!((score.mean, score.sd, score.n), (Some(0.5), Some(0.5), 2));
    }
}
