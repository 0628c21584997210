//! Hair on and behind the head.

use crate::canvas::Canvas;
use crate::geometry::{Area, bell, mix, step};
use crate::identity::{HairStyle, Identity};
use crate::noise::Noise;
use crate::shape::Shape;
use crate::surface::Surface;

/// Covers the scalp; long hair also falls behind the ears to the shoulders.
pub(crate) fn grow(canvas: &Canvas, surface: &mut Surface, person: &Identity, shape: &Shape) {
    let wild = Noise::new(person.texture, 21);
    let strands = Noise::new(person.texture, 22);
    let volume = volume(person);
    let everywhere = Area {
        left: -3.3,
        right: 3.3,
        top: -3.95,
        bottom: 5.0,
    };
    let blur = 1.2 / canvas.density;
    let row = |y: f32| Row {
        outer: outline(person, shape, volume, y),
        depth: crown_depth(shape, volume, y),
        hangs: falls_to(person, shape, y),
    };
    canvas.visit_rows(&everywhere, row, |row, i, x, y| {
        if row.outer <= 0.1 || x.abs() > row.outer + 0.2 {
            return;
        }
        let ragged = 0.04 * wild.at(3.0 * x, 3.0 * y) + 0.025 * wild.at(15.0 * x, 9.0 * y);
        let outer = row.outer + ragged;
        let inside = step(blur + 0.02, -blur - 0.02, x.abs() - outer);
        if inside <= 0.0 {
            return;
        }
        let scalp = scalp(person, x, y, ragged);
        let behind = (1.0 - surface.cover[i]) * row.hangs;
        let cover = inside * scalp.max(behind).min(1.0);
        if cover <= 0.0 {
            return;
        }
        let flow = (x - person.parting * step(-1.0, -3.0, y)) * 10.0;
        let strand = strands.at(
            flow + 0.8 * wild.at(2.0 * x, 2.0 * y),
            1.1 * y + 0.05 * flow.abs(),
        );
        let fine = strands.at(3.1 * flow, 2.0 * y);
        let tone = person.hair_tone * (1.0 + 0.45 * strand + 0.3 * fine);
        let dense = if person.hair_style == HairStyle::Cropped {
            0.72
        } else {
            1.0
        };
        surface.albedo[i] = mix(surface.albedo[i], tone.max(0.004), dense * cover);
        let r = (x.abs() / outer.max(0.1)).min(1.0);
        let dome = (1.0 - r * r * r.sqrt()).sqrt() * row.depth;
        let height = if scalp >= behind { dome } else { -0.75 };
        let lift = height + volume * 0.6 + 0.03 * strand;
        surface.z[i] = mix(surface.z[i], lift, cover);
        surface.gloss[i] = mix(surface.gloss[i], 0.34 + 0.5 * strand.max(0.0), cover);
        surface.cover[i] = surface.cover[i].max(cover);
        surface.face[i] *= 1.0 - cover;
    });
}

/// What is the same along one row of the grid.
struct Row {
    outer: f32,
    depth: f32,
    hangs: f32,
}

fn volume(person: &Identity) -> f32 {
    match person.hair_style {
        HairStyle::Cropped => 0.02,
        HairStyle::TiedBack => 0.06,
        HairStyle::Receding => 0.07,
        HairStyle::Short | HairStyle::Fringe => person.hair_volume,
        HairStyle::Long => 0.08 + person.hair_volume,
    }
}

/// Half-width of the hair's silhouette.
fn outline(person: &Identity, shape: &Shape, volume: f32, y: f32) -> f32 {
    let stretch = (shape.crown + volume) / shape.crown;
    let head = shape.outline(y / stretch) + volume * step(-shape.crown, -1.5, y);
    if y <= -shape.crown - 0.98 * volume {
        return 0.0;
    }
    if person.hair_style == HairStyle::Long && y > 0.0 {
        return shape.half_width + volume + 0.25 * step(0.0, 2.5, y);
    }
    if y / stretch > shape.chin { 0.0 } else { head }
}

fn crown_depth(shape: &Shape, volume: f32, y: f32) -> f32 {
    let t = (-y / (shape.crown + volume)).clamp(0.0, 1.0);
    2.1 * (1.0 - t.powf(2.8)).sqrt()
}

/// How densely hair grows on the head at a point of the face's front.
fn scalp(person: &Identity, x: f32, y: f32, ragged: f32) -> f32 {
    let side = (x.abs() / person.half_width).min(1.2);
    let temple = if person.hair_style == HairStyle::Receding {
        0.40 * bell((side - 0.55) / 0.25) - 0.06
    } else {
        0.0
    };
    let peak = 0.10 * bell(side / 0.12) * f32::from(person.texture.is_multiple_of(3));
    let down = 0.25 * side * side + 1.75 * side.powi(6) + peak - temple;
    let fringe = if person.hair_style == HairStyle::Fringe {
        0.55 + 0.12 * (x * 3.0 + person.parting * 5.0).sin() * (1.0 - side)
    } else {
        0.0
    };
    let line = -person.hairline + down + fringe;
    let soft = if person.hair_style == HairStyle::Cropped {
        0.25
    } else {
        0.16
    };
    step(soft, -soft, y - line - 1.2 * ragged) * step(1.1, 0.4, y)
}

/// 1 at heights where hair hangs behind the head.
fn falls_to(person: &Identity, shape: &Shape, y: f32) -> f32 {
    match person.hair_style {
        HairStyle::Long => step(4.9, 4.4, y),
        _ => step(-0.3, -1.2, y) * step(-shape.crown - 1.0, -shape.crown, y),
    }
}
