//! Furrows, folds and bulges of the skin: where each action unit creases the face, and the lines of age.

use crate::face::features::{Face, Half};
use crate::face::noise::Noise;
use crate::face::relief::Surface;
use crate::geometry::{Point, SIGNS, around, hill, p};

/// Creases and bulges of one picture.
pub(crate) fn add_wrinkles(surface: &mut Surface, face: &Face) {
    crease_forehead(surface, face);
    for side in 0..2 {
        crease_brow_and_nose(surface, face, side);
        crease_eye(surface, face, side);
        crease_around_mouth(surface, face, side);
    }
    crease_lips_and_chin(surface, face);
    for side in 0..2 {
        bulge_half(surface, face, side);
    }
    bulge_middle(surface, face);
}

/// AU 1 and 2: horizontal lines over the raised part of the brows.
fn crease_forehead(surface: &mut Surface, face: &Face) {
    let noise = Noise::new(face.person.texture, 11);
    let middle = face.aus.mean(1);
    let (fold, lines) = (face.person.folding, face.person.lines[0]);
    // The skin that folds rides on the brows.
    let heads = 0.5 * (face.halves[0].brow_at(0.6) + face.halves[1].brow_at(0.6));
    for k in 0..4 {
        let row = k as f32;
        let strength = 1.0 - 0.15 * row + 0.3 * noise.at(row, 0.5);
        let above = 0.30 + 0.22 * row + 0.05 * noise.at(row, 7.0);
        let y = heads - above;
        let depth = |au: f32| strength * (0.048 * au * fold + 0.010 * lines);
        let dip = y + 0.06 - 0.12 * middle;
        let line = [p(-0.95, y - 0.02), p(0.0, dip), p(0.95, y - 0.02)];
        surface.crease(line, 0.065, depth(middle), 0.0);
        for (side, half) in face.halves.iter().enumerate() {
            let line = [(0.50, 0.55, 0.0), (1.15, 1.20, -0.06), (1.75, 1.70, 0.06)];
            let top = |brow| half.brow_at(brow) - above - y;
            let line = line.map(|(x, brow, dy)| p(half.sign * x, y + (top(brow) + dy)));
            surface.crease(line, 0.065, depth(face.aus.at(side, 2)), 0.0);
        }
    }
}

/// AU 4: furrows between the brows; AU 9: wrinkles along the nose.
fn crease_brow_and_nose(surface: &mut Surface, face: &Face, side: usize) {
    let a = |au| face.aus.at(side, au);
    let (half, fold) = (&face.halves[side], face.person.folding);
    let at = |(x, y): (f32, f32)| p(half.sign * x, y);
    // Most people have one of the two lines deeper than the other.
    let noise = Noise::new(face.person.texture, 13);
    let uneven = 1.0 + 0.8 * noise.at(0.5 + 3.0 * side as f32, 0.5);
    let frown = 0.056 * uneven * a(4) * fold + 0.020 * a(9) * fold + 0.012 * face.person.lines[1];
    let y = half.brow[0].y;
    let lean = 0.05 * noise.at(0.5, 0.5 + 3.0 * side as f32);
    let (top, low) = ((0.19 + lean, y - 0.36), (0.17 - lean, y + 0.26));
    let line = [top, (0.13, y - 0.05), low].map(at);
    surface.crease(line, 0.085, frown, 0.0);
    let line = [(-0.28, -0.04), (0.0, -0.22), (0.28, -0.04)].map(at);
    surface.crease(line, 0.075, 0.02 * a(9) * fold, 0.0);
    // From the bridge down to the cheek, the upper ones longer.
    for (y, run, fall, depth) in [(0.14, 0.42, 0.16, 0.050), (0.32, 0.36, 0.24, 0.038)] {
        let line = [(0.04, y - 0.03), (0.6 * run, y), (run, y + fall)].map(at);
        let uneven = 1.0 + 0.4 * noise.at(y * 9.0, side as f32);
        surface.crease(line, 0.06, a(9) * fold * depth * uneven, 0.3 * half.sign);
    }
}

