//! The 68 landmarks of a drawn face.

use crate::face::eye::Eye;
use crate::face::features::Face;
use crate::face::mouth::LipEdges;
use crate::geometry::{Point, SIGNS, mix, p};

/// The 68 points in iBUG order, in face coordinates.
pub(crate) fn landmarks(face: &Face) -> [Point; 68] {
    let mut points = [Point::default(); 68];
    place_jaw(face, &mut points[..17]);
    for (side, half) in face.halves.iter().enumerate() {
        for (k, brow) in half.brow_line().into_iter().enumerate() {
            points[if side == 0 { 21 - k } else { 22 + k }] = brow;
        }
        place_eye(&mut points[36 + 6 * side..42 + 6 * side], &half.eye, side);
    }
    place_nose(face, &mut points[27..36]);
    place_mouth(face, &mut points[48..68]);
    points
}

fn place_jaw(face: &Face, points: &mut [Point]) {
    const TOP: f32 = -0.1;
    for (i, point) in points.iter_mut().enumerate() {
        let t = (i as f32 - 8.0) / 8.0;
        let angle = t.abs() * std::f32::consts::FRAC_PI_2;
        let y = TOP + (face.chin - TOP) * angle.cos().max(0.0).powf(0.95);
        *point = p(face.outline(y).copysign(t) * t.abs().sqrt().min(1.0), y);
    }
    points[8] = p(0.0, face.chin);
}

fn place_eye(points: &mut [Point], eye: &Eye, side: usize) {
    // iBUG order is clockwise from the picture's left corner, so the outer corner comes first only on the left.
    let order = match side {
        0 => [1.0, 0.35, -0.35, -1.0, -0.35, 0.35],
        _ => [-1.0, -0.35, 0.35, 1.0, 0.35, -0.35],
    };
    for (k, t) in order.into_iter().enumerate() {
        points[k] = eye.edge(t, k < 3).mirrored(SIGNS[side]);
    }
}

fn place_nose(face: &Face, points: &mut [Point]) {
    for (i, point) in points[..4].iter_mut().enumerate() {
        *point = p(0.0, mix(0.02, face.nose_tip, i as f32 / 3.0));
    }
    let [left, right] = face.halves.map(|half| half.ala.mirrored(half.sign));
    points[4] = left.shifted(0.06, 0.12);
    points[5] = p(0.5 * left.x, face.nose_base - 0.02);
    points[6] = p(0.0, face.nose_base);
    points[7] = p(0.5 * right.x, face.nose_base - 0.02);
    points[8] = right.shifted(-0.06, 0.12);
}

fn place_mouth(face: &Face, points: &mut [Point]) {
    const OUTER_TOP: [f32; 5] = [-0.62, -0.28, 0.0, 0.28, 0.62];
    const OUTER_BOTTOM: [f32; 5] = [0.62, 0.32, 0.0, -0.32, -0.62];
    const INNER: [f32; 3] = [-0.42, 0.0, 0.42];
    let mouth = &face.mouth;
    let at = |s: f32, edge: fn(&LipEdges) -> f32| {
        let x = s.abs() * mouth.corners[usize::from(s > 0.0)].x;
        p(x, mouth.edges(x).as_ref().map_or(mouth.y, edge))
    };
    [points[0], points[6]] = mouth.corners;
    for k in 0..5 {
        points[1 + k] = at(OUTER_TOP[k], |e| e.top);
        points[7 + k] = at(OUTER_BOTTOM[k], |e| e.bottom);
    }
    points[12] = at(-0.9, |e| 0.5 * (e.inner_top + e.inner_bottom));
    points[16] = at(0.9, |e| 0.5 * (e.inner_top + e.inner_bottom));
    for k in 0..3 {
        points[13 + k] = at(INNER[k], |e| e.inner_top);
        points[17 + k] = at(-INNER[k], |e| e.inner_bottom);
    }
}
