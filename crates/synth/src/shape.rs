//! Where everything lies: an identity's features after its action units have moved them.
//!
//! Every rule names the action unit it draws; amounts are displacements at intensity E in half
//! interocular distances (about 31 mm), our reading of the FACS manual's descriptions.

use crate::au::AuState;
use crate::canvas::Canvas;
use crate::geometry::{Point, bell, curve, mix, p, step};
use crate::identity::Identity;

/// Sign of x on the picture's left and right half.
pub(crate) const SIGNS: [f32; 2] = [-1.0, 1.0];

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
    /// −1 at the inner, 1 at the outer corner; beyond, the edges are the corner's.
    pub along: f32,
    pub top: f32,
    pub bottom: f32,
}

impl Eye {
    /// Position along the eye: −1 at the inner, 1 at the outer corner.
    pub fn along(&self, x: f32) -> f32 {
        (x - self.center.x) / self.half_width
    }

    fn base(&self, t: f32) -> f32 {
        self.center.y + 0.03 * bell((t + 1.0) / 0.4) - self.tilt * t
    }

    /// Height of the upper lid's edge at `t` in [−1, 1].
    pub fn upper_lid(&self, t: f32) -> f32 {
        let skewed = t + 0.12 * (1.0 - t * t);
        self.base(t) - self.upper * (1.0 - skewed.abs().min(1.0).powf(2.3)).powf(0.75)
    }

    /// Height of the lower lid's edge at `t` in [−1, 1].
    pub fn lower_lid(&self, t: f32) -> f32 {
        let skewed = t - 0.12 * (1.0 - t * t);
        let edge = self.base(t) + self.lower * (1.0 - skewed.abs().min(1.0).powf(2.4)).powf(0.8);
        edge.max(self.upper_lid(t) + 0.012)
    }

    /// The lids over every column of `canvas`; `sign` is that of x on this half.
    pub fn columns(&self, canvas: &Canvas, sign: f32) -> Vec<Lids> {
        canvas.per_column(|x| {
            let along = self.along(x * sign);
            let inside = along.clamp(-1.0, 1.0);
            Lids {
                along,
                top: self.upper_lid(inside),
                bottom: self.lower_lid(inside),
            }
        })
    }

    pub fn point(&self, t: f32, upper: bool) -> Point {
        let y = if upper {
            self.upper_lid(t)
        } else {
            self.lower_lid(t)
        };
        p(self.center.x + t * self.half_width, y)
    }
}

/// The lips and the gap between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mouth {
    pub center: Point,
    /// Corners as offsets from the centre's x (outwards positive) and absolute y, image left then right.
    pub corner: [Point; 2],
    pub thick_upper: f32,
    pub thick_lower: f32,
    pub open_up: f32,
    pub open_down: f32,
    /// 0: the gap is a slit as in a smile; 1: an oval as in a dropped jaw.
    pub round: f32,
    pub cupid: f32,
    /// How far the middle of the upper lip is drawn up, beyond its corners (AU 9, 10).
    pub lift: f32,
    /// How far the middle of the lower lip is drawn down (AU 16).
    pub drop: f32,
    /// Lower edge of the upper teeth, fixed to the skull.
    pub teeth_y: f32,
    /// Upper edge of the lower teeth, fixed to the jaw.
    pub lower_teeth_y: f32,
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

impl Mouth {
    /// The lips' edges at `x`, or `None` beyond the corners.
    pub fn edges(&self, x: f32) -> Option<LipEdges> {
        let dx = x - self.center.x;
        let corner = self.corner[usize::from(dx > 0.0)];
        let s = dx.abs() / corner.x;
        if s > 1.0 {
            return None;
        }
        let ellipse = (1.0 - s * s).sqrt();
        let bend = mix(s.powf(1.7), 1.0 - ellipse, self.round);
        // The upper lip's tubercle presses into the lower lip.
        let tubercle = 0.02 * bell(s / 0.22);
        let line = self.center.y + (corner.y - self.center.y) * bend + tubercle;
        let gap = (1.0 - s * s).powf(mix(0.75, 0.5, self.round));
        // A pull on the middle third: the lip's edge bends beside it (FACS on AU 10).
        let pull = step(0.95, 0.30, s);
        let bow = 1.0 - self.cupid * bell(s / 0.14) + 0.35 * self.cupid * bell((s - 0.3) / 0.2);
        let inner_top = line - self.open_up * gap;
        let inner_bottom = line + self.open_down * gap;
        Some(LipEdges {
            top: inner_top
                - self.thick_upper * bow * (1.0 - s.powf(1.9)).powf(0.9)
                - self.lift * pull,
            inner_top,
            inner_bottom,
            bottom: inner_bottom
                + self.thick_lower * (1.0 - s.powf(2.1)).powf(0.85)
                + self.drop * pull,
            across: s,
        })
    }

