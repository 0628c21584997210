//! The head's relief: height above the picture plane, before any wrinkle, and what covers what.

use crate::canvas::Canvas;
use crate::geometry::{Area, Point, bell, curve, hill, mix, p, step};
use crate::identity::Identity;
use crate::shape::{Half, SIGNS, Shape};

/// Everything the light needs to know about each grid point.
pub(crate) struct Surface {
    /// Height towards the camera, half interocular distances.
    pub z: Vec<f32>,
    /// Linear reflectance.
    pub albedo: Vec<f32>,
    /// Strength of the specular highlight.
    pub gloss: Vec<f32>,
    /// 1 where the head, neck or hair hides the wall.
    pub cover: Vec<f32>,
    /// 1 on the skin of the face (without neck and ears).
    pub face: Vec<f32>,
}

/// Height of what lies behind the head.
const BEHIND: f32 = -1.4;

impl Surface {
    /// Neck, ears and the smooth head of `shape`.
    pub fn new(canvas: &Canvas, person: &Identity, shape: &Shape) -> Self {
        let mut surface = Self {
            z: canvas.buffer(BEHIND),
            albedo: canvas.buffer(person.skin),
            gloss: canvas.buffer(0.0),
            cover: canvas.buffer(0.0),
            face: canvas.buffer(0.0),
        };
        surface.add_neck(canvas, person, shape);
        for side in 0..2 {
            surface.add_ear(canvas, person, shape, side);
        }
        surface.add_head(canvas, person, shape);
        surface
    }

    fn add_neck(&mut self, canvas: &Canvas, person: &Identity, shape: &Shape) {
        let area = Area {
            left: -3.3,
            right: 3.3,
            top: 1.0,
            bottom: 5.0,
        };
        let (narrow, blur) = (person.neck, 1.2 / canvas.density);
        canvas.visit(&area, |i, x, y| {
            let half = narrow + 0.10 * step(3.6, 2.0, y) + 0.5 * 0.9 * step(3.3, 5.4, y);
            let r = (x / half).abs();
            let round = (1.0 - r.min(1.0).powi(2)).sqrt();
            let tendon = 0.05 * bell((x.abs() - 0.62 - 0.08 * (4.8 - y)) / 0.16);
            let mask = step(blur, -blur, x.abs() - half);
            self.cover(
                i,
                mask,
                -1.15 + 0.95 * round + tendon - 0.1 * (y - shape.chin).min(0.0),
            );
            self.gloss[i] = 0.3 * mask;
        });
    }

    fn add_ear(&mut self, canvas: &Canvas, person: &Identity, shape: &Shape, side: usize) {
        let y0 = 0.42;
        let center = p(SIGNS[side] * (shape.outline(y0) + 0.06), y0);
        let (rx, ry) = (0.24 * person.ear, 0.68 * person.ear);
        let blur = 1.2 / canvas.density;
        canvas.visit(&Area::around(center, 0.6, 1.1), |i, x, y| {
            let dy = (y - y0) / ry;
            let dx = (x - center.x - SIGNS[side] * 0.06 * -dy) / (rx * (1.0 - 0.25 * dy));
            let r = (dx * dx + dy * dy).sqrt();
            let rim = 0.16 * bell((r - 0.82) / 0.16) - 0.22 * bell((r - 0.45) / 0.3);
            self.cover(i, step(blur, -blur, (r - 1.0) * rx), -0.15 + rim);
        });
    }

    fn add_head(&mut self, canvas: &Canvas, person: &Identity, shape: &Shape) {
        let area = Area {
            left: -3.3,
            right: 3.3,
            top: -shape.crown,
            bottom: shape.chin,
        };
        let blur = 1.2 / canvas.density;
        let row = |y: f32| (shape.outline(y).max(1e-3), depth_at(shape, y));
        canvas.visit_rows(&area, row, |&(half, depth), i, x, _| {
            let r = (x.abs() / half).min(1.0);
            let mask = step(blur, -blur, x.abs() - half);
            if mask > 0.0 {
                // Flatter than an ellipse in front, as faces are.
                let z = depth * (1.0 - r * r * r.sqrt()).sqrt();
                self.cover(i, mask, z);
                self.face[i] = mask;
                self.gloss[i] = person.shine;
            }
        });
        self.add_brow_and_eyes(canvas, person, shape);
        self.add_nose(canvas, person, shape);
        self.add_cheeks(canvas, person, shape);
        self.add_mouth_and_chin(canvas, person, shape);
    }

