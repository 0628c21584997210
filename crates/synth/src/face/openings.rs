//! Eyes and the inside of the mouth, painted over the lit skin.

use crate::face::canvas::Canvas;
use crate::face::features::{Face, Lids};
use crate::face::light::local_light;
use crate::face::noise::Noise;
use crate::geometry::{Point, around, bell, hill, mix, p, step};
use crate::person::identity::Identity;
use crate::scene::Scene;

/// Radius of the iris: 11.7 mm across in nearly everyone.
const IRIS: f32 = 0.188;

/// Eyeballs with lids' shadow and lashes.
pub(crate) fn paint_eyes(canvas: Canvas, lit: &mut [f32], face: &Face, scene: &Scene) {
    let soft = 0.9 / canvas.density;
    for half in &face.halves {
        let mut eye = half.eye;
        eye.upper = mix(eye.upper, -eye.lower, scene.blink);
        let center = eye.center.mirrored(half.sign);
        let lids = eye.columns(canvas, half.sign);
        canvas.visit(&around(center, 1.35 * eye.half_width, 0.6), |i, x, y| {
            let lid = &lids[i % lids.len()];
            let open = step(-soft, soft, y - lid.top)
                * step(soft, -soft, y - lid.bottom)
                * step(1.0 + soft, 1.0 - soft, lid.along.abs());
            if open > 0.0 {
                let ball = eyeball(face.person, scene, lid, center, p(x, y));
                lit[i] = mix(lit[i], ball, open);
            }
            lit[i] *= 1.0 - lashes(face.person, lid, y);
        });
    }
}

/// Luminance of the eyeball at `q`.
fn eyeball(person: &Identity, scene: &Scene, lid: &Lids, center: Point, q: Point) -> f32 {
    let (light, ambient) = (local_light(scene), scene.ambient);
    let (below, above) = (q.y - lid.top, lid.bottom - q.y);
    let (dx, dy) = ((q.x - center.x) / 0.55, (q.y - center.y) / 0.45);
    let front = (1.0 - dx * dx - dy * dy).max(0.0).sqrt();
    let facing = front * light[2] + dx * light[0] + dy * light[1];
    let shadow = 1.0 - 0.50 * step(0.14, 0.0, below) - 0.12 * step(0.05, 0.0, above);
    let level = ambient + (1.0 - ambient) * facing.max(0.0);
    let caruncle = 1.0 - 0.35 * step(-0.78, -0.95, lid.along);
    // Relaxed lids cover the top of the iris and touch its lower border.
    let pupil = center.shifted(scene.gaze[0], scene.gaze[1] - 0.055);
    let [gx, gy] = [0, 1].map(|axis| 0.35 * IRIS * light[axis] / 0.5);
    let glint = pupil.shifted(gx, gy);
    let spark = 0.9 * bell(((q.x - glint.x).hypot(q.y - glint.y)) / 0.032);
    let ball = iris_and_white(person, q.x - pupil.x, q.y - pupil.y);
    ball * level * shadow * caruncle + spark * step(0.0, 0.05, below)
}

/// Reflectance of the eyeball at an offset from the pupil.
fn iris_and_white(person: &Identity, dx: f32, dy: f32) -> f32 {
    let r = dx.hypot(dy);
    let sclera = eye_white(person) - 0.05 * step(0.3, 0.5, r);
    let angle = dy.atan2(dx);
    let rays = Noise::new(person.texture, 31);
    let streak = rays.at(6.0 * angle.cos() + 9.0, 6.0 * angle.sin() + 5.0 * r);
    let ring = 1.0 - 0.35 * bell((r - IRIS) / 0.05);
    let iris = person.iris * (1.0 + 0.3 * streak) * ring + 0.01;
    let colour = mix(0.006, iris, step(0.062, 0.082, r));
    mix(colour, sclera, step(IRIS - 0.03, IRIS + 0.02, r))
}

/// Reflectance of the white of the eye. Partly following the skin's keeps it from glaring at an exposure set for dark
/// skin, as a camera's limited range does.
fn eye_white(person: &Identity) -> f32 {
    0.38 * (person.skin / 0.45).powf(0.55)
}

/// Darkening by lashes and lid rims.
fn lashes(person: &Identity, lid: &Lids, y: f32) -> f32 {
    let (above, below) = (y - lid.top, lid.bottom - y);
    let window = step(1.12, 0.92, lid.along.abs());
    let wide = 0.026 + 0.022 * person.lashes * step(-0.6, 0.9, lid.along);
    let upper = (0.45 + 0.4 * person.lashes) * bell((above + 0.2 * wide) / wide);
    let shut = step(0.06, 0.0, lid.bottom - lid.top);
    let lower = (0.20 + 0.25 * person.lashes) * bell((below + 0.01) / 0.02) * (1.0 - 0.5 * shut);
    (window * (upper + lower)).min(0.92)
}

/// Teeth, tongue and darkness between parted lips, and the seam of closed ones.
pub(crate) fn paint_mouth(canvas: Canvas, lit: &mut [f32], face: &Face, scene: &Scene) {
    let soft = 0.8 / canvas.density;
    let glow = scene.ambient + 0.65 * (1.0 - scene.ambient);
    face.visit_lips(canvas, |i, x, y, edges| {
        let (top, bottom) = (edges.inner_top, edges.inner_bottom);
        let open = step(-soft, soft, y - top) * step(soft, -soft, y - bottom);
        if bottom - top < 0.012 || open <= 0.0 {
            return;
        }
        // The upper lip shades the teeth, the cheeks shade the corners.
        let shade =
            mix(0.55, 1.0, step(0.0, 0.13, y - top)) * mix(1.0, 0.2, step(0.3, 1.0, edges.across));
        let cover = open * step(0.012, 0.03, bottom - top);
        lit[i] = mix(lit[i], interior(face, x, y) * glow * shade, cover);
    });
}

/// Reflectance inside the mouth: upper and lower teeth, tongue, and a throat that darkens inwards.
fn interior(face: &Face, x: f32, y: f32) -> f32 {
    let drop = face.jaw_drop;
    // The lower teeth are fixed to the jaw; with closed jaws the upper ones overlap them.
    let (upper_y, lower_y) = (face.mouth.teeth_y, face.mouth.teeth_y + 0.93 * drop - 0.08);
    let tooth = (x.abs() * (1.0 + 0.15 * x.abs()) / 0.26).fract() - 0.5;
    let seam = 1.0 - 0.30 * bell((tooth.abs() - 0.5) / 0.10);
    let (arch, corner) = (0.12 * x * x, 0.45 * tooth.powi(4));
    let upper = step(0.03, -0.02, y - upper_y + arch + corner);
    let below = step(0.0, 0.08, y - upper_y + arch);
    let lower = 0.75 * below * step(-0.02, 0.03, y - lower_y - arch - corner);
    let teeth = 0.75 * face.person.teeth * eye_white(face.person) / 0.4 * seam;
    let floor = y - lower_y + 0.06;
    let groove = 1.0 - 0.35 * bell(x / 0.07);
    let tongue = 0.14 * groove * hill(x, floor, 0.40, 0.10 + 0.32 * drop);
    let throat = 0.004 + 0.03 * (1.0 - hill(x, y - upper_y - 0.5 * drop, 0.5, 0.05 + 0.5 * drop));
    mix(throat + tongue, teeth, upper.max(lower))
}
