//! The head's relief: height above the picture plane, the parts it covers, and how wrinkles cut into it.

use crate::face::canvas::Canvas;
use crate::face::features::{Face, Half};
use crate::face::noise::Noise;
use crate::geometry::{Area, Point, around, bell, curve, hill, mix, p, spanning, step};

/// The surface on the frontal grid, before any light.
pub(crate) struct Surface {
    pub canvas: Canvas,
    /// Height towards the camera, half interocular distances.
    pub z: Vec<f32>,
    /// Linear reflectance.
    pub albedo: Vec<f32>,
    /// Strength of the specular highlight.
    pub gloss: Vec<f32>,
    /// 1 where the head, neck or hair hides the wall.
    pub cover: Vec<f32>,
    /// 1 on the skin of the face (without neck and ears).
    pub skin: Vec<f32>,
    /// Unevenness of creases.
    uneven: Noise,
}

/// Height of the wall behind the head.
const BEHIND: f32 = -1.4;

impl Surface {
    /// Neck, ears and the smooth head.
    pub fn new(canvas: Canvas, face: &Face) -> Self {
        let mut surface = Self {
            canvas,
            z: canvas.buffer(BEHIND),
            albedo: canvas.buffer(face.person.skin),
            gloss: canvas.buffer(0.0),
            cover: canvas.buffer(0.0),
            skin: canvas.buffer(0.0),
            uneven: Noise::new(face.person.texture, 14),
        };
        surface.add_neck(face);
        for half in &face.halves {
            surface.add_ear(face, half.sign);
        }
        surface.add_head(face);
        for half in &face.halves {
            surface.add_brow_and_eye(face, half);
        }
        surface.add_nose(face);
        surface.add_cheeks(face);
        surface.add_mouth_and_chin(face);
        surface
    }

    fn add_neck(&mut self, face: &Face) {
        let (canvas, blur) = (self.canvas, self.canvas.blur());
        canvas.visit(&[-3.3..3.3, 1.0..5.0], |i, x, y| {
            let half = face.person.neck + 0.10 * step(3.6, 2.0, y) + 0.45 * step(3.3, 5.4, y);
            let r = (x / half).abs();
            let round = (1.0 - r.min(1.0).powi(2)).sqrt();
            let tendon = 0.05 * bell((x.abs() - 0.62 - 0.08 * (4.8 - y)) / 0.16);
            let mask = step(blur, -blur, x.abs() - half);
            let z = -1.15 + 0.95 * round + tendon - 0.1 * (y - face.chin).min(0.0);
            self.cover(i, mask, z);
            self.gloss[i] = 0.3 * mask;
        });
    }

    fn add_ear(&mut self, face: &Face, sign: f32) {
        let (canvas, blur) = (self.canvas, self.canvas.blur());
        let y0 = 0.42;
        let center = p(sign * (face.outline(y0) + 0.01), y0);
        let (rx, ry) = (0.24 * face.person.ear, 0.68 * face.person.ear);
        canvas.visit(&around(center, 0.6, 1.1), |i, x, y| {
            let dy = (y - y0) / ry;
            let dx = (x - center.x - sign * 0.06 * -dy) / (rx * (1.0 - 0.25 * dy));
            let r = (dx * dx + dy * dy).sqrt();
            let rim = 0.16 * bell((r - 0.82) / 0.16) - 0.22 * bell((r - 0.45) / 0.3);
            self.cover(i, step(blur, -blur, (r - 1.0) * rx), -0.15 + rim);
        });
    }

    fn add_head(&mut self, face: &Face) {
        let (canvas, blur) = (self.canvas, self.canvas.blur());
        let area = [-3.3..3.3, -face.person.crown..face.chin];
        // The narrow chin recedes less to its sides than the wide cheeks.
        let row = |y: f32| {
            let (half, depth) = (face.outline(y).max(1e-3), depth_at(face, y));
            (half, depth, depth * (0.35 + 0.31 * half).min(1.0))
        };
        canvas.visit_rows(&area, row, |&(half, depth, recess), i, x, _| {
            let r = (x.abs() / half).min(1.0);
            let mask = step(blur, -blur, x.abs() - half);
            if mask > 0.0 {
                // Flatter in front than an ellipse, as faces are.
                let front = (1.0 - r * r * r.sqrt()).sqrt();
                self.cover(i, mask, depth - recess * (1.0 - front));
                self.skin[i] = mask;
                self.gloss[i] = face.person.shine;
            }
        });
    }

    fn cover(&mut self, i: usize, mask: f32, z: f32) {
        self.z[i] += (z - self.z[i]) * mask;
        self.cover[i] = self.cover[i].max(mask);
    }

    /// Adds `height(x, y)` where the face is.
    pub fn raise(&mut self, area: &Area, height: impl Fn(f32, f32) -> f32) {
        self.canvas.visit(area, |i, x, y| {
            if self.skin[i] > 0.0 {
                self.z[i] += self.skin[i] * height(x, y);
            }
        });
    }

