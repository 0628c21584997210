//! The opening between the lids.

use crate::face::canvas::Canvas;
use crate::geometry::{Point, bell, mix, p};
use crate::person::au::AuState;
use crate::person::identity::Identity;

/// One eye in mirrored coordinates (x grows outwards).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eye {
    pub center: Point,
    pub half_width: f32,
    pub tilt: f32,
    pub upper: f32,
    pub lower: f32,
    pub fold: f32,
}

/// The opening between the lids at one x.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lids {
    /// −1 at the inner, 1 at the outer corner; beyond them, the corner's value.
    pub along: f32,
    pub top: f32,
    pub bottom: f32,
}

impl Eye {
    /// The eye of one half of the face, `shift` lower than the line of the pupils.
    pub fn new(person: &Identity, aus: &AuState, side: usize, shift: f32) -> Self {
        let a = |au| aus.at(side, au);
        let raised = 0.5 * (a(1) + a(2));
        let wide = person.eye_upper + 0.17 * a(5) + 0.02 * raised - 0.055 * a(7) - 0.03 * a(6);
        let open = wide - 0.035 * a(4) * (1.0 - a(5).min(1.0)) - 0.05 * a(9);
        let lower = person.eye_lower + 0.02 * a(5) - 0.115 * a(7) - 0.085 * a(6) - 0.06 * a(9);
        let fold = person.lid_fold + 0.10 * raised - 0.08 * a(4) - 0.05 * a(6) - 0.05 * a(5);
        let shut = a(43).min(1.0);
        Self {
            center: p(person.eye_x, shift),
            half_width: person.eye_half_width,
            tilt: person.eye_tilt,
            upper: mix(open.max(0.05), -0.08, shut),
            lower: lower.max(0.025),
            // The fold stays in place when the lid closes.
            fold: fold.max(0.0) + 0.17 * shut,
        }
    }

    /// Heights of the upper and the lower lid's edge at `t` in [−1, 1], from the inner to the outer corner.
    fn lids(&self, t: f32) -> [f32; 2] {
        let base = self.center.y + 0.03 * bell((t + 1.0) / 0.4) - self.tilt * t;
        let skewed = |by: f32| (t + by * (1.0 - t * t)).abs().min(1.0);
        let top = base - self.upper * (1.0 - skewed(0.12).powf(2.3)).powf(0.75);
        let bottom = base + self.lower * (1.0 - skewed(-0.12).powf(2.4)).powf(0.8);
        [top, bottom.max(top + 0.012)]
    }

    /// The lids over every column of `canvas`; `sign` is that of x on this half.
    pub fn columns(&self, canvas: Canvas, sign: f32) -> Vec<Lids> {
        canvas.per_column(|x| {
            let along = (x * sign - self.center.x) / self.half_width;
            let [top, bottom] = self.lids(along.clamp(-1.0, 1.0));
            Lids { along, top, bottom }
        })
    }

    /// A point of a lid's edge, in mirrored coordinates.
    pub fn edge(&self, t: f32, upper: bool) -> Point {
        let [top, bottom] = self.lids(t);
        let y = if upper { top } else { bottom };
        p(self.center.x + t * self.half_width, y)
    }
}
