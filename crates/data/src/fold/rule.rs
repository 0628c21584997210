//! How images are assigned to folds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How folds are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FoldRule {
    /// The subjects in order of number; position mod the number of folds (DESIGN 2). Images of each class in turn where
    /// there are no subjects.
    #[default]
    Modulo,
    /// Subjects dealt so that every fold gets its share of every class ([`balanced_folds`]). Without subjects the same
    /// as [`Modulo`](Self::Modulo), which is stratified by image then.
    Balanced,
    /// The splits that the data set brings: nothing is dealt.
    Given,
}

impl fmt::Display for FoldRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Modulo => "modulo",
            Self::Balanced => "balanced",
            Self::Given => "given",
        })
    }
}

impl FromStr for FoldRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "modulo" => Ok(Self::Modulo),
            "balanced" => Ok(Self::Balanced),
            "given" => Ok(Self::Given),
            other => Err(Error::setting(
                "fold rule",
                format!("must be modulo, balanced or given, not '{other}'"),
            )),
        }
    }
}
