//! The required difference between the patches of one filter.

use std::collections::HashMap;
use std::str::FromStr;

use faus_data::{Prepared, Sample};
use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};

/// The required difference between the patches of one filter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distinct {
    /// Another image: allows three frames of one smile.
    Image,
    /// Another sequence.
    Sequence,
    /// Another person.
    #[default]
    Subject,
}

impl Distinct {
    /// The group of every row; negative for an image that is its own group.
    pub(crate) fn groups(self, prepared: &Prepared) -> Vec<i64> {
        let mut numbers = HashMap::new();
        let sequence = |sample: &Sample| {
            if sample.sequence.is_empty() {
                return -1;
            }
            let next = numbers.len() as i64;
            let name = (sample.subject, sample.sequence.clone());
            *numbers.entry(name).or_insert(next)
        };
        match self {
            Self::Image => vec![-1; prepared.len()],
            Self::Subject => prepared.subjects().to_vec(),
            Self::Sequence => prepared.samples().iter().map(sequence).collect(),
        }
    }
}

impl FromStr for Distinct {
    type Err = serde::de::value::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::deserialize(text.into_deserializer())
    }
}
