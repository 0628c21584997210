//! A part of a fold's split, chosen by name.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::fold::part::Part;
use crate::fold::split::Protocol;
use crate::label::text::by_name;
use crate::prepared::Prepared;

/// A part of a fold's split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitPart {
    /// Images that the fold trains on.
    Train,
    /// Images that its checkpoint is chosen on.
    Val,
    /// Images that it is tested on.
    #[default]
    Test,
    /// Every labelled image.
    All,
}

impl SplitPart {
    /// The part of a split; `None` for every labelled image.
    pub fn part(self) -> Option<Part> {
        match self {
            Self::Train => Some(Part::Train),
            Self::Val => Some(Part::Validation),
            Self::Test => Some(Part::Test),
            Self::All => None,
        }
    }

    /// The rows of this part for fold `fold`.
    ///
    /// # Errors
    /// Errors from [`Prepared::split`].
    pub fn rows(
        self,
        set: &Prepared,
        fold: usize,
        protocol: Protocol,
    ) -> Result<Vec<usize>, Error> {
        let split = set.split(fold, protocol)?;
        let labelled = |row: &usize| set.labels()[*row] >= 0;
        Ok(match self {
            Self::Train => split.train,
            Self::Val => split.validation,
            Self::Test => split.test,
            Self::All => (0..set.len()).filter(labelled).collect(),
        })
    }
}

by_name!(SplitPart, "split", "train, val, test or all");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_a_part_do_not_count() {
        assert_eq!(" test ".parse::<SplitPart>().unwrap(), SplitPart::Test);
        assert!("tests".parse::<SplitPart>().is_err());
    }
}
