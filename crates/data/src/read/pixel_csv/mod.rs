//! Tables of pixels in the form of FER2013: `emotion,pixels,Usage`.

mod rows;
mod table;
mod usage;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::label::au::AuCoding;
use crate::label::class_map::ClassMap;
use crate::label::label_map::LabelMap;
use crate::label::role::Role;
use crate::read::file::ReadFile;
use crate::read::source::{Fetched, Folding, RawImage, RawSample, Scan, Source};
use crate::read::tree::FileTree;

use rows::{ROW_LIMIT, Row};
use table::Table;
pub(crate) use table::{empty_classes, left_out_note};

/// Most bytes of a table: 420,000 images (AffectNet's number) of 96×96 pixels take 14 GB as text, FER2013 0.3. Memory does
/// not depend on it; it keeps a wrong path from being read for hours.
const TABLE_LIMIT: u64 = 16 << 30;

/// How a pixel table is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableOptions {
    /// The classes; rows of other expressions are left out. `None` (our choice): the expressions that occur.
    pub classes: Option<ClassMap>,
    /// What the emotion codes mean. `auto` (our choice): recognised by the counts of known tables.
    pub label_map: LabelMap,
}

/// A table `emotion,pixels,Usage` with one square grey image to a row: FER2013, `icml_face_data.csv`, ckextended.csv.
///
/// Columns are found by their names, in any case and order, among others; fields may be quoted, lines end in LF or CR LF,
/// a byte-order mark and semicolons or tabs for commas are read too. A row is one line. Emotions are codes
/// ([`LabelMap`] says what they mean) or names. If Usage names train, validation and test, that is the set's one given
/// split; otherwise folds are dealt image by image within each class. The table does not say who is in an image, so
/// subjects are −1 and no result is subject-independent. A row's path is `<file>:<row>`, rows counted from 0 behind the
/// header without empty lines (as pandas counts them), and its sequence `<Usage>-<row>` or `row-<row>`.
///
/// [`open`](Self::open) passes over the file once and keeps 24 bytes of each row; [`fetch`](Source::fetch) reads a row's
/// own bytes. The file must not change in between.
#[derive(Debug, Clone)]
pub struct PixelCsv {
    root: PathBuf,
    place: PathBuf,
    name: String,
    file: Arc<File>,
    table: Arc<Table>,
}

impl PixelCsv {
    /// Reads the labels of the table at `path`: the file, or a folder or `.zip` with one `.csv` in it. A zipped table is
    /// inflated into an unnamed temporary file.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::TooLarge`] above 16 GiB, [`Error::Layout`] without the columns, with
    /// more than five million rows or a hundred thousand bad ones, or with fewer than two classes,
    /// [`Error::NothingLabelled`] if no row is usable.
    pub fn open(path: &Path, options: &TableOptions) -> Result<Self, Error> {
        let (file, place, name) = table_file(path)?;
        let table = Table::read((&file).take(TABLE_LIMIT), &place, &name, options)?;
        Ok(Self {
            root: path.to_path_buf(),
            place,
            name,
            file: Arc::new(file),
            table: Arc::new(table),
        })
    }

    /// What the emotion codes were taken to mean; never [`LabelMap::Auto`].
    pub fn label_map(&self) -> &LabelMap {
        &self.table.label_map
    }

    fn sample(&self, row: &Row) -> RawSample {
        let (number, usage) = (row.number, self.table.usages.text(row.usage));
        let part = self.table.usages.part(row.usage);
        let given = self.table.folding == Folding::Given(1);
        RawSample {
            image: RawImage::Stored {
                at: row.at,
                length: u64::from(row.length),
            },
            path: format!("{}:{number}", self.name),
            subject: -1,
            sequence: match usage {
                "" => format!("row-{number}"),
                usage => format!("{usage}-{number}"),
            },
            frame: 0,
            role: Role::Labelled,
            label: self.table.classes.label_of(row.expression).unwrap_or(-1),
            aus: AuCoding::NotCoded,
            landmarks: None,
            is_face: true,
            parts: part.filter(|_| given).into_iter().collect(),
        }
    }
}

