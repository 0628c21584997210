//! Draws procedural FACS faces and writes them in the official CK+ layout.
//!
//! A person ([`Identity`]) shows action units ([`AuState`]) in front of a camera ([`Scene`]); [`render`] draws the
//! grey picture and says where its 68 landmarks are. [`generate`] writes a whole data set with CK+'s counts ([`generate_isolated`]: one action unit at a time, [`au_mask`]: the
//! pixels that a unit changes; docs/synthetic.md describes the model): 123
//! subjects, 593 FACS-coded sequences, 327 of them with one of seven emotion labels ([`Expression`](faus_data::Expression); Lucey et al. 2010).
//!
//! Faces are frontal reliefs: head, features and wrinkles are smooth functions over the picture plane, lit with
//! normals, cavities and cast shadows, then seen by a camera that shifts, turns, blurs and adds noise. Light, pose
//! and camera are drawn apart from the label, so only the action units tell an expression.
//!
//! What it is not: a photograph of anybody, a three-dimensional head (it turns by a few degrees only), or evidence
//! about CK+. Every data set it writes carries `synthetic.json`. It reads nothing and knows no tensors.
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
mod difficulty;
mod error;
mod face;
mod parallel;
mod person;
mod random;
mod scene;
mod set;
mod switched;

pub use camera::{Rendered, render};
pub use difficulty::Difficulty;
pub use error::Error;
pub use person::au::{AUS, AuState, Side};
pub use person::identity::Identity;
pub use scene::Scene;
pub use set::options::{SynthOptions, SynthSummary};
pub use set::{FACES_VERSION, generate};
pub use switched::{mean_landmarks, switched_faces};
