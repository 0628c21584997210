//! Places of a person's features after action units have moved them.
//!
//! Every rule names the action unit it draws; amounts are displacements at intensity E in half
//! interocular distances (about 31 mm), our reading of the FACS manual's descriptions.

use crate::face::canvas::Canvas;
use crate::geometry::{Point, SIGNS, bell, curve, mix, p, step};
use crate::person::au::AuState;
use crate::person::identity::Identity;

/// A person who shows action units.
pub(crate) struct Face<'a> {
    pub person: &'a Identity,
    /// Action units as shown by this person: strength times the person's gains.
    pub aus: AuState,
    /// Image left then right.
    pub halves: [Half; 2],
    pub mouth: Mouth,
    pub chin: f32,
    /// Share of the head's half-width from the forehead down to the chin.
    widths: [Point; 6],
    pub jaw_drop: f32,
    pub nose_tip: f32,
    pub nose_base: f32,
}

/// One half of the upper and middle face in mirrored coordinates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Half {
    /// Sign of x in the picture.
    pub sign: f32,
    /// Brow line from the inner to the outer end.
    pub brow: [Point; 5],
    pub eye: Eye,
    /// Wing of the nose.
    pub ala: Point,
    pub cheek: Point,
    pub cheek_rise: f32,
}

impl<'a> Face<'a> {
    pub fn new(person: &'a Identity, aus: &AuState) -> Self {
        let aus = aus.scaled(&person.gains);
        let a = |au| aus.mean(au);
        let jaw_drop = 0.30 * a(26) + 0.80 * a(27);
        let nose_base = person.nose_base - 0.07 * a(9) - 0.03 * a(12) - 0.04 * a(10);
        let chin = person.chin + jaw_drop - 0.10 * a(17) - 0.03 * a(24);
        let widths = [
            p(-1.8, person.forehead),
            p(-0.9, mix(person.forehead, 1.0, 0.6)),
            p(0.3, 1.0),
            p(1.1, mix(person.jaw, 1.0, 0.72)),
            p(0.64 * person.chin + 0.35 * jaw_drop, person.jaw),
            p(chin - 0.3, person.chin_width),
        ];
        Self {
            person,
            halves: [0, 1].map(|side| Half::new(person, &aus, side)),
            mouth: Mouth::new(person, &aus, jaw_drop),
            chin,
            widths,
            jaw_drop,
            nose_tip: nose_base - person.nose_turn + 0.01 * a(9) + 0.02 * a(10),
            nose_base: nose_base + 0.03 * a(27),
            aus,
        }
    }

    /// Half the head's width at height `y`; 0 above the crown and below the chin.
    pub fn outline(&self, y: f32) -> f32 {
        let person = self.person;
        let (t, power) = match y < 0.0 {
            true => (-y / person.crown, 2.8),
            false => (y / self.chin, 9.0),
        };
        person.half_width * curve(&self.widths, y) * (1.0 - t.min(1.0).powf(power)).sqrt()
    }

    /// Calls `paint(index, x, y, edges)` for every grid point between the corners of the mouth, from above its middle
    /// down to the chin.
    pub fn visit_lips(&self, canvas: Canvas, mut paint: impl FnMut(usize, f32, f32, &LipEdges)) {
        let [left, right] = self.mouth.corners.map(|corner| corner.x);
        let area = [left..right, self.mouth.y - 1.0..self.chin];
        let columns = canvas.per_column(|x| self.mouth.edges(x));
        canvas.visit(&area, |i, x, y| {
            if let Some(edges) = &columns[i % columns.len()] {
                paint(i, x, y, edges);
            }
        });
    }
}

impl Half {
    fn new(person: &Identity, aus: &AuState, side: usize) -> Self {
        let a = |au| aus.at(side, au);
        let [brow_shift, eye_shift, _, cheek_shift] = person.asymmetry[side];
        let nose_width = person.nose_width + 0.05 * a(9) + 0.05 * a(12) + 0.02 * a(10);
        let nose_y = person.nose_base - 0.20 - 0.20 * a(9) - 0.07 * a(10) - 0.04 * a(12);
        let cheek_y = 1.08 + cheek_shift - 0.24 * a(6) - 0.12 * a(12) - 0.10 * a(9);
        let cheek_rise = 0.12 * a(6) + 0.15 * a(12) + 0.06 * a(9) + 0.04 * a(10);
        Self {
            sign: SIGNS[side],
            brow: brow(person, aus, side, brow_shift),
            eye: Eye::new(person, aus, side, eye_shift),
            ala: p(nose_width - 0.02 * a(27), nose_y),
            cheek: p(1.28 + 0.04 * a(12), cheek_y),
            cheek_rise: cheek_rise - 0.10 * a(27) - 0.05 * a(18),
        }
    }

