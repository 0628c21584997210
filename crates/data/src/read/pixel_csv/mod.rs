//! Tables of pixels in the form of FER2013: `emotion,pixels,Usage`.

mod rows;
mod table;
mod usage;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sync_file::{ReadAt, SyncFile};

use crate::error::Error;
use crate::fold::held_back::{hold_back, wanting};
use crate::fold::part::Part;
use crate::label::{ClassMap, LabelMap};
use crate::read::name::{ends_in, is_zip, listed};
use crate::read::source::{Fetched, Folding, RawImage, RawSample, Scan, Source};
use crate::read::tree::FileTree;

use rows::ROW_LIMIT;
use table::Table;
use usage::Row;

/// Maximum size in bytes of a table: 420,000 images (AffectNet's number) of 96×96 pixels take 14 GB as text, FER2013
/// 0.3. Memory does not depend on it; it prevents reading a wrong path for hours.
const TABLE_LIMIT: u64 = 16 << 30;

/// A table `emotion,pixels,Usage` with one square grey image to a row: FER2013, `icml_face_data.csv`, ckextended.csv.
///
/// Columns are found by their names, in any case and order, among others; fields may be quoted, lines end in LF or CR
/// LF, a byte-order mark and semicolons or tabs for commas are read too. A row is one line. Emotions are codes (see
/// [`LabelMap`]) or names. If Usage names train and test, that is the set's one given split, in which a tenth of train
/// validates where it names no validation. Otherwise folds are made by the people in a column `subject` (or `person`,
/// `subject_id` …), or without one image by image within each class, and then no result is subject-independent. A row's
/// path is `<file>:<row>`, rows counted from 0 after the header,
/// ignoring empty lines (as pandas counts them), and its sequence `<Usage>-<row>` or `row-<row>`.
///
/// [`open`](Self::open) reads the file once and keeps 32 bytes of each row and the names of people; [`fetch`](Source::fetch) reads a row's own
/// bytes. The file must not change in between.
#[derive(Debug, Clone)]
pub struct PixelCsv {
    root: PathBuf,
    place: PathBuf,
    name: String,
    file: SyncFile,
    table: Arc<Table>,
}

impl PixelCsv {
    /// Reads the labels of the table at `path`: the file, or a folder or `.zip` with one `.csv` in it. A zipped table is
    /// inflated into an unnamed temporary file. Rows of expressions out of `classes` are left out; `None` (our choice)
    /// takes those that occur. `label_map` is the meaning of the emotion codes.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::Unusable`] above 16 GiB, [`Error::Layout`] without the columns, with
    /// more than five million rows or a hundred thousand bad ones, or with fewer than two classes,
    /// [`Error::NothingLabelled`] if no row is usable.
    pub fn open(
        path: &Path,
        classes: Option<ClassMap>,
        label_map: &LabelMap,
    ) -> Result<Self, Error> {
        let (tree, name) = match path.is_dir() || is_zip(&path.to_string_lossy()) {
            true => only_table(path)?,
            false => FileTree::around(path),
        };
        let file = SyncFile::from(tree.open_file(&name, TABLE_LIMIT)?);
        let place = tree.place(&name);
        let bounded = file.clone().take(TABLE_LIMIT);
        let table = Table::read(bounded, &place, &name, classes, label_map)?;
        Ok(Self {
            root: path.to_path_buf(),
            place,
            name,
            file,
            table: Arc::new(table),
        })
    }

    fn sample(&self, row: &Row) -> RawSample {
        let table = &self.table;
        let usage = &table.usages[row.usage as usize];
        let prefix = if usage.is_empty() { "row" } else { usage };
        let given = table.scan.folding == Folding::Given(1);
        let part = Part::from_name(usage).filter(|_| given);
        let label = table.classes.label_of(row.expression).unwrap_or(-1);
        RawSample {
            image: RawImage::Stored {
                at: row.at,
                length: u64::from(row.length),
            },
            subject: table.people[row.subject as usize].clone(),
            sequence: format!("{prefix}-{}", row.number),
            is_face: true,
            parts: Vec::from_iter(part),
            ..RawSample::labelled(&format!("{}:{}", self.name, row.number), label)
        }
    }
}

/// The one table of a folder or of a zip, which may hold it in a folder.
fn only_table(folder: &Path) -> Result<(FileTree, String), Error> {
    let tree = FileTree::open_inner(folder)?;
    let all = tree.names("")?;
    let mut tables = all.clone();
    // Some systems hide endings, and archivers lose them: a file that is alone is the table.
    tables.retain(|name| ends_in(name, &[".csv"]) || (all.len() == 1 && tree.is_file(name)));
    let way_out = match folder.is_dir() {
        true => "name the one that is meant",
        false => "unpack the archive and name the one that is meant",
    };
    let found = match tables.as_slice() {
        [_] => return Ok((tree, tables.swap_remove(0))),
        [] => format!("a folder without any ({})", listed(&all)),
        more => format!("{} of them ({}): {way_out}", more.len(), listed(more)),
    };
    let expected = "a table, or a folder or .zip with one .csv in it";
    Err(Error::layout(folder, expected, found))
}

impl Source for PixelCsv {
    fn name(&self) -> &str {
        "pixel table"
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn class_names(&self) -> Vec<String> {
        self.table.classes.names()
    }

    fn scan(&self) -> Result<Scan, Error> {
        let rows = self.table.rows.iter();
        let mut samples: Vec<_> = rows.map(|row| self.sample(row)).collect();
        let parts = samples.iter().flat_map(|sample| &sample.parts);
        if wanting(&parts.map(|part| part.name()).collect()) {
            hold_back(&mut samples);
        }
        Ok(Scan {
            samples,
            ..self.table.scan.clone()
        })
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        let RawImage::Stored { at, length } = sample.image else {
            return Err(Error::parse("not a row of this table"));
        };
        // The lengths of this table's rows are bounded; a sample of another source may have any.
        let mut line = vec![0; length.min(ROW_LIMIT as u64) as usize];
        let read = self.file.read_exact_at(&mut line, at);
        read.map_err(Error::io(&self.place))?;
        let (side, pixels) = self.table.columns.image(&line)?;
        Fetched::pixels(side, side, pixels)
    }
}
