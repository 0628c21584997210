//! Boxes of candidate faces, and the merging of overlapping ones.

/// A square in pixels of the searched image, which may extend beyond it; ordered so that squares of the same columns are
/// adjacent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Place {
    pub side: i32,
    pub x: i32,
    pub y: i32,
}

/// A square that may hold a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Face {
    pub place: Place,
    /// The sum of the scores of all boxes that were merged into this one.
    pub score: f64,
}

impl Face {
    /// Moved and resized by a network's four outputs, each in 0 to 1: the score; then, with ½ for no change, the shift
    /// in x and in y as a share of the side, and the growth.
    ///
    /// A box that begins outside the image is moved as if it began at the border: a bug in SeetaFace's code, kept
    /// because the model's scores depend on it.
    pub fn moved(self, [score, x, y, growth]: [f32; 4]) -> Self {
        let side = self.place.side as f32;
        let share = |output: f32| (output * 2.0 - 1.0) * side;
        let new = (share(growth) + side + 0.5).floor();
        let along = |output, start: i32| {
            (share(output) + start.max(0) as f32 + (side - new) * 0.5 + 0.5).floor() as i32
        };
        let place = Place {
            side: new as i32,
            x: along(x, self.place.x),
            y: along(y, self.place.y),
        };
        let score = f64::from(score);
        Self { place, score }
    }
}

impl Place {
    fn area(self) -> f32 {
        (self.side * self.side) as f32
    }

    /// Intersection over union.
    fn overlap(self, other: Self) -> f32 {
        let along = |a: i32, b: i32| (a + self.side).min(b + other.side) - a.max(b);
        let (w, h) = (along(self.x, other.x), along(self.y, other.y));
        if w <= 0 || h <= 0 {
            return 0.0;
        }
        let both = (w * h) as f32;
        both / (self.area() + other.area() - both)
    }
}

/// Non-maximum suppression: sorts boxes by score, best first, and merges into each the boxes that overlap it by more than
/// `limit`: it keeps its place and adds up their scores.
pub(super) fn suppress(faces: &mut Vec<Face>, limit: f32, merged: &mut Vec<bool>) {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    merged.clear();
    merged.resize(faces.len(), false);
    let mut kept = 0;
    for at in 0..faces.len() {
        if merged[at] {
            continue;
        }
        let mut best = faces[at];
        for other in at + 1..faces.len() {
            if !merged[other] && faces[at].place.overlap(faces[other].place) > limit {
                merged[other] = true;
                best.score += faces[other].score;
            }
        }
        faces[kept] = best;
        kept += 1;
    }
    faces.truncate(kept);
}
