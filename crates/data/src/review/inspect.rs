//! What a prepared data set holds, as numbers, as text and as pictures (`faus data inspect`).

mod crops;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use image::GrayImage;

use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::label::au::Au;
use crate::label::role::Role;
use crate::picture::write;
use crate::prepared::Prepared;
use crate::prepared::info::DatasetInfo;
use crate::prepared::sample::Sample;

pub use crops::{CropSheet, Placed, crop_sheet};

/// Skipped inputs that the text lists; the rest are counted.
const SKIPPED_SHOWN: usize = 20;
/// Width of a count in the table, which `0 train` fills.
const COUNT: usize = 7;

/// Counts over a prepared data set; its `Display` is a page of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// Title line: name, and whether it is synthetic.
    pub title: String,
    /// The classes in label order.
    pub classes: Vec<String>,
    /// What the table's columns count: `fold 3`; `0 train` where the data set brings its own splits.
    pub columns: Vec<String>,
    /// Labelled images, `[class][column]`.
    pub table: Vec<Vec<usize>>,
    /// Subjects with labelled images, by column.
    pub subjects_by_column: Vec<usize>,
    /// Labelled images of each class.
    pub class_counts: Vec<usize>,
    /// How folds were made.
    pub fold_rule: FoldRule,
    /// Subjects with labelled images.
    pub subjects: usize,
    /// Side of the images in pixels.
    pub image_size: usize,
    /// All rows.
    pub images: usize,
    /// Rows without a class.
    pub held_out: usize,
    /// Rows with FACS codes.
    pub coded: usize,
    /// Coded rows that show an action unit.
    pub action_units: BTreeMap<Au, usize>,
    /// Rows whose crop was placed by no landmarks and no detector.
    pub uncropped: usize,
    /// Whether folds keep subjects apart.
    pub subject_independent: bool,
    /// What a reader should know of how the source was read.
    pub notes: Vec<String>,
    /// `path: reason` of what was left out.
    pub skipped: Vec<String>,
}

/// The columns of the class × fold table that a row counts in.
fn columns_of(sample: &Sample) -> Vec<usize> {
    match usize::try_from(sample.fold) {
        Ok(fold) => vec![fold],
        Err(_) => {
            let parts = sample.parts.iter().enumerate();
            parts
                .filter(|(_, part)| **part != Part::None)
                .map(|(split, part)| 3 * split + *part as usize - 1)
                .collect()
        }
    }
}

fn column_names(info: &DatasetInfo) -> Vec<String> {
    let splits = 0..info.folds;
    match info.fold_rule {
        FoldRule::Given => splits
            .flat_map(|split| ["train", "val", "test"].map(|part| format!("{split} {part}")))
            .collect(),
        _ => splits.map(|fold| format!("fold {fold}")).collect(),
    }
}

/// Counts what `set` holds.
pub fn inspect(set: &Prepared) -> Inspection {
    let info = set.info();
    let columns = column_names(info);
    let mut table = vec![vec![0; columns.len()]; info.classes.len()];
    let mut class_counts = vec![0; info.classes.len()];
    let mut subjects = vec![BTreeSet::new(); columns.len()];
    let mut action_units = BTreeMap::new();
    for sample in set.samples() {
        if let Ok(label) = usize::try_from(sample.label) {
            class_counts[label] += 1;
            for column in columns_of(sample) {
                table[label][column] += 1;
                subjects[column].extend((sample.subject >= 0).then_some(sample.subject));
            }
        }
        for score in sample.aus.scores().unwrap_or_default() {
            *action_units.entry(score.au).or_default() += 1;
        }
    }
    let synthetic = if info.synthetic {
        ", SYNTHETIC (drawn by a program)"
    } else {
        ""
    };
    Inspection {
        title: format!("{}{synthetic}", info.name),
        classes: info.classes.clone(),
        columns,
        table,
        subjects_by_column: subjects.iter().map(BTreeSet::len).collect(),
        class_counts,
        fold_rule: info.fold_rule,
        subjects: info.subjects,
        image_size: set.image_size(),
        images: set.len(),
        held_out: set
            .samples()
            .iter()
            .filter(|s| s.role == Role::HeldOut)
            .count(),
        coded: set
            .samples()
            .iter()
            .filter(|s| s.aus.scores().is_some())
            .count(),
        action_units,
        uncropped: set.samples().iter().filter(|s| !s.face_found).count(),
        subject_independent: info.subject_independent,
        notes: info.notes.clone(),
        skipped: info
            .skipped
            .iter()
            .map(|s| format!("{}: {}", s.path, s.reason))
            .collect(),
    }
}

