//! What colour the surface has: skin, brows, stubble, lips and nostrils.

use crate::canvas::Canvas;
use crate::geometry::{Area, bell, hill, mix, p, step};
use crate::identity::Identity;
use crate::noise::Noise;
use crate::shape::{SIGNS, Shape};
use crate::surface::Surface;

/// Lays skin, stubble, lips, nostrils and brows over the relief's albedo.
pub(crate) fn colour(canvas: &Canvas, surface: &mut Surface, person: &Identity, shape: &Shape) {
    mottle(canvas, surface, person, shape);
    if person.beard > 0.0 {
        grow_beard(canvas, surface, person, shape);
    }
    paint_lips(canvas, surface, person, shape);
    for side in 0..2 {
        paint_nostril(canvas, surface, shape, side);
        grow_brow(canvas, surface, person, shape, side);
    }
}

fn mottle(canvas: &Canvas, surface: &mut Surface, person: &Identity, shape: &Shape) {
    let broad = Noise::new(person.texture, 1);
    let fine = Noise::new(person.texture, 2);
    let spots = Noise::new(person.texture, 3);
    let everywhere = Area {
        left: -3.3,
        right: 3.3,
        top: -3.95,
        bottom: 5.0,
    };
    canvas.visit(&everywhere, |i, x, y| {
        if surface.cover[i] <= 0.0 {
            return;
        }
        let mut tone = 1.0
            + 0.14 * broad.fractal(1.8 * x, 1.8 * y, 2)
            + 0.10 * fine.fractal(13.0 * x, 13.0 * y, 2);
        for (half, sign) in shape.halves.iter().zip(SIGNS) {
            let eye = half.eye.center;
            tone -= 0.14 * hill(x * sign - eye.x + 0.1, y - eye.y - 0.05, 0.55, 0.36);
            tone -= 0.06 * hill(x * sign - half.cheek.x, y - half.cheek.y, 0.5, 0.4);
        }
        if person.freckles > 0.0 {
            let spot = step(0.45, 0.8, spots.at(9.0 * x, 9.0 * y));
            tone -= 0.22 * person.freckles * spot * hill(x, y - 0.7, 1.7, 0.8);
        }
        surface.albedo[i] *= tone;
    });
}

fn grow_beard(canvas: &Canvas, surface: &mut Surface, person: &Identity, shape: &Shape) {
    let hairs = Noise::new(person.texture, 4);
    let mouth = shape.mouth;
    let area = Area {
        left: -2.4,
        right: 2.4,
        top: 0.9,
        bottom: shape.chin,
    };
    canvas.visit(&area, |i, x, y| {
        let jaw = step(1.7, 2.6, y + 0.55 * (x.abs() - 1.0).max(0.0));
        let moustache = hill(x, y - (mouth.center.y - 0.38), 0.7, 0.2);
        let lip = 1.0 - 0.7 * hill(x, y - mouth.center.y - 0.1, 0.75, 0.3);
        let where_it_grows = (jaw.max(moustache) * lip).min(1.0) * surface.face[i];
        let grain = 0.75 + 0.5 * hairs.at(22.0 * x, 22.0 * y);
        let cover = 0.55 * person.beard * where_it_grows * grain;
        surface.albedo[i] = mix(
            surface.albedo[i],
            1.3 * person.hair_tone,
            cover.clamp(0.0, 0.9),
        );
        surface.gloss[i] *= 1.0 - 0.6 * where_it_grows;
    });
}

fn paint_lips(canvas: &Canvas, surface: &mut Surface, person: &Identity, shape: &Shape) {
    let mouth = shape.mouth;
    let lines = Noise::new(person.texture, 5);
    let soft = 0.025 + 0.6 / canvas.density;
    let area = Area {
        left: mouth.center.x - mouth.corner[0].x,
        right: mouth.center.x + mouth.corner[1].x,
        top: mouth.center.y - 1.0,
        bottom: shape.chin,
    };
    let columns = canvas.per_column(|x| mouth.edges(x));
    canvas.visit(&area, |i, x, y| {
        let Some(edges) = columns[i % canvas.width] else {
            return;
        };
        let red = step(-soft, soft, y - edges.top) * step(soft, -soft, y - edges.bottom);
        let upper = y < 0.5 * (edges.inner_top + edges.inner_bottom);
        let tone = person.lip_tone * if upper { 0.80 } else { 1.0 };
        let crack = 1.0 + 0.08 * lines.at(16.0 * x, 3.0 * y);
        surface.albedo[i] *= mix(1.0, tone * crack, red);
        if !upper {
            surface.gloss[i] += 0.5 * red * person.shine;
        }
        let seam = step(
            0.04,
            0.0,
            (y - edges.inner_top)
                .abs()
                .min((y - edges.inner_bottom).abs()),
        );
        surface.albedo[i] *= 1.0 - 0.45 * seam * step(1.0, 0.92, edges.across);
    });
}

fn paint_nostril(canvas: &Canvas, surface: &mut Surface, shape: &Shape, side: usize) {
    let sign = SIGNS[side];
    let ala = shape.halves[side].ala;
    let at = p(sign * 0.52 * ala.x, shape.nose_base - 0.055);
    canvas.visit(&Area::around(at, 0.3, 0.2), |i, x, y| {
        let slant = y - at.y - 0.15 * (x - at.x) * sign;
        let hole = bell(((x - at.x) / 0.10).powi(2) + (slant / 0.038).powi(2));
        surface.albedo[i] *= 1.0 - 0.80 * hole;
        surface.gloss[i] *= 1.0 - hole;
    });
}

fn grow_brow(
    canvas: &Canvas,
    surface: &mut Surface,
    person: &Identity,
    shape: &Shape,
    side: usize,
) {
    let sign = SIGNS[side];
    let half = shape.halves[side];
    let [inner, outer] = [half.brow[0].x, half.brow[4].x];
    let strands = Noise::new(person.texture, 6 + side as u32);
    let tone = (0.6 * person.hair_tone).min(0.40 * person.skin);
    let area = Area::spanning(&half.brow.map(|b| b.mirrored(sign)), 0.35);
    canvas.visit(&area, |i, x, y| {
        let ax = x * sign;
        let t = (ax - inner) / (outer - inner);
        if !(-0.12..1.12).contains(&t) {
            return;
        }
        let d = y - half.brow_at(ax);
        let thick = person.brow_thick * mix(1.0, 0.42, t.clamp(0.0, 1.0).powf(1.6));
        // Hairs stand up at the head of the brow and lie down towards its tail.
        let slope = mix(2.2, 0.5, t.clamp(0.0, 1.0));
        let strand = strands.at(30.0 * (ax + d * slope), 7.0 * d - 3.0 * ax);
        let edge = thick * (1.0 + 0.35 * strand);
        let body = step(1.0, 0.35, d.abs() / edge) * step(-0.1, 0.1, t) * step(1.1, 0.86, t);
        let cover = person.brow_dense * body * (0.85 + 0.25 * strand);
        surface.albedo[i] = mix(surface.albedo[i], tone, cover.clamp(0.0, 1.0));
        surface.gloss[i] *= 1.0 - body;
    });
}
