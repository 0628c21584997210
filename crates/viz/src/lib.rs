//! Finds the image patches that excite a filter most and projects them back to pixels.
//!
//! - [`Atlas::gather`] looks through images once and keeps, for each filter, the units that respond most, at most one a
//!   subject, and explains each by a [`Method`]: gradient, deconvnet, guided back-propagation, occlusion. Its pictures are the
//!   paper's figure, a sheet a filter, and all filters by likeness; [`Atlas::write`] stores them with numbers and arrays.
//! - [`sanity`] asks what of these pictures is owed to training: the same units under random weights, an edge detector, a
//!   shifted input.
//! - [`evidence`] says what in one image speaks for a class.
//!
//! This is section 4.1 of Khorrami, Paine and Huang (2015) after Zeiler and Fergus (2014) and Springenberg et al. (2015).
//! It reads no data set (the caller hands it images as an [`ImageSet`]) and says nothing about action units.
//!
//! ```
//! use faus_viz::{Atlas, ImageSet, Method};
//! use faus_model::{InputSpec, Network, ZeroBiasCnn};
//! use tch::Device;
//!
//! let spec = InputSpec { side: 48, classes: 8, dropout: 0.0 };
//! let network = Network::build(&ZeroBiasCnn::default(), spec, 1, Device::Cpu)?;
//! // Three images of three people: a dark square in three places.
//! let image = |n: usize| (0..48 * 48).map(|i| u8::from(i / 48 / 8 != 2 * n) * 200).collect();
//! let grey: Vec<Vec<u8>> = (0..3).map(image).collect();
//! let images = ImageSet {
//!     rows: &[0, 1, 2],
//!     subjects: &[7, 8, 9],
//!     groups: &[7, 8, 9],
//!     side: 48,
//!     normalised: &|rows| Ok(rows.iter().flat_map(|&r| &grey[r]).map(|&v| f32::from(v) / 200.0 - 0.5).collect()),
//!     grey: &|row| &grey[row],
//!     stopped: &|| false,
//! };
//! let conv3 = network.stage_index("conv3")?;
//! let atlas = Atlas::gather(&network, conv3, Method::Guided, &[7, 100], 2, &images)?;
//! assert!(atlas.filters.iter().all(|filter| filter.field == 32 && filter.patches.len() <= 2));
//! # Ok::<(), faus_viz::Error>(())
//! ```

mod atlas;
mod canvas;
mod error;
mod evidence;
mod images;
mod method;
mod occlusion;
mod patch;
mod pictures;
mod projection;
mod sanity;
mod scores;
mod search;
mod seriation;
mod write;

pub use atlas::{Atlas, Captions};
pub use error::Error;
pub use evidence::{EVIDENCE_METHODS, Evidence, evidence, evidence_picture};
pub use images::{ImageSet, Normalised, stream_maxima};
pub use method::Method;
pub use occlusion::Windows;
pub use patch::{FilterPatches, Patch, cut_patches};
pub use projection::{UnitRef, project};
pub use sanity::{Panel, PanelKind, Sanity, Score, Untrained, sanity};
pub use scores::{magnitudes, sobel, spearman, ssim};
pub use search::{FilterTop, Survey, TopUnit, survey};
pub use seriation::seriate;
pub use write::{WriteOptions, write_both, write_evidence};
