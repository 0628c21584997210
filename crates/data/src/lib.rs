//! Reads facial-expression data sets, crops and folds them, and stores them as prepared data sets.
//!
//! A [`Source`] lists the images of a data set ([`CkPlus`]: the official layout of the Extended
//! Cohn-Kanade set; [`Folders`]: class folders such as CK+48; [`PixelCsv`]: tables in the form of FER2013);
//! [`prepare`] finds the face in each, resizes it and writes a folder that numpy can open; [`Prepared`] maps that folder
//! into memory and deals it to folds that share no subject ([`Split`]). [`augment`] and [`normalise`] hold what is done
//! to an image on its way to the network (Khorrami, Paine and Huang 2015, section 3, and the authors' public code).
//!
//! This crate knows no tensors and draws no batches; it never writes into a data set that it reads.
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

mod archive;
mod au;
mod audit;
pub mod augment;
mod ck_plus;
mod config;
pub mod crop;
mod deal;
mod error;
mod expression;
mod files;
mod folders;
mod folds;
#[doc(hidden)]
pub mod fuzz;
mod grey;
pub mod inspect;
mod mat;
pub mod normalise;
mod picture;
mod pixel_csv;
mod prepare;
mod prepared;
pub mod rng;
mod sample;
mod sheet;
mod source;
mod tfd;
pub mod throughput;
mod tree;

pub use au::{Au, AuCoding, AuScore};
pub use audit::{Audit, AuditOptions, Finding, FindingKind, Severity, audit};
pub use ck_plus::{CkPlus, SYNTHETIC_MARK, frame_name};
pub use config::DataConfig;
pub use crop::CropMode;
pub use error::Error;
pub use expression::{ClassMap, Expression};
pub use files::ReadFile;
pub use folders::{FolderOptions, Folders};
pub use folds::{FoldRule, Part, Protocol, Split, balanced_folds, subject_folds};
pub use grey::{decode_grey, resize};
pub use picture::write_png;
pub use pixel_csv::{LabelMap, PixelCsv, TableOptions};
pub use prepare::{PrepareOptions, prepare, refuse_inside};
pub use prepared::{DatasetInfo, Prepared, PreparedWriter};
pub use sample::{CropBox, Role, Sample};
pub use sheet::{AugmentSheet, augment_sheet};
pub use source::{Fetched, Folding, RawImage, RawSample, Scan, Skipped, Source};
pub use tfd::Tfd;
pub use tree::FileTree;
