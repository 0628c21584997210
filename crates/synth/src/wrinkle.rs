//! Furrows, folds and bulges of the skin: where each action unit creases the face, and the lines of age.

use crate::au::AuState;
use crate::canvas::Canvas;
use crate::geometry::{Area, Point, hill, p};
use crate::identity::Identity;
use crate::noise::Noise;
use crate::shape::{SIGNS, Shape};
use crate::surface::Surface;

/// A crease along a quadratic Bézier curve.
struct Crease {
    points: [Point; 3],
    /// Half-width of the furrow.
    width: f32,
    /// Depth of the furrow; the skin beside it bulges in proportion.
    depth: f32,
    /// Which side bulges more: +1 right of the direction of travel, −1 left, 0 both alike.
    lean: f32,
}

const SEGMENTS: usize = 8;

impl Crease {
    fn polyline(&self) -> [Point; SEGMENTS + 1] {
        let [a, b, c] = self.points;
        std::array::from_fn(|k| {
            let t = k as f32 / SEGMENTS as f32;
            let u = 1.0 - t;
            p(
                u * u * a.x + 2.0 * u * t * b.x + t * t * c.x,
                u * u * a.y + 2.0 * u * t * b.y + t * t * c.y,
            )
        })
    }

    fn cut(&self, canvas: &Canvas, surface: &mut Surface) {
        if self.depth < 0.0015 {
            return;
        }
        let line = self.polyline();
        let area = Area::spanning(&line, 5.0 * self.width);
        canvas.visit(&area, |i, x, y| {
            if surface.face[i] <= 0.0 {
                return;
            }
            let (distance, t) = nearest(&line, p(x, y));
            if distance.abs() > 5.0 * self.width {
                return;
            }
            let taper = (4.0 * t * (1.0 - t)).max(0.0).sqrt();
            let d = distance / self.width;
            let furrow = (-d * d).exp();
            let bulge = |center: f32| (-((d - center) / 1.5).powi(2)).exp();
            let sides =
                (0.45 + 0.35 * self.lean) * bulge(2.2) + (0.45 - 0.35 * self.lean) * bulge(-2.2);
            surface.z[i] += surface.face[i] * self.depth * taper * (sides - furrow);
            surface.albedo[i] *= 1.0 - (2.2 * self.depth * taper * furrow).min(0.4);
        });
    }
}

/// Signed distance (positive right of travel, y down) and parameter of the nearest point of a polyline.
fn nearest(line: &[Point], q: Point) -> (f32, f32) {
    let (mut best, mut signed, mut at) = (f32::MAX, 0.0, 0.0);
    for (k, pair) in line.windows(2).enumerate() {
        let (dx, dy) = (pair[1].x - pair[0].x, pair[1].y - pair[0].y);
        let (ex, ey) = (q.x - pair[0].x, q.y - pair[0].y);
        let t = ((ex * dx + ey * dy) / (dx * dx + dy * dy).max(1e-9)).clamp(0.0, 1.0);
        let (fx, fy) = (ex - t * dx, ey - t * dy);
        let squared = fx * fx + fy * fy;
        if squared < best {
            best = squared;
            let sign = if dx * ey - dy * ex >= 0.0 { 1.0 } else { -1.0 };
            signed = sign * squared.sqrt();
            at = (k as f32 + t) / (line.len() - 1) as f32;
        }
    }
    (signed, at)
}

/// Creases and bulges of one picture.
pub(crate) fn add_wrinkles(
    canvas: &Canvas,
    surface: &mut Surface,
    person: &Identity,
    shape: &Shape,
    aus: &AuState,
) {
    let mut creases = forehead(person, shape, aus);
    for side in 0..2 {
        creases.extend(brow_and_nose(person, shape, aus, side));
        creases.extend(eye(person, shape, aus, side));
        creases.extend(cheek_and_mouth(person, shape, aus, side));
    }
    creases.extend(lips_and_chin(person, shape, aus));
    for crease in &creases {
        crease.cut(canvas, surface);
    }
    add_bulges(canvas, surface, person, shape, aus);
}

