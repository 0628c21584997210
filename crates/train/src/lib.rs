//! Trains networks by recipe over subject-independent folds, selects checkpoints and evaluates them.
//!
//! - [`Recipe`] holds every number of the training, the paper's by default; [`Recipe::check`] turns it into the
//!   [`CheckedRecipe`] that runs.
//! - [`FoldJob`] trains one fold and leaves checkpoints, metrics, predictions and `fold.json` in a folder.
//! - [`evaluate`] runs a network over a part of a data set. [`Scores`] and [`Measures`] count its [`Predictions`], [`select`]
//!   finds the best checkpoint of a folder, [`Summary`] gathers the folds.
//! - [`Comparison`] tests whether variants differ over the same folds by more than chance; [`Interval`] is the range of an
//!   accuracy over other people.
//!
//! Random numbers are keyed by seed, fold, step and place in the batch, and sums have a fixed order, so on the CPU the
//! result does not depend on the number of threads. It reads no raw data and draws no pictures.
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
mod error;
mod files;
mod fold;
mod lines;
mod recipe;
mod score;
mod split;
mod summary;
mod workers;

pub use compare::{Against, Comparison, PairedTest, Variant};
pub use error::Error;
pub use fold::job::FoldJob;
pub use fold::memory_forecast::MemoryForecast;
pub use fold::optimizer::Optimizer;
pub use fold::progress::{FoldProgress, MetricsRow, Monitor};
pub use fold::result::FoldResult;
pub use fold::shuffled::{Memorised, shuffled_labels, train_on_shuffled_labels};
pub use fold::state::{forget_stop, stopped_at};
pub use lines::{accuracy_line, fold_line};
pub use recipe::check::CheckedRecipe;
pub use recipe::settings::{ChosenBy, OptimizerKind, Recipe, Schedule};
pub use score::checkpoints::{Candidate, Selection, list_checkpoints, normalisation_of, select};
pub use score::classified::Classified;
pub use score::confusion::{ClassScores, Scores};
pub use score::fits::{check_fits, why_optimistic};
pub use score::interval::{Interval, SubjectScore};
pub use score::measures::Measures;
pub use score::predictions::{Predictions, evaluate};
pub use split::{fold_split, protocol_name, split_digest};
pub use summary::{MeanStd, Summary, SummaryFold};
pub use workers::Workers;
