//! Options and counts of a data set.

use std::collections::BTreeMap;

use faus_data::Expression;
use serde::Serialize;

use crate::error::{Error, within};
use crate::scene::Difficulty;

/// Version of the pictures: it changes whenever a seed draws different pixels or labels.
pub const FACES_VERSION: u32 = 4;

/// Options of a data set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SynthOptions {
    /// People, 1 to 900; 123 as in CK+. Other numbers scale CK+'s counts, with at least one of every expression.
    pub subjects: usize,
    /// Random seed of people, labels, scenes and noise.
    pub seed: u64,
    /// Width of the pictures in pixels, 48 to 4096; 640 as in CK+.
    pub width: u32,
    /// Height of the pictures in pixels, 48 to 4096; 490 as in CK+. The head's size follows it.
    pub height: u32,
    /// Write every frame from neutral to peak. Otherwise only those that the eight-class protocol uses: the
    /// first and the last three of a labelled sequence, the first and the last of any other (our choice, for
    /// disk space); frames keep their numbers in the whole sequence either way.
    pub full_sequences: bool,
    /// Also write the folder `Parameters`: the true parameters of each frame and each person as JSON.
    pub truth: bool,
    /// How hard the labels are to recognise in the pictures.
    pub difficulty: Difficulty,
}

impl Default for SynthOptions {
    fn default() -> Self {
        Self {
            subjects: 123,
            seed: 1,
            width: 640,
            height: 490,
            full_sequences: false,
            truth: false,
            difficulty: Difficulty::default(),
        }
    }
}

impl SynthOptions {
    /// Checks every value's range.
    ///
    /// # Errors
    /// [`Error::Option`] names the first option that cannot be drawn.
    pub fn check(&self) -> Result<(), Error> {
        within("subjects", self.subjects, 1..=900)?;
        within("width", self.width, 48..=4096)?;
        within("height", self.height, 48..=4096)?;
        if self.width * 10 < self.height * 7 {
            let expected = "at least 0.7 of the height, or faces would be cut off".to_owned();
            return Err(Error::Option("width", self.width.to_string(), expected));
        }
        self.difficulty.check()
    }
}

/// Counts of a written data set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SynthSummary {
    /// People.
    pub subjects: usize,
    /// Sequences, labelled or not.
    pub sequences: usize,
    /// Sequences with an emotion label.
    pub labelled: usize,
    /// Pictures.
    pub images: usize,
    /// Labelled sequences per expression.
    pub emotions: BTreeMap<Expression, usize>,
    /// Sequences per action unit.
    pub aus: BTreeMap<u8, usize>,
}
