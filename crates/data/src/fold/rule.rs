//! How images are assigned to folds.

use serde::{Deserialize, Serialize};

use crate::label::text::by_name;

/// How folds are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FoldRule {
    /// The subjects in order of number; position mod the number of folds (the authors' rule). Without subjects, the images
    /// of each class in turn.
    #[default]
    Modulo,
    /// Every fold gets its share of every class ([`balanced_folds`](crate::balanced_folds)). Without subjects the same
    /// as [`Modulo`](Self::Modulo), which then stratifies by image.
    Balanced,
    /// The data set's own splits.
    Given,
}

by_name!(FoldRule, "fold rule", "modulo, balanced or given");
