//! Draws procedural FACS faces and writes them in the official CK+ layout.

mod au;
mod canvas;
mod details;
mod error;
mod expression;
mod generate;
mod geometry;
mod hair;
mod identity;
mod layout;
mod light;
mod noise;
mod plan;
mod random;
mod render;
mod scene;
mod shape;
mod skin;
mod surface;
mod wrinkle;

pub use au::{AUS, AuState, Side};
pub use error::Error;
pub use expression::Emotion;
pub use generate::{FACES_VERSION, SynthOptions, SynthSummary, generate};
pub use identity::Identity;
pub use render::{Rendered, render};
pub use scene::Scene;
