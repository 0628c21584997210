//! Light on the relief: diffuse and specular reflection, cavities and cast shadows.

use crate::canvas::Canvas;
use crate::geometry::step;
use crate::scene::Scene;
use crate::surface::Surface;

/// Linear luminance of every grid point.
pub(crate) fn shade(canvas: &Canvas, surface: &Surface, scene: &Scene) -> Vec<f32> {
    let light = local_light(scene);
    let near = canvas.box_mean(&surface.z, 0.07);
    let wide = canvas.box_mean(&canvas.box_mean(&surface.z, 0.22), 0.22);
    let shadow = cast_shadows(canvas, &near, &surface.cover, light);
    let half = normalised([light[0], light[1], light[2] + 1.0]);
    let mut out = canvas.buffer(0.0);
    for row in 1..canvas.height - 1 {
        for column in 1..canvas.width - 1 {
            let i = row * canvas.width + column;
            if surface.cover[i] <= 0.0 {
                continue;
            }
            let normal = normal(canvas, &surface.z, i);
            let cavity = 2.6 * (near[i] - surface.z[i]) + 0.65 * (wide[i] - surface.z[i]);
            let open = (1.0 - cavity.clamp(-0.12, 0.60)).min(1.1);
            // Light wraps around: skin scatters below its surface.
            let facing = (dot(normal, light) + 0.22) / 1.22;
            let direct = facing.max(0.0) * shadow[i];
            let sky = 0.75 + 0.25 * -normal[1];
            let fill = 0.35 + 0.65 * normal[2].max(0.0);
            let specular = dot(normal, half).max(0.0).powi(22) * surface.gloss[i] * shadow[i];
            let ambient = scene.ambient * sky * fill;
            out[i] = surface.albedo[i] * open * (ambient + (1.0 - scene.ambient) * 1.15 * direct)
                + 0.055 * specular * open;
        }
    }
    out
}

/// The main light's direction in the frontal grid: the head's roll and turn undone, y down, unit length.
pub(crate) fn local_light(scene: &Scene) -> [f32; 3] {
    let [x, y, z] = scene.light;
    let (sin, cos) = scene.roll.sin_cos();
    normalised([
        cos * x + sin * y - scene.yaw * z,
        cos * y - sin * x - scene.pitch * z,
        z + scene.yaw * x + scene.pitch * y,
    ])
}

fn normal(canvas: &Canvas, z: &[f32], i: usize) -> [f32; 3] {
    let slope = 0.5 * canvas.density;
    let dx = (z[i + 1] - z[i - 1]) * slope;
    let dy = (z[i + canvas.width] - z[i - canvas.width]) * slope;
    normalised([-dx.clamp(-4.0, 4.0), -dy.clamp(-4.0, 4.0), 1.0])
}

/// 1 in full light, down to 0.3 where the relief hides the main light; soft with distance.
fn cast_shadows(canvas: &Canvas, z: &[f32], cover: &[f32], light: [f32; 3]) -> Vec<f32> {
    const STEPS: usize = 9;
    let rise = light[2] / (light[0] * light[0] + light[1] * light[1]).sqrt().max(0.05);
    let length = (light[0] * light[0] + light[1] * light[1]).sqrt().max(0.05);
    let (ux, uy) = (light[0] / length, light[1] / length);
    let mut hidden = canvas.buffer(1.0);
    let offsets: Vec<(isize, isize, f32)> = (1..=STEPS)
        .map(|k| {
            let distance = 0.05 * (k as f32).powf(1.55);
            let (dx, dy) = (
                ux * distance * canvas.density,
                uy * distance * canvas.density,
            );
            (dx.round() as isize, dy.round() as isize, distance)
        })
        .collect();
    for row in 0..canvas.height {
        for column in 0..canvas.width {
            let i = row * canvas.width + column;
            if cover[i] <= 0.0 {
                continue;
            }
            let mut worst = 0.0f32;
            for &(dx, dy, distance) in &offsets {
                let x = column.saturating_add_signed(dx).min(canvas.width - 1);
                let y = row.saturating_add_signed(dy).min(canvas.height - 1);
                let over = z[y * canvas.width + x] - z[i] - rise * distance;
                worst = worst.max(over / (0.10 + 0.35 * distance));
            }
            hidden[i] = 1.0 - 0.7 * step(0.0, 1.0, worst);
        }
    }
    canvas.box_mean(&hidden, 0.04)
}

pub(crate) fn normalised(v: [f32; 3]) -> [f32; 3] {
    let length = dot(v, v).sqrt();
    v.map(|component| component / length)
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
