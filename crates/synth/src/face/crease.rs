//! One furrow of the skin, with the bulges beside it.

use crate::face::relief::Surface;
use crate::geometry::{Point, p, spanning};

/// Straight pieces of a curve.
const SEGMENTS: usize = 8;

impl Surface {
    /// Cuts a crease along the quadratic Bézier curve of three points.
    ///
    /// `width` is the furrow's half-width; the skin beside it bulges in proportion to its `depth`. `lean` is the side
    /// that bulges more: +1 right of the direction of travel, −1 left, 0 both equally.
    pub fn crease(&mut self, points: [Point; 3], width: f32, depth: f32, lean: f32) {
        if depth < 0.0015 {
            return;
        }
        let line = polyline(points);
        let area = spanning(&line, 5.0 * width);
        self.canvas.visit(&area, |i, x, y| {
            if self.skin[i] <= 0.0 {
                return;
            }
            let (distance, t) = nearest(&line, p(x, y));
            if distance.abs() > 5.0 * width {
                return;
            }
            let taper = (4.0 * t * (1.0 - t)).max(0.0).sqrt();
            let d = distance / width;
            let furrow = (-d * d).exp();
            let bulge = |center: f32| (-((d - center) / 1.5).powi(2)).exp();
            let sides = (0.45 + 0.35 * lean) * bulge(2.2) + (0.45 - 0.35 * lean) * bulge(-2.2);
            self.z[i] += self.skin[i] * depth * taper * (sides - furrow);
            self.albedo[i] *= 1.0 - (2.2 * depth * taper * furrow).min(0.4);
        });
    }
}

fn polyline([a, b, c]: [Point; 3]) -> [Point; SEGMENTS + 1] {
    std::array::from_fn(|k| {
        let t = k as f32 / SEGMENTS as f32;
        let u = 1.0 - t;
        let along = |a: f32, b: f32, c: f32| u * u * a + 2.0 * u * t * b + t * t * c;
        p(along(a.x, b.x, c.x), along(a.y, b.y, c.y))
    })
}

/// Signed distance (positive right of travel, y down) and parameter of the nearest point of a polyline.
fn nearest(line: &[Point], q: Point) -> (f32, f32) {
    let (mut best, mut signed, mut at) = (f32::MAX, 0.0, 0.0);
    for (k, pair) in line.windows(2).enumerate() {
        let (dx, dy) = (pair[1].x - pair[0].x, pair[1].y - pair[0].y);
        let (ex, ey) = (q.x - pair[0].x, q.y - pair[0].y);
        let t = ((ex * dx + ey * dy) / (dx * dx + dy * dy).max(1e-9)).clamp(0.0, 1.0);
        let (fx, fy) = (ex - t * dx, ey - t * dy);
        let squared = fx * fx + fy * fy;
        if squared < best {
            best = squared;
            let sign = if dx * ey - dy * ex >= 0.0 { 1.0 } else { -1.0 };
            signed = sign * squared.sqrt();
            at = (k as f32 + t) / (line.len() - 1) as f32;
        }
    }
    (signed, at)
}
