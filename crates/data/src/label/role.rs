//! The use of a row of a data set.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The use of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Has a class and takes part in training, validation or test.
    #[default]
    Labelled,
    /// Has FACS codes but no class (label −1): not used in training, only in the AU analysis.
    HeldOut,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