/// AU 6: crow's feet and the pouch below the lid; AU 7 and 9: a tight lower lid.
fn crease_eye(surface: &mut Surface, face: &Face, side: usize) {
    let a = |au| face.aus.at(side, au);
    let Half { eye, sign, .. } = face.halves[side];
    let (fold, age, lines) = (face.person.folding, face.person.age, face.person.lines[2]);
    let at = |(t, dy): (f32, f32)| {
        p(eye.center.x + t * eye.half_width, eye.center.y + dy).mirrored(sign)
    };
    let pouch = 0.030 * a(6) + 0.030 * a(7) + 0.022 * a(9);
    let depth = fold * pouch + 0.014 * lines + 0.005;
    let line = [(-1.0, 0.18), (-0.1, 0.44 - 0.06 * a(6)), (0.9, 0.24)].map(at);
    surface.crease(line, 0.055, depth, -sign * 0.6);
    // The cheek that is pushed up bulges below its furrow.
    let depth = fold * (0.032 * a(6) + 0.018 * a(9) + 0.020 * a(10)) + 0.008 * lines;
    let line = [(-1.05, 0.32), (-0.35, 0.72), (0.6, 0.66 - 0.1 * a(6))].map(at);
    surface.crease(line, 0.10, depth, sign * 0.9);
    let feet = [(-0.30, 0.55), (-0.10, 0.80), (0.12, 0.85), (0.32, 0.62)];
    for (k, (rise, run)) in feet.into_iter().enumerate() {
        let line = [(1.14, 0.45), (1.42, 0.7), (1.16 + run, 1.35)];
        let line = line.map(|(t, share)| at((t, rise * share)));
        let squint = fold * 0.042 * (a(6) + 0.25 * a(7)) * (1.0 - 0.12 * k as f32);
        surface.crease(line, 0.05, squint + 0.006 * lines * age, 0.0);
    }
}

/// Nasolabial fold: all of it (AU 6, 9, 10, 11, 12, 20), its middle (11). Beside the mouth: dimple (AU 14, 12), lines below
/// the corner (15, 17), stretch lines (20, 27).
fn crease_around_mouth(surface: &mut Surface, face: &Face, side: usize) {
    let a = |au| face.aus.at(side, au);
    let (sign, fold) = (SIGNS[side], face.person.folding);
    let (ala, corner) = (ala(face, side), face.mouth.corners[side]);
    let wide = sign * (0.24 + 0.10 * a(10) + 0.06 * a(9));
    let between = p(0.45 * ala.x + 0.55 * corner.x, 0.6 * ala.y + 0.4 * corner.y);
    let gap = sign * (0.20 + 0.05 * a(12) + 0.04 * a(20));
    let top = ala.shifted(sign * 0.14, -0.06);
    let low = corner.shifted(gap, 0.10 + 0.12 * a(12));
    let line = [top, between.shifted(wide, 0.0), low];
    let raised = fold * (0.060 * a(12) + 0.055 * a(9) + 0.055 * a(10) + 0.020 * a(6));
    let moved = raised + fold * (0.024 * a(11) + 0.012 * a(20));
    let depth = moved + 0.018 * face.person.lines[3] + 0.006;
    surface.crease(line, 0.11, 0.9 * depth, -sign * 0.9);
    let middle = middle_of_fold(face, side);
    let line = [(-0.06, -0.26), (0.06, 0.0), (0.10, 0.30)];
    let line = line.map(|(x, y)| middle.shifted(sign * x, y));
    surface.crease(line, 0.09, fold * 0.045 * a(11), -sign * 0.9);
    let at = |(x, y): (f32, f32)| corner.shifted(sign * x, y);
    // Travelling down, the cheek lies to the right on the picture's left.
    let dimple = fold * (0.035 * a(14) + 0.012 * a(12));
    let line = [(0.10, -0.20), (0.17, 0.0), (0.10, 0.22)].map(at);
    surface.crease(line, 0.10, dimple, -sign * 0.8);
    let age = 0.010 * face.person.lines[3] * face.person.age;
    let below = fold * (0.052 * a(15) + 0.020 * a(17)) + age;
    let line = [(-0.01, 0.03), (0.09, 0.18), (0.02, 0.38)].map(at);
    surface.crease(line, 0.07, below, 0.0);
    let line = [(0.14, -0.30), (0.26, 0.05), (0.14, 0.50)].map(at);
    surface.crease(line, 0.08, fold * 0.042 * a(20), -sign * 0.4);
    let wing = ala.shifted(sign * 0.26, 0.1);
    let line = [wing, at((0.34, -0.30)), at((0.36, 0.35))];
    surface.crease(line, 0.07, fold * 0.035 * a(27), -sign * 0.4);
}

/// The wing of the nose in the picture.
fn ala(face: &Face, side: usize) -> Point {
    face.halves[side].ala.mirrored(SIGNS[side])
}

/// Halfway from the nose's wing to the corner of the mouth, where the nasolabial fold passes.
fn middle_of_fold(face: &Face, side: usize) -> Point {
    let (ala, corner) = (ala(face, side), face.mouth.corners[side]);
    let (x, y) = (0.5 * (ala.x + corner.x), 0.5 * (ala.y + corner.y));
    p(x + 0.20 * SIGNS[side], y - 0.05)
}

