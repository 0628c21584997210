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
//! Some unit always has the largest KL, and expressions are defined by action units, so a correspondence alone is no
//! evidence. [`Inference`] says what chance gives (exchange of codes between and within people, [`Exchange`]), what the
//! expression class explains, how many pairs survive correction ([`benjamini_hochberg`]), and how certain each number is.
//! [`Control`] runs the same analysis for networks that should show nothing, [`out_of_fold`] chooses filters on some
//! people and scores them on others, [`probe`] reads action units from whole layers, [`responses`] are answers to faces
//! that differ in one unit alone.
//!
//! This crate does not compute activations.
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

mod ablation;
mod action_units;
mod analysis;
mod bins;
mod bootstrap;
mod charts;
mod coded;
mod controls;
mod errors;
mod exchange;
mod held_out;
mod inference;
mod intervention;
mod lens;
mod logistic;
mod measures;
mod multiple;
mod npy;
mod options;
mod out_of_fold;
mod output;
mod permutation;
mod probe;
mod random;
mod ranks;
mod regions;
mod samples;
mod sensitivity;
mod spatial;
mod study;
mod summary;
mod tables;
mod watch;
mod within_class;

pub use ablation::{drop_against, equally_active_sets, random_sets};
pub use action_units::au_name;
pub use analysis::{
    Analysis, AuCount, Correspondence, FilterAu, analyse, analyse_watched, analyse_with,
};
pub use bootstrap::Range95;
pub use charts::control_chart;
pub use controls::{Control, ControlUnit, Gap, exchange_codes};
pub use errors::Error;
pub use exchange::Exchange;
pub use held_out::{HeldOut, HeldOutPair};
pub use inference::{ClassEffect, FilterInference, Inference, PairInference};
pub use intervention::{
    Agreement, CLEAR, Response, Switched, agreement, average_precision, responses,
};
pub use lens::{Lens, NetworkKind, Networks, Places};
pub use logistic::Logistic;
pub use measures::{Association, Auroc, JensenShannon, Kl, MutualInformation, PointBiserial};
pub use multiple::benjamini_hochberg;
pub use npy::{Activations, read_activations};
pub use options::{AnalysisOptions, CheckedOptions, Prior, Smoothing};
pub use out_of_fold::{
    FoldActivations, OutOfFold, Replicated, deal_subjects, out_of_fold, replicate,
};
pub use output::OutputOptions;
pub use probe::{ProbeOptions, ProbeScore, probe};
pub use ranks::{auroc, spearman};
pub use regions::{FacePoints, RADIUS, Region, Spot, region};
pub use samples::{SampleRow, parse_aus, read_samples};
pub use sensitivity::Variant;
pub use spatial::{Maps, Pointing, pointing, pointing_rates};
pub use study::{Answer, RunView, Study};
pub use summary::coarse;
pub use watch::{Observer, Watch};
