//! The 68 landmarks of a drawn face.

use std::f32::consts::FRAC_PI_2;

use crate::face::features::{Face, Half, LipEdges};
use crate::geometry::{Point, mix, p};

/// The 68 points in iBUG order, in face coordinates.
pub(crate) fn landmarks(face: &Face) -> [Point; 68] {
    let [left, right] = &face.halves;
    std::array::from_fn(|k| match k {
        8 => p(0.0, face.chin),
        0..17 => jaw(face, (k as f32 - 8.0) / 8.0),
        17..22 => left.brow_line()[21 - k],
        22..27 => right.brow_line()[k - 22],
        27..36 => nose(face, k - 27),
        36..42 => eye(left, k - 36),
        42..48 => eye(right, k - 42),
        _ => mouth(face, k - 48),
    })
}

/// A point of the jaw at `t` in [−1, 1], from ear to ear.
fn jaw(face: &Face, t: f32) -> Point {
    const TOP: f32 = -0.1;
    let y = TOP + (face.chin - TOP) * (t.abs() * FRAC_PI_2).cos().max(0.0).powf(0.95);
    p(face.outline(y).copysign(t) * t.abs().sqrt().min(1.0), y)
}

/// Clockwise from the picture's left corner, so the outer corner comes first only on the left.
fn eye(half: &Half, k: usize) -> Point {
    let t = [-1.0, -0.35, 0.35, 1.0, 0.35, -0.35][k];
    half.eye.edge(half.sign * t, k / 3).mirrored(half.sign)
}

fn nose(face: &Face, k: usize) -> Point {
    let [left, right] = face.halves.map(|half| half.ala.mirrored(half.sign));
    match k {
        0..4 => p(0.0, mix(0.02, face.nose_tip, k as f32 / 3.0)),
        4 => left.shifted(0.06, 0.12),
        5 => p(0.5 * left.x, face.nose_base - 0.02),
        6 => p(0.0, face.nose_base),
        7 => p(0.5 * right.x, face.nose_base - 0.02),
        _ => right.shifted(-0.06, 0.12),
    }
}

/// Places of the mouth's points across its halves: outer edge, then inner.
const ACROSS: [f32; 20] = [
    -1.0, -0.62, -0.28, 0.0, 0.28, 0.62, 1.0, 0.62, 0.32, 0.0, -0.32, -0.62, -0.9, -0.42, 0.0,
    0.42, 0.9, 0.42, 0.0, -0.42,
];

fn mouth(face: &Face, k: usize) -> Point {
    let corner = face.mouth.corners[usize::from(ACROSS[k] > 0.0)];
    let height = |edges: LipEdges| match k {
        0 | 6 => corner.y,
        1..=5 => edges.top,
        7..=11 => edges.bottom,
        13..=15 => edges.inner_top,
        17..=19 => edges.inner_bottom,
        _ => 0.5 * (edges.inner_top + edges.inner_bottom),
    };
    let x = ACROSS[k].abs() * corner.x;
    p(x, face.mouth.edges(x).map_or(face.mouth.y, height))
}