    pub fn corner_at(&self, side: usize) -> Point {
        p(
            self.center.x + SIGNS[side] * self.corner[side].x,
            self.corner[side].y,
        )
    }
}

/// One half of the upper and middle face in mirrored coordinates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Half {
    /// Brow line from the inner to the outer end.
    pub brow: [Point; 5],
    pub eye: Eye,
    pub ala: Point,
    pub cheek: Point,
    pub cheek_rise: f32,
}

/// All that the renderer needs to know about places.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub halves: [Half; 2],
    pub mouth: Mouth,
    pub half_width: f32,
    pub crown: f32,
    pub chin: f32,
    pub jaw_exponent: f32,
    pub jaw_drop: f32,
    pub nose_tip: f32,
    pub nose_base: f32,
}

/// Height at which the head is widest.
const WIDEST: f32 = -0.35;

impl Shape {
    pub fn new(person: &Identity, aus: &AuState) -> Self {
        let mean = |au| 0.5 * (aus.at(0, au) + aus.at(1, au));
        let jaw_drop = 0.30 * mean(26) + 0.80 * mean(27);
        Self {
            halves: [0, 1].map(|side| half(person, aus, side)),
            mouth: mouth(person, aus, jaw_drop),
            half_width: person.half_width,
            crown: person.crown,
            chin: person.chin + jaw_drop - 0.10 * mean(17) - 0.03 * mean(24),
            jaw_exponent: person.jaw,
            jaw_drop,
            nose_tip: person.nose_base - 0.30 - 0.06 * mean(9) - 0.03 * mean(12) - 0.02 * mean(10),
            nose_base: person.nose_base - 0.07 * mean(9) - 0.03 * mean(12) - 0.04 * mean(10)
                + 0.03 * mean(27),
        }
    }

    /// Half the head's width at height `y`; 0 above the crown and below the chin.
    pub fn outline(&self, y: f32) -> f32 {
        let (t, exponent, power) = if y < WIDEST {
            ((WIDEST - y) / (WIDEST + self.crown), 2.8, 0.5)
        } else {
            ((y - WIDEST) / (self.chin - WIDEST), self.jaw_exponent, 0.52)
        };
        if t >= 1.0 {
            return 0.0;
        }
        self.half_width * (1.0 - t.powf(exponent)).powf(power)
    }

    /// The 68 points in iBUG order, in face coordinates.
    pub fn landmarks(&self) -> [Point; 68] {
        let mut points = [Point::default(); 68];
        self.place_jaw(&mut points[..17]);
        for (side, half) in self.halves.iter().enumerate() {
            let sign = SIGNS[side];
            for (k, brow) in half.brow.iter().enumerate() {
                let index = if side == 0 { 21 - k } else { 22 + k };
                points[index] = brow.mirrored(sign);
            }
            place_eye(&mut points[36 + 6 * side..42 + 6 * side], &half.eye, side);
        }
        self.place_nose(&mut points[27..36]);
        self.place_mouth(&mut points[48..68]);
        points
    }

    fn place_jaw(&self, points: &mut [Point]) {
        const TOP: f32 = -0.1;
        for (i, point) in points.iter_mut().enumerate() {
            let t = (i as f32 - 8.0) / 8.0;
            let angle = t.abs() * std::f32::consts::FRAC_PI_2;
            let y = TOP + (self.chin - TOP) * angle.cos().max(0.0).powf(0.95);
            *point = p(self.outline(y).copysign(t) * t.abs().sqrt().min(1.0), y);
            if i == 8 {
                *point = p(0.0, self.chin);
            }
        }
    }

    fn place_nose(&self, points: &mut [Point]) {
        for (i, point) in points[..4].iter_mut().enumerate() {
            *point = p(0.0, mix(0.02, self.nose_tip, i as f32 / 3.0));
        }
        let [left, right] = [0, 1].map(|side: usize| self.halves[side].ala.mirrored(SIGNS[side]));
        let base = p(0.0, self.nose_base);
        points[4] = left.shifted(0.06, 0.12);
        points[5] = p(0.5 * left.x, base.y - 0.02);
        points[6] = base;
        points[7] = p(0.5 * right.x, base.y - 0.02);
        points[8] = right.shifted(-0.06, 0.12);
    }

