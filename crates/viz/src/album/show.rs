//! The picture of a patch beside its projection.

use std::str::FromStr;

use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};

/// The picture of a patch beside its projection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Show {
    /// The grey crop of the image.
    #[default]
    Input,
    /// The same pixels of the network's normalised input, as in the authors' figures; each patch between its smallest and
    /// largest value.
    Normalised,
}

impl Show {
    /// What is drawn, for headings.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Input => "grey crops",
            Self::Normalised => "normalised input",
        }
    }
}

impl FromStr for Show {
    type Err = serde::de::value::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::deserialize(text.into_deserializer())
    }
}
