//! The data: facts, images by class and fold, a contact sheet, skipped files.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use image::GrayImage;

use crate::page::blocks::{Blocks, Sections};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::count;
use crate::run::Run;
use crate::run::dataset::{DataSet, Sample};
use crate::run::pictures::{Images, png, sheet};
use crate::run::value::brief;

/// Faces of each class on the contact sheet.
const FACES: usize = 12;

pub(super) fn section(run: &Run, page: &mut Sections) {
    let blocks = page.start("data", "Data");
    if blocks.has(&run.dataset) {
        blocks.table(facts(&run.dataset));
        blocks.texts(run.dataset.notes.iter().map(String::as_str));
    }
    blocks.heading("Images by class and fold");
    if blocks.has(&run.samples) {
        let table = class_by_fold(&run.samples);
        let csv = table.to_csv();
        blocks.table_with_csv(table, "classes-by-fold", csv);
    }
    blocks.heading("Faces as the network receives them");
    contact_sheet(run, blocks);
    skipped(run, blocks);
}

fn facts(data: &DataSet) -> impl Into<Table> {
    let subjects = |subjects| match subjects {
        0 => "not named by the source".to_owned(),
        _ => subjects.to_string(),
    };
    let shown = |value: &serde_json::Value| (!value.is_null()).then(|| brief(value));
    let held_out = |n| format!("{n} without a class, for the action-unit analysis");
    let text = |n: Option<u64>| n.map(|n| n.to_string());
    let apart = data.subject_independent.map(|apart| brief(&apart.into()));
    let coders = data
        .machine_coded
        .then(|| "machine-coded: a program's estimates".to_owned());
    let facts = [
        ("Name", data.name.clone()),
        ("Labelled images", text(data.labelled())),
        ("Held-out images", data.held_out.map(held_out)),
        ("Action units", coders),
        (
            "An action unit counts as present from intensity",
            text(data.au_threshold.map(u64::from)),
        ),
        ("Subjects", data.subjects.map(subjects)),
        ("Image size (pixels)", shown(&data.image_size)),
        ("Face crop", shown(&data.crop)),
        ("Folds", text(data.folds)),
        ("Fold assignment", fold_rule(data).map(str::to_owned)),
        ("Folds keep subjects apart", apart),
        ("Digest of the source (SHA-256)", data.source_digest.clone()),
    ];
    let known = facts.into_iter();
    let known = known.filter_map(|(name, value)| Some((name, value?)));
    let table = TableOf::new("The data set", known).words("Fact", |fact| fact.0);
    table.words("Value", |fact| fact.1.clone())
}

fn fold_rule(data: &DataSet) -> Option<&str> {
    Some(match data.fold_rule.as_deref()? {
        "given" => "by the data set itself",
        "balanced" => "balanced over the classes",
        "modulo" if data.subject_independent == Some(false) => "image by image in each class",
        "modulo" => "in order of subject, modulo",
        other => other,
    })
}

/// Labelled images of each class in each fold.
fn class_by_fold(samples: &[Sample]) -> Table {
    let classes = by_class(samples);
    let all: Vec<&Sample> = classes.values().flatten().copied().collect();
    let folds: BTreeSet<i64> = all.iter().map(|row| row.fold).collect();
    let given = folds.iter().eq(&[-1]);
    let rows = classes.values().map(|rows| (&*rows[0].label_name, rows));
    let rows = rows.chain([("All", &all)]);
    let mut table = TableOf::new("Images by class and fold", rows).words("Class", |row| row.0);
    for fold in folds.into_iter().filter(|_| !given) {
        let count = |rows: &[&Sample]| rows.iter().filter(|row| row.fold == fold).count();
        let name = format!("Fold\u{a0}{fold}");
        table = table.numbers(name, |row| Cell::count(count(row.1) as u64));
    }
    let table = table.numbers("All", |row| Cell::count(row.1.len() as u64));
    let overlap =
        "The data set defines its own splits, which overlap; the counts are over all of them.";
    let tested = "An image counts in the fold that tests it.";
    let note = if given { overlap } else { tested };
    let mut table = Table::from(table.note(note));
    table.total = true;
    table
}

/// Labelled images by their label.
fn by_class(samples: &[Sample]) -> BTreeMap<i64, Vec<&Sample>> {
    let mut classes: BTreeMap<i64, Vec<&Sample>> = BTreeMap::new();
    for row in samples.iter().filter(|row| row.label >= 0) {
        classes.entry(row.label).or_default().push(row);
    }
    classes
}

#[derive(Template)]
#[template(path = "contact.html")]
struct Contact {
    strips: Vec<Strip>,
    synthetic: Option<bool>,
}

/// Faces of one class.
struct Strip {
    class: String,
    uri: String,
    alt: String,
    width: u32,
    height: u32,
}

fn contact_sheet(run: &Run, blocks: &mut Blocks) {
    let images = match (&run.samples.gap, &run.images) {
        (None, Ok(images)) => images,
        (Some(gap), _) | (_, Err(gap)) => return blocks.gap(gap),
    };
    let classes = by_class(&run.samples);
    let strips = classes.values().filter_map(|rows| strip(run, images, rows));
    blocks.html(Contact {
        strips: strips.collect(),
        synthetic: run.synthetic(),
    });
}

fn strip(run: &Run, images: &Images, rows: &[&Sample]) -> Option<Strip> {
    let shown = FACES.min(rows.len());
    let faces = (0..shown).map(|at| rows[at * rows.len() / shown].index);
    let faces: Vec<GrayImage> = faces.filter_map(|index| images.get(index)).collect();
    let sheet = sheet(&faces, FACES as u32, 2, 255)?;
    let class = rows.first()?.label_name.clone();
    // Small faces are enlarged; large ones are shown at half their size on high-resolution screens.
    let (times, over) = match images.side {
        0..72 => (3, 2),
        72..120 => (1, 1),
        side => (96, side),
    };
    Some(Strip {
        alt: format!("{} labelled {class}", count(faces.len(), "face")),
        uri: run.folder.embed("image/png", &png(&sheet)?)?,
        class,
        width: sheet.width() * times / over,
        height: sheet.height() * times / over,
    })
}

/// Maximum number of skipped files listed on the page; the rest are in dataset.json, to keep the page small.
const LISTED: usize = 500;

fn skipped(run: &Run, blocks: &mut Blocks) {
    let skipped = &run.dataset.skipped;
    if run.dataset.gap.is_some() {
        return;
    }
    blocks.heading("Skipped files");
    if skipped.is_empty() {
        return blocks.text("No file was skipped.");
    }
    let mut inner = Blocks::default();
    let table = TableOf::new("Skipped files", skipped.iter().take(LISTED));
    let table = table.words("File", |file| file.path.as_str());
    inner.table(table.words("Why", |file| file.reason.as_str()));
    if let Some(more) = skipped.len().checked_sub(LISTED).filter(|n| *n > 0) {
        inner.quiet(format!("{more} more are listed in dataset/dataset.json"));
    }
    let files = count(skipped.len(), "file");
    blocks.details(&format!("{files} could not be used"), inner);
}
