//! The contents of a prepared data set as numbers, text and pictures (`faus data inspect`).

mod crops;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use image::{GrayImage, Luma};

use crate::fold::part::Part;
use crate::fold::rule::FoldRule;
use crate::label::Au;
use crate::picture::write::{GAP, grid};
use crate::prepared::Prepared;
use crate::prepared::info::DatasetInfo;
use crate::prepared::sample::Sample;
use crate::read::file::Skipped;

pub use crops::{CropSheet, Placed, crop_sheet};

/// Skipped inputs listed in the text; the rest are only counted.
const SKIPPED_SHOWN: usize = 20;
/// Width of a count in the table, which `0 train` fills.
const COUNT: usize = 7;

/// Counts over a prepared data set; its `Display` is a page of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The set's description.
    pub info: DatasetInfo,
    /// Names of the table's columns: `fold 3`; `0 train` where the data set has its own splits.
    pub columns: Vec<String>,
    /// Labelled images, `[class][column]`.
    pub table: Vec<Vec<usize>>,
    /// Subjects with labelled images, by column.
    pub subjects_by_column: Vec<usize>,
    /// Rows with FACS codes.
    pub coded: usize,
    /// Coded rows that show an action unit.
    pub action_units: BTreeMap<Au, usize>,
    /// Rows used uncropped, without landmarks or detector.
    pub uncropped: usize,
}

/// The columns of the class × fold table that count a row.
fn columns_of(sample: &Sample) -> Vec<usize> {
    if let Ok(fold) = usize::try_from(sample.fold) {
        return vec![fold];
    }
    let parts = sample.parts.iter().enumerate();
    let used = parts.filter(|(_, part)| **part != Part::None);
    used.map(|(split, part)| 3 * split + *part as usize - 1)
        .collect()
}

fn column_names(info: &DatasetInfo) -> Vec<String> {
    let parts = |split| ["train", "val", "test"].map(|part| format!("{split} {part}"));
    match info.fold_rule {
        FoldRule::Given => (0..info.folds).flat_map(parts).collect(),
        _ => (0..info.folds).map(|fold| format!("fold {fold}")).collect(),
    }
}

/// Counts the contents of `set`.
pub fn inspect(set: &Prepared) -> Inspection {
    let info = set.info();
    let columns = column_names(info);
    let mut table = vec![vec![0; columns.len()]; info.classes.len()];
    let mut subjects = vec![BTreeSet::new(); columns.len()];
    let mut action_units = BTreeMap::new();
    for sample in set.samples() {
        for score in sample.aus.scores().unwrap_or_default() {
            *action_units.entry(score.au).or_default() += 1;
        }
        let Ok(label) = usize::try_from(sample.label) else {
            continue;
        };
        for column in columns_of(sample) {
            table[label][column] += 1;
            subjects[column].extend((sample.subject >= 0).then_some(sample.subject));
        }
    }
    let count = |wanted: fn(&Sample) -> bool| set.samples().iter().filter(|s| wanted(s)).count();
    Inspection {
        columns,
        table,
        subjects_by_column: subjects.iter().map(BTreeSet::len).collect(),
        coded: count(|s| s.aus.scores().is_some()),
        action_units,
        uncropped: count(|s| !s.face_found),
        info: info.clone(),
    }
}

