//! The paper's figure, the atlas and the maps of evidence for single images.

use super::{Block, Cell, Column, Context, Picture, Section, Table, TableRow};
use crate::run::{Evidence, Filters, Layer};
use crate::text::{count, percent_or_dash};

const VISUALIZE: &str =
    "`faus visualize --checkpoint C --prepared P --layer conv3 --output RUN/viz/conv3` writes it.";
/// Pictures are shown at this width at most.
const WIDEST: u32 = 1600;

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let mut blocks = Vec::new();
    for layer in &context.run.layers {
        blocks.push(Block::Heading(heading(layer)));
        blocks.push(figure(context, layer));
        blocks.extend(others(context, layer));
        if let Ok(evidence) = &layer.evidence {
            blocks.extend(maps(context, layer, evidence));
        }
    }
    Section::new("patches", "What excites the filters", &blocks)
}

fn heading(layer: &Layer) -> String {
    match layer.name.as_str() {
        "output" => "The classes themselves (layer output)".to_owned(),
        name => format!("Layer {name}"),
    }
}

/// A PNG of a layer's folder, or why it cannot be shown.
pub(super) fn picture(context: &Context, file: &str, alt: String, caption: String) -> Block {
    let compact = match context.folder.compact(file, WIDEST, VISUALIZE) {
        Ok(compact) => compact,
        Err(gap) => return Block::Gap(gap),
    };
    let wide = compact.width > 500;
    match context.folder.embed(compact.kind, &compact.bytes) {
        Some(uri) => Block::Picture(Picture {
            uri,
            alt,
            caption,
            wide,
        }),
        None => Block::Gap(context.folder.no_room(file)),
    }
}

fn figure(context: &Context, layer: &Layer) -> Block {
    let filters = layer.filters.as_ref().ok();
    let alt = format!(
        "Grid of grey patches, a pair of rows for each filter of {}: crops of the faces that excite the filter most, and their projections.",
        layer.name
    );
    let caption = filters.map_or(String::new(), |filters| caption(layer, filters));
    picture(context, &layer.file("figure.png"), alt, caption)
}

/// The words of a method.
pub(super) fn method(filters: &Filters) -> &str {
    match filters.method.as_deref() {
        Some("guided") => "guided back-propagation",
        Some("deconvnet") => "deconvnet projection",
        Some("gradient") => "plain gradient",
        Some("occlusion") => "occlusion map",
        Some(other) => other,
        None => "back-projection",
    }
}

fn caption(layer: &Layer, filters: &Filters) -> String {
    let each = match filters.distinct.as_deref() {
        Some("image") => "",
        Some("sequence") => ", one of a recording",
        _ => ", one of a person",
    };
    let field = filters.field.map_or(String::new(), |field| {
        format!(" A unit sees {field} × {field} pixels.")
    });
    format!(
        "Filters of {}: for each, the images that excite it most{each}{}. Each patch is shown as the face itself and as the {} of the filter's maximal unit, everything else set to zero; middle grey is zero.{field} Patches were made for {}.",
        layer.name,
        seen(filters),
        method(filters),
        count(filters.filters.len(), "filter"),
    )
}

/// Which images were looked at.
pub(super) fn seen(filters: &Filters) -> String {
    let images = filters.images.map_or(String::new(), |n| format!("{n} "));
    let fold = filters
        .fold
        .map_or(String::new(), |fold| format!(" of fold {fold}"));
    match filters.split.as_deref() {
        Some("test") => {
            format!(", out of {images}test images{fold}, whose people the network never saw")
        }
        Some("all") => format!(", out of all {images}images, those it was trained on among them"),
        Some("train") => format!(", out of {images}images that it was trained on"),
        Some(part) => format!(", out of {images}images of the part {part}{fold}"),
        None => String::new(),
    }
}

/// The atlas and the other pictures that a layer has; nothing where it has none.
fn others(context: &Context, layer: &Layer) -> Vec<Block> {
    let name = &layer.name;
    let pictures = [
        (
            "atlas.png",
            format!(
                "All filters of {name}, ordered by likeness: the best crop of each above its mean projection"
            ),
            format!(
                "All filters of {name}, neighbours alike: the best crop of each above the mean of its projections."
            ),
        ),
        (
            "positions.png",
            format!(
                "Where on the average face each filter of {name} responds most, in the order of the atlas"
            ),
            format!(
                "Where on the average face the largest response of each filter of {name} lies, in the order of the atlas."
            ),
        ),
        (
            "conv1-weights.png",
            "Kernels of the first layer as grey squares".to_owned(),
            "The first layer's kernels on one common scale; middle grey is zero.".to_owned(),
        ),
    ];
    let there = pictures
        .into_iter()
        .filter(|(file, _, _)| context.folder.has(&layer.file(file)));
    there
        .map(|(file, alt, caption)| picture(context, &layer.file(file), alt, caption))
        .collect()
}

fn maps(context: &Context, layer: &Layer, evidence: &Evidence) -> Vec<Block> {
    let caption = "What in single images speaks for a class: the face, gradient × input, guided back-propagation, occlusion. Red speaks for the class, blue against it. The table names the rows.";
    let alt = "Rows of a face with three maps of what speaks for and against a class".to_owned();
    let shown = picture(
        context,
        &layer.file("evidence.png"),
        alt,
        caption.to_owned(),
    );
    let text = |text: &Option<String>| Cell::from(text.clone().unwrap_or("–".to_owned()));
    let rows = evidence.images.iter().enumerate().map(|(row, image)| {
        TableRow::new([
            Cell::from((row + 1).to_string()),
            image
                .subject
                .map_or("–".to_owned(), |subject| subject.to_string())
                .into(),
            text(&image.label),
            text(&image.predicted),
            text(&image.class),
            percent_or_dash(image.probability).into(),
        ])
    });
    let table = Table {
        label: "Images of the maps above".to_owned(),
        columns: vec![
            Column::text("Row"),
            Column::number("Subject"),
            Column::text("True class"),
            Column::text("Said"),
            Column::text("Maps speak of"),
            Column::number("Probability"),
        ],
        rows: rows.collect(),
        ..Table::default()
    };
    let heading = Block::Heading("Evidence for single images".to_owned());
    vec![heading, shown, Block::Table(table)]
}
