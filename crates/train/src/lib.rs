//! Trains networks by recipe over subject-independent folds, selects checkpoints and evaluates them.
//!
//! - [`Recipe`] holds every number of the training, the paper's by default; [`Recipe::check`] turns it into the
//!   [`CheckedRecipe`] that runs.
//! - [`FoldJob`] trains one fold and leaves checkpoints, metrics, predictions and `fold.json` in a folder.
//! - [`evaluate`] runs a network over a part of a data set, [`Scores`] counts what came out, [`Measures`] are single
//!   numbers for it, [`select`] finds the best checkpoint of a folder, [`Summary`] gathers the folds.
//! - [`PairedTest`] asks whether one variant is better than another over the same folds, [`Interval`] how far an accuracy
//!   depends on who was photographed.
//!
//! Everything random is keyed by seed, fold, step and place in the batch, and sums are made in a fixed order, so on the
//! CPU the result does not depend on the number of threads. It reads no raw data and draws nothing.
//!
//! ```
//! use faus_train::Recipe;
//!
//! let recipe = Recipe::default().check()?;
//! assert_eq!((recipe.steps, recipe.batch_size), (31_000, 64)); // the paper's
//! assert!(Recipe { steps: 0, ..Recipe::default() }.check().is_err());
//! # Ok::<(), faus_train::Error>(())
//! ```

mod compare;
mod divergence;
mod error;
mod evaluate;
mod fold;
mod loader;
mod measures;
mod memory;
mod metrics;
mod monitor;
mod optimizer;
mod recipe;
mod result;
mod run;
mod scores;
mod select;
mod state;
mod subjects;
mod summary;
mod tensorboard;
mod trials;
mod workers;

pub use compare::{PairedTest, holm};
pub use error::Error;
pub use evaluate::{Predictions, activations, evaluate, images_tensor};
pub use fold::{FoldJob, fold_split, split_digest};
pub use measures::Measures;
pub use memory::{MemoryNeed, available_memory};
pub use metrics::MetricsRow;
pub use monitor::{FoldProgress, Monitor};
pub use optimizer::Optimizer;
pub use recipe::{CheckedRecipe, OptimizerKind, Recipe, Schedule};
pub use result::FoldResult;
pub use scores::{ClassScores, Scores};
pub use select::{Candidate, Selection, list_checkpoints, normalisation_of, select};
pub use state::{forget_stop, stopped_at};
pub use subjects::{Interval, SubjectScore};
pub use summary::{MeanStd, Summary, SummaryFold, SummaryHead};
pub use workers::Workers;