    fn place_mouth(&self, points: &mut [Point]) {
        const OUTER_TOP: [f32; 5] = [-0.62, -0.28, 0.0, 0.28, 0.62];
        const OUTER_BOTTOM: [f32; 5] = [0.62, 0.32, 0.0, -0.32, -0.62];
        const INNER: [f32; 3] = [-0.42, 0.0, 0.42];
        let mouth = &self.mouth;
        let at = |s: f32, pick: fn(&LipEdges) -> f32| {
            let side = usize::from(s > 0.0);
            let x = mouth.center.x + s * mouth.corner[side].x;
            let y = mouth.edges(x).map_or(mouth.center.y, |edges| pick(&edges));
            p(x, y)
        };
        points[0] = mouth.corner_at(0);
        points[6] = mouth.corner_at(1);
        for k in 0..5 {
            points[1 + k] = at(OUTER_TOP[k], |e| e.top);
            points[7 + k] = at(OUTER_BOTTOM[k], |e| e.bottom);
        }
        points[12] = at(-0.9, |e| 0.5 * (e.inner_top + e.inner_bottom));
        points[16] = at(0.9, |e| 0.5 * (e.inner_top + e.inner_bottom));
        for k in 0..3 {
            points[13 + k] = at(INNER[k], |e| e.inner_top);
            points[17 + k] = at(-INNER[k], |e| e.inner_bottom);
        }
    }
}

fn place_eye(points: &mut [Point], eye: &Eye, side: usize) {
    // iBUG goes clockwise from the picture's left corner, so the outer corner comes first on the left only.
    let order = if side == 0 {
        [1.0, 0.35, -0.35, -1.0, -0.35, 0.35]
    } else {
        [-1.0, -0.35, 0.35, 1.0, 0.35, -0.35]
    };
    for (k, &t) in order.iter().enumerate() {
        points[k] = eye.point(t, k < 3).mirrored(SIGNS[side]);
    }
}

fn half(person: &Identity, aus: &AuState, side: usize) -> Half {
    let a = |au| aus.at(side, au);
    let [brow_shift, eye_shift, _, cheek_shift] = person.asymmetry[side];
    let nose_width = person.nose_width + 0.05 * a(9) + 0.05 * a(12) + 0.02 * a(10) - 0.02 * a(27);
    Half {
        brow: brow(person, aus, side, brow_shift),
        eye: eye(person, aus, side, eye_shift),
        ala: p(
            nose_width,
            person.nose_base - 0.20 - 0.20 * a(9) - 0.07 * a(10) - 0.04 * a(12),
        ),
        cheek: p(
            1.28 + 0.04 * a(12),
            1.08 + cheek_shift - 0.24 * a(6) - 0.12 * a(12) - 0.10 * a(9),
        ),
        cheek_rise: 0.12 * a(6) + 0.15 * a(12) + 0.06 * a(9) + 0.04 * a(10)
            - 0.10 * a(27)
            - 0.05 * a(18),
    }
}

fn brow(person: &Identity, aus: &AuState, side: usize, shift: f32) -> [Point; 5] {
    let a = |au| aus.at(side, au);
    let inner = person.brow_inner;
    let outer = 1.66;
    [0.0, 0.25, 0.5, 0.75, 1.0f32].map(|t| {
        let x = mix(inner, outer, t);
        let arch = person.brow_arch * (1.0 - ((t - 0.62) / 0.62).powi(2));
        let rest = -person.brow_y - arch - person.brow_tilt * (t - 0.5) + 0.10 * t + shift;
        let medial = bell((x - 0.40) / 0.47);
        let lateral = bell((x - 1.40) / 0.70);
        // With AU 1 the corrugator draws the heads together but cannot lower them.
        let lowering = a(4) * (1.0 - 0.75 * a(1).min(1.0));
        let y = rest - 0.37 * a(1) * medial - 0.32 * a(2) * lateral
            + lowering * (0.25 * medial + 0.11)
            + 0.15 * a(9) * medial
            + 0.05 * a(6) * lateral;
        p(x - 0.17 * a(4) * medial - 0.03 * a(9) * medial, y)
    })
}