/// AU 1 and 2: horizontal lines over the raised part of the brows.
fn forehead(person: &Identity, shape: &Shape, aus: &AuState) -> Vec<Crease> {
    let [rest, ..] = person.lines;
    let noise = Noise::new(person.texture, 11);
    let (inner, lateral) = (
        [0, 1].map(|side| aus.at(side, 1)),
        [0, 1].map(|side| aus.at(side, 2)),
    );
    let middle = 0.5 * (inner[0] + inner[1]);
    // The skin that folds rides on the brows.
    let heads = 0.5 * (shape.halves[0].brow_at(0.6) + shape.halves[1].brow_at(0.6));
    let mut creases = Vec::new();
    for k in 0..4 {
        let row = k as f32;
        let strength = 1.0 - 0.15 * row + 0.3 * noise.at(row, 0.5);
        let above = 0.30 + 0.22 * row + 0.05 * noise.at(row, 7.0);
        let y = heads - above;
        let depth = |au: f32| strength * (0.044 * au * person.folding + 0.009 * rest);
        creases.push(Crease {
            points: [
                p(-0.95, y - 0.02),
                p(0.0, y + 0.06 - 0.12 * middle),
                p(0.95, y - 0.02),
            ],
            width: 0.05,
            depth: depth(middle),
            lean: 0.0,
        });
        for (side, half) in shape.halves.iter().enumerate() {
            let at = |x: f32, dy: f32| p(SIGNS[side] * x, y + dy);
            let tops = [0.55, 1.20, 1.70].map(|x| half.brow_at(x) - above - y);
            creases.push(Crease {
                points: [
                    at(0.50, tops[0]),
                    at(1.15, tops[1] - 0.06),
                    at(1.75, tops[2] + 0.06),
                ],
                width: 0.05,
                depth: depth(lateral[side]),
                lean: 0.0,
            });
        }
    }
    creases
}

/// AU 4: furrows between the brows; AU 9: wrinkles along the nose.
fn brow_and_nose(person: &Identity, shape: &Shape, aus: &AuState, side: usize) -> Vec<Crease> {
    let a = |au| aus.at(side, au);
    let sign = SIGNS[side];
    let fold = person.folding;
    let brow = shape.halves[side].brow[0];
    let at = |x: f32, y: f32| p(sign * x, y);
    // Most people have one of the two lines deeper than the other.
    let uneven = 1.0 + 0.45 * Noise::new(person.texture, 13).at(0.5 + 3.0 * side as f32, 0.5);
    let frown = 0.070 * uneven * a(4) * fold + 0.030 * a(9) * fold + 0.012 * person.lines[1];
    let mut creases = vec![
        Crease {
            points: [
                at(0.20, brow.y - 0.34),
                at(0.12, brow.y),
                at(0.15, brow.y + 0.36),
            ],
            width: 0.05,
            depth: frown,
            lean: 0.0,
        },
        Crease {
            points: [at(0.0, -0.22), at(0.14, -0.20), at(0.30, -0.12)],
            width: 0.05,
            depth: 0.05 * a(9) * fold + 0.022 * a(4) * fold,
            lean: 0.0,
        },
    ];
    for k in 0..3 {
        let y = 0.10 + 0.17 * k as f32;
        creases.push(Crease {
            points: [at(0.02, y - 0.02), at(0.20, y - 0.02), at(0.40, y + 0.16)],
            width: 0.04,
            depth: 0.058 * a(9) * fold * (1.0 - 0.2 * k as f32),
            lean: 0.0,
        });
    }
    creases
}

/// AU 6: crow's feet and the pouch below the lid; AU 7 and 9: a tight lower lid.
fn eye(person: &Identity, shape: &Shape, aus: &AuState, side: usize) -> Vec<Crease> {
    let a = |au| aus.at(side, au);
    let eye = shape.halves[side].eye;
    let fold = person.folding;
    let at = |t: f32, dy: f32| {
        p(eye.center.x + t * eye.half_width, eye.center.y + dy).mirrored(SIGNS[side])
    };
    let pouch = 0.030 * a(6) + 0.030 * a(7) + 0.022 * a(9);
    let mut creases = vec![
        Crease {
            points: [at(-1.0, 0.18), at(-0.1, 0.44 - 0.06 * a(6)), at(0.9, 0.24)],
            width: 0.045,
            depth: fold * pouch + 0.014 * person.lines[2] + 0.005,
            lean: -SIGNS[side] * 0.6,
        },
        Crease {
            points: [at(-1.05, 0.32), at(-0.35, 0.72), at(0.6, 0.66 - 0.1 * a(6))],
            width: 0.085,
            depth: fold * (0.040 * a(6) + 0.020 * a(9) + 0.022 * a(10)) + 0.008 * person.lines[2],
            // The cheek that is pushed up bulges below its furrow.
            lean: SIGNS[side] * 0.9,
        },
    ];
    for (k, (rise, run)) in [(-0.30, 0.55), (-0.10, 0.80), (0.12, 0.85), (0.32, 0.62)]
        .into_iter()
        .enumerate()
    {
        creases.push(Crease {
            points: [
                at(1.14, rise * 0.45),
                at(1.42, rise * 0.7),
                at(1.16 + run, rise * 1.35),
            ],
            width: 0.042,
            depth: fold * 0.042 * (a(6) + 0.25 * a(7)) * (1.0 - 0.12 * k as f32)
                + 0.006 * person.lines[2] * person.age,
            lean: 0.0,
        });
    }
    creases
}

