//! Landmark files, and the square about a face that they give.

use crate::error::Error;
use crate::label::text::brief;
use crate::picture::CropBox;

use super::fit_square;

/// Points of a landmark file, in the order that CK+ and the 68-point mark-up share: 0-16 jaw from ear to ear, 17-26
/// brows, 27-35 nose, 36-47 eyes, 48-67 mouth.
const POINTS: usize = 68;

/// Side of the crop over the width of the face at the jaw line.
const SIDE_PER_JAW: f64 = 1.05;
/// Position of the eye line in the crop, as a share of its side from the top.
const EYE_LINE: f64 = 0.37;
/// Margin below the mouth and above the brows, as shares of the side.
const BELOW_MOUTH: f64 = 0.05;
const ABOVE_BROWS: f64 = 0.03;

/// The 68 landmarks of one image, in its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Landmarks {
    points: Vec<[f64; 2]>,
}

impl Landmarks {
    /// Reads a CK+ landmark file: 68 lines `x y` as floats.
    ///
    /// # Errors
    /// [`Error::Parse`] for another number of lines, or a line that is not two finite numbers.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let found = lines.clone().count();
        if found != POINTS {
            return Err(Error::parse(format!(
                "expected {POINTS} lines 'x y' of landmarks, found {found}"
            )));
        }
        let points = lines.enumerate().map(point).collect::<Result<_, _>>()?;
        Ok(Self { points })
    }

    /// The points, `[x, y]`.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.points
    }
}

fn point((at, line): (usize, &str)) -> Result<[f64; 2], Error> {
    let mut words = line.split_ascii_whitespace();
    let mut number = || {
        let number: f64 = words.next()?.parse().ok()?;
        (number.abs() < 1e6).then_some(number)
    };
    match (number(), number(), words.next()) {
        (Some(x), Some(y), None) => Ok([x, y]),
        _ => {
            let (line, found) = (at + 1, brief(line));
            let reason = format!("landmark line {line}: expected 'x y', found '{found}'");
            Err(Error::parse(reason))
        }
    }
}

/// The square of a face detector about these landmarks, fitted into a `width` × `height` image.
///
/// Geometry (our choice): read off rustface's boxes on photographs, whose side is 1.0 to 1.1 times the face's width at
/// the jaw line, with the eyes at 0.34 to 0.39 of the height and the chin at the lower edge. So the side is 1.05 jaw
/// widths, centred on the jaw, with the eye line at 0.37. The jaw's width hardly changes with the expression, so the
/// scale does not depend on it. A mouth that opens beyond the lower edge pulls the square down without changing its
/// size, as far as the brows allow: AU 26 and 27 would otherwise be cut off.
///
/// # Errors
/// [`Error::Parse`] if the points span no face: the jaw is narrower than 8 pixels, is upside down, or its centre is
/// outside the image.
pub fn face_square(landmarks: &Landmarks, width: u32, height: u32) -> Result<CropBox, Error> {
    let points = &landmarks.points;
    let (left, right) = span(points[..17].iter().map(|p| p[0]));
    let (brow_top, _) = span(points[17..27].iter().map(|p| p[1]));
    let (_, mouth_low) = span(points[48..].iter().map(|p| p[1]));
    let eyes = points[36..48].iter().map(|p| p[1]).sum::<f64>() / 12.0;
    let centre = (left + right) / 2.0;
    let inside = |at: f64, limit: u32| (0.0..f64::from(limit)).contains(&at);
    let inside = inside(centre, width) && inside(eyes, height);
    if right - left < 8.0 || mouth_low <= eyes || !inside {
        let reason = "the landmarks span no upright face inside the image";
        return Err(Error::parse(reason));
    }
    let side = SIDE_PER_JAW * (right - left);
    let top = eyes - EYE_LINE * side;
    let lowered = mouth_low + BELOW_MOUTH * side - side;
    let highest_brow = brow_top - ABOVE_BROWS * side;
    let top = top.max(lowered.min(highest_brow));
    Ok(fit_square(centre - side / 2.0, top, side, width, height))
}

fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A schematic upright face: jaw 200 wide about x = 320, eyes at y = 200, the mouth's lower edge at `mouth`.
    fn face(mouth: f64) -> Landmarks {
        let mut points = vec![[320.0, 250.0]; POINTS];
        for (at, point) in points[..17].iter_mut().enumerate() {
            let angle = std::f64::consts::PI * at as f64 / 16.0;
            *point = [320.0 - 100.0 * angle.cos(), 200.0 + 130.0 * angle.sin()];
        }
        points[17..27].fill([320.0, 165.0]);
        points[36..48].fill([320.0, 200.0]);
        points[48..].fill([320.0, mouth]);
        Landmarks { points }
    }

    fn text(landmarks: &Landmarks) -> String {
        landmarks
            .points
            .iter()
            .map(|[x, y]| format!("   {x:.7e}   {y:.7e}\n"))
            .collect()
    }

    #[test]
    fn reads_what_it_writes() {
        let face = face(280.0);
        let read = Landmarks::parse(&text(&face)).unwrap();
        for (a, b) in read.points.iter().zip(&face.points) {
            assert!((a[0] - b[0]).abs() < 1e-4 && (a[1] - b[1]).abs() < 1e-4);
        }
        assert!(
            Landmarks::parse("1 2\n")
                .unwrap_err()
                .to_string()
                .contains("68")
        );
        let bad = text(&face).replacen("3.2000000e2", "x", 1);
        assert!(Landmarks::parse(&bad).is_err());
    }

    #[test]
    fn frames_a_face_as_a_detector_does() {
        let crop = face_square(&face(280.0), 640, 490).unwrap();
        assert_eq!(
            crop,
            CropBox {
                x: 215,
                y: 122,
                w: 210,
                h: 210
            }
        );
        // The chin (y = 330) is at the lower edge (332).
    }

    #[test]
    fn an_open_mouth_moves_the_square_but_keeps_its_size() {
        let crop = face_square(&face(330.0), 640, 490).unwrap();
        assert_eq!((crop.w, crop.y), (210, 131));
        let brows_stay = face_square(&face(400.0), 640, 490).unwrap();
        assert_eq!(brows_stay.y, 159);
    }

    #[test]
    fn refuses_points_that_are_no_face() {
        let flat = Landmarks {
            points: vec![[10.0, 10.0]; POINTS],
        };
        assert!(face_square(&flat, 640, 490).is_err());
        assert!(face_square(&face(280.0), 100, 100).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9e. \n]{0,400}") {
            let _ = Landmarks::parse(&text);
        }

        #[test]
        fn the_square_lies_inside(
            points in proptest::collection::vec((-50.0..700.0f64, -50.0..600.0f64), POINTS),
            width in 1u32..700, height in 1u32..700,
        ) {
            let landmarks = Landmarks { points: points.into_iter().map(|(x, y)| [x, y]).collect() };
            if let Ok(crop) = face_square(&landmarks, width, height) {
                prop_assert!(crop.w == crop.h && crop.w > 0);
                prop_assert!(crop.x + crop.w <= width && crop.y + crop.h <= height);
            }
        }
    }
}
