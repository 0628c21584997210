//! How a data set is prepared.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::face::CropMode;
use crate::fold::rule::FoldRule;
use crate::read::source::Folding;

/// Default number of folds (paper).
const FOLDS: usize = 10;

/// How a data set is prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrepareOptions {
    /// Side of the images in pixels, 8 to 1024. Paper: 96.
    pub image_size: u32,
    /// How the face is cut out.
    pub crop: CropMode,
    /// A table `path,x,y,w,h` of crops by hand, which win over the search.
    pub boxes: Option<PathBuf>,
    /// A table of FACS codes, [`CodeTable`](crate::CodeTable), which replace those of the data set.
    pub aus: Option<PathBuf>,
    /// Whether a bad input is an error instead of an entry in the list of skipped inputs.
    pub strict: bool,
    /// Number of folds, 2 to 1000; `None` takes the data set's own splits, else 10 (paper: 10).
    pub folds: Option<usize>,
    /// How subjects are assigned to folds; `None` takes the data set's own splits, else modulo (paper: modulo).
    pub fold_rule: Option<FoldRule>,
    /// Name of the source in an experiment, for the record; empty where it has none.
    pub source: String,
}

impl Default for PrepareOptions {
    fn default() -> Self {
        Self {
            image_size: 96,
            crop: CropMode::Auto,
            boxes: None,
            aus: None,
            strict: false,
            folds: None,
            fold_rule: None,
            source: String::new(),
        }
    }
}

impl PrepareOptions {
    /// The number of folds of a data set.
    pub fn fold_count(&self, folding: &Folding) -> usize {
        match *folding {
            Folding::Given(splits) if self.takes_given() => splits,
            _ => self.folds.unwrap_or(FOLDS),
        }
    }

    /// Whether a data set's own splits are used.
    pub(crate) fn takes_given(&self) -> bool {
        match self.fold_rule {
            Some(rule) => rule == FoldRule::Given,
            None => self.folds.is_none(),
        }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the one that is out of range.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |what, reason: &str| Err(Error::setting(what, reason));
        let side = self.image_size;
        if !(8..=1024).contains(&side) {
            return wrong("image_size", &format!("must be 8 to 1024, not {side}"));
        }
        let decides = "cannot be set with the fold rule 'given': the data set decides";
        match (self.folds, self.fold_rule) {
            (Some(folds), _) if !(2..=1000).contains(&folds) => {
                wrong("folds", &format!("must be 2 to 1000, not {folds}"))
            }
            (Some(_), Some(FoldRule::Given)) => wrong("folds", decides),
            _ => Ok(()),
        }
    }
}
