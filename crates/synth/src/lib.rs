//! Draws procedural FACS faces and writes them in the official CK+ layout.
//!
//! A person ([`Identity`]) shows action units ([`AuState`]) in front of a camera ([`Scene`]); [`render`] draws the
//! grey picture and places its 68 landmarks. [`generate`] writes a whole data set with CK+'s counts: 123
//! subjects, 593 FACS-coded sequences, 327 of them with one of seven emotion labels ([`Expression`](faus_data::Expression);
//! Lucey et al. 2010). [`switched_faces`] and [`mean_landmarks`] draw for the studies of a trained network.
//! docs/synthetic.md describes the model.
//!
//! Faces are frontal reliefs: head, features and wrinkles are smooth functions over the picture plane, lit with
//! normals, cavities and cast shadows, then seen by a camera that shifts, turns, blurs and adds noise. Light, pose
//! and camera are drawn apart from the label, so only the action units reveal an expression.
//!
//! Not included: photographs, three-dimensional heads (a face turns by a few degrees only), evidence about CK+,
//! tensors. Every data set carries `synthetic.json`.
//!
//! ```
//! use faus_synth::{AuState, Identity, Scene, render};
//!
//! # fn main() -> Result<(), faus_synth::Error> {
//! let smile = AuState::neutral().with(6, 0.8)?.with(12, 1.0)?.with(25, 1.0)?;
//! let face = render(&Identity::draw(1, 0), &smile, &Scene::default(), 160, 120);
//! assert_eq!(face.image.dimensions(), (160, 120));
//! assert!(face.landmarks[48].0 < face.landmarks[54].0);
//! # Ok(())
//! # }
//! ```

mod camera;
mod error;
mod face;
mod geometry;
mod parallel;
mod person;
mod random;
mod scene;
mod set;
mod switched;

pub use camera::{Rendered, render};
pub use error::Error;
pub use person::au::{AUS, AuState};
pub use person::identity::Identity;
pub use scene::{Difficulty, Scene};
pub use set::generate;
pub use set::options::{FACES_VERSION, SynthOptions, SynthSummary};
pub use switched::{mean_landmarks, switched_faces};
