//! Data sets with action-unit codes of many frames: DISFA, DISFA+, BP4D, BP4D+, RAF-AU and RAF-CE, as they are delivered.

mod bp4d;
mod disfa;
mod files;
mod frames;
mod raf;

use std::path::Path;

use crate::error::Error;
use crate::read::listed::Listed;
use crate::read::tree::FileTree;

/// A data set with action-unit codes. Without expressions every row is held out and there are no classes: such a set is for
/// the analysis alone.
pub struct CodedSet;

/// The lowest intensity that counts as present, 1 to 5 (A to E), by the source: DISFA's users take 2 (Mavadati et al. 2013),
/// BP4D's occurrence begins with A.
const DISFA: u8 = 2;
const BP4D: u8 = 1;

impl CodedSet {
    /// Opens the data set at `root` as the source (`disfa`, `disfa_plus`, `bp4d`, `raf`); `threshold` is the lowest intensity
    /// that counts as present, `None` the source's own.
    ///
    /// # Errors
    /// [`Error::Layout`] if the codes or the images are not there, [`Error::Setting`] for a source or a threshold that does not
    /// exist.
    pub fn open(source: &str, root: &Path, threshold: Option<u8>) -> Result<Listed, Error> {
        check_threshold(threshold)?;
        let tree = FileTree::open(root)?;
        match source {
            "disfa" => disfa::disfa(tree, threshold.unwrap_or(DISFA)),
            "disfa_plus" => disfa::disfa_plus(tree, threshold.unwrap_or(DISFA)),
            "bp4d" => bp4d::open(tree, threshold.unwrap_or(BP4D)),
            "raf" => raf::open(tree),
            other => {
                let reason = format!("must be disfa, disfa_plus, bp4d or raf, not {other}");
                Err(Error::setting("source", reason))
            }
        }
    }
}

/// # Errors
/// [`Error::Setting`] for a threshold that is no grade.
pub(crate) fn check_threshold(threshold: Option<u8>) -> Result<(), Error> {
    let Some(wrong) = threshold.filter(|grade| !(1..=5).contains(grade)) else {
        return Ok(());
    };
    let reason = format!("must be 1 to 5 (the grades A to E), not {wrong}");
    Err(Error::setting("au threshold", reason))
}
