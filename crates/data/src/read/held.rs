//! Rows of arrays: TFD, and the authors' arrays.

use std::path::Path;

use crate::error::Error;
use crate::label::{ClassMap, Expression, Role};
use crate::read::listed::{Images, Listed};
use crate::read::notes::keep_classes;
use crate::read::source::{RawImage, RawSample, Scan};

/// Limit of the images held, in bytes: TFD's labelled ones take 39 MB at 96×96, all of them 943 MB.
pub(crate) const IMAGES_LIMIT: u128 = 1 << 30;

/// An image of an array.
pub(crate) struct Row {
    /// Its position among the images.
    pub at: usize,
    /// `None` for an unlabelled one, which is held out.
    pub expression: Option<Expression>,
    /// What is known of it beside label, role and pixels.
    pub sample: RawSample,
}

impl Row {
    /// Image `at` of a file.
    pub fn new(at: usize, file: &str, expression: Option<Expression>) -> Self {
        let sample = RawSample::labelled(&format!("{file}:{at}"), -1);
        Self {
            at,
            expression,
            sample,
        }
    }
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
            role: row.expression.map_or(Role::HeldOut, |_| Role::Labelled),
            label: label.unwrap_or(-1),
            is_face: true,
            ..row.sample.clone()
        }
    }

    /// The data set of these rows, whose images have this side and these pixels; `scan` has everything but the samples.
    pub fn listed(
        self,
        (name, root): (&'static str, &Path),
        (side, pixels): (usize, Vec<u8>),
        mut scan: Scan,
    ) -> Listed {
        let samples = self.rows.iter().map(|row| self.sample(row, side));
        scan.samples = samples.collect();
        scan.notes.extend(self.left_out);
        Listed {
            name,
            root: root.to_path_buf(),
            classes: self.classes.names(),
            scan,
            images: Images::Held(side as u32, pixels),
            au_threshold: None,
        }
    }
}