    /// Height of the brow's middle line at mirrored `x`.
    pub fn brow_at(&self, x: f32) -> f32 {
        curve(&self.brow, x)
    }

    /// The picture's points of the brow, inner to outer end.
    pub fn brow_line(&self) -> [Point; 5] {
        self.brow.map(|q| q.mirrored(self.sign))
    }
}

fn brow(person: &Identity, aus: &AuState, side: usize, shift: f32) -> [Point; 5] {
    let a = |au| aus.at(side, au);
    [0.0, 0.25, 0.5, 0.75, 1.0f32].map(|t| {
        let x = mix(person.brow_inner, 1.66, t);
        let arch = person.brow_arch * (1.0 - ((t - 0.62) / 0.62).powi(2));
        let rest = -person.brow_y - arch - person.brow_tilt * (t - 0.5) + 0.10 * t + shift;
        let medial = bell((x - 0.40) / 0.47);
        let lateral = bell((x - 1.40) / 0.70);
        // With AU 1 the corrugator draws the heads together but cannot lower them.
        let lowering = a(4) * (1.0 - 0.75 * a(1).min(1.0));
        let raised = rest - 0.37 * a(1) * medial - 0.32 * a(2) * lateral;
        let frown = raised + lowering * (0.25 * medial + 0.11) + 0.15 * a(9) * medial;
        let x = x - 0.17 * a(4) * medial - 0.03 * a(9) * medial;
        p(x, frown + 0.05 * a(6) * lateral)
    })
}

/// One eye in mirrored coordinates (x grows outwards).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eye {
    pub center: Point,
    pub half_width: f32,
    pub tilt: f32,
    pub upper: f32,
    pub lower: f32,
    pub fold: f32,
    peak: f32,
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
        let shut = (1.25 * a(43)).min(1.0);
        Self {
            center: p(person.eye_x, shift),
            half_width: person.eye_half_width,
            tilt: person.eye_tilt,
            upper: mix(open.max(0.05), -0.08, shut),
            lower: lower.max(0.025),
            // The fold stays in place when the lid closes.
            fold: fold.max(0.0) + 0.17 * shut,
            peak: person.eye_peak,
        }
    }

    /// Heights of the upper and the lower lid's edge at `t` in [−1, 1], from the inner to the outer corner.
    fn lids(&self, t: f32) -> [f32; 2] {
        let base = self.center.y + 0.03 * bell((t + 1.0) / 0.4) - self.tilt * t;
        let skewed = |by: f32| (t + by * (1.0 - t * t)).abs().min(1.0);
        let top = base - self.upper * (1.0 - skewed(self.peak).powf(2.3)).powf(0.75);
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

    /// A point of the edge of the upper (0) or lower (1) lid, in mirrored coordinates.
    pub fn edge(&self, t: f32, lid: usize) -> Point {
        p(self.center.x + t * self.half_width, self.lids(t)[lid])
    }
}

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
            teeth_y: rest_y + 0.10,
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
    let out = person.mouth_half_width + 0.28 * a(12) + 0.30 * a(20) + 0.13 * a(14) + 0.03 * a(15);
    let drawn_in = out - 0.18 * a(23) - 0.05 * a(24) - 0.17 * a(27) - 0.06 * a(26) - 0.32 * a(18);
    let rest = rest_y + person.mouth_corner + person.asymmetry[side][2];
    let pulled = rest - 0.38 * a(12) + 0.32 * a(15) + 0.08 * a(20) - 0.24 * a(14);
    let raised = pulled - 0.05 * a(10) - 0.03 * a(11) - 0.06 * a(9) + 0.05 * a(17);
    p(SIGNS[side] * drawn_in.max(0.3), raised + 0.38 * jaw_drop)
}