/// Nasolabial fold (AU 6, 9, 10, 11, 12, 20), dimple (14, 12), lines below the corner (15, 17), stretch lines (20).
fn cheek_and_mouth(person: &Identity, shape: &Shape, aus: &AuState, side: usize) -> Vec<Crease> {
    let a = |au| aus.at(side, au);
    let sign = SIGNS[side];
    let fold = person.folding;
    let corner = shape.mouth.corner_at(side);
    let ala = shape.halves[side].ala.mirrored(sign);
    let c = |x: f32, y: f32| corner.shifted(sign * x, y);
    let gap = 0.20 + 0.05 * a(12) + 0.04 * a(20);
    vec![
        Crease {
            points: [
                ala.shifted(sign * 0.14, -0.06),
                p(
                    0.45 * ala.x + 0.55 * corner.x + sign * (0.24 + 0.10 * a(10) + 0.06 * a(9)),
                    0.6 * ala.y + 0.4 * corner.y,
                ),
                c(gap, 0.10 + 0.12 * a(12)),
            ],
            width: 0.065,
            depth: fold * (0.060 * a(12) + 0.055 * a(9) + 0.055 * a(10) + 0.020 * a(6))
                + fold * (0.024 * a(11) + 0.012 * a(20))
                + 0.018 * person.lines[3]
                + 0.006,
            lean: -sign * 0.9,
        },
        Crease {
            points: [
                middle_of_fold(shape, side).shifted(-sign * 0.06, -0.26),
                middle_of_fold(shape, side).shifted(sign * 0.06, 0.0),
                middle_of_fold(shape, side).shifted(sign * 0.10, 0.30),
            ],
            width: 0.065,
            depth: fold * 0.050 * a(11),
            lean: -sign * 0.9,
        },
        Crease {
            points: [c(0.06, -0.22), c(0.20, 0.0), c(0.06, 0.24)],
            width: 0.06,
            depth: fold * (0.12 * a(14) + 0.020 * a(12)),
            // Travelling down, the cheek lies to the right on the picture's left.
            lean: -sign * 0.8,
        },
        Crease {
            points: [c(-0.01, 0.03), c(0.09, 0.18), c(0.02, 0.38)],
            width: 0.055,
            depth: fold * (0.052 * a(15) + 0.020 * a(17)) + 0.010 * person.lines[3] * person.age,
            lean: 0.0,
        },
        Crease {
            points: [c(0.14, -0.30), c(0.26, 0.05), c(0.14, 0.50)],
            width: 0.065,
            depth: fold * 0.042 * a(20),
            lean: -sign * 0.4,
        },
        Crease {
            points: [ala.shifted(sign * 0.26, 0.1), c(0.34, -0.30), c(0.36, 0.35)],
            width: 0.07,
            depth: fold * 0.035 * a(27),
            lean: -sign * 0.4,
        },
    ]
}

/// Halfway from the nose's wing to the corner of the mouth, where the nasolabial fold passes.
fn middle_of_fold(shape: &Shape, side: usize) -> Point {
    let (ala, corner) = (
        shape.halves[side].ala.mirrored(SIGNS[side]),
        shape.mouth.corner_at(side),
    );
    p(
        0.5 * (ala.x + corner.x) + 0.20 * SIGNS[side],
        0.5 * (ala.y + corner.y) - 0.05,
    )
}

