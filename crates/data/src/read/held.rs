//! A data set whose images are held in memory: TFD, and the authors' arrays.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::label::{ClassMap, Expression, Role};
use crate::read::notes::keep_classes;
use crate::read::source::{Fetched, RawImage, RawSample, Scan, Source};

/// Limit of the images held, in bytes: TFD's labelled ones take 39 MB at 96×96, all of them 943 MB.
pub(crate) const IMAGES_LIMIT: u128 = 1 << 30;

/// Images in memory with their scan.
#[derive(Debug, Clone)]
pub struct Held {
    name: &'static str,
    root: PathBuf,
    classes: ClassMap,
    scan: Scan,
    /// The images of the scan, `[rows, side, side]`.
    pixels: Vec<u8>,
    side: u32,
}

/// An image of an array.
pub(crate) struct Row {
    /// Its position among the images.
    pub at: usize,
    /// `None` for an unlabelled one, which is held out.
    pub expression: Option<Expression>,
    /// What is known of it beside label, role and pixels.
    pub sample: RawSample,
}

/// The rows of the classes and the unlabelled ones, in order of position.
pub(crate) struct Kept {
    pub rows: Vec<Row>,
    classes: ClassMap,
    left_out: Option<String>,
}

impl Kept {
    /// Leaves out rows of other classes; `None` takes the classes that occur.
    ///
    /// # Errors
    /// When no labelled row is left, or only those of one class.
    pub fn of(rows: Vec<Row>, classes: Option<ClassMap>, input: &Path) -> Result<Self, Error> {
        let labelled = |row: &Row| row.expression.is_some();
        let (mut rows, others): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(labelled);
        let shown = |row: &Row| row.expression.unwrap_or(Expression::Neutral);
        let left_out = keep_classes(&mut rows, classes.as_ref(), shown, "images");
        if rows.is_empty() {
            let reason = "no image has one of the classes";
            return Err(Error::nothing_labelled(input, reason));
        }
        let occurring: Vec<_> = rows.iter().map(shown).collect();
        let classes = classes.map_or_else(|| ClassMap::of(&occurring), Ok);
        rows.extend(others);
        rows.sort_unstable_by_key(|row| row.at);
        Ok(Self {
            rows,
            classes: classes.map_err(|error| Error::unusable(input, error.to_string()))?,
            left_out,
        })
    }

    /// The row of the prepared set to be, with its label and the place of its pixels.
    fn sample(&self, row: &Row, side: usize) -> RawSample {
        let length = (side * side) as u64;
        let label = row.expression.and_then(|e| self.classes.label_of(e));
        RawSample {
            image: RawImage::Stored {
                at: row.at as u64 * length,
                length,
            },
            role: match row.expression {
                Some(_) => Role::Labelled,
                None => Role::HeldOut,
            },
            label: label.unwrap_or(-1),
            is_face: true,
            ..row.sample.clone()
        }
    }
}

impl Held {
    /// The rows `kept` of `images`: their side and `[N, side, side]`. `scan` has everything but the samples.
    pub(crate) fn of(
        (name, root): (&'static str, &Path),
        kept: Kept,
        (side, pixels): (usize, Vec<u8>),
        mut scan: Scan,
    ) -> Self {
        let samples = kept.rows.iter().map(|row| kept.sample(row, side));
        scan.samples = samples.collect();
        scan.notes.extend(kept.left_out);
        Self {
            name,
            root: root.to_path_buf(),
            classes: kept.classes,
            scan,
            pixels,
            side: side as u32,
        }
    }
}

impl Source for Held {
    fn name(&self) -> &str {
        self.name
    }

    fn root(&self) -> &Path {
        &self.root
    }

    fn class_names(&self) -> Vec<String> {
        self.classes.names()
    }

    fn scan(&self) -> Result<Scan, Error> {
        Ok(self.scan.clone())
    }

    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error> {
        let pixels = match sample.image {
            RawImage::Stored { at, length } => self
                .pixels
                .get(at as usize..)
                .and_then(|from| from.get(..length as usize)),
            RawImage::File => None,
        };
        let pixels = pixels.ok_or_else(|| Error::parse("not an image of this source"))?;
        Fetched::pixels(self.side, self.side, pixels.to_vec())
    }
}