/// AU 17: the curved line over the chin; AU 18, 23: lines across the lips; AU 24: the lips' pressed rims.
fn crease_lips_and_chin(surface: &mut Surface, face: &Face) {
    let a = |au| face.aus.mean(au);
    let (mouth, fold) = (&face.mouth, face.person.folding);
    let bottom = mouth.y + mouth.open_down + mouth.thick_lower;
    let top = mouth.y - mouth.open_up - mouth.thick_upper;
    let arc = bottom + 0.16;
    let line = [(-0.52, 0.22), (0.0, -0.14), (0.52, 0.22)].map(|(x, dy)| p(x, arc + dy));
    surface.crease(line, 0.08, fold * (0.075 * a(17) + 0.015 * a(24)), 0.0);
    let reach = 0.75 * (-mouth.corners[0].x).min(mouth.corners[1].x);
    for y in [top - 0.06 - 0.04, bottom + 0.05 + 0.04] {
        let line = [p(-reach, mouth.y), p(0.0, y), p(reach, mouth.y)];
        surface.crease(line, 0.05, fold * (0.048 * a(24) + 0.020 * a(23)), 0.0);
    }
    for k in -3i32..=3 {
        let x = 0.15 * k as f32;
        let (above, below) = (p(1.2 * x, top - 0.15), p(1.2 * x, bottom + 0.12));
        let depth = fold * (0.008 * a(23) + 0.014 * a(18));
        surface.crease([above, p(x, mouth.y), below], 0.05, depth, 0.0);
    }
}

/// Soft masses of one half: brow heads (AU 4), lid bags (6, 7), dimple pits (14), puffed cheeks (11), jowls (15).
fn bulge_half(surface: &mut Surface, face: &Face, side: usize) {
    let a = |au| face.aus.at(side, au);
    let Half {
        brow, eye, sign, ..
    } = face.halves[side];
    let brow = brow[0].shifted(0.06, 0.04).mirrored(sign);
    surface.bump(brow, (0.24, 0.17), 0.13 * a(4) + 0.05 * a(9));
    let bag = eye.center.shifted(0.0, eye.lower + 0.12).mirrored(sign);
    surface.bump(bag, (0.36, 0.09), 0.045 * a(6) + 0.055 * a(7));
    let beside = |x: f32, y: f32| face.mouth.corners[side].shifted(x * sign, y);
    let pit = -0.12 * a(14) - 0.02 * a(12);
    surface.bump(beside(0.08, 0.0), (0.14, 0.18), pit);
    surface.darken(beside(0.09, 0.0), (0.13, 0.17), 0.28 * a(14).min(1.0));
    // The skin that the buccinator bunches up beside the corner.
    surface.bump(beside(0.38, 0.02), (0.22, 0.28), 0.06 * a(14));
    let puff = middle_of_fold(face, side).shifted(0.20 * sign, -0.06);
    surface.bump(puff, (0.20, 0.20), 0.07 * a(11) + 0.03 * a(10));
    let jowl = 0.045 * a(15) + 0.03 * a(17);
    surface.bump(beside(-0.08, 0.28), (0.18, 0.18), jowl);
}

/// The skin around the lips: pressed (AU 24, 23), pushed forward (18), flattened (16), the chin (17).
fn bulge_middle(surface: &mut Surface, face: &Face) {
    let a = |au| face.aus.mean(au);
    let mouth = &face.mouth;
    let top = p(0.0, mouth.y + (-mouth.open_up - mouth.thick_upper - 0.12));
    let above = 0.08 * a(24) + 0.04 * a(23) + 0.10 * a(18);
    surface.bump(top, (0.55, 0.12), above);
    let low = p(0.0, mouth.y + (mouth.open_down + mouth.thick_lower + 0.12));
    let below = 0.09 * a(24) + 0.04 * a(23) + 0.08 * a(18) - 0.05 * a(16);
    surface.bump(low, (0.5, 0.12), below);
    // The chin boss flattens and its skin dimples like an orange's.
    if a(17) > 0.01 {
        let center = p(0.0, face.chin - 0.55);
        let noise = Noise::new(face.person.texture, 12);
        let depth = 0.065 * a(17) * face.person.folding;
        surface.raise(&around(center, 1.0, 0.6), |x, y| {
            let near = hill(x, y - center.y, 0.44, 0.30);
            near * (0.10 * a(17) + depth * noise.fractal(6.0 * x, 6.0 * y, 2))
        });
    }
}
