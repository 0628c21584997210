//! Tables of pixels in the form of FER2013: `emotion,pixels,Usage`.

mod rows;
mod table;
mod usage;

use std::io::Read;
use std::path::{Path, PathBuf};

use sync_file::{ReadAt, SyncFile};

use crate::error::Error;
use crate::label::{ClassMap, LabelMap};
use crate::read::listed::{Images, Listed};
use crate::read::name::{ends_in, is_zip, listed};
use crate::read::source::{Fetched, RawImage};
use crate::read::tree::FileTree;

use rows::{Columns, ROW_LIMIT};

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
/// [`open`](Self::open) reads the file once and keeps the rows without their pixels; [`Source::fetch`](crate::Source::fetch)
/// reads a row's own bytes. The file must not change in between.
pub struct PixelCsv;

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
    ) -> Result<Listed, Error> {
        let (tree, name) = match path.is_dir() || is_zip(&path.to_string_lossy()) {
            true => only_table(path)?,
            false => FileTree::around(path),
        };
        let file = SyncFile::from(tree.open_file(&name, TABLE_LIMIT)?);
        let place = tree.place(&name);
        let bounded = file.clone().take(TABLE_LIMIT);
        let (columns, classes, scan) = table::read(bounded, &place, &name, classes, label_map)?;
        Ok(Listed {
            name: "pixel table",
            root: path.to_path_buf(),
            classes: classes.names(),
            scan,
            images: Images::Table(Pixels {
                place,
                file,
                columns,
            }),
            au_threshold: None,
        })
    }
}

/// The pixels in a table.
#[derive(Debug, Clone)]
pub(crate) struct Pixels {
    place: PathBuf,
    file: SyncFile,
    columns: Columns,
}

impl Pixels {
    /// The image of a row.
    ///
    /// # Errors
    /// For anything but a row of this table.
    pub fn fetch(&self, image: &RawImage) -> Result<Fetched, Error> {
        let &RawImage::Stored { at, length } = image else {
            return Err(Error::parse("not a row of this table"));
        };
        // The lengths of this table's rows are bounded; a sample of another source may have any.
        let mut line = vec![0; length.min(ROW_LIMIT as u64) as usize];
        let read = self.file.read_exact_at(&mut line, at);
        read.map_err(Error::io(&self.place))?;
        let (side, pixels) = self.columns.image(&line)?;
        Fetched::pixels(side, side, pixels)
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
