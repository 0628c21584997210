use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{AuCoding, Error, ReadFile, Role};

/// A data set on disk: something that can list its images with what is known of each.
///
/// Contract: `scan` never writes, lists samples in an order that depends on the data alone, labels are positions in
/// `class_names`, paths are relative to `root`, and one bad file becomes a [`Skipped`] entry instead of an error. It is
/// an error only if the data set is unusable as a whole.
pub trait Source: Sync {
    /// A short name for tables and reports: `CK+`.
    fn name(&self) -> &str;
    /// The folder or file that is read; nothing is ever written there.
    fn root(&self) -> &Path;
    /// Whether the images were drawn by a program instead of taken of people. Every output says so.
    fn synthetic(&self) -> bool;
    /// The classes in label order.
    fn class_names(&self) -> Vec<String>;
    /// Lists every image that is wanted, reading labels but no images.
    ///
    /// # Errors
    /// If the data set is unusable as a whole; the message says what was expected and what was found.
    fn scan(&self) -> Result<Scan, Error>;
}

/// What a [`Source`] found.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The images in the order of the rows to be.
    pub samples: Vec<RawSample>,
    /// Inputs that are bad or unusable.
    pub skipped: Vec<Skipped>,
    /// Label files that were read, for the digest.
    pub read: Vec<ReadFile>,
    /// How folds are made.
    pub folding: Folding,
}

/// How a source's images are dealt to folds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folding {
    /// By subject; these are the subjects that take part (DESIGN 2: those that have a labelled sequence).
    BySubject(BTreeSet<i64>),
    /// Each class's images in turn: all that is possible without subject numbers. Not subject-independent.
    ByImage,
}

/// One image as a source lists it.
#[derive(Debug, Clone)]
pub struct RawSample {
    /// Where the pixels are.
    pub image: RawImage,
    /// The image's path relative to the root, with `/`.
    pub path: String,
    /// The person's number; −1 if unknown.
    pub subject: i64,
    /// The recording, unique within the source.
    pub sequence: String,
    /// The frame's number.
    pub frame: u32,
    /// Labelled or held out.
    pub role: Role,
    /// Position in the class names; −1 for held-out images.
    pub label: i64,
    /// FACS codes.
    pub aus: AuCoding,
    /// The file with the 68 landmarks, where there is one.
    pub landmarks: Option<PathBuf>,
}

/// Where an image's pixels are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RawImage {
    /// A PNG or JPEG file.
    File(PathBuf),
    /// 8-bit grey pixels, row by row.
    Pixels {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// `width · height` bytes.
        data: Vec<u8>,
    },
}

/// An input that was left out, and why: an entry of `dataset.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Path relative to the source's root.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Skipped {
    pub(crate) fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }
}
