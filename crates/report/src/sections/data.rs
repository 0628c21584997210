//! The data: facts, images by class and fold, a contact sheet, skipped files.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

use crate::page::blocks::{Blocks, Section};
use crate::page::table::{Cell, Table, TableOf};
use crate::page::text::count;
use crate::run::Run;
use crate::run::dataset::{DataSet, Sample};
use crate::run::pictures::{Grey, Images};
use crate::run::value::brief;

/// Faces of each class on the contact sheet.
const FACES: usize = 12;

pub(super) fn section(run: &Run) -> Section {
    let mut blocks = Blocks::default();
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
    blocks.heading("Faces as the network sees them");
    contact_sheet(run, &mut blocks);
    skipped(run, &mut blocks);
    blocks.section("data", "Data")
}

fn facts(data: &DataSet) -> Table {
    let subjects = |subjects| match subjects {
        0 => "not named by the source".to_owned(),
        _ => subjects.to_string(),
    };
    let shown = |value: &serde_json::Value| (!value.is_null()).then(|| brief(value));
    let held_out = |n| format!("{n} without a class, for the action-unit analysis");
    let text = |n: Option<u64>| n.map(|n| n.to_string());
    let apart = data.subject_independent.map(|apart| brief(&apart.into()));
    let facts = [
        ("Name", data.name.clone()),
        ("Labelled images", text(data.labelled())),
        ("Held-out images", data.held_out.map(held_out)),
        ("Subjects", data.subjects.map(subjects)),
        ("Image size (pixels)", shown(&data.image_size)),
        ("Face crop", shown(&data.crop)),
        ("Folds", text(data.folds)),
        ("Fold assignment", fold_rule(data).map(str::to_owned)),
        ("Folds keep subjects apart", apart),
        ("Digest of the source (SHA-256)", data.source_digest.clone()),
    ];
    let known = facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let table = TableOf::new("The data set", known).words("Fact", |fact| fact.0);
    table.words("Value", |fact| fact.1.clone()).into()
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
    let mut counts: BTreeMap<(i64, i64), u64> = BTreeMap::new();
    let mut names: BTreeMap<i64, &str> = BTreeMap::new();
    for row in samples.iter().filter(|row| row.label >= 0) {
        *counts.entry((row.label, row.fold)).or_default() += 1;
        names.entry(row.label).or_insert(&row.label_name);
    }
    let folds: BTreeSet<i64> = counts.keys().map(|(_, fold)| *fold).collect();
    let given = folds.iter().eq(&[-1]);
    let sum = |label: Option<i64>, fold: Option<i64>| -> u64 {
        let of = |(at, _): &(&(i64, i64), &u64)| {
            label.is_none_or(|label| at.0 == label) && fold.is_none_or(|fold| at.1 == fold)
        };
        counts.iter().filter(of).map(|(_, n)| n).sum()
    };
    // The last row has no label: all classes.
    let labels = names.keys().copied().map(Some).chain([None]);
    let name = |label: &Option<i64>| label.map_or("All", |label| names[&label]).to_owned();
    let mut table = TableOf::new("Images by class and fold", labels).words("Class", name);
    for fold in folds.into_iter().filter(|_| !given) {
        let cell = |label: &Option<i64>| Cell::count(sum(*label, Some(fold)));
        table = table.numbers(format!("Fold\u{a0}{fold}"), cell);
    }
    let table = table.numbers("All", |label| Cell::count(sum(*label, None)));
    let mut table = Table::from(table.note(match given {
        true => {
            "The data set defines its own splits, which overlap; the counts are over all of them."
        }
        false => "The fold in which an image is tested.",
    }));
    if let Some(last) = table.rows.last_mut() {
        last.total = true;
    }
    table
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
    width: usize,
    height: usize,
}

fn contact_sheet(run: &Run, blocks: &mut Blocks) {
    let images = match (&run.samples.gap, &run.images) {
        (None, Ok(images)) => images,
        (Some(gap), _) | (_, Err(gap)) => return blocks.gap(gap),
    };
    let mut by_class: BTreeMap<i64, Vec<&Sample>> = BTreeMap::new();
    for row in run.samples.iter().filter(|row| row.label >= 0) {
        by_class.entry(row.label).or_default().push(row);
    }
    let strips = by_class.values();
    let strips = strips.filter_map(|rows| strip(run, images, rows));
    blocks.html(Contact {
        strips: strips.collect(),
        synthetic: run.synthetic(),
    });
}

fn strip(run: &Run, images: &Images, rows: &[&Sample]) -> Option<Strip> {
    let shown = FACES.min(rows.len());
    let faces = (0..shown).map(|at| rows[at * rows.len() / shown].index);
    let faces: Vec<Grey> = faces.filter_map(|index| images.get(index)).collect();
    let sheet = Grey::sheet(&faces, FACES, 2, 255)?;
    let class = rows.first()?.label_name.clone();
    // Small faces are enlarged; large ones are shown at half their size on high-resolution screens.
    let (times, over) = match images.side {
        0..72 => (3, 2),
        72..120 => (1, 1),
        side => (96, side),
    };
    Some(Strip {
        alt: format!("{} labelled {class}", count(faces.len(), "face")),
        uri: run.folder.embed("image/png", &sheet.png()?)?,
        class,
        width: sheet.width * times / over,
        height: sheet.height * times / over,
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
    blocks.details(
        format!("{} could not be used", count(skipped.len(), "file")),
        inner,
    );
}
