//! The contract of a data set on disk.

use std::collections::BTreeSet;
use std::path::Path;

use faus_base::text::composed;
use image::{DynamicImage, GrayImage};

use crate::error::Error;
use crate::fold::part::Part;
use crate::label::{AuCoding, Role};
use crate::picture::decode::decode;
use crate::read::file::{IMAGE_LIMIT, ReadFile, Skipped};
use crate::read::name::stem;
use crate::read::tree::FileTree;

/// A data set on disk: lists its images with their labels, subjects and codes.
///
/// Contract: `scan` never writes, lists samples in an order that depends on the data alone, labels are positions in
/// `class_names`, paths are relative to `root`, and one bad file becomes a [`Skipped`] entry instead of an error. It is
/// an error only if the data set is unusable as a whole.
pub trait Source: Sync {
    /// A short name for tables and reports: `CK+`.
    fn name(&self) -> &str;
    /// The folder or file that is read; nothing is ever written there.
    fn root(&self) -> &Path;
    /// Whether a program drew the images; every output then carries the word synthetic.
    fn synthetic(&self) -> bool {
        false
    }
    /// The lowest intensity that counts as present, for sources whose codes are intensities and this one a choice.
    fn au_threshold(&self) -> Option<u8> {
        None
    }
    /// The classes in label order; none where no image has an expression, and all rows are held out.
    fn class_names(&self) -> Vec<String>;
    /// Lists every usable image, reading labels but no images.
    ///
    /// # Errors
    /// If the data set is unusable as a whole; the message has what was expected and what was found.
    fn scan(&self) -> Result<Scan, Error>;
    /// Fetches one image that [`scan`](Self::scan) listed; called from several threads.
    ///
    /// # Errors
    /// When the image cannot be read; the row is skipped then.
    fn fetch(&self, sample: &RawSample) -> Result<Fetched, Error>;
    /// The text of a sample's landmark file, [`RawSample::landmarks`].
    ///
    /// # Errors
    /// When the file cannot be read, or the source has no such files.
    fn landmarks(&self, path: &str) -> Result<(String, ReadFile), Error> {
        let reason = format!("{path}: this source has no landmark files");
        Err(Error::parse(reason))
    }
}

/// An image of a source.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// In the file's colours, at least one pixel.
    pub image: DynamicImage,
    /// The file it came from, for the digest; `None` where the scan has listed that already.
    pub read: Option<ReadFile>,
}

impl Fetched {
    /// An image file of a tree.
    ///
    /// # Errors
    /// When it cannot be read or decoded.
    pub fn file(tree: &FileTree, path: &str) -> Result<Self, Error> {
        let bytes = tree.read(path, IMAGE_LIMIT)?;
        let read = Some(ReadFile::new(path, &bytes));
        let image = decode(&bytes, &tree.place(path))?;
        Ok(Self { image, read })
    }

    /// 8-bit grey pixels, row by row.
    ///
    /// # Errors
    /// When `pixels` are not `width · height` bytes, or none.
    pub fn pixels(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, Error> {
        let (count, wanted) = (pixels.len(), width as usize * height as usize);
        let image = GrayImage::from_raw(width, height, pixels);
        let image = image.filter(|_| count == wanted && count > 0);
        let wrong = || Error::parse(format!("{count} pixels are not {width}×{height}"));
        let image = image.ok_or_else(wrong)?.into();
        Ok(Self { image, read: None })
    }
}

/// The result of scanning a [`Source`].
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// The images, in row order.
    pub samples: Vec<RawSample>,
    /// Inputs that are bad or unusable.
    pub skipped: Vec<Skipped>,
    /// Label files that were read, for the digest of the data set: [`ReadFile::new`] of each.
    pub read: Vec<ReadFile>,
    /// How folds are made.
    pub folding: Folding,
    /// Remarks on how the source was read, in full sentences.
    pub notes: Vec<String>,
    /// Those on its FACS codes, which a table of codes replaces.
    pub code_notes: Vec<String>,
}

/// How a source's images are assigned to folds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Folding {
    /// By subject; these are the subjects that take part, as in [`RawSample::subject`]: those with a labelled sequence.
    BySubject(BTreeSet<String>),
    /// Each class's images in turn, since subject numbers are missing. Not subject-independent.
    #[default]
    ByImage,
    /// The data set has this many given splits, listed in [`RawSample::parts`].
    Given(usize),
}

/// One image as a source lists it.
#[derive(Debug, Clone)]
pub struct RawSample {
    /// Where the pixels are.
    pub image: RawImage,
    /// The image's path relative to the root, with `/`.
    pub path: String,
    /// The person, as the data set names them: `S005`, `5`, `KA` ([`Person`](faus_base::person::Person)); empty if unknown.
    pub subject: String,
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
    /// The units coded on one side alone, [`facs::sides`](faus_base::facs::sides): `L10:0`; empty for none.
    pub sides: String,
    /// Path of the file with the 68 landmarks, where there is one.
    pub landmarks: Option<String>,
    /// Whether the image is already a face crop, so that [`CropMode::Auto`](crate::CropMode::Auto) takes it whole.
    pub is_face: bool,
    /// The part in each of the given splits ([`Folding::Given`]); empty otherwise.
    pub parts: Vec<Part>,
}

impl RawSample {
    /// A labelled image file without codes or landmarks, of an unknown person, as a separate recording.
    pub fn labelled(path: &str, label: i64) -> Self {
        Self {
            image: RawImage::File,
            path: path.to_owned(),
            subject: String::new(),
            sequence: composed(stem(path)).into_owned(),
            frame: 0,
            role: Role::Labelled,
            label,
            aus: AuCoding::NotCoded,
            sides: String::new(),
            landmarks: None,
            is_face: false,
            parts: Vec::new(),
        }
    }
}

/// Where an image's pixels are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RawImage {
    /// An image file (PNG, JPEG, BMP, TIFF) at [`RawSample::path`].
    File,
    /// `length` bytes of the source's file, starting at byte `at`.
    Stored {
        /// First byte.
        at: u64,
        /// Bytes.
        length: u64,
    },
}
