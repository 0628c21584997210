//! What a row of a data set is for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What a row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Has a class and takes part in training, validation or test.
    Labelled,
    /// Has FACS codes but no class (label −1): trains nothing, serves the AU analysis.
    HeldOut,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Labelled => "labelled",
            Self::HeldOut => "held_out",
        })
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "labelled" => Ok(Self::Labelled),
            "held_out" => Ok(Self::HeldOut),
            other => Err(Error::parse(format!(
                "role '{other}' is neither 'labelled' nor 'held_out'"
            ))),
        }
    }
}
