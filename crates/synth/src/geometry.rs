//! Small curves and fall-offs in face coordinates.

use std::ops::Range;

/// A point in face coordinates: x to the image's right, y down, both in half interocular distances.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Point {
    pub x: f32,
    pub y: f32,
}

/// Sign of x on the picture's left and right half.
pub(crate) const SIGNS: [f32; 2] = [-1.0, 1.0];

/// Shorthand for a point.
pub(crate) const fn p(x: f32, y: f32) -> Point {
    Point { x, y }
}

impl Point {
    pub fn mirrored(self, sign: f32) -> Self {
        p(self.x * sign, self.y)
    }

    pub fn shifted(self, dx: f32, dy: f32) -> Self {
        p(self.x + dx, self.y + dy)
    }
}

pub(crate) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `from`, 1 above `to`, smooth between.
pub(crate) fn step(from: f32, to: f32, x: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// exp(−t²): 1 at t = 0.
pub(crate) fn bell(t: f32) -> f32 {
    fall(t * t)
}

/// exp(−square), or 0 where that is below any grey level: most of a face is far from most of its features.
fn fall(square: f32) -> f32 {
    if square > 14.0 { 0.0 } else { (-square).exp() }
}

/// Two-dimensional bell with half-widths `sx`, `sy`.
pub(crate) fn hill(dx: f32, dy: f32, sx: f32, sy: f32) -> f32 {
    let (u, v) = (dx / sx, dy / sy);
    fall(u * u + v * v)
}

/// Height at `x` of the smooth curve through `knots` (ascending x), constant beyond its ends.
///
/// Cubic Hermite with central-difference tangents: passes through every knot, needs no solve.
pub(crate) fn curve(knots: &[Point], x: f32) -> f32 {
    let last = knots.len() - 1;
    let x = x.clamp(knots[0].x, knots[last].x);
    let i = (1..last).find(|&i| x < knots[i].x).unwrap_or(last) - 1;
    let tangent = |k: usize| {
        let (a, b) = (knots[k.saturating_sub(1)], knots[(k + 1).min(last)]);
        (b.y - a.y) / (b.x - a.x)
    };
    let (a, b) = (knots[i], knots[i + 1]);
    let width = b.x - a.x;
    let t = (x - a.x) / width;
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * a.y
        + (t3 - 2.0 * t2 + t) * width * tangent(i)
        + (3.0 * t2 - 2.0 * t3) * b.y
        + (t3 - t2) * width * tangent(i + 1)
}

/// A rectangle in face coordinates: columns, then rows.
pub(crate) type Area = [Range<f32>; 2];

pub(crate) fn around(center: Point, rx: f32, ry: f32) -> Area {
    [center.x - rx..center.x + rx, center.y - ry..center.y + ry]
}

pub(crate) fn spanning(points: &[Point], margin: f32) -> Area {
    let span = |of: fn(&Point) -> f32| {
        let low = points.iter().map(of).fold(f32::MAX, f32::min);
        let high = points.iter().map(of).fold(f32::MIN, f32::max);
        low - margin..high + margin
    };
    [span(|q| q.x), span(|q| q.y)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn curve_passes_through_its_knots(ys in prop::collection::vec(-2.0f32..2.0, 2..7)) {
            let knots: Vec<Point> = ys.iter().enumerate().map(|(i, &y)| p(i as f32 * 0.7, y)).collect();
            for knot in &knots {
                prop_assert!((curve(&knots, knot.x) - knot.y).abs() < 1e-4);
            }
        }

        #[test]
        fn step_is_monotone_and_bounded(a in -3.0f32..3.0, b in -3.0f32..3.0) {
            let (low, high) = (a.min(b), a.max(b));
            let (first, second) = (step(-1.0, 1.0, low), step(-1.0, 1.0, high));
            prop_assert!((0.0..=1.0).contains(&first) && first <= second);
        }
    }
}