/// The table as a file that can be read at any place, where it lies, and its name relative to `path`: the one place that
/// opens tables.
fn table_file(path: &Path) -> Result<(File, PathBuf, String), Error> {
    let kind = std::fs::metadata(path).map_err(Error::io(path))?;
    let is_zip = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    if kind.is_file() && is_zip {
        let (tree, name) = only_table(path)?;
        let file = tree.open_file(&name, TABLE_LIMIT)?;
        return Ok((file, tree.place(&name), name));
    }
    let (place, name) = match kind.is_dir() {
        true => only_table(path).map(|(tree, name)| (tree.place(&name), name))?,
        false => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (path.to_path_buf(), name.into_owned())
        }
    };
    // Asked before it is opened: opening a named pipe would wait for ever.
    let kind = std::fs::metadata(&place).map_err(Error::io(&place))?;
    if !kind.is_file() {
        return Err(Error::Layout {
            path: place,
            expected: "a file with a table".to_owned(),
            found: "something that is no file".to_owned(),
        });
    }
    if kind.len() > TABLE_LIMIT {
        return Err(Error::TooLarge {
            path: place,
            limit: TABLE_LIMIT,
        });
    }
    let file = File::open(&place).map_err(Error::io(&place))?;
    Ok((file, place, name))
}

/// The one table of a folder or of a zip, which may hold it in a folder of its own.
fn only_table(folder: &Path) -> Result<(FileTree, String), Error> {
    let mut tree = FileTree::open(folder)?;
    let mut names = tree.names("")?;
    if let [only] = names.as_slice()
        && tree.is_folder(only)
    {
        tree = tree.below(only);
        names = tree.names("")?;
    }
    let is_table = |name: &&String| name.to_ascii_lowercase().ends_with(".csv");
    let tables: Vec<_> = names.iter().filter(is_table).cloned().collect();
    let way_out = match folder.is_dir() {
        true => "name the one that is meant",
        false => "unpack the archive and name the one that is meant",
    };
    match tables.as_slice() {
        [name] => Ok((tree, name.clone())),
        other => Err(Error::Layout {
            path: folder.to_path_buf(),
            expected: "a table, or a folder or .zip with one .csv in it".to_owned(),
            found: match other.len() {
                0 => "a folder without any".to_owned(),
                more => format!(
                    "{more} of them ({}{}): {way_out}",
                    other[..more.min(5)].join(", "),
                    if more > 5 { " …" } else { "" }
                ),
            },
        }),
    }
}

impl Source for PixelCsv {
    fn name(&self) -> &str {
        "pixel table"
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn synthetic(&self) -> bool {
        false
    }

    fn class_names(&self) -> Vec<String> {
        self.table.classes.names()
    }

    fn scan(&self) -> Result<Scan, Error> {
        Ok(Scan {
            samples: self.table.rows.iter().map(|row| self.sample(row)).collect(),
            skipped: self.table.skipped.clone(),
            read: vec![ReadFile {
                path: self.name.clone(),
                sha256: self.table.sha256,
            }],
            folding: self.table.folding.clone(),
            notes: self.table.notes.clone(),
        })
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        let RawImage::Stored { at, length } = sample.image else {
            return Err(Error::parse("not a row of this table"));
        };
        // The scan's own numbers, which are bounded; a sample of another source may say anything.
        let mut line = vec![0; length.min(ROW_LIMIT as u64) as usize];
        read_exact_at(&self.file, &mut line, at).map_err(Error::io(&self.place))?;
        let (side, pixels) = self.table.columns.image(&line)?;
        Fetched::pixels(side, side, pixels)
    }
}

/// Reads at a place of a file that several threads share, without a position of its own to fight about.
#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], at: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, at)
}

/// Reads at a place of a file that several threads share: Windows moves the position, but every call names its own.
#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut at: u64) -> std::io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, at)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => {
                buffer = &mut buffer[read..];
                at += read as u64;
            }
        }
    }
    Ok(())
}

/// Reads any bytes as a table, and every image in it, as `open` and `fetch` do with a file.
pub(crate) fn read_all(bytes: &[u8], options: &TableOptions) -> Result<usize, Error> {
    let place = Path::new("table.csv");
    let table = Table::read(bytes, place, "table.csv", options)?;
    let images = table.rows.iter().filter(|row| {
        let start = row.at as usize;
        let line = &bytes[start..start + row.length as usize];
        table.columns.image(line).is_ok()
    });
    Ok(images.count())
}
