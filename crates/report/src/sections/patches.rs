//! The paper's figure, the atlas and the maps of evidence for single images.

use crate::page::blocks::{Blocks, Section};
use crate::page::table::{Cell, TableOf};
use crate::page::text::{count, or_dash, percent};
use crate::run::Run;
use crate::run::viz::{Filters, Layer};

pub(super) fn section(run: &Run) -> Section {
    let mut blocks = Blocks::default();
    for layer in &run.layers {
        blocks.heading(match layer.name.as_str() {
            "output" => "The classes themselves (layer output)".to_owned(),
            name => format!("Layer {name}"),
        });
        for (file, alt, caption) in pictures(layer) {
            let file = layer.file(file);
            // The first is the paper's figure, which every layer should have.
            if file.ends_with("figure.png") || run.folder.has(&file) {
                blocks.picture(&run.folder, &file, alt, caption);
            }
        }
        if layer.evidence.gap.is_none() {
            evidence(run, layer, &mut blocks);
        }
    }
    blocks.section("patches", "Patches that excite the filters")
}

/// The pictures of a layer: file, text for screen readers, caption.
fn pictures(layer: &Layer) -> [(&'static str, String, String); 4] {
    let name = &layer.name;
    [
        (
            "figure.png",
            format!(
                "Grid of grey patches, a pair of rows for each filter of {name}: crops of the faces that excite the filter most, and their projections."
            ),
            caption(layer),
        ),
        (
            "atlas.png",
            format!(
                "All filters of {name}, ordered by likeness: the best crop of each above its mean projection"
            ),
            format!(
                "All filters of {name}, similar ones side by side: the best crop of each above the mean of its projections."
            ),
        ),
        (
            "positions.png",
            format!(
                "Where on the average face each filter of {name} responds most, in the order of the atlas"
            ),
            format!(
                "Position of the largest response of each filter of {name} on the average face, in the order of the atlas."
            ),
        ),
        (
            "conv1-weights.png",
            "Kernels of the first layer as grey squares".to_owned(),
            "The first layer's kernels on one common scale; middle grey is zero.".to_owned(),
        ),
    ]
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
    let field = filters
        .field
        .map(|field| format!(" The receptive field of a unit is {field} × {field} pixels."));
    format!(
        "Filters of {}: for each, the images that excite it most{each}{}. Each patch is shown as the face itself and as the {} of the filter's maximal unit, all other units set to zero; middle grey is zero.{} Patches were made for {}.",
        layer.name,
        images_used(filters),
        filters.method(),
        field.unwrap_or_default(),
        count(filters.filters.len(), "filter"),
    )
}

/// The images from which the patches come, as the end of a sentence.
pub(super) fn images_used(filters: &Filters) -> String {
    let images = filters.images.map(|n| format!("{n} ")).unwrap_or_default();
    let fold = filters
        .fold
        .map(|fold| format!(" of fold {fold}"))
        .unwrap_or_default();
    match filters.split.as_deref() {
        Some("test") => {
            format!(", out of {images}test images{fold}, of people not seen in training")
        }
        Some("all") => format!(", out of all {images}images, including those of training"),
        Some("train") => format!(", out of {images}training images"),
        Some(part) => format!(", out of {images}images of the part {part}{fold}"),
        None => String::new(),
    }
}

fn evidence(run: &Run, layer: &Layer, blocks: &mut Blocks) {
    blocks.heading("Evidence for single images");
    let alt = "Rows of a face with three maps of the evidence for and against a class";
    let caption = "Evidence for a class in single images: the face, gradient × input, guided back-propagation, occlusion. Red supports the class, blue contradicts it. The table lists the rows.";
    blocks.picture(
        &run.folder,
        &layer.file("evidence.png"),
        alt.to_owned(),
        caption.to_owned(),
    );
    let table = TableOf::new(
        "Images of the maps above",
        layer.evidence.images.iter().enumerate(),
    )
    .words("Row", |(at, _)| (at + 1).to_string())
    .numbers("Subject", |(_, image)| or_dash(image.subject))
    .words("True class", |(_, image)| or_dash(image.label.as_ref()))
    .words("Predicted", |(_, image)| or_dash(image.predicted.as_ref()))
    .words("Maps for class", |(_, image)| or_dash(image.class.as_ref()))
    .numbers("Probability", |(_, image)| {
        Cell::from(percent(image.probability))
    });
    blocks.table(table);
}