impl Inspection {
    fn write_head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.info;
        let (images, held_out, side) = (info.images, info.held_out, info.image_size);
        let synthetic = match info.synthetic {
            true => ", SYNTHETIC (drawn by a program)",
            false => "",
        };
        writeln!(f, "{}{synthetic}", info.name)?;
        write!(f, "{images} images of {side}×{side}, ")?;
        writeln!(f, "{held_out} of them held out without a class")?;
        let folds = match info.fold_rule {
            FoldRule::Given => "the data set's own splits",
            FoldRule::Balanced if info.subject_independent => "whole subjects, classes balanced",
            _ if info.subject_independent => "whole subjects in order of number, modulo",
            _ => "the images of each class in turn",
        };
        writeln!(f, "folds: {folds}")?;
        if !info.subject_independent {
            let why = match info.subjects {
                0 => "the source names no subjects, so one person may be in several parts",
                _ => "some people are in several parts of a split, or not named",
            };
            writeln!(f, "NOT subject-independent: {why}")?;
        }
        for note in &info.notes {
            writeln!(f, "note: {note}")?;
        }
        let without = "used uncropped, without face detection";
        match self.uncropped {
            0 => Ok(()),
            uncropped => writeln!(f, "{uncropped} images were {without}"),
        }
    }

    fn write_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.info.classes.iter().map(String::len);
        let width = names.fold(8, usize::max);
        write!(f, "{:width$}", "class")?;
        for column in &self.columns {
            write!(f, " {column:>COUNT$}")?;
        }
        writeln!(f, " {:>COUNT$} {:>6}", "all", "share")?;
        let row = |name: &str, counts: &[usize], all: usize| {
            let counts = counts.iter().chain([&all]);
            let counts: String = counts.map(|count| format!(" {count:>COUNT$}")).collect();
            format!("{name:width$}{counts}")
        };
        let all: usize = self.info.counts.values().sum();
        for (class, counts) in self.info.classes.iter().zip(&self.table) {
            let count = self.info.counts.get(class).copied().unwrap_or_default();
            let share = 100.0 * count as f64 / all.max(1) as f64;
            writeln!(f, "{} {share:>5.1}%", row(class, counts, count))?;
        }
        let sum = |column| self.table.iter().map(|row| row[column]).sum();
        let sums: Vec<usize> = (0..self.columns.len()).map(sum).collect();
        writeln!(f, "{}", row("all", &sums, all))?;
        match self.info.subjects {
            0 => Ok(()),
            all => writeln!(f, "{}", row("subjects", &self.subjects_by_column, all)),
        }
    }

    fn write_skipped(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = &self.info.skipped;
        writeln!(f, "\n{} inputs skipped", skipped.len())?;
        for Skipped { path, reason, .. } in skipped.iter().take(SKIPPED_SHOWN) {
            writeln!(f, "  {path}: {reason}")?;
        }
        match skipped.len().saturating_sub(SKIPPED_SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more in dataset.json"),
        }
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_head(f)?;
        writeln!(f)?;
        self.write_table(f)?;
        writeln!(f, "\n{} images with FACS codes", self.coded)?;
        for (au, count) in &self.action_units {
            writeln!(f, "  AU {:>2}  {count:>5}  {}", au.to_string(), au.name())?;
        }
        self.write_skipped(f)
    }
}

/// The rows, sorted by `K`; within each, every subject once before any appears again.
fn in_turn<'a, K: Ord + Copy>(
    rows: impl IntoIterator<Item = (K, &'a Sample)>,
) -> impl Iterator<Item = (K, usize)> {
    let mut seen: BTreeMap<(K, i64), usize> = BTreeMap::new();
    let turn = |(key, sample): (K, &Sample)| {
        let turn = seen.entry((key, sample.subject)).or_default();
        *turn += 1;
        (key, *turn, sample.index)
    };
    let mut rows: Vec<_> = rows.into_iter().map(turn).collect();
    rows.sort_unstable();
    rows.into_iter().map(|(key, _, row)| (key, row))
}

/// At most `count` images of class `label` (−1: held out) on a sheet, ten to a row; every subject once before any
/// appears again, so that a sheet shows people rather than frames. `None` if there is none.
pub fn contact_sheet(set: &Prepared, label: i64, count: usize) -> Option<GrayImage> {
    let samples = set.samples().iter().filter(|sample| sample.label == label);
    let rows = in_turn(samples.map(|sample| ((), sample))).take(count);
    let tiles: Vec<_> = rows.map(|(_, row)| set.picture(row)).collect();
    (!tiles.is_empty()).then(|| grid(&tiles, 10, GAP, Luma([255])))
}
