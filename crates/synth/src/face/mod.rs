//! The drawn head: places of its features, relief, skin, hair and light on a frontal grid.

mod canvas;
mod features;
mod hair;
mod landmarks;
mod light;
pub(crate) mod noise;
mod openings;
mod relief;
mod skin;
mod wrinkles;

use crate::face::canvas::Canvas;
use crate::face::features::Face;
use crate::face::relief::Surface;
use crate::geometry::Point;
use crate::person::au::AuState;
use crate::person::identity::Identity;
use crate::scene::Scene;

/// A lit head, seen straight on.
pub(crate) struct Portrait {
    pub canvas: Canvas,
    /// Linear luminance.
    pub lit: Vec<f32>,
    /// 1 where the head, neck or hair hides the wall.
    pub cover: Vec<f32>,
    /// Height of the smoothed head without hair, for the camera's parallax.
    pub relief: Vec<f32>,
    /// In iBUG order.
    pub landmarks: [Point; 68],
}

impl Portrait {
    /// Draws `person` showing `aus` in the light of `scene`, `density` grid points per half interocular distance.
    pub fn draw(person: &Identity, aus: &AuState, scene: &Scene, density: f32) -> Self {
        let face = Face::new(person, aus);
        let canvas = Canvas::new(density);
        let mut surface = Surface::new(canvas, &face);
        wrinkles::add_wrinkles(&mut surface, &face);
        let relief = canvas.box_mean(&surface.z, 0.15);
        skin::colour(&mut surface, &face);
        hair::grow(&mut surface, &face, &relief);
        let mut lit = light::shade(&surface, scene);
        openings::paint_eyes(canvas, &mut lit, &face, scene);
        openings::paint_mouth(canvas, &mut lit, &face, scene);
        Self {
            canvas,
            lit,
            cover: surface.cover,
            relief,
            landmarks: landmarks::landmarks(&face),
        }
    }
}