    fn cover(&mut self, i: usize, mask: f32, z: f32) {
        self.z[i] += (z - self.z[i]) * mask;
        self.cover[i] = self.cover[i].max(mask);
    }

    /// Adds `height(x, y)` where the face is.
    pub fn raise(&mut self, canvas: &Canvas, area: &Area, height: impl Fn(f32, f32) -> f32) {
        canvas.visit(area, |i, x, y| {
            if self.face[i] > 0.0 {
                self.z[i] += self.face[i] * height(x, y);
            }
        });
    }

    /// Adds a bell-shaped bump.
    pub fn bump(&mut self, canvas: &Canvas, at: Point, size: (f32, f32), height: f32) {
        let area = Area::around(at, 2.2 * size.0, 2.2 * size.1);
        self.raise(canvas, &area, |x, y| {
            height * hill(x - at.x, y - at.y, size.0, size.1)
        });
    }

    fn add_brow_and_eyes(&mut self, canvas: &Canvas, person: &Identity, shape: &Shape) {
        for (half, sign) in shape.halves.iter().zip(SIGNS) {
            let rows = Area::spanning(&half.brow.map(|b| b.mirrored(sign)), 0.6);
            self.raise(canvas, &rows, |x, y| {
                let ax = x * sign;
                let d = y - half.brow_at(ax) - 0.05;
                let window = step(0.05, 0.5, ax) * step(2.15, 1.4, ax);
                person.brow_ridge * window * bell(d / 0.22)
            });
            let eye = half.eye.center;
            let at = |x: f32, y: f32| eye.shifted(x, y).mirrored(sign);
            self.bump(canvas, at(-0.02, -0.06), (0.62, 0.40), -person.socket);
            self.bump(canvas, at(-0.50, 0.0), (0.28, 0.36), -0.10);
            self.bump(canvas, at(0.0, 0.0), (0.40, 0.30), 0.17);
            self.add_lids(canvas, half, sign);
        }
    }

    fn add_lids(&mut self, canvas: &Canvas, half: &Half, sign: f32) {
        let eye = half.eye;
        let center = eye.center.mirrored(sign);
        let area = Area::around(center, eye.half_width * 1.25, 0.75);
        let lids = eye.columns(canvas, sign);
        canvas.visit(&area, |i, _, y| {
            let lid = lids[i % canvas.width];
            let window = step(1.25, 0.85, lid.along.abs());
            let (above, below) = (lid.top - y, y - lid.bottom);
            let fold = 0.06 + eye.fold;
            let crease = if eye.fold > 0.015 {
                -0.045 * bell((above - fold) / 0.035) + 0.035 * bell((above - fold - 0.08) / 0.08)
            } else {
                0.03 * bell((above - 0.06) / 0.08)
            };
            // A closed lid is stretched over the eyeball: its fold opens.
            let crease = crease * mix(0.35, 1.0, step(0.02, 0.16, lid.bottom - lid.top));
            let rim = 0.035 * (bell((above - 0.03) / 0.04) + bell((below - 0.03) / 0.05));
            self.z[i] += self.face[i] * window * (crease + rim);
        });
    }

    fn add_nose(&mut self, canvas: &Canvas, person: &Identity, shape: &Shape) {
        let (tip, base, high) = (shape.nose_tip, shape.nose_base, person.nose_height);
        let ridge = [
            p(-0.75, 0.0),
            p(-0.40, 0.06),
            p(-0.05, 0.15 * high),
            p(0.45 * tip, 0.46 * high),
            p(0.80 * tip, 0.74 * high),
            p(tip, 0.95 * high),
            p(tip + 0.12, 0.90 * high),
            p(base - 0.07, 0.55 * high),
            p(base + 0.14, 0.0),
        ];
        let widths = [
            p(-0.75, 0.36),
            p(-0.1, person.nose_bridge + 0.03),
            p(0.5 * tip, person.nose_bridge + 0.03),
            p(tip, person.nose_bridge + 0.11),
            p(base, person.nose_bridge + 0.08),
        ];
        let area = Area {
            left: -0.9,
            right: 0.9,
            top: -0.75,
            bottom: base + 0.14,
        };
        let row = |y: f32| (curve(&ridge, y), curve(&widths, y));
        canvas.visit_rows(&area, row, |&(height, width), i, x, _| {
            self.z[i] += self.face[i] * height * bell(x / width);
        });
        self.bump(canvas, p(0.0, tip + 0.02), (0.17, 0.17), 0.07);
        for (half, sign) in shape.halves.iter().zip(SIGNS) {
            let ala = half.ala.mirrored(sign);
            self.bump(canvas, ala.shifted(-0.05 * sign, 0.02), (0.15, 0.17), 0.30);
            self.bump(canvas, ala.shifted(0.14 * sign, 0.02), (0.07, 0.16), -0.08);
            self.bump(
                canvas,
                ala.shifted(-0.20 * sign, -0.05),
                (0.06, 0.12),
                -0.06,
            );
        }
    }

