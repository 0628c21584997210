//! Sanity checks: the projections without the learnt weights.

use serde_json::Value;

use crate::page::blocks::{Blocks, Sections};
use crate::plot::Plot;
use crate::plot::forest::{Forest, Line, labelled};
use crate::plot::numbers::{cell, csv};
use crate::plot::round_ends;
use crate::run::Run;
use crate::run::value::{brief, list};
use crate::run::viz::Layer;

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("sanity", "Do the pictures depend on training?");
    let damaged = run.layers.iter().filter_map(|layer| layer.sanity.damage());
    damaged.for_each(|gap| blocks.gap(gap));
    let checked = run.layers.iter().filter(|layer| layer.sanity.gap.is_none());
    let checked: Vec<&Layer> = checked.collect();
    let first = run.layers.first();
    let missing = first.and_then(|layer| layer.sanity.gap.as_ref());
    let missing = missing.filter(|gap| checked.is_empty() && gap.damage.is_none());
    missing.into_iter().for_each(|gap| blocks.gap(gap));
    for layer in checked {
        of_layer(run, layer, blocks);
    }
}

fn of_layer(run: &Run, layer: &Layer, blocks: &mut Blocks) {
    let name = &layer.name;
    blocks.heading(format!("Layer {name}"));
    blocks.texts(layer.sanity["sentence"].as_str());
    let alt = format!(
        "The same patches of {name} with the network's layers randomised one after the other, from an untrained network, an edge detector and under a constant input shift"
    );
    let caption = "The same units of the same images: projections of the network, then with its layers randomised from the top down (Adebayo et al. 2018), of an untrained network, of an edge detector (Nie et al. 2018), and under a constant shift of the input (Kindermans et al. 2017).";
    blocks.picture(
        &run.folder,
        &layer.fine(&run.folder, "sanity"),
        [&alt, caption],
    );
    blocks.figure(likeness(layer), "Similarity to the network's own projection of the same unit: mean over patches, lines ± one standard deviation. 1: the same picture; 0: none of its order.");
    let untrained = layer.fine(&run.folder, "untrained");
    if run.folder.path(&untrained).is_file() {
        let alt = format!("The figure above for an untrained network's {name}");
        let caption = "The paper's figure from an untrained network: its own top patches, chosen by the same rule. Whatever it shows does not come from training.";
        blocks.picture(&run.folder, &untrained, [&alt, caption]);
    }
}

/// The measures of similarity: key and name.
const MEASURES: [(&str, &str); 3] = [
    ("spearman", "Spearman, signed"),
    ("spearman_abs", "Spearman of absolute values"),
    ("ssim", "SSIM of absolute values"),
];

fn likeness(layer: &Layer) -> Option<Plot> {
    let panels = list(&layer.sanity["panels"]);
    let label = |panel: &Value| brief(&panel["label"]);
    let spreads = |panel: &'_ Value| {
        let spreads = MEASURES.map(|(key, _)| panel[key].clone()).into_iter();
        spreads.enumerate().filter(|(_, spread)| spread.is_object())
    };
    let line = |(series, spread): (usize, Value)| {
        let [mean, sd] = ["mean", "sd"].map(|key| spread[key].as_f64());
        let ends = mean.zip(sd).map(|(mean, sd)| (mean - sd, mean + sd));
        Line::of(series, mean, ends)
    };
    let lines = |panel| labelled(label(panel), spreads(panel).map(line));
    let lines: Vec<Line> = panels.iter().flat_map(lines).collect();
    let lows = lines.iter().filter_map(|line| Some(line.interval?.0));
    let lowest = lows.fold(0.0, f64::min);
    let numbers = panels.iter().flat_map(|panel| {
        spreads(panel).map(|(at, spread)| {
            let numbers = ["mean", "sd"].map(|key| cell(spread[key].as_f64()));
            let patches = spread["n"].as_u64().unwrap_or(0);
            (label(panel), MEASURES[at].1, numbers, patches)
        })
    });
    Forest {
        name: &format!("sanity-{}", layer.folder()),
        alt: "Similarity of each panel's maps to the network's own projections",
        axis: "likeness to the own projection (−1 to 1)",
        ends: (round_ends(lowest, 1.0).0.max(-1.0), 1.0),
        series: MEASURES.map(|(_, name)| name).into(),
        csv: csv("panel,measure,mean,sd,n", numbers),
        lines,
        ..Forest::default()
    }
    .into()
}