fn eye(person: &Identity, aus: &AuState, side: usize, shift: f32) -> Eye {
    let a = |au| aus.at(side, au);
    let raised = 0.5 * (a(1) + a(2));
    let open = person.eye_upper + 0.17 * a(5) + 0.02 * raised
        - 0.055 * a(7)
        - 0.03 * a(6)
        - 0.035 * a(4) * (1.0 - a(5).min(1.0))
        - 0.05 * a(9);
    let lower = person.eye_lower + 0.02 * a(5) - 0.115 * a(7) - 0.085 * a(6) - 0.06 * a(9);
    Eye {
        center: p(person.eye_x, shift),
        half_width: person.eye_half_width,
        tilt: person.eye_tilt,
        upper: mix(open.max(0.05), -0.08, a(43).min(1.0)),
        lower: lower.max(0.025),
        // The fold stays where it is when the lid comes down from it.
        fold: (person.lid_fold + 0.10 * raised - 0.08 * a(4) - 0.05 * a(6) - 0.05 * a(5)).max(0.0)
            + 0.17 * a(43).min(1.0),
    }
}

fn mouth(person: &Identity, aus: &AuState, jaw_drop: f32) -> Mouth {
    let a = |au| 0.5 * (aus.at(0, au) + aus.at(1, au));
    let parted = a(25).max(a(27)).min(1.0);
    let ajar = step(0.0, 0.35, parted);
    let rest_y = person.nose_base + person.mouth_y;
    let slack = jaw_drop * (1.0 - ajar);
    let center_y = rest_y + 0.55 * slack
        - 0.05 * a(12)
        - 0.14 * a(17)
        - 0.05 * a(15)
        - 0.06 * a(10)
        - 0.03 * a(9)
        + 0.02 * a(24);
    let shrink = |keep: &[(u8, f32)]| {
        keep.iter()
            .map(|&(au, loss)| 1.0 - loss * a(au).min(1.0))
            .product::<f32>()
    };
    Mouth {
        center: p(0.0, center_y),
        corner: [0, 1].map(|side| corner(person, aus, side, rest_y, jaw_drop)),
        thick_upper: person.lip_upper
            * shrink(&[
                (12, 0.30),
                (23, 0.50),
                (24, 0.72),
                (20, 0.25),
                (27, 0.15),
                (18, -0.35),
            ]),
        thick_lower: person.lip_lower
            * shrink(&[
                (12, 0.22),
                (23, 0.45),
                (24, 0.68),
                (20, 0.25),
                (27, 0.20),
                (18, -0.30),
                (17, -0.12),
            ]),
        open_up: ajar
            * (0.03 + 0.14 * a(12) + 0.16 * a(10) + 0.08 * a(9) + 0.03 * a(27) + 0.03 * a(20)),
        open_down: ajar
            * (0.03 + 0.09 * a(25) + 0.93 * jaw_drop + 0.16 * a(16) + 0.06 * a(20) + 0.09 * a(12)
                - 0.08 * a(17))
            .max(0.02),
        lift: 0.13 * a(10) + 0.06 * a(9) + 0.03 * a(11),
        drop: 0.12 * a(16),
        round: (a(27) + 0.6 * a(26) + a(18)).min(1.0) * (1.0 - 0.7 * a(12).min(1.0)),
        cupid: person.cupid * (1.0 - 0.7 * a(12).min(1.0)),
        teeth_y: rest_y + 0.06,
        lower_teeth_y: rest_y + 0.06 + jaw_drop,
    }
}

fn corner(person: &Identity, aus: &AuState, side: usize, rest_y: f32, jaw_drop: f32) -> Point {
    let a = |au| aus.at(side, au);
    let out = person.mouth_half_width + 0.28 * a(12) + 0.30 * a(20) + 0.14 * a(14) + 0.03 * a(15)
        - 0.18 * a(23)
        - 0.05 * a(24)
        - 0.17 * a(27)
        - 0.06 * a(26)
        - 0.32 * a(18);
    let y = rest_y + person.mouth_corner + person.asymmetry[side][2] - 0.38 * a(12)
        + 0.38 * a(15)
        + 0.08 * a(20)
        - 0.26 * a(14)
        - 0.05 * a(10)
        - 0.03 * a(11)
        - 0.06 * a(9)
        + 0.05 * a(17)
        + 0.38 * jaw_drop;
    p(out.max(0.3), y)
}

impl Half {
    /// Height of the brow's middle line at mirrored `x`.
    pub fn brow_at(&self, x: f32) -> f32 {
        curve(&self.brow, x)
    }
}
