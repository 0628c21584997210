//! Hair on and behind the head.

use crate::face::canvas::EVERYWHERE;
use crate::face::features::Face;
use crate::face::noise::Noise;
use crate::face::relief::Surface;
use crate::geometry::{bell, mix, step};
use crate::person::identity::{HairStyle, Identity};

/// Covers the scalp; long hair also falls behind the ears to the shoulders.
/// `relief` is the smoothed skull.
pub(crate) fn grow(surface: &mut Surface, face: &Face, relief: &[f32]) {
    let person = face.person;
    let [wild, strands] = [21, 22].map(|layer| Noise::new(person.texture, layer));
    let (volume, dense) = match person.hair_style {
        HairStyle::Cropped => (0.02, 0.72),
        HairStyle::TiedBack => (0.06, 1.0),
        HairStyle::Receding => (0.07, 1.0),
        HairStyle::Short | HairStyle::Fringe => (person.hair_volume, 1.0),
        HairStyle::Long => (0.08 + person.hair_volume, 1.0),
    };
    let (canvas, soft) = (surface.canvas, surface.canvas.blur() + 0.02);
    let row = |y: f32| row_at(face, volume, y);
    canvas.visit_rows(&EVERYWHERE, row, |&[edge, depth, hangs], i, x, y| {
        if edge <= 0.1 || x.abs() > edge + 0.2 {
            return;
        }
        let behind = (1.0 - surface.cover[i]) * hangs;
        if behind <= 0.0 && scalp(person, x, y, 0.14) <= 0.0 {
            return;
        }
        let flow = (x - person.parting * step(-1.0, -3.0, y)) * 14.0;
        let waves = flow + 0.8 * wild.at(2.0 * x, 2.0 * y);
        let strand = strands.at(waves, 1.1 * y + 0.05 * flow.abs());
        let fine = strands.at(2.6 * waves, 2.0 * y);
        // Single strands cross the hairline and the silhouette.
        let ragged = 0.04 * wild.at(3.0 * x, 3.0 * y) + 0.06 * strand + 0.04 * fine;
        let outer = edge + 0.7 * ragged;
        let inside = step(soft, -soft, x.abs() - outer);
        let scalp = scalp(person, x, y, ragged);
        let cover = inside * scalp.max(behind).min(1.0);
        if cover <= 0.0 {
            return;
        }
        let r = (x.abs() / outer.max(0.1)).min(1.0);
        let front = (1.0 - r * r * r.sqrt()).sqrt() * depth;
        // Follows the skull near the hairline, so that it does not stand out as a cap.
        let height = match scalp >= behind {
            true => (front - 0.3).max(relief[i]),
            false => -0.75,
        };
        let tone = person.hair_tone * (1.0 + 0.30 * strand + 0.35 * fine);
        surface.albedo[i] = mix(surface.albedo[i], tone.max(0.004), dense * cover);
        let lift = height + volume * 0.6 + 0.014 * strand;
        surface.z[i] = mix(surface.z[i], lift, cover);
        surface.gloss[i] = mix(surface.gloss[i], 0.34 + 0.5 * strand.max(0.0), cover);
        surface.cover[i] = surface.cover[i].max(cover);
        surface.skin[i] *= 1.0 - cover;
    });
}

/// Half-width of the silhouette in one row of the grid, depth of its middle, and how densely hair hangs behind the head.
fn row_at(face: &Face, volume: f32, y: f32) -> [f32; 3] {
    let crown = face.person.crown;
    let t = (-y / (crown + volume)).clamp(0.0, 1.0);
    let hangs = match face.person.hair_style {
        HairStyle::Long => step(4.9, 4.4, y),
        _ => step(-0.3, -1.2, y) * step(-crown - 1.0, -crown, y),
    };
    let depth = 2.1 * (1.0 - t.powf(2.8)).sqrt();
    [outline(face, volume, y), depth, hangs]
}

/// Half-width of the hair's silhouette.
fn outline(face: &Face, volume: f32, y: f32) -> f32 {
    let (person, crown) = (face.person, face.person.crown);
    let stretch = (crown + volume) / crown;
    match person.hair_style {
        HairStyle::Long if y > 0.0 => person.half_width + volume + 0.25 * step(0.0, 2.5, y),
        _ if y <= -crown - 0.98 * volume || y / stretch > face.chin => 0.0,
        _ => face.outline(y / stretch) + volume * step(-crown, -1.5, y),
    }
}

/// How densely hair grows on the head at a point of the face's front.
fn scalp(person: &Identity, x: f32, y: f32, ragged: f32) -> f32 {
    let side = (x.abs() / person.half_width).min(1.2);
    let (mut temple, mut fringe, mut soft) = (0.0, 0.0, 0.20);
    match person.hair_style {
        HairStyle::Receding => temple = 0.40 * bell((side - 0.55) / 0.25) - 0.06,
        HairStyle::Fringe => {
            fringe = 0.55 + 0.12 * (x * 3.0 + person.parting * 5.0).sin() * (1.0 - side);
        }
        HairStyle::Cropped => soft = 0.30,
        _ => {}
    }
    let peak = 0.10 * bell(side / 0.12) * f32::from(person.texture.is_multiple_of(3));
    let down = 0.25 * side * side + 1.75 * side.powi(6) + peak - temple;
    let line = -person.hairline + down + fringe;
    step(soft, -soft, y - line - 1.2 * ragged) * step(1.1, 0.4, y)
}
