//! Finds the image patches that excite a filter most and explains them by pixels.
//!
//! - [`LayerLens`] is a layer of a network over a prepared data set: F(x), predictions with silenced filters, places of the
//!   maxima. It implements [`faus_fau::Lens`].
//! - [`Explain`] is the interface for explanation methods. Four are built in: gradient, deconvnet, guided
//!   back-propagation ([`BackProjection`]) and [`Occlusion`]; [`find`] finds one by name.
//! - [`Atlas::gather`] searches images once, keeps the strongest units of each filter, at most one per subject, and
//!   explains each. Its pictures are the paper's figure, a sheet per filter, and all filters by similarity.
//! - [`sanity`] tests how much of these pictures is due to training: the same units under random weights, an edge
//!   detector, a shifted input.
//! - [`evidence`] shows the pixels of one image that support a class.
//! - [`Album`] writes all of that for a layer into a folder.
//!
//! This is section 4.1 of Khorrami, Paine and Huang (2015) after Zeiler and Fergus (2014) and Springenberg et al.
//! (2015). Training and statistical tests are in `faus-train` and `faus-fau`.
//!
//! ```
//! use faus_model::{InputSpec, Network, ZeroBiasCnn};
//! use faus_viz::{Atlas, BackProjection, ImageSet, Images};
//! use tch::Device;
//!
//! /// Three images of three people: a dark square in three places.
//! struct Squares(Vec<Vec<u8>>);
//!
//! impl Images for Squares {
//!     fn side(&self) -> usize { 48 }
//!     fn grey(&self, row: usize) -> &[u8] { &self.0[row] }
//!     fn input(&self, row: usize) -> Vec<f32> { self.0[row].iter().map(|&v| f32::from(v) / 200.0 - 0.5).collect() }
//!     fn subject(&self, row: usize) -> i64 { row as i64 }
//! }
//!
//! let spec = InputSpec { side: 48, classes: 8, dropout: 0.0 };
//! let network = Network::build(&ZeroBiasCnn::default(), spec, 1, Device::Cpu)?;
//! let image = |n: usize| (0..48 * 48).map(|i| u8::from(i / 48 / 8 != 2 * n) * 200).collect();
//! let squares = Squares((0..3).map(image).collect());
//! let images = ImageSet { source: &squares, rows: &[0, 1, 2], groups: &[7, 8, 9], progress: &|_, _, _| true };
//! let conv3 = network.stage_index("conv3")?;
//! let atlas = Atlas::gather(&network, conv3, &BackProjection::Guided, &[7, 100], 2, &images)?;
//! assert!(atlas.filters.iter().all(|filter| filter.field == 32 && filter.patches.len() <= 2));
//! # Ok::<(), faus_viz::Error>(())
//! ```

mod album;
mod atlas;
mod error;
mod explain;
mod images;
mod lens;
mod photo;
mod picture;

pub use album::Album;
pub use album::choice::{Choice, class_output};
pub use album::distinct::Distinct;
pub use album::evidence::write_evidence;
pub use album::files::WriteOptions;
pub use album::show::Show;
pub use atlas::Atlas;
pub use atlas::evidence::{EVIDENCE_METHODS, Evidence, evidence};
pub use atlas::order::seriate;
pub use atlas::sanity::{Panel, PanelKind, Sanity, Score, Untrained, sanity};
pub use atlas::similarity::{magnitudes, sobel, spearman, ssim};
pub use error::Error;
pub use explain::back_projection::BackProjection;
pub use explain::find;
pub use explain::method::{Explain, ExplainField, UnitRef};
pub use explain::occlusion::Occlusion;
pub use explain::patch::{FilterPatches, Patch, cut_patches};
pub use images::{ImageSet, Images, Progress};
pub use lens::LayerLens;
pub use lens::outputs::Outputs;
pub use lens::responses::{FaceLens, Response};
pub use lens::strongest::{FilterTop, Survey, TopUnit, survey};
pub use photo::face::SeenFace;
pub use photo::{PhotoViewer, Viewed};
pub use picture::canvas::Captions;