    /// Darkens a bell-shaped spot of half-widths `w` and `h` by a share.
    pub fn darken(&mut self, at: Point, (w, h): (f32, f32), share: f32) {
        self.canvas.visit(&around(at, 2.2 * w, 2.2 * h), |i, x, y| {
            self.albedo[i] *= 1.0 - share * hill(x - at.x, y - at.y, w, h);
        });
    }

    /// Adds a bell-shaped bump of half-widths `w` and `h`.
    pub fn bump(&mut self, at: Point, (w, h): (f32, f32), height: f32) {
        let area = around(at, 2.2 * w, 2.2 * h);
        self.raise(&area, |x, y| height * hill(x - at.x, y - at.y, w, h));
    }

    /// Cuts a crease along the quadratic Bézier curve of three points.
    ///
    /// `width` is the furrow's half-width; the skin beside it bulges in proportion to its `depth`. `lean` is the side
    /// that bulges more: +1 right of the direction of travel, −1 left, 0 both equally.
    pub fn crease(&mut self, points: [Point; 3], width: f32, depth: f32, lean: f32) {
        if depth < 0.0015 {
            return;
        }
        let line = polyline(points);
        self.canvas.visit(&spanning(&line, 5.0 * width), |i, x, y| {
            if self.skin[i] <= 0.0 {
                return;
            }
            let (distance, t) = nearest(&line, p(x, y));
            if distance.abs() > 5.0 * width {
                return;
            }
            // Uneven along its way, running out softly at both ends.
            let taper =
                (4.0 * t * (1.0 - t)).max(0.0) * (1.0 + 0.35 * self.uneven.at(4.0 * x, 4.0 * y));
            let d = distance / width;
            let furrow = (-d * d).exp();
            let bulge = |center: f32| (-((d - center) / 1.5).powi(2)).exp();
            let sides = (0.45 + 0.35 * lean) * bulge(2.2) + (0.45 - 0.35 * lean) * bulge(-2.2);
            self.z[i] += self.skin[i] * depth * taper * (sides - furrow);
            self.albedo[i] *= 1.0 - (1.8 * depth * taper * furrow).min(0.3);
        });
    }

    fn add_brow_and_eye(&mut self, face: &Face, half: &Half) {
        self.raise(&spanning(&half.brow_line(), 0.6), |x, y| {
            let ax = x * half.sign;
            let d = y - half.brow_at(ax) - 0.05;
            let window = step(0.05, 0.5, ax) * step(2.15, 1.4, ax);
            face.person.brow_ridge * window * bell(d / 0.22)
        });
        let at = |x: f32, y: f32| half.eye.center.shifted(x, y).mirrored(half.sign);
        self.bump(at(-0.02, -0.06), (0.62, 0.40), -face.person.socket);
        self.bump(at(-0.50, 0.0), (0.28, 0.36), -0.10);
        self.bump(at(0.0, 0.0), (0.40, 0.30), 0.17);
        self.add_lids(half);
    }

    fn add_lids(&mut self, half: &Half) {
        let eye = half.eye;
        let area = around(eye.center.mirrored(half.sign), eye.half_width * 1.25, 0.75);
        let lids = eye.columns(self.canvas, half.sign);
        self.canvas.visit(&area, |i, _, y| {
            let lid = lids[i % lids.len()];
            let window = step(1.25, 0.85, lid.along.abs());
            let (above, below) = (lid.top - y, y - lid.bottom);
            let fold = above - (0.06 + eye.fold);
            let crease = match eye.fold > 0.015 {
                true => -0.040 * bell(fold / 0.045) + 0.045 * bell((fold - 0.10) / 0.10),
                false => 0.04 * bell((above - 0.06) / 0.09),
            };
            // A closed lid is stretched over the eyeball: its fold opens.
            let crease = crease * mix(0.35, 1.0, step(0.02, 0.16, lid.bottom - lid.top));
            let rim = 0.035 * (bell((above - 0.03) / 0.04) + bell((below - 0.03) / 0.05));
            self.z[i] += self.skin[i] * window * (crease + rim);
        });
    }

