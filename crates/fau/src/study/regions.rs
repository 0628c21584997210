//! The place of each action unit on the face, by the 68 landmarks.

use serde::Serialize;

/// A place on the face: the mean of some landmarks, moved down by a share of the distance between the inner corners of
/// the eyes (points 39 and 42).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spot {
    /// Landmarks from 0, as in CK+ and iBUG: 0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes, 48-67 mouth.
    pub points: &'static [usize],
    /// Distance downwards, negative upwards.
    pub down: f64,
}

/// The region of an action unit: discs about its spots, of radius [`RADIUS`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Region {
    /// The action unit.
    pub au: u8,
    /// Centres of the discs.
    pub spots: &'static [Spot],
    /// The place in words.
    pub words: &'static str,
    /// Source of the place.
    pub source: &'static str,
}

/// Radius of a disc over the distance between the inner eye corners. Our choice: EAC-Net's maps reach zero at about
/// this distance.
pub(crate) const RADIUS: f64 = 0.5;

const EAC: &str = "after Li, Abtahi & Zhu 2018 (EAC-Net, PAMI 40), table of AU centres; recalled, not yet checked against it";
const FACS: &str = "Ekman, Friesen & Hager 2002 (FACS manual), the unit's appearance changes; place by our reading";

const fn spot(points: &'static [usize], down: f64) -> Spot {
    Spot { points, down }
}

const INNER_BROWS: &[Spot] = &[spot(&[21], -0.5), spot(&[22], -0.5)];
const OUTER_BROWS: &[Spot] = &[spot(&[18], -0.33), spot(&[25], -0.33)];
const BROWS: &[Spot] = &[
    spot(&[19, 20], 0.33),
    spot(&[23, 24], 0.33),
    spot(&[21, 22], 0.33),
];
const EYES: &[Spot] = &[
    spot(&[36, 37, 38, 39, 40, 41], 0.0),
    spot(&[42, 43, 44, 45, 46, 47], 0.0),
];
const CHEEKS: &[Spot] = &[spot(&[40, 41], 1.0), spot(&[46, 47], 1.0)];
const NOSE: &[Spot] = &[spot(&[27, 28], 0.0), spot(&[31], -0.3), spot(&[35], -0.3)];
const UPPER_LIP: &[Spot] = &[spot(&[50], 0.0), spot(&[52], 0.0)];
const FOLDS: &[Spot] = &[spot(&[31, 48], 0.0), spot(&[35, 54], 0.0)];
const CORNERS: &[Spot] = &[spot(&[48], 0.0), spot(&[54], 0.0)];
const CHIN: &[Spot] = &[spot(&[57], 0.5)];
const LIPS: &[Spot] = &[spot(&[48], 0.0), spot(&[51, 57], 0.0), spot(&[54], 0.0)];
const MOUTH: &[Spot] = &[spot(&[51], 0.0), spot(&[57], 0.0)];
const JAW: &[Spot] = &[spot(&[57], 0.0), spot(&[57, 8], 0.0)];

/// The region of an action unit; `None` for those without a place fixed by landmarks (head and eye movements).
pub(crate) fn region(au: u8) -> Option<Region> {
    let corners = "the corners of the mouth";
    let chin = "half a unit below the lower lip";
    let middle = "the middle of both lips";
    let above_inner = "half a unit above the inner ends of the brows";
    let above_outer = "a third of a unit above the outer ends of the brows";
    let below_brows = "a third of a unit below the middle of the brows, and between them";
    let beside_nose = "between the wings of the nose and the corners of the mouth";
    let (spots, words, source) = match au {
        1 => (INNER_BROWS, above_inner, EAC),
        2 => (OUTER_BROWS, above_outer, EAC),
        4 => (BROWS, below_brows, EAC),
        5 | 43 => (EYES, "the eyes", FACS),
        6 => (CHEEKS, "one unit below the lower lids", EAC),
        7 => (EYES, "the eyes", EAC),
        9 => (NOSE, "the root and the wings of the nose", FACS),
        10 => (UPPER_LIP, "the upper lip", EAC),
        11 => (FOLDS, beside_nose, FACS),
        12 | 14 | 15 => (CORNERS, corners, EAC),
        16 => (CHIN, chin, FACS),
        17 => (CHIN, chin, EAC),
        18 | 25 => (MOUTH, middle, FACS),
        20 => (CORNERS, corners, FACS),
        23 | 24 => (LIPS, "the lips", EAC),
        26 | 27 => (JAW, "the lower lip and the chin", FACS),
        _ => return None,
    };
    Some(Region {
        au,
        spots,
        words,
        source,
    })
}

/// The 68 points of one face, as shares of the crop's side, x right and y down.
pub type FacePoints = [[f64; 2]; 68];

/// Discs on one face, in the units of its points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Discs {
    centres: Vec<[f64; 2]>,
    radius: f64,
}

impl Region {
    /// The region on one face.
    pub fn discs(&self, face: &FacePoints) -> Discs {
        let [a, b] = [face[39], face[42]];
        let unit = (a[0] - b[0]).hypot(a[1] - b[1]);
        let centre = |spot: &Spot| {
            let n = spot.points.len() as f64;
            let sum = |axis: usize| spot.points.iter().map(|&p| face[p][axis]).sum::<f64>() / n;
            [sum(0), sum(1) + spot.down * unit]
        };
        Discs {
            centres: self.spots.iter().map(centre).collect(),
            radius: RADIUS * unit,
        }
    }
}

impl Discs {
    /// Whether a point is in a disc.
    pub fn hold(&self, [x, y]: [f64; 2]) -> bool {
        let mut centres = self.centres.iter();
        centres.any(|c| (c[0] - x).hypot(c[1] - y) <= self.radius)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A face on a grid: only the points used in the test are meaningful.
    fn face() -> FacePoints {
        let mut face = [[0.5, 0.5]; 68];
        face[39] = [0.4, 0.4];
        face[42] = [0.6, 0.4];
        face[48] = [0.35, 0.75];
        face[54] = [0.65, 0.75];
        face
    }

    #[test]
    fn the_corners_of_the_mouth_by_hand() {
        let region = region(12).unwrap();
        let discs = region.discs(&face());
        assert_eq!(discs.centres, [[0.35, 0.75], [0.65, 0.75]]);
        assert!((discs.radius - 0.1).abs() < 1e-12);
        assert!(discs.hold([0.4, 0.8]) && !discs.hold([0.5, 0.75]));
    }

    #[test]
    fn every_unit_of_ck_plus_has_a_place_and_points_exist() {
        for au in [
            1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20, 23, 24, 25, 26, 27, 43,
        ] {
            let region = region(au).unwrap();
            assert!(
                region
                    .spots
                    .iter()
                    .all(|s| s.points.iter().all(|&p| p < 68))
            );
        }
        assert!(region(61).is_none());
    }
}
