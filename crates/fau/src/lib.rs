//! Tests filter activations against FACS action-unit labels.
//!
//! [`read_activations`] and [`read_samples`] load the two input files, from any network; [`analyse`] scores every
//! filter against every action unit; [`Analysis::write`] writes the tables and pictures. Other measures implement
//! [`Association`] and are passed to [`analyse_with`].
//!
//! The measure of Khorrami, Paine & Huang (2015) is KL(Q‖R) between the histograms of F(x), the largest
//! activation of a filter on image x, with (Q) and without (R) the action unit; the unit with the largest
//! KL is the filter's correspondence. A filter's [`Name`] is the unit with the largest |z| of its AUROC under exchange of
//! codes, if it passes the test.
//!
//! Every filter has a unit with the largest KL, and expressions are defined by action units, so a correspondence alone
//! is not evidence. [`Inference`] compares it with chance (exchange of codes between and within people, [`Exchange`])
//! and with the share of the expression class, corrects for the number of pairs ([`benjamini_hochberg`]) and gives
//! intervals. A [`Study`] tests a finished run further, through [`Networks`] and [`Lens`]: [`Controls`], [`Replicate`],
//! [`ReplicateOn`], [`Probe`], [`Intervene`], [`Ablate`], [`Locate`].
//!
//! This crate does not compute activations: `faus-viz` does.
//!
//! ```
//! use faus_fau::{Activations, AnalysisOptions, SampleRow, analyse};
//!
//! // Twenty faces, ten of which smile (AU 12); one filter responds to it and one does not.
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

mod analysis;
mod chance;
mod error;
mod input;
mod lens;
mod score;
mod study;
mod watch;
mod write;

pub use analysis::columns::check_measures;
pub use analysis::dose::Dose;
pub use analysis::inference::{ClassEffect, FilterInference, Inference, PairInference};
pub use analysis::names::{Name, NameCounts, Standing, WithinName, filter_names, name_counts};
pub use analysis::partial::Partial;
pub use analysis::scores::{Correspondence, FilterAu, MEASURES};
pub use analysis::{Analysis, analyse, analyse_with};
pub use chance::bootstrap::Range95;
pub use chance::exchange::Exchange;
pub use chance::held_out::{HeldOut, HeldOutPair};
pub use chance::own::OwnInference;
pub use chance::rates::benjamini_hochberg;
pub use error::Error;
pub use input::activations::{Activations, read_activations};
pub use input::coded::AuCount;
pub use input::options::{AnalysisOptions, CheckedOptions, Prior, Smoothing};
pub use input::samples::{SampleRow, SampleTable, parse_aus, read_samples};
pub use lens::{Lens, Memorised, NetworkKind, Networks, Places};
pub use score::association::{
    Association, Auroc, JensenShannon, Kl, MutualInformation, PointBiserial,
};
pub use score::sensitivity::Variant;
pub use study::Study;
pub use study::ablate::Ablate;
pub use study::answer::Answer;
pub use study::compare::{ComparedUnit, ComparedUnits, compare_units};
pub use study::controls::Controls;
pub use study::intervene::{DrawFaces, Intervene};
pub use study::locate::Locate;
pub use study::logistic::Logistic;
pub use study::probe::Probe;
pub use study::regions::FacePoints;
pub use study::replicate::Replicate;
pub use study::replicate_on::ReplicateOn;
pub use study::response::average_precision;
pub use study::run::{CodedRows, RunView};
pub use study::unit_filters::UnitFilter;
pub use study::verdict::{Evidence, Verdict, write_verdict};
pub use watch::{Observer, Watch};
pub use write::front::front_page;
pub use write::output::OutputOptions;