    fn add_nose(&mut self, face: &Face) {
        // Height and half-width down the ridge, as curves over y.
        let (person, tip, base) = (face.person, face.nose_tip, face.nose_base);
        let (high, bridge, ball) = (person.nose_height, person.nose_bridge, person.nose_ball);
        let root = [p(-0.80, 0.0), p(-0.35, 0.10 * high), p(-0.02, 0.26 * high)];
        let bone = p(0.42 * tip, 0.56 * high + person.nose_hump);
        let back = [bone, p(0.78 * tip, 0.82 * high)];
        let end = [(0.1, 0.92), (0.65, 0.62), (1.2, 0.20)];
        let end = end.map(|(t, share)| p(mix(tip, base, t), share * high));
        let ridge = [&root[..], &back, &end, &[p(base + 0.24, 0.0)]].concat();
        let across = [(-0.1, 0.02), (0.5 * tip, 0.04), (tip, 0.02)];
        let across = across.map(|(y, more)| p(y, bridge + more));
        let widths = [&[p(-0.8, 0.5)], &across[..], &[p(base, 0.11)]].concat();
        let (canvas, area) = (self.canvas, [-1.1..1.1, -0.8..base + 0.24]);
        let foot = |y: f32| 0.4 * step(tip, 0.3 * tip, y);
        let row = |y: f32| (curve(&ridge, y), curve(&widths, y), foot(y));
        canvas.visit_rows(&area, row, |&(height, width, foot), i, x, _| {
            // The flanks run out into the cheeks.
            let across = mix(bell(x / width), bell(0.5 * x / width), foot);
            self.z[i] += self.skin[i] * height * across;
        });
        self.bump(p(0.0, tip + 0.05), (ball, 0.85 * ball), 0.22);
        for half in &face.halves {
            let at = |x: f32, y: f32| half.ala.shifted(x, y).mirrored(half.sign);
            self.bump(at(-0.06, 0.0), (0.16, 0.15), 0.26);
            self.bump(at(-0.16, -0.02), (0.07, 0.12), -0.04);
            // The wing's own furrow.
            let around = [at(-0.04, -0.20), at(0.20, -0.06), at(0.10, 0.20)];
            self.crease(around, 0.06, 0.05, 0.0);
        }
    }

    fn add_cheeks(&mut self, face: &Face) {
        let drop = face.jaw_drop;
        for half in &face.halves {
            let at = |q: Point| q.mirrored(half.sign);
            self.bump(at(p(1.50, 0.80)), (0.52, 0.52), face.person.cheekbone);
            self.bump(at(half.cheek), (0.46, 0.40), half.cheek_rise + 0.04);
            let hollow = face.person.cheek_full - 0.12 * drop;
            self.bump(at(p(1.35, 2.0 + 0.3 * drop)), (0.45, 0.55), hollow);
            self.bump(at(p(1.95, -0.7)), (0.4, 0.6), -0.10);
        }
        self.bump(p(0.0, -1.5), (1.2, 0.7), 0.10);
    }

    fn add_mouth_and_chin(&mut self, face: &Face) {
        let (mouth, drop) = (&face.mouth, face.jaw_drop);
        let muzzle = (0.95, 0.62 + 0.4 * drop);
        self.bump(p(0.0, mouth.y + 0.3 * drop), muzzle, 0.20);
        let philtrum = p(0.0, 0.5 * (face.nose_base + mouth.y) - 0.12);
        self.bump(philtrum, (0.10, 0.22), -0.035);
        self.bump(philtrum.shifted(-0.15, 0.05), (0.08, 0.22), 0.02);
        self.bump(philtrum.shifted(0.15, 0.05), (0.08, 0.22), 0.02);
        self.add_lips(face);
        let below = mouth.y + mouth.open_down + mouth.thick_lower;
        self.bump(p(0.0, below + 0.14), (0.48, 0.13), -0.13);
        let boss = p(0.0, 0.45 * below + 0.55 * face.chin);
        self.bump(boss, (0.42, 0.32), face.person.chin_boss);
    }

    fn add_lips(&mut self, face: &Face) {
        let mouth = &face.mouth;
        face.visit_lips(self.canvas, |i, _, y, edges| {
            let roll = |from: f32, to: f32, height: f32| {
                let v = (y - from) / (to - from).max(1e-3);
                height * (4.0 * v * (1.0 - v)).max(0.0).sqrt()
            };
            let fade = (1.0 - edges.across.powi(3)).max(0.0);
            let upper = roll(edges.top, edges.inner_top, 0.35 * mouth.thick_upper);
            let lower = roll(edges.inner_bottom, edges.bottom, 0.50 * mouth.thick_lower);
            self.z[i] += fade * self.skin[i] * (upper + lower);
        });
        for corner in mouth.corners {
            self.bump(corner, (0.12, 0.12), -0.07);
        }
    }
}

/// Depth of the head's front at height `y`: flat over the face, falling off to crown and chin.
fn depth_at(face: &Face, y: f32) -> f32 {
    let (up, down) = ((-y / face.person.crown, 2.8), (y / face.chin, 9.0));
    let (t, power): (f32, f32) = if y < 0.0 { up } else { down };
    2.1 * (1.0 - t.min(1.0).powf(power)).sqrt()
}

/// Straight pieces of a crease.
const SEGMENTS: usize = 8;

fn polyline([a, b, c]: [Point; 3]) -> [Point; SEGMENTS + 1] {
    std::array::from_fn(|k| {
        let t = k as f32 / SEGMENTS as f32;
        let u = 1.0 - t;
        let along = |a: f32, b: f32, c: f32| u * u * a + 2.0 * u * t * b + t * t * c;
        p(along(a.x, b.x, c.x), along(a.y, b.y, c.y))
    })
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
