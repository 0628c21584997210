//! How images are assigned to folds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::label::text::named;

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

impl fmt::Display for FoldRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl FromStr for FoldRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        named(text).ok_or_else(|| {
            let reason = format!("must be modulo, balanced or given, not '{text}'");
            Error::setting("fold rule", reason)
        })
    }
}