impl Inspection {
    fn write_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .classes
            .iter()
            .map(String::len)
            .chain([8])
            .max()
            .unwrap_or(8);
        write!(f, "{:width$}", "class")?;
        for column in &self.columns {
            write!(f, " {column:>COUNT$}")?;
        }
        writeln!(f, " {:>COUNT$} {:>6}", "all", "share")?;
        let all: usize = self.class_counts.iter().sum();
        let rows = self.classes.iter().zip(&self.table).zip(&self.class_counts);
        for ((class, counts), &count) in rows {
            write_row(f, width, class, counts, count)?;
            writeln!(f, " {:>5.1}%", 100.0 * count as f64 / all.max(1) as f64)?;
        }
        let sums: Vec<usize> = (0..self.columns.len())
            .map(|column| self.table.iter().map(|row| row[column]).sum())
            .collect();
        write_row(f, width, "all", &sums, all)?;
        writeln!(f)?;
        if self.subjects > 0 {
            write_row(
                f,
                width,
                "subjects",
                &self.subjects_by_column,
                self.subjects,
            )?;
            writeln!(f)?;
        }
        Ok(())
    }
}

fn write_row(
    f: &mut fmt::Formatter<'_>,
    width: usize,
    name: &str,
    counts: &[usize],
    all: usize,
) -> fmt::Result {
    write!(f, "{name:width$}")?;
    for count in counts {
        write!(f, " {count:>COUNT$}")?;
    }
    write!(f, " {all:>COUNT$}")
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = self.image_size;
        writeln!(f, "{}", self.title)?;
        writeln!(
            f,
            "{} images of {side}×{side}, {} of them held out without a class",
            self.images, self.held_out
        )?;
        let deal = match self.fold_rule {
            FoldRule::Given => "folds: the data set's own splits",
            FoldRule::Balanced if self.subject_independent => {
                "folds: whole subjects, classes balanced"
            }
            _ if self.subject_independent => "folds: whole subjects in order of number, modulo",
            _ => "folds: the images of each class in turn",
        };
        writeln!(f, "{deal}")?;
        if !self.subject_independent {
            let why = match self.subjects {
                0 => "the source names no subjects, so one person may be in several parts",
                _ => "some people are in several parts of a split, or not named",
            };
            writeln!(f, "NOT subject-independent: {why}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        if self.uncropped > 0 {
            writeln!(
                f,
                "{} images were taken whole, without a search for the face",
                self.uncropped
            )?;
        }
        writeln!(f)?;
        self.write_table(f)?;
        writeln!(f, "\n{} images with FACS codes", self.coded)?;
        for (au, count) in &self.action_units {
            writeln!(f, "  AU {:>2}  {count:>5}  {}", au.to_string(), au.name())?;
        }
        writeln!(f, "\n{} inputs skipped", self.skipped.len())?;
        for line in self.skipped.iter().take(SKIPPED_SHOWN) {
            writeln!(f, "  {line}")?;
        }
        match self.skipped.len().saturating_sub(SKIPPED_SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more in dataset.json"),
        }
    }
}

/// At most `count` images of class `label` (−1: held out) on a sheet, ten to a row; every subject once before any a
/// second time, so that a sheet shows people rather than frames. `None` if there is no such image.
pub fn contact_sheet(set: &Prepared, label: i64, count: usize) -> Option<GrayImage> {
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    let mut rows: Vec<(usize, usize)> = Vec::new();
    for sample in set.samples().iter().filter(|sample| sample.label == label) {
        let turn = seen.entry(sample.subject).or_default();
        rows.push((*turn, sample.index));
        *turn += 1;
    }
    rows.sort_unstable();
    let tiles: Vec<&[u8]> = rows
        .iter()
        .take(count)
        .map(|&(_, row)| set.image(row))
        .collect();
    (!tiles.is_empty()).then(|| write::grid(&tiles, set.image_size(), 10))
}
