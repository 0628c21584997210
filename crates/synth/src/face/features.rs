//! Places of a person's features after action units have moved them.
//!
//! Every rule names the action unit it draws; amounts are displacements at intensity E in half
//! interocular distances (about 31 mm), our reading of the FACS manual's descriptions.

use crate::face::canvas::Canvas;
use crate::face::eye::Eye;
use crate::face::mouth::{LipEdges, Mouth};
use crate::geometry::{Point, SIGNS, bell, curve, mix, p};
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

/// Height at which the head is widest.
const WIDEST: f32 = -0.35;

impl<'a> Face<'a> {
    pub fn new(person: &'a Identity, aus: &AuState) -> Self {
        let aus = aus.scaled(&person.gains);
        let a = |au| aus.mean(au);
        let jaw_drop = 0.30 * a(26) + 0.80 * a(27);
        let nose_base = person.nose_base - 0.07 * a(9) - 0.03 * a(12) - 0.04 * a(10);
        Self {
            person,
            halves: [0, 1].map(|side| Half::new(person, &aus, side)),
            mouth: Mouth::new(person, &aus, jaw_drop),
            chin: person.chin + jaw_drop - 0.10 * a(17) - 0.03 * a(24),
            jaw_drop,
            nose_tip: person.nose_base - 0.30 - 0.06 * a(9) - 0.03 * a(12) - 0.02 * a(10),
            nose_base: nose_base + 0.03 * a(27),
            aus,
        }
    }

    /// Half the head's width at height `y`; 0 above the crown and below the chin.
    pub fn outline(&self, y: f32) -> f32 {
        let person = self.person;
        let (t, exponent, power) = match y < WIDEST {
            true => ((WIDEST - y) / (WIDEST + person.crown), 2.8, 0.5),
            false => ((y - WIDEST) / (self.chin - WIDEST), person.jaw, 0.52),
        };
        person.half_width * (1.0 - t.min(1.0).powf(exponent)).powf(power)
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
