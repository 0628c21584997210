//! The lips and the gap between them.

use crate::geometry::{Point, SIGNS, bell, mix, p, step};
use crate::person::au::AuState;
use crate::person::identity::Identity;

/// The lips and the gap between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mouth {
    /// Height of the line between the lips in the middle, where x is 0.
    pub y: f32,
    /// Image left then right.
    pub corners: [Point; 2],
    pub thick_upper: f32,
    pub thick_lower: f32,
    pub open_up: f32,
    pub open_down: f32,
    /// 0: the gap is a slit as in a smile; 1: an oval as in a dropped jaw.
    round: f32,
    cupid: f32,
    /// How far the middle of the upper lip is drawn up, beyond its corners (AU 9, 10).
    lift: f32,
    /// How far the middle of the lower lip is drawn down (AU 16).
    drop: f32,
    /// Lower edge of the upper teeth, fixed to the skull.
    pub teeth_y: f32,
}

/// The four edges of the lips at one x, top to bottom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LipEdges {
    pub top: f32,
    pub inner_top: f32,
    pub inner_bottom: f32,
    pub bottom: f32,
    /// Position across the half mouth: 0 centre, 1 corner.
    pub across: f32,
}

/// By how much action units thin the upper and the lower lip, as shares.
const THINNING: [(u8, f32, f32); 7] = [
    (12, 0.30, 0.22),
    (23, 0.50, 0.45),
    (24, 0.72, 0.68),
    (20, 0.25, 0.25),
    (27, 0.15, 0.20),
    (18, -0.35, -0.30),
    (17, 0.0, -0.12),
];

impl Mouth {
    pub fn new(person: &Identity, aus: &AuState, jaw_drop: f32) -> Self {
        let a = |au| aus.mean(au);
        let ajar = step(0.0, 0.35, a(25).max(a(27)).min(1.0));
        let rest_y = person.nose_base + person.mouth_y;
        let slack = jaw_drop * (1.0 - ajar);
        let y = rest_y + 0.55 * slack - 0.05 * a(12) - 0.14 * a(17) - 0.05 * a(15) - 0.06 * a(10);
        let up = 0.03 + 0.14 * a(12) + 0.16 * a(10) + 0.08 * a(9) + 0.03 * a(27) + 0.03 * a(20);
        let down = 0.03 + 0.09 * a(25) + 0.93 * jaw_drop + 0.16 * a(16) + 0.06 * a(20);
        let smile = a(12).min(1.0);
        let left = |loss: f32, au| 1.0 - loss * aus.mean(au).min(1.0);
        let thin = THINNING.map(|(au, upper, lower)| (left(upper, au), left(lower, au)));
        Self {
            y: y - 0.03 * a(9) + 0.02 * a(24),
            corners: [0, 1].map(|side| corner(person, aus, side, rest_y, jaw_drop)),
            thick_upper: person.lip_upper * thin.iter().map(|kept| kept.0).product::<f32>(),
            thick_lower: person.lip_lower * thin.iter().map(|kept| kept.1).product::<f32>(),
            open_up: ajar * up,
            open_down: ajar * (down + 0.09 * a(12) - 0.08 * a(17)).max(0.02),
            lift: 0.13 * a(10) + 0.06 * a(9) + 0.03 * a(11),
            drop: 0.12 * a(16),
            round: (a(27) + 0.6 * a(26) + a(18)).min(1.0) * (1.0 - 0.7 * smile),
            cupid: person.cupid * (1.0 - 0.7 * smile),
            teeth_y: rest_y + 0.06,
        }
    }

    /// The lips' edges at `x`, or `None` beyond the corners.
    pub fn edges(&self, x: f32) -> Option<LipEdges> {
        let corner = self.corners[usize::from(x > 0.0)];
        let s = x.abs() / corner.x.abs();
        if s > 1.0 {
            return None;
        }
        let ellipse = (1.0 - s * s).sqrt();
        let bend = mix(s.powf(1.7), 1.0 - ellipse, self.round);
        // The upper lip's tubercle presses into the lower lip.
        let tubercle = 0.02 * bell(s / 0.22);
        let line = self.y + (corner.y - self.y) * bend + tubercle;
        let gap = (1.0 - s * s).powf(mix(0.75, 0.5, self.round));
        // A pull on the middle third: the lip's edge bends beside it (FACS on AU 10).
        let pull = step(0.95, 0.30, s);
        let bow = 1.0 - self.cupid * bell(s / 0.14) + 0.35 * self.cupid * bell((s - 0.3) / 0.2);
        let inner_top = line - self.open_up * gap;
        let inner_bottom = line + self.open_down * gap;
        let upper = self.thick_upper * bow * (1.0 - s.powf(1.9)).powf(0.9);
        let lower = self.thick_lower * (1.0 - s.powf(2.1)).powf(0.85);
        Some(LipEdges {
            top: inner_top - upper - self.lift * pull,
            inner_top,
            inner_bottom,
            bottom: inner_bottom + lower + self.drop * pull,
            across: s,
        })
    }
}

fn corner(person: &Identity, aus: &AuState, side: usize, rest_y: f32, jaw_drop: f32) -> Point {
    let a = |au| aus.at(side, au);
    let out = person.mouth_half_width + 0.28 * a(12) + 0.30 * a(20) + 0.14 * a(14) + 0.03 * a(15);
    let drawn_in = out - 0.18 * a(23) - 0.05 * a(24) - 0.17 * a(27) - 0.06 * a(26) - 0.32 * a(18);
    let rest = rest_y + person.mouth_corner + person.asymmetry[side][2];
    let pulled = rest - 0.38 * a(12) + 0.38 * a(15) + 0.08 * a(20) - 0.26 * a(14);
    let raised = pulled - 0.05 * a(10) - 0.03 * a(11) - 0.06 * a(9) + 0.05 * a(17);
    p(SIGNS[side] * drawn_in.max(0.3), raised + 0.38 * jaw_drop)
}
