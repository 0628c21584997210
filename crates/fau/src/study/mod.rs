//! Studies: tests of whether what a run shows is evidence.

use serde_json::{Map, Value};

use crate::lens::Networks;
use crate::{AnalysisOptions, Error, SampleRow};

/// A test of a finished run: networks and codes in, an [`Answer`] out.
pub trait Study {
    /// The command, `faus NAME RUN`: lower-case words joined by `-`.
    fn name(&self) -> &str;

    /// Stem of the files in the run's `fau/`; the name unless other people's scripts know another.
    fn file(&self) -> &str {
        self.name()
    }

    /// Carries the study out.
    ///
    /// # Errors
    /// What the study needs and the run lacks, [`Error::Lens`], [`Error::Cancelled`].
    fn answer(&self, run: &RunView) -> Result<Answer, Error>;
}

/// A finished run as a study sees it.
pub struct RunView<'a> {
    /// The data set's rows.
    pub samples: &'a [SampleRow],
    /// Names of the classes, by label.
    pub classes: &'a [String],
    /// The fold in which each row is tested; `None` where the data set brings splits of its own.
    pub test_fold: Option<&'a [i64]>,
    /// Rows of the test part of the fold that validated best.
    pub test_rows: &'a [usize],
    /// Whether the faces are drawn.
    pub synthetic: bool,
    /// Why accuracies of this run are optimistic; `None` where they are not.
    pub optimistic: Option<&'a str>,
    /// The run's settings of the analysis, not yet checked: a study may change some.
    pub options: &'a AnalysisOptions,
    /// Finished folds.
    pub folds: &'a [usize],
    /// The fold that validated best, the first of equals: the one that the run analyses.
    pub best_fold: usize,
    /// Grey pixels of a row, `side · side`.
    pub image: &'a dyn Fn(usize) -> &'a [u8],
    /// Height and width of the images.
    pub side: usize,
    /// The run's networks.
    pub networks: &'a dyn Networks,
    /// Threads for the statistics; results do not depend on their number.
    pub pool: &'a rayon::ThreadPool,
    /// Shows progress: what is under way, how much is done, of how much. `false` stops the study.
    pub progress: &'a (dyn Fn(&str, usize, usize) -> bool + Sync),
    /// Prints a line of an intermediate result.
    pub say: &'a dyn Fn(&str),
}

/// What a study found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The table: header, then rows.
    pub table: Vec<Vec<String>>,
    /// Everything for the JSON but the verdict, which is written last.
    pub facts: Map<String, Value>,
    /// The answer in sentences, the most important first.
    pub verdict: Vec<String>,
    /// Pictures as SVG, by file name.
    pub pictures: Vec<(String, String)>,
}
