//! Light on the relief: diffuse and specular reflection, cavities and cast shadows.

use crate::face::canvas::Canvas;
use crate::face::relief::Surface;
use crate::geometry::step;
use crate::scene::Scene;

/// Linear luminance of every grid point.
pub(crate) fn shade(surface: &Surface, scene: &Scene) -> Vec<f32> {
    let canvas = surface.canvas;
    let light = local_light(scene);
    let near = canvas.box_mean(&surface.z, 0.07);
    // Light that scatters below the skin softens every edge.
    let pairs = near.iter().zip(&surface.z);
    let soft: Vec<f32> = pairs.map(|(a, b)| 0.5 * (a + b)).collect();
    let wide = canvas.box_mean(&canvas.box_mean(&surface.z, 0.22), 0.22);
    let shadow = cast_shadows(canvas, &near, &surface.cover, light);
    let half = normalised([light[0], light[1], light[2] + 1.0]);
    let mut out = canvas.buffer(0.0);
    // The head covers no point of the grid's left and right border.
    let inner = canvas.width..out.len() - canvas.width;
    for i in inner.filter(|&i| surface.cover[i] > 0.0) {
        let normal = normal(canvas, &soft, i);
        let cavity = 2.6 * (near[i] - surface.z[i]) + 0.65 * (wide[i] - surface.z[i]);
        let open = (1.0 - cavity.clamp(-0.12, 0.60)).min(1.1);
        // Light wraps around the surface, because of subsurface scattering.
        let facing = (dot(normal, light) + 0.22) / 1.22;
        let direct = facing.max(0.0) * shadow[i];
        let sky = 0.82 + 0.18 * -normal[1];
        let fill = 0.45 + 0.55 * normal[2].max(0.0);
        let specular = dot(normal, half).max(0.0).powi(22) * surface.gloss[i] * shadow[i];
        let level = scene.ambient * sky * fill + (1.0 - scene.ambient) * 1.15 * direct;
        out[i] = surface.albedo[i] * open * level + 0.055 * specular * open;
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

fn normal(canvas: Canvas, z: &[f32], i: usize) -> [f32; 3] {
    let slope = 0.5 * canvas.density;
    let dx = (z[i + 1] - z[i - 1]) * slope;
    let dy = (z[i + canvas.width] - z[i - canvas.width]) * slope;
    normalised([-dx.clamp(-4.0, 4.0), -dy.clamp(-4.0, 4.0), 1.0])
}

/// 1 in full light, down to 0.3 where the relief hides the main light; soft with distance.
fn cast_shadows(canvas: Canvas, z: &[f32], cover: &[f32], light: [f32; 3]) -> Vec<f32> {
    let length = (light[0] * light[0] + light[1] * light[1]).sqrt().max(0.05);
    let rise = light[2] / length;
    let steps: [(isize, isize, f32); 9] = std::array::from_fn(|k| {
        let distance = 0.05 * (k as f32 + 1.0).powf(1.55);
        let [dx, dy] = [0, 1].map(|axis| light[axis] / length * distance * canvas.density);
        (dx.round() as isize, dy.round() as isize, distance)
    });
    let mut hidden = canvas.buffer(1.0);
    for i in (0..hidden.len()).filter(|&i| cover[i] > 0.0) {
        let (row, column) = (i / canvas.width, i % canvas.width);
        let mut worst = 0.0f32;
        for (dx, dy, distance) in steps {
            let x = column.saturating_add_signed(dx).min(canvas.width - 1);
            let y = row.saturating_add_signed(dy).min(canvas.height - 1);
            let over = z[y * canvas.width + x] - z[i] - rise * distance;
            worst = worst.max(over / (0.10 + 0.35 * distance));
        }
        hidden[i] = 1.0 - 0.7 * step(0.0, 1.0, worst);
    }
    canvas.box_mean(&hidden, 0.04)
}

fn normalised(v: [f32; 3]) -> [f32; 3] {
    let length = dot(v, v).sqrt();
    v.map(|component| component / length)
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