    fn add_cheeks(&mut self, canvas: &Canvas, person: &Identity, shape: &Shape) {
        for (half, sign) in shape.halves.iter().zip(SIGNS) {
            let bone = p(1.50, 0.85).mirrored(sign);
            self.bump(canvas, bone, (0.50, 0.42), person.cheekbone);
            self.bump(
                canvas,
                half.cheek.mirrored(sign),
                (0.46, 0.40),
                half.cheek_rise + 0.04,
            );
            let hollow = p(1.35, 2.0 + 0.3 * shape.jaw_drop).mirrored(sign);
            self.bump(
                canvas,
                hollow,
                (0.45, 0.55),
                person.cheek_full - 0.12 * shape.jaw_drop,
            );
            let temple = p(1.95, -0.7).mirrored(sign);
            self.bump(canvas, temple, (0.4, 0.6), -0.10);
        }
        self.bump(canvas, p(0.0, -1.5), (1.2, 0.7), 0.10);
    }

    fn add_mouth_and_chin(&mut self, canvas: &Canvas, person: &Identity, shape: &Shape) {
        let mouth = shape.mouth;
        let middle = mouth.center.shifted(0.0, 0.3 * shape.jaw_drop);
        self.bump(canvas, middle, (0.95, 0.62 + 0.4 * shape.jaw_drop), 0.20);
        let philtrum = p(0.0, 0.5 * (shape.nose_base + mouth.center.y) - 0.12);
        self.bump(canvas, philtrum, (0.10, 0.22), -0.035);
        for sign in SIGNS {
            self.bump(
                canvas,
                philtrum.shifted(0.15 * sign, 0.05),
                (0.08, 0.22),
                0.02,
            );
        }
        self.add_lips(canvas, shape);
        let below = mouth.center.y + mouth.open_down + mouth.thick_lower;
        let sulcus = p(0.0, below + 0.14);
        self.bump(canvas, sulcus, (0.48, 0.13), -0.13);
        let boss = p(0.0, 0.45 * below + 0.55 * shape.chin);
        self.bump(canvas, boss, (0.42, 0.32), person.chin_boss);
    }

    fn add_lips(&mut self, canvas: &Canvas, shape: &Shape) {
        let mouth = shape.mouth;
        let area = Area {
            left: mouth.center.x - mouth.corner[0].x,
            right: mouth.center.x + mouth.corner[1].x,
            top: mouth.center.y - 0.9,
            bottom: shape.chin,
        };
        let columns = canvas.per_column(|x| mouth.edges(x));
        canvas.visit(&area, |i, _, y| {
            let Some(edges) = columns[i % canvas.width] else {
                return;
            };
            let fade = (1.0 - edges.across.powi(3)).max(0.0);
            let roll = |from: f32, to: f32, height: f32| {
                let v = (y - from) / (to - from).max(1e-3);
                if (0.0..=1.0).contains(&v) {
                    height * (4.0 * v * (1.0 - v)).sqrt()
                } else {
                    0.0
                }
            };
            self.z[i] += fade
                * self.face[i]
                * (roll(edges.top, edges.inner_top, 0.35 * mouth.thick_upper)
                    + roll(edges.inner_bottom, edges.bottom, 0.50 * mouth.thick_lower))
        });
        for side in 0..2 {
            self.bump(canvas, mouth.corner_at(side), (0.12, 0.12), -0.07);
        }
    }
}

/// Depth of the head's front at height `y`: flat over the face, falling off to crown and chin.
fn depth_at(shape: &Shape, y: f32) -> f32 {
    let t = if y < 0.0 {
        -y / shape.crown
    } else {
        y / shape.chin
    };
    let power = if y < 0.0 { 2.8 } else { 9.0 };
    2.1 * (1.0 - t.min(1.0).powf(power)).sqrt()
}