/// AU 17: the curved line over the chin; AU 18, 23: lines across the lips; AU 24: the lips' pressed rims.
fn lips_and_chin(person: &Identity, shape: &Shape, aus: &AuState) -> Vec<Crease> {
    let a = |au| 0.5 * (aus.at(0, au) + aus.at(1, au));
    let fold = person.folding;
    let mouth = shape.mouth;
    let bottom = mouth.center.y + mouth.open_down + mouth.thick_lower;
    let arc = bottom + 0.16;
    let mut creases = vec![Crease {
        points: [
            p(-0.52, arc + 0.22),
            p(0.0, arc - 0.14),
            p(0.52, arc + 0.22),
        ],
        width: 0.06,
        depth: fold * (0.085 * a(17) + 0.015 * a(24)),
        lean: 0.0,
    }];
    let reach = 0.75 * mouth.corner[0].x.min(mouth.corner[1].x);
    let top = mouth.center.y - mouth.open_up - mouth.thick_upper;
    for (y, bow) in [(top - 0.06, -0.04), (bottom + 0.05, 0.04)] {
        creases.push(Crease {
            points: [
                p(-reach, mouth.center.y),
                p(0.0, y + bow),
                p(reach, mouth.center.y),
            ],
            width: 0.05,
            depth: fold * (0.048 * a(24) + 0.020 * a(23)),
            lean: 0.0,
        });
    }
    for k in -3i32..=3 {
        let x = 0.15 * k as f32;
        creases.push(Crease {
            points: [
                p(1.2 * x, top - 0.15),
                p(x, mouth.center.y),
                p(1.2 * x, bottom + 0.12),
            ],
            width: 0.035,
            depth: fold * (0.008 * a(23) + 0.014 * a(18)),
            lean: 0.0,
        });
    }
    creases
}

/// Soft masses: brow heads (AU 4), chin boss (17), lid bags (6, 7), lips' surroundings (24, 23), dimple pits (14).
fn add_bulges(
    canvas: &Canvas,
    surface: &mut Surface,
    person: &Identity,
    shape: &Shape,
    aus: &AuState,
) {
    for (side, half) in shape.halves.iter().enumerate() {
        let a = |au| aus.at(side, au);
        let sign = SIGNS[side];
        let brow = half.brow[0].shifted(0.06, 0.04).mirrored(sign);
        surface.bump(canvas, brow, (0.24, 0.17), 0.13 * a(4) + 0.05 * a(9));
        let eye = half.eye;
        let bag = eye.center.shifted(0.0, eye.lower + 0.12).mirrored(sign);
        surface.bump(canvas, bag, (0.36, 0.09), 0.045 * a(6) + 0.055 * a(7));
        let corner = shape.mouth.corner_at(side);
        let pit = corner.shifted(0.10 * sign, 0.0);
        surface.bump(canvas, pit, (0.10, 0.15), -0.11 * a(14) - 0.02 * a(12));
        // The skin that the buccinator bunches up beside the corner.
        let bunch = corner.shifted(0.34 * sign, 0.02);
        surface.bump(canvas, bunch, (0.17, 0.24), 0.10 * a(14));
        // AU 11 deepens the middle of the nasolabial fold and puffs the cheek beside it.
        let puff = middle_of_fold(shape, side).shifted(0.20 * sign, -0.06);
        surface.bump(canvas, puff, (0.20, 0.20), 0.07 * a(11) + 0.03 * a(10));
        let jowl = corner.shifted(-0.08 * sign, 0.28);
        surface.bump(canvas, jowl, (0.18, 0.18), 0.045 * a(15) + 0.03 * a(17));
    }
    let a = |au| 0.5 * (aus.at(0, au) + aus.at(1, au));
    let mouth = shape.mouth;
    let top = mouth
        .center
        .shifted(0.0, -mouth.open_up - mouth.thick_upper - 0.12);
    surface.bump(
        canvas,
        top,
        (0.55, 0.12),
        0.08 * a(24) + 0.04 * a(23) + 0.10 * a(18),
    );
    let low = mouth
        .center
        .shifted(0.0, mouth.open_down + mouth.thick_lower + 0.12);
    surface.bump(
        canvas,
        low,
        (0.5, 0.12),
        0.09 * a(24) + 0.04 * a(23) + 0.08 * a(18) - 0.05 * a(16),
    );
    pit_chin(canvas, surface, person, shape, a(17));
}

/// AU 17: the chin boss flattens and its skin dimples like an orange's.
fn pit_chin(canvas: &Canvas, surface: &mut Surface, person: &Identity, shape: &Shape, raise: f32) {
    if raise <= 0.01 {
        return;
    }
    let center = p(0.0, shape.chin - 0.55);
    let noise = Noise::new(person.texture, 12);
    let depth = 0.065 * raise * person.folding;
    surface.raise(canvas, &Area::around(center, 1.0, 0.6), |x, y| {
        let near = hill(x, y - center.y, 0.44, 0.30);
        near * (0.10 * raise + depth * noise.fractal(6.0 * x, 6.0 * y, 2))
    });
}
