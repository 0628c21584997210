//! Tests filter activations against FACS action-unit labels.
//!
//! [`read_activations`] and [`read_samples`] load the two files of any network, ours or not;
//! [`analyse`] scores every filter against every action unit; [`Analysis::write`] writes the tables and
//! pictures. A measure of one's own implements [`Association`] and goes through [`analyse_with`].
//!
//! The measure of Khorrami, Paine & Huang (2015) is KL(Q‖R) between the histograms of F(x), the largest
//! activation of a filter on image x, with (Q) and without (R) the action unit; the unit with the largest
//! KL is the filter's correspondence.
//!
//! This crate does not compute activations, and it does not yet say what chance would give: some unit
//! always has the largest KL, so a correspondence alone is not evidence.
//!
//! ```
//! use faus_fau::{Activations, AnalysisOptions, SampleRow, analyse};
//!
//! // Twenty faces, ten of which smile (AU 12); one filter that notices and one that does not.
//! let values = (0..20).flat_map(|i| [if i < 10 { 2.0 } else { 0.5 }, (i % 2) as f32]);
//! let activations = Activations::new(20, 2, values.collect())?;
//! let samples: Vec<SampleRow> = (0..20)
//!     .map(|index| SampleRow {
//!         index,
//!         coded: Some(if index < 10 { vec![(12, 3)] } else { vec![] }),
//!         ..SampleRow::default()
//!     })
//!     .collect();
//! let analysis = analyse(&activations, &samples, &AnalysisOptions::default().check()?)?;
//! assert_eq!(analysis.correspondences[0].au, 12);
//! assert!(analysis.correspondences[0].score > analysis.correspondences[1].score);
//! # Ok::<(), faus_fau::Error>(())
//! ```

mod action_units;
mod analysis;
mod charts;
mod errors;
mod measures;
mod npy;
mod options;
mod output;
mod samples;

pub use action_units::au_name;
pub use analysis::{Analysis, AuCount, Correspondence, FilterAu, analyse, analyse_with};
pub use errors::Error;
pub use measures::{Association, Auroc, JensenShannon, Kl, PointBiserial};
pub use npy::{Activations, read_activations};
pub use options::{AnalysisOptions, CheckedOptions, Prior, Smoothing};
pub use output::OutputOptions;
pub use samples::{SampleRow, parse_aus, read_samples};
