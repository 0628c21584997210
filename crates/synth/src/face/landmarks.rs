//! The 68 landmarks of a drawn face.

use crate::face::eye::Eye;
use crate::face::features::Face;
use crate::face::mouth::LipEdges;
use crate::geometry::{Point, SIGNS, mix, p};

/// The 68 points in iBUG order, in face coordinates.
pub(crate) fn landmarks(face: &Face) -> [Point; 68] {
    let mut points = [Point::default(); 68];
    let [mut left, right] = face.halves.map(|half| half.brow_line());
    left.reverse();
    let [left_eye, right_eye] = [0, 1].map(|side| eye(&face.halves[side].eye, side));
    let parts = [
        &jaw(face)[..],
        &left,
        &right,
        &nose(face),
        &left_eye,
        &right_eye,
        &mouth(face),
    ];
    points.copy_from_slice(&parts.concat());
    points
}

fn jaw(face: &Face) -> [Point; 17] {
    const TOP: f32 = -0.1;
    let mut points = std::array::from_fn(|i| {
        let t = (i as f32 - 8.0) / 8.0;
        let angle = t.abs() * std::f32::consts::FRAC_PI_2;
        let y = TOP + (face.chin - TOP) * angle.cos().max(0.0).powf(0.95);
        p(face.outline(y).copysign(t) * t.abs().sqrt().min(1.0), y)
    });
    points[8] = p(0.0, face.chin);
    points
}

fn eye(eye: &Eye, side: usize) -> [Point; 6] {
    // iBUG order is clockwise from the picture's left corner, so the outer corner comes first only on the left.
    let order = match side {
        0 => [1.0, 0.35, -0.35, -1.0, -0.35, 0.35],
        _ => [-1.0, -0.35, 0.35, 1.0, 0.35, -0.35],
    };
    std::array::from_fn(|k| eye.edge(order[k], k < 3).mirrored(SIGNS[side]))
}

fn nose(face: &Face) -> [Point; 9] {
    let ridge = |k: f32| p(0.0, mix(0.02, face.nose_tip, k / 3.0));
    let [left, right] = face.halves.map(|half| half.ala.mirrored(half.sign));
    [
        ridge(0.0),
        ridge(1.0),
        ridge(2.0),
        ridge(3.0),
        left.shifted(0.06, 0.12),
        p(0.5 * left.x, face.nose_base - 0.02),
        p(0.0, face.nose_base),
        p(0.5 * right.x, face.nose_base - 0.02),
        right.shifted(-0.06, 0.12),
    ]
}

fn mouth(face: &Face) -> Vec<Point> {
    let mouth = &face.mouth;
    let at = |s: f32, edge: fn(&LipEdges) -> f32| {
        let x = s.abs() * mouth.corners[usize::from(s > 0.0)].x;
        p(x, mouth.edges(x).as_ref().map_or(mouth.y, edge))
    };
    let top = [-0.62, -0.28, 0.0, 0.28, 0.62].map(|s| at(s, |e| e.top));
    let bottom = [0.62, 0.32, 0.0, -0.32, -0.62].map(|s| at(s, |e| e.bottom));
    let seam = [-0.9, 0.9].map(|s| [at(s, |e| 0.5 * (e.inner_top + e.inner_bottom))]);
    let upper = [-0.42, 0.0, 0.42].map(|s| at(s, |e| e.inner_top));
    let lower = [0.42, -0.0, -0.42].map(|s| at(s, |e| e.inner_bottom));
    let [left, right] = mouth.corners.map(|corner| [corner]);
    [
        &left[..],
        &top,
        &right,
        &bottom,
        &seam[0],
        &upper,
        &seam[1],
        &lower,
    ]
    .concat()
}
