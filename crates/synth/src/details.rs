//! Eyes and the inside of the mouth, painted over the lit skin.

use crate::canvas::Canvas;
use crate::geometry::{Area, bell, hill, mix, step};
use crate::identity::Identity;
use crate::light::local_light;
use crate::noise::Noise;
use crate::scene::Scene;
use crate::shape::{Eye, Lids, SIGNS, Shape};

/// Radius of the iris: 11.7 mm across in nearly everyone.
const IRIS: f32 = 0.188;

/// Eyeballs with lids' shadow and lashes.
pub(crate) fn paint_eyes(
    canvas: &Canvas,
    lit: &mut [f32],
    person: &Identity,
    shape: &Shape,
    scene: &Scene,
) {
    for (half, sign) in shape.halves.iter().zip(SIGNS) {
        let mut eye = half.eye;
        eye.upper = mix(eye.upper, -eye.lower, scene.blink);
        paint_eye(canvas, lit, person, scene, &eye, sign);
    }
}

fn paint_eye(
    canvas: &Canvas,
    lit: &mut [f32],
    person: &Identity,
    scene: &Scene,
    eye: &Eye,
    sign: f32,
) {
    let light = local_light(scene);
    let center = eye.center.mirrored(sign);
    let pupil = center.shifted(scene.gaze[0], scene.gaze[1] - 0.015);
    let glint = pupil.shifted(0.35 * IRIS * light[0] / 0.5, 0.35 * IRIS * light[1] / 0.5);
    let rays = Noise::new(person.texture, 31);
    let soft = 0.9 / canvas.density;
    let area = Area::around(center, 1.35 * eye.half_width, 0.6);
    let lids = eye.columns(canvas, sign);
    canvas.visit(&area, |i, x, y| {
        let lid = lids[i % canvas.width];
        let (t, top, bottom) = (lid.along, lid.top, lid.bottom);
        let open = step(-soft, soft, y - top)
            * step(soft, -soft, y - bottom)
            * step(1.0 + soft, 1.0 - soft, t.abs());
        if open > 0.0 {
            let ball = eyeball(person, rays, (x - pupil.x, y - pupil.y));
            let (dx, dy) = ((x - center.x) / 0.55, (y - center.y) / 0.45);
            let facing = (1.0 - dx * dx - dy * dy).max(0.0).sqrt() * light[2]
                + dx * light[0]
                + dy * light[1];
            let shadow = 1.0 - 0.50 * step(0.14, 0.0, y - top) - 0.12 * step(0.05, 0.0, bottom - y);
            let level = scene.ambient + (1.0 - scene.ambient) * facing.max(0.0);
            let caruncle = 1.0 - 0.35 * step(-0.78, -0.95, t);
            let spark = 0.9 * bell(((x - glint.x).hypot(y - glint.y)) / 0.032);
            let value = ball * level * shadow * caruncle + spark * step(0.0, 0.05, y - top);
            lit[i] = mix(lit[i], value, open);
        }
        lit[i] *= 1.0 - lashes(person, &lid, y);
    });
}

/// Reflectance of the white of the eye. Following the skin's a little keeps it from glaring once the exposure
/// has been set for dark skin, as a camera's limited range does.
fn eye_white(person: &Identity) -> f32 {
    0.38 * (person.skin / 0.45).powf(0.55)
}

/// Reflectance of the eyeball at an offset from the pupil.
fn eyeball(person: &Identity, rays: Noise, (dx, dy): (f32, f32)) -> f32 {
    let r = dx.hypot(dy);
    let sclera = eye_white(person) - 0.05 * step(0.3, 0.5, r);
    let angle = dy.atan2(dx);
    let streak = rays.at(6.0 * angle.cos() + 9.0, 6.0 * angle.sin() + 5.0 * r);
    let ring = 1.0 - 0.65 * bell((r - IRIS) / 0.035);
    let iris = person.iris * (1.0 + 0.3 * streak) * ring + 0.01;
    let colour = mix(0.006, iris, step(0.062, 0.082, r));
    mix(colour, sclera, step(IRIS - 0.015, IRIS + 0.02, r))
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
pub(crate) fn paint_mouth(
    canvas: &Canvas,
    lit: &mut [f32],
    person: &Identity,
    shape: &Shape,
    scene: &Scene,
) {
    let mouth = shape.mouth;
    let soft = 0.8 / canvas.density;
    let area = Area {
        left: mouth.center.x - mouth.corner[0].x,
        right: mouth.center.x + mouth.corner[1].x,
        top: mouth.center.y - 0.9,
        bottom: shape.chin,
    };
    let glow = scene.ambient + 0.65 * (1.0 - scene.ambient);
    let columns = canvas.per_column(|x| mouth.edges(x));
    canvas.visit(&area, |i, x, y| {
        let Some(edges) = columns[i % canvas.width] else {
            return;
        };
        let gap = edges.inner_bottom - edges.inner_top;
        if gap < 0.012 {
            return;
        }
        let open =
            step(-soft, soft, y - edges.inner_top) * step(soft, -soft, y - edges.inner_bottom);
        if open <= 0.0 {
            return;
        }
        let inside = interior(person, shape, x, y) * glow;
        let shade = step(0.0, 0.10, y - edges.inner_top) * 0.55 + 0.45;
        lit[i] = mix(lit[i], inside * shade, open * step(0.012, 0.03, gap));
    });
}

/// Reflectance inside the mouth: upper and lower teeth, tongue, dark throat.
fn interior(person: &Identity, shape: &Shape, x: f32, y: f32) -> f32 {
    let mouth = shape.mouth;
    let dx = x - mouth.center.x;
    let arch = 0.10 * dx * dx;
    let recess = 1.0 - 0.75 * step(0.30, 0.80, dx.abs());
    let between = ((dx / 0.17 + 0.5).fract().abs() - 0.5).abs();
    let seam = 1.0 - 0.22 * step(0.44, 0.5, between);
    let upper = step(0.02, -0.02, y - mouth.teeth_y + arch);
    let lower = step(-0.02, 0.02, y - mouth.lower_teeth_y - arch) * 0.7;
    let teeth = person.teeth * eye_white(person) / 0.4 * seam * recess;
    let tongue = 0.11
        * hill(
            dx,
            y - mouth.lower_teeth_y - 0.05,
            0.45,
            0.28 + 0.1 * shape.jaw_drop,
        );
    let dark = 0.006 + tongue;
    mix(dark, 0.75 * teeth, upper.max(lower))
}
