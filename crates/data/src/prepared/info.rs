//! The description of a prepared data set.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::face::CropMode;
use crate::fold::rule::FoldRule;
use crate::read::file::Skipped;

/// `dataset.json`: a prepared data set's contents and origin.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DatasetInfo {
    /// The source's name.
    pub name: String,
    /// Name of the source in an experiment (`data.source`); empty in sets that do not record it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Whether a program drew the images. Every output made from them repeats it.
    pub synthetic: bool,
    /// Whether a program estimated the action units (OpenFace, py-feat). Every output made from them repeats it.
    #[serde(default)]
    pub machine_coded: bool,
    /// SHA-256, in hex, over all files read (relative paths and contents).
    pub source_digest: String,
    /// The classes in label order.
    pub classes: Vec<String>,
    /// Labelled images of each class.
    pub counts: BTreeMap<String, usize>,
    /// Subjects with labelled images; 0 where the source names no subjects.
    pub subjects: usize,
    /// Side of the images in pixels.
    pub image_size: u32,
    /// Number of folds, or of the data set's own splits.
    pub folds: usize,
    /// How folds were made.
    #[serde(default)]
    pub fold_rule: FoldRule,
    /// Whether folds keep subjects apart. If not, accuracies do not measure unseen people, and outputs warn.
    pub subject_independent: bool,
    /// All rows.
    pub images: usize,
    /// Rows without a class, kept for the AU analysis.
    pub held_out: usize,
    /// The lowest intensity of an action unit that counts as present (1 to 5), where the source has intensities to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub au_threshold: Option<u8>,
    /// How faces were cut out.
    pub crop: CropMode,
    /// Name of the table of crops by hand, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boxes: Option<String>,
    /// The version of this crate that wrote the set.
    pub version: String,
    /// Remarks on how the source was read, in full sentences.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Skipped inputs, with reasons.
    pub skipped: Vec<Skipped>,
}

impl DatasetInfo {
    /// The name of a label; `None` for −1 and other labels without a class.
    pub(crate) fn class(&self, label: i64) -> Option<&String> {
        self.classes.get(usize::try_from(label).ok()?)
    }
}
