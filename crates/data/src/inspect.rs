//! What a prepared data set holds, as numbers, as text and as pictures (`faus data inspect`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use image::GrayImage;

use crate::{Au, Prepared, Role, picture};

/// Skipped inputs that the text lists; the rest are counted.
const SKIPPED_SHOWN: usize = 20;

/// Counts over a prepared data set; its `Display` is a page of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// Title line: name, and whether it is synthetic.
    pub title: String,
    /// The classes in label order.
    pub classes: Vec<String>,
    /// Labelled images, `[class][fold]`.
    pub table: Vec<Vec<usize>>,
    /// Subjects with labelled images, by fold.
    pub subjects_by_fold: Vec<usize>,
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
    /// `path: reason` of what was left out.
    pub skipped: Vec<String>,
}

/// Counts what `set` holds.
pub fn inspect(set: &Prepared) -> Inspection {
    let info = set.info();
    let mut table = vec![vec![0; info.folds]; info.classes.len()];
    let mut subjects = vec![BTreeSet::new(); info.folds];
    let mut action_units = BTreeMap::new();
    for sample in set.samples() {
        if let (Ok(label), Ok(fold)) = (usize::try_from(sample.label), usize::try_from(sample.fold))
        {
            table[label][fold] += 1;
            subjects[fold].insert(sample.subject);
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
        table,
        subjects_by_fold: subjects.iter().map(BTreeSet::len).collect(),
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
        skipped: info
            .skipped
            .iter()
            .map(|s| format!("{}: {}", s.path, s.reason))
            .collect(),
    }
}

impl Inspection {
    /// Labelled images of a class.
    pub fn class_count(&self, label: usize) -> usize {
        self.table[label].iter().sum()
    }

    fn write_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .classes
            .iter()
            .map(String::len)
            .chain([8])
            .max()
            .unwrap_or(8);
        write!(f, "{:width$}", "class")?;
        for fold in 0..self.subjects_by_fold.len() {
            write!(f, " {:>6}", format!("fold {fold}"))?;
        }
        writeln!(f, " {:>6}", "all")?;
        for (label, (class, folds)) in self.classes.iter().zip(&self.table).enumerate() {
            write_row(f, width, class, folds, self.class_count(label))?;
        }
        let sums: Vec<usize> = (0..self.subjects_by_fold.len())
            .map(|fold| self.table.iter().map(|row| row[fold]).sum())
            .collect();
        write_row(f, width, "all", &sums, sums.iter().sum())?;
        write_row(f, width, "subjects", &self.subjects_by_fold, self.subjects)
    }
}

fn write_row(
    f: &mut fmt::Formatter<'_>,
    width: usize,
    name: &str,
    folds: &[usize],
    all: usize,
) -> fmt::Result {
    write!(f, "{name:width$}")?;
    for count in folds {
        write!(f, " {count:>6}")?;
    }
    writeln!(f, " {all:>6}")
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
        if !self.subject_independent {
            writeln!(
                f,
                "NOT subject-independent: the source names no subjects, so one person may be in several folds"
            )?;
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
    (!tiles.is_empty()).then(|| picture::grid(&tiles, set.image_size(), 10))
}
