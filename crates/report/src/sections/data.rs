//! The data: facts, class × fold table, contact sheet, what was skipped.

use std::collections::BTreeMap;

use askama::Template;

use super::{Block, Cell, Column, Context, Section, Table, TableRow};
use crate::config::brief;
use crate::files::Gap;
use crate::plot::csv_text;
use crate::run::{DataSet, Grey, Images, Run, Samples};
use crate::text::count;

/// Faces of each class on the contact sheet.
const FACES: usize = 12;

pub(super) fn section(context: &Context) -> Result<Section, askama::Error> {
    let mut blocks = Vec::new();
    match &context.run.dataset {
        Err(gap) => blocks.push(Block::Gap(gap.clone())),
        Ok(data) => {
            blocks.push(Block::Table(facts(data)));
            blocks.extend(data.notes.iter().cloned().map(Block::Text));
        }
    }
    blocks.push(Block::Heading("Images by class and fold".to_owned()));
    match class_by_fold(context.run) {
        Ok(table) => {
            let csv = table_csv(&table);
            blocks.push(Block::Table(context.with_csv(
                table,
                "classes-by-fold",
                csv,
            )));
        }
        Err(gap) => blocks.push(Block::Gap(gap)),
    }
    blocks.push(Block::Heading("Faces as the network sees them".to_owned()));
    blocks.extend(contact_sheet(context)?);
    blocks.extend(skipped(context.run)?);
    Section::new("data", "Data", &blocks)
}

fn facts(data: &DataSet) -> Table {
    let rule = |rule: &str| {
        let words = match rule {
            "given" => "by the data set itself",
            "balanced" => "balanced over the classes",
            "modulo" if data.subject_independent == Some(false) => "image by image in each class",
            "modulo" => "in order of subject, modulo",
            other => other,
        };
        words.to_owned()
    };
    let subjects = |subjects| match subjects {
        0 => "not named by the source".to_owned(),
        _ => subjects.to_string(),
    };
    let shown = |value: &serde_json::Value| (!value.is_null()).then(|| brief(value));
    let images = data
        .class_counts()
        .iter()
        .map(|(_, n)| *n)
        .sum::<Option<u64>>();
    let held_out = |n| format!("{n} without a class, for the action-unit analysis");
    let facts = [
        ("Name", data.name.clone()),
        ("Labelled images", images.map(|n| n.to_string())),
        ("Held-out images", data.held_out.map(held_out)),
        ("Subjects", DataSet::quantity(&data.subjects).map(subjects)),
        ("Image size (pixels)", shown(&data.image_size)),
        ("Face crop", shown(&data.crop)),
        (
            "Folds",
            DataSet::quantity(&data.folds).map(|folds| folds.to_string()),
        ),
        ("Folds made", data.fold_rule.as_deref().map(rule)),
        (
            "Folds keep subjects apart",
            data.subject_independent.map(|apart| brief(&apart.into())),
        ),
        ("Digest of the source (SHA-256)", data.source_digest.clone()),
    ];
    let row = |(name, value): (&str, Option<String>)| {
        Some(TableRow::new([Cell::from(name), Cell::from(value?)]))
    };
    Table {
        label: "The data set".to_owned(),
        columns: vec![Column::text("Fact"), Column::text("Value")],
        rows: facts.into_iter().filter_map(row).collect(),
        ..Table::default()
    }
}

/// Labelled images of each class in each fold.
fn class_by_fold(run: &Run) -> Result<Table, Gap> {
    let samples = run.samples.as_ref().map_err(Gap::clone)?;
    let mut counts: BTreeMap<i64, BTreeMap<i64, u64>> = BTreeMap::new();
    let mut names: BTreeMap<i64, &str> = BTreeMap::new();
    for row in samples.rows.iter().filter(|row| row.label >= 0) {
        *counts
            .entry(row.label)
            .or_default()
            .entry(row.fold)
            .or_default() += 1;
        names.entry(row.label).or_insert(&row.label_name);
    }
    let mut folds: Vec<i64> = counts.values().flat_map(|of| of.keys().copied()).collect();
    folds.sort_unstable();
    folds.dedup();
    let given = folds == [-1];
    let mut columns = vec![Column::text("Class")];
    if !given {
        columns.extend(
            folds
                .iter()
                .map(|fold| Column::number(&format!("Fold\u{a0}{fold}"))),
        );
    }
    columns.push(Column::number("All"));
    let line = |name: String, of: &dyn Fn(i64) -> u64| {
        let each = folds.iter().filter(|_| !given).map(|fold| of(*fold));
        let all: u64 = folds.iter().map(|fold| of(*fold)).sum();
        let numbers = each
            .chain([all])
            .map(|n| Cell::number(n.to_string(), Some(n as f64)));
        TableRow::new([Cell::from(name)].into_iter().chain(numbers))
    };
    let of_class = |label: &i64| {
        let name = names
            .get(label)
            .map_or(label.to_string(), |name| (*name).to_owned());
        line(name, &|fold| counts[label].get(&fold).copied().unwrap_or(0))
    };
    let mut rows: Vec<TableRow> = counts.keys().map(of_class).collect();
    let sum = |fold| counts.values().filter_map(|of| of.get(&fold)).sum();
    rows.push(line("All".to_owned(), &sum).total());
    let note = match given {
        true => {
            "The data set brings its own splits, which overlap; so all of a class are counted together."
        }
        false => "The fold in which an image is tested.",
    };
    Ok(Table {
        label: "Images by class and fold".to_owned(),
        note: note.to_owned(),
        columns,
        rows,
        ..Table::default()
    })
}

