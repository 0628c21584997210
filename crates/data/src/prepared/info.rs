use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::face::CropMode;
use crate::fold::rule::FoldRule;
use crate::read::file::Skipped;

/// `dataset.json`: what a prepared data set is and what it was made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetInfo {
    /// The source's name.
    pub name: String,
    /// Whether a program drew the images. Every output made from them has to say so.
    pub synthetic: bool,
    /// SHA-256, in hex, over everything that was read (relative paths and contents).
    pub source_digest: String,
    /// The classes in label order.
    pub classes: Vec<String>,
    /// Labelled images of each class.
    pub counts: BTreeMap<String, usize>,
    /// Subjects with labelled images; 0 where the source names no subjects.
    pub subjects: usize,
    /// Side of the images in pixels.
    pub image_size: u32,
    /// How many folds there are; splits, where the data set brings its own.
    pub folds: usize,
    /// How folds were made.
    #[serde(default)]
    pub fold_rule: FoldRule,
    /// Whether folds keep subjects apart. If not, accuracies are no measure of unseen people, and outputs say so.
    pub subject_independent: bool,
    /// All rows.
    pub images: usize,
    /// Rows without a class, kept for the AU analysis.
    pub held_out: usize,
    /// How faces were cut out.
    pub crop: CropMode,
    /// The version of this crate that wrote the set.
    pub version: String,
    /// What a reader of the results should know of how the source was read, in whole sentences.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Inputs that were left out, and why.
    pub skipped: Vec<Skipped>,
}
