//! Reads facial-expression data sets, crops and folds them, and stores them as prepared data sets.
//!
//! A [`Source`] lists the images of a data set ([`CkPlus`]: the official layout of the Extended Cohn-Kanade set;
//! [`Folders`]: class folders such as CK+48; [`PixelCsv`]: tables in the form of FER2013); [`prepare`] finds the face
//! in each, resizes it and writes a folder that numpy can open; [`Prepared`] maps that folder into memory and assigns
//! it to folds that share no subject ([`Split`]). [`augment`] and [`normalise`] turn an image into a network's input
//! (Khorrami, Paine and Huang 2015, section 3, and the authors' public code).
//!
//! This crate contains no tensors and draws no batches; it never writes into a data set that it reads.
//!
//! ```no_run
//! use std::path::Path;
//! use faus_data::{CkPlus, ClassMap, Prepared, PrepareOptions, Protocol, prepare};
//!
//! # fn main() -> Result<(), faus_data::Error> {
//! let source = CkPlus::open(Path::new("data/CK+"), ClassMap::eight())?;
//! let info = prepare(&source, &PrepareOptions::default(), Path::new("data/ck-96"), &|_done, _total| true)?;
//! println!("{} images of {} subjects, {} inputs skipped", info.images, info.subjects, info.skipped.len());
//!
//! let set = Prepared::open(Path::new("data/ck-96"))?;
//! let split = set.split(0, Protocol::Paper2017)?;
//! println!("{} to train, {} to test; the first has label {}", split.train.len(), split.test.len(), set.labels()[0]);
//! # Ok(())
//! # }
//! ```

mod error;
pub mod face;
mod feed;
mod fold;
mod label;
mod picture;
mod prepared;
mod read;
mod review;

pub use error::Error;
pub use face::CropMode;
pub use feed::sheet::{AugmentSheet, augment_sheet};
pub use feed::{augment, normalise};
pub use fold::part::Part;
pub use fold::rule::FoldRule;
pub use fold::split::{Protocol, Split};
pub use fold::subjects::{balanced_folds, subject_folds};
pub use label::{Au, AuCoding, AuScore, ClassMap, Expression, LabelMap, Role};
pub use picture::{CropBox, decode_grey, resize, write_png};
pub use prepared::Prepared;
pub use prepared::info::DatasetInfo;
pub use prepared::options::PrepareOptions;
pub use prepared::prepare::{prepare, refuse_inside};
pub use prepared::sample::Sample;
pub use prepared::split_part::SplitPart;
pub use prepared::write::PreparedWriter;
pub use read::arrays::Arrays;
pub use read::ck_plus::{CkPlus, SYNTHETIC_MARK, frame_name};
pub use read::code_keys::CodeKey;
pub use read::coded::CodedSet;
pub use read::codes::{CodeTable, Matched};
pub use read::config::DataConfig;
pub use read::contents::contents;
pub use read::file::{ReadFile, Skipped};
pub use read::folders::{FolderLabels, Folders};
pub use read::listed::Listed;
pub use read::photos::{NoPhoto, Photo, photo_files, photos};
pub use read::pixel_csv::PixelCsv;
pub use read::source::{Fetched, Folding, RawImage, RawSample, Scan, Source};
pub use read::tfd::Tfd;
pub use read::tree::FileTree;
pub use review::audit::{Audit, Finding, FindingKind, Severity, audit};
pub use review::inspect;
