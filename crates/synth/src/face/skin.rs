//! The surface's colour: skin, brows, stubble, lips and nostrils.

use crate::face::canvas::EVERYWHERE;
use crate::face::features::{Face, Half};
use crate::face::noise::Noise;
use crate::face::relief::Surface;
use crate::geometry::{around, hill, mix, p, spanning, step};

/// Lays skin, stubble, lips, nostrils and brows over the relief's albedo.
pub(crate) fn colour(surface: &mut Surface, face: &Face) {
    mottle(surface, face);
    if face.person.beard > 0.0 {
        grow_beard(surface, face);
    }
    paint_lips(surface, face);
    for (half, layer) in face.halves.iter().zip(6..) {
        paint_nostril(surface, face, half);
        grow_brow(surface, face, half, Noise::new(face.person.texture, layer));
    }
}

fn mottle(surface: &mut Surface, face: &Face) {
    let person = face.person;
    let [broad, fine, spots] = [1, 2, 3].map(|layer| Noise::new(person.texture, layer));
    surface.canvas.visit(&EVERYWHERE, |i, x, y| {
        if surface.cover[i] <= 0.0 {
            return;
        }
        let mut tone = 1.0
            + 0.14 * broad.fractal(1.8 * x, 1.8 * y, 2)
            + 0.10 * fine.fractal(13.0 * x, 13.0 * y, 2);
        for half in &face.halves {
            let (ax, eye, cheek) = (x * half.sign, half.eye.center, half.cheek);
            tone -= 0.14 * hill(ax - eye.x + 0.1, y - eye.y - 0.05, 0.55, 0.36);
            tone -= 0.06 * hill(ax - cheek.x, y - cheek.y, 0.5, 0.4);
        }
        if person.freckles > 0.0 {
            let spot = step(0.45, 0.8, spots.at(9.0 * x, 9.0 * y));
            tone -= 0.22 * person.freckles * spot * hill(x, y - 0.7, 1.7, 0.8);
        }
        surface.albedo[i] *= tone;
    });
}

fn grow_beard(surface: &mut Surface, face: &Face) {
    let (person, middle) = (face.person, face.mouth.y);
    let hairs = Noise::new(person.texture, 4);
    surface
        .canvas
        .visit(&[-2.4..2.4, 0.9..face.chin], |i, x, y| {
            let jaw = step(1.7, 2.6, y + 0.55 * (x.abs() - 1.0).max(0.0));
            let moustache = hill(x, y - (middle - 0.38), 0.7, 0.2);
            let lip = 1.0 - 0.7 * hill(x, y - middle - 0.1, 0.75, 0.3);
            let where_it_grows = (jaw.max(moustache) * lip).min(1.0) * surface.skin[i];
            let grain = 0.75 + 0.5 * hairs.at(22.0 * x, 22.0 * y);
            let cover = (0.55 * person.beard * where_it_grows * grain).clamp(0.0, 0.9);
            surface.albedo[i] = mix(surface.albedo[i], 1.3 * person.hair_tone, cover);
            surface.gloss[i] *= 1.0 - 0.6 * where_it_grows;
        });
}

fn paint_lips(surface: &mut Surface, face: &Face) {
    let person = face.person;
    let lines = Noise::new(person.texture, 5);
    let soft = 0.035 + 0.6 / surface.canvas.density;
    face.visit_lips(surface.canvas, |i, x, y, edges| {
        let red = step(-soft, soft, y - edges.top) * step(soft, -soft, y - edges.bottom);
        let upper = y < 0.5 * (edges.inner_top + edges.inner_bottom);
        let tone = person.lip_tone * if upper { 0.80 } else { 1.0 };
        let crack = 1.0 + 0.08 * lines.at(16.0 * x, 3.0 * y);
        surface.albedo[i] *= mix(1.0, tone * crack, red);
        surface.gloss[i] += if upper { 0.0 } else { 0.5 * red * person.shine };
        let [above, below] = [edges.inner_top, edges.inner_bottom].map(|edge| (y - edge).abs());
        let seam = step(0.04, 0.0, above.min(below));
        surface.albedo[i] *= 1.0 - 0.45 * seam * step(1.0, 0.92, edges.across);
    });
}

fn paint_nostril(surface: &mut Surface, face: &Face, half: &Half) {
    let at = p(half.sign * 0.50 * half.ala.x, face.nose_base - 0.05);
    let wide = 0.28 * half.ala.x;
    let high = 0.045 + 0.2 * (face.person.nose_turn - 0.22);
    surface.canvas.visit(&around(at, 0.3, 0.2), |i, x, y| {
        let out = (x - at.x) * half.sign / wide;
        // A comma that rises outwards.
        let hole = hill(out, y - at.y + 0.03 * out + 0.02 * out * out, 0.9, high);
        surface.albedo[i] *= 1.0 - 0.75 * hole;
        surface.gloss[i] *= 1.0 - hole;
    });
}

fn grow_brow(surface: &mut Surface, face: &Face, half: &Half, strands: Noise) {
    let person = face.person;
    let (inner, outer) = (half.brow[0].x, half.brow[4].x);
    let tone = (0.6 * person.hair_tone).min(0.40 * person.skin);
    surface
        .canvas
        .visit(&spanning(&half.brow_line(), 0.35), |i, x, y| {
            let ax = x * half.sign;
            let t = (ax - inner) / (outer - inner);
            let d = y - half.brow_at(ax);
            let thick = person.brow_thick * mix(1.0, 0.35, t.clamp(0.0, 1.0).powf(1.5));
            // Hairs are upright at the head of the brow and lie flat towards its tail.
            let slope = mix(1.6, 0.3, t.clamp(0.0, 1.0));
            let strand = strands.at(26.0 * (ax + d * slope), 6.0 * d - 3.0 * ax);
            let body = 1.0 - (d / thick).powi(2) + 0.40 * strand;
            let body = step(-0.3, 1.1, body) * step(-0.14, 0.16, t) * step(1.12, 0.72, t);
            let cover = person.brow_dense * body;
            surface.albedo[i] = mix(surface.albedo[i], tone, cover.clamp(0.0, 1.0));
            surface.gloss[i] *= 1.0 - body;
        });
}
