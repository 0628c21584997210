//! Finds the image patches that excite a filter most and projects them back to pixels.
//!
//! - [`top_units`] looks through images and keeps, for each filter, the units that respond most, at most one a subject.
//! - [`project`] carries single units back to pixels by a [`Method`]: gradient, deconvnet or guided back-propagation.
//! - [`Patch`] cuts the unit's receptive field out of both, [`write_patches`] stores pictures, numbers and arrays.
//!
//! This is section 4.1 of Khorrami, Paine and Huang (2015) after Zeiler and Fergus (2014) and Springenberg et al. (2015).
//! It reads no data set (the caller hands it images as an [`ImageSet`]) and says nothing about action units.
//!
//! ```
//! use faus_viz::{Method, UnitRef, project};
//! use faus_model::{InputSpec, Network, ZeroBiasCnn};
//! use tch::{Device, Kind, Tensor};
//!
//! let spec = InputSpec { side: 48, classes: 8, dropout: 0.0 };
//! let network = Network::build(&ZeroBiasCnn::default(), spec, 1, Device::Cpu)?;
//! let images = Tensor::randn([1, 1, 48, 48], (Kind::Float, Device::Cpu));
//! let unit = UnitRef { filter: 7, row: 5, column: 6 };
//! let projection = project(&network, 2, Method::Guided, &images, &[unit])?;
//! assert_eq!(projection.size(), [1, 1, 48, 48]);
//! # Ok::<(), faus_viz::Error>(())
//! ```

mod error;
mod picture;
mod projection;
mod top;
mod write;

pub use error::Error;
pub use picture::{figure, sheet};
pub use projection::{Method, UnitRef, project};
pub use top::{FilterTop, ImageSet, TopUnit, top_units};
pub use write::{FilterPatches, Patch, cut_patches, write_patches};