/// A table's cells as CSV.
pub(super) fn table_csv(table: &Table) -> String {
    let names = table
        .columns
        .iter()
        .map(|column| column.name.replace('\u{a0}', " "));
    let names: Vec<String> = names.collect();
    let header: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = table.rows.iter();
    csv_text(
        &header,
        rows.map(|row| row.cells.iter().map(|c| c.text.clone()).collect()),
    )
}

#[derive(Template)]
#[template(path = "contact.html")]
struct Contact {
    strips: Vec<Strip>,
}

/// Faces of one class.
struct Strip {
    class: String,
    uri: String,
    alt: String,
    width: usize,
    height: usize,
}

fn contact_sheet(context: &Context) -> Result<Vec<Block>, askama::Error> {
    let (samples, images) = match (&context.run.samples, &context.run.images) {
        (Ok(samples), Ok(images)) => (samples, images),
        (Err(gap), _) | (_, Err(gap)) => return Ok(vec![Block::Gap(gap.clone())]),
    };
    let mut by_class: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
    for row in samples.rows.iter().filter(|row| row.label >= 0) {
        by_class.entry(row.label).or_default().push(row.index);
    }
    let strips = by_class
        .values()
        .filter_map(|rows| strip(context, samples, images, rows));
    let strips: Vec<Strip> = strips.collect();
    if strips.is_empty() {
        return Ok(vec![]);
    }
    let synthetic = match context.run.synthetic() {
        Some(true) => " All are drawn by a program.",
        Some(false) => {
            " They are photographs of people: the data set's licence says which of them may be shown, and to whom."
        }
        None => "",
    };
    Ok(vec![
        Block::Quiet(format!(
            "Up to {FACES} of each class, spread evenly over the data set, before normalisation.{synthetic}"
        )),
        Block::Html(Contact { strips }.render()?),
    ])
}

fn strip(context: &Context, samples: &Samples, images: &Images, rows: &[u64]) -> Option<Strip> {
    let shown = FACES.min(rows.len());
    let faces = (0..shown).map(|at| rows[at * rows.len() / shown]);
    let faces: Vec<Grey> = faces.filter_map(|index| images.get(index)).collect();
    let sheet = Grey::sheet(&faces, FACES, 2, 255)?;
    let class = samples.of(*rows.first()?)?.label_name.clone();
    // Small faces are shown larger, large ones at half their size on a fine screen.
    let (width, height) = match images.side {
        0..72 => (sheet.width * 3 / 2, sheet.height * 3 / 2),
        72..120 => (sheet.width, sheet.height),
        side => (sheet.width * 96 / side, sheet.height * 96 / side),
    };
    Some(Strip {
        alt: format!("{} labelled {class}", count(faces.len(), "face")),
        uri: context.folder.embed("image/png", &sheet.png()?)?,
        class,
        width,
        height,
    })
}

/// Skipped files that the page names; the rest is in dataset.json, so that the page stays small.
const LISTED: usize = 500;

fn skipped(run: &Run) -> Result<Vec<Block>, askama::Error> {
    let Ok(data) = &run.dataset else {
        return Ok(vec![]);
    };
    let heading = Block::Heading("Skipped files".to_owned());
    if data.skipped.is_empty() {
        return Ok(vec![
            heading,
            Block::Text("No file was skipped.".to_owned()),
        ]);
    }
    let rows = data
        .skipped
        .iter()
        .take(LISTED)
        .map(|file| TableRow::new([file.path.as_str().into(), file.reason.as_str().into()]));
    let table = Table {
        label: "Skipped files".to_owned(),
        columns: vec![Column::text("File"), Column::text("Why")],
        rows: rows.collect(),
        tall: data.skipped.len() > 20,
        ..Table::default()
    };
    let summary = format!("{} could not be used", count(data.skipped.len(), "file"));
    let mut blocks = vec![Block::Table(table)];
    if let Some(more) = data.skipped.len().checked_sub(LISTED).filter(|n| *n > 0) {
        blocks.push(Block::Quiet(format!(
            "{more} more are listed in dataset/dataset.json"
        )));
    }
    Ok(vec![heading, Block::details(summary, &blocks)?])
}
