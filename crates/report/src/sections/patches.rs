//! The paper's figure, the atlas and the maps of evidence for single images.

use serde_json::Value;

use crate::page::blocks::{Blocks, Sections};
use crate::page::table::TableOf;
use crate::page::text::{count, percent, when};
use crate::run::Run;
use crate::run::folds::Fold;
use crate::run::value::{au, brief, filter, list};
use crate::run::viz::Layer;

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("patches", "Patches that excite the filters");
    for (at, layer) in run.layers.iter().enumerate() {
        blocks.heading(match layer.name.as_str() {
            "output" => "Patches that excite each class (layer output)".to_owned(),
            name => format!("Layer {name}"),
        });
        let name = &layer.name;
        let alt = format!(
            "Grid of grey patches, a pair of rows for each filter of {name}: crops of the faces that excite the filter most, and their projections."
        );
        let figure = layer.fine(&run.folder, "figure");
        let caption = caption(layer) + &coded(run, layer) + &missing_classes(run, layer);
        blocks.picture(&run.folder, &figure, [&alt, &caption]);
        let front = format!(
            "The patterns of the paper's first picture: for each the filter of {name} with the largest z of those that are named after one of its action units and more active with it, and its three best patches."
        );
        if_there(run, blocks, &layer.fine(&run.folder, "frontpage"), &front);
        if layer.evidence.gap.is_none() {
            evidence(run, layer, blocks);
        }
        let mut further = Blocks::default();
        overviews(run, layer, at == 0, &mut further);
        blocks.details(&format!("Overviews of {name}"), further);
    }
}

/// Pictures of all filters of a layer; the kernels of the first layer are the same for all.
fn overviews(run: &Run, layer: &Layer, kernels: bool, blocks: &mut Blocks) {
    let name = &layer.name;
    let atlas = format!(
        "All filters of {name}, similar ones side by side: the best crop of each above the mean of its projections."
    );
    let positions = format!(
        "Position of the largest response of each filter of {name} on the average face, in the order of the atlas."
    );
    // The figure of the classes has all of them already.
    if name != "output" {
        if_there(run, blocks, &layer.file("atlas.png"), &atlas);
    }
    if_there(run, blocks, &layer.file("positions.png"), &positions);
    if kernels {
        let caption = "The first layer's kernels on one common scale; middle grey is zero.";
        if_there(
            run,
            blocks,
            &layer.fine(&run.folder, "conv1-weights"),
            caption,
        );
    }
}

/// A picture, if the run has it.
fn if_there(run: &Run, blocks: &mut Blocks, file: &str, caption: &str) {
    if run.folder.path(file).is_file() {
        blocks.picture(&run.folder, file, [caption, caption]);
    }
}

fn caption(layer: &Layer) -> String {
    let filters = &layer.filters;
    if filters.gap.is_some() {
        return String::new();
    }
    let each = match filters.distinct.as_deref() {
        Some("image") => "",
        Some("sequence") => ", one per recording",
        _ => ", one per person",
    };
    let shown = match filters.shows.as_deref() {
        Some("normalised") => "the network's normalised input",
        _ => "the face itself",
    };
    let size = |side| format!(" The receptive field of a unit is {side} × {side} pixels.");
    let field = filters.field.map(size).unwrap_or_default();
    let (name, used, method) = (&layer.name, filters.used(), filters.method());
    let many = count(filters.filters.len(), "filter");
    format!(
        "Filters of {name}: for each, the images that excite it most{each}{used}. Each patch is shown as {shown} and as the {method} of the filter's maximal unit, all other units set to zero; middle grey is zero.{field} Patches were made for {many}."
    )
}

/// How many patches come from faces that show the unit of their filter's name.
fn coded(run: &Run, layer: &Layer) -> String {
    let analysed = run.analysed().is_some_and(|of| of.name == layer.name);
    let more = |name: &&Value| analysed && name["z"].as_f64().is_some_and(|z| z > 0.0);
    let names = run.fau.names.iter().filter(more);
    let counts = names.filter_map(|name| run.patches_that_show(filter(name), au(name)));
    let (with, all) = counts.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    let words = format!(
        " Of the {} of filters that are named after an action unit and more active with it, {with} come from faces coded with that unit.",
        count(all, "patch")
    );
    when(all > 0, &words).to_owned()
}

/// The classes without an image among those that the patches of the classes come from.
fn missing_classes(run: &Run, layer: &Layer) -> String {
    let tested = |fold: &&Fold| Some(fold.number) == layer.filters.fold;
    let Some(fold) = run.folds.iter().find(tested) else {
        return String::new();
    };
    let known = |label: &usize| fold.predictions.iter().any(|row| row.label == *label);
    let classes = (0..run.classes().len()).filter(|label| !known(label));
    let classes: Vec<String> = classes.map(|label| run.class(label)).collect();
    let tested = layer.filters.split.as_deref() == Some("test") && !fold.predictions.is_empty();
    let words = format!(
        " No test image of this fold has the label {}.",
        classes.join(" or ")
    );
    let of_classes = layer.name == "output" && tested && !classes.is_empty();
    when(of_classes, &words).to_owned()
}

fn evidence(run: &Run, layer: &Layer, blocks: &mut Blocks) {
    blocks.heading("Evidence for single images");
    let alt = "Rows of a face with three maps of the evidence for and against a class";
    let caption = "Evidence for a class in single images: the face, gradient × input, guided back-propagation, occlusion. Red supports the class, blue contradicts it. The table lists the rows.".to_owned() + &missing_classes(run, layer);
    let file = layer.fine(&run.folder, "evidence");
    blocks.picture(&run.folder, &file, [alt, &caption]);
    let probability = |image: &Value| percent(image["probability"].as_f64());
    let person = |image: &Value| run.sample(image["index"].as_u64()?)?.person();
    let images = list(&layer.evidence["images"]).iter().enumerate();
    let table = TableOf::new("Images of the maps above", images)
        .words("Row", |(at, _)| (at + 1).to_string())
        .words("Subject", |(_, image)| {
            person(image).map_or(String::new(), |person| person.to_string())
        })
        .words("True class", |(_, image)| brief(&image["label"]))
        .words("Predicted", |(_, image)| brief(&image["predicted"]))
        .words("Maps for class", |(_, image)| brief(&image["class"]))
        .numbers("Probability", |(_, image)| probability(image));
    blocks.table(table);
}
