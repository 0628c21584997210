//! A photograph with a box about each face.

use faus_data::CropBox;
use image::{DynamicImage, Rgb};

use crate::picture::canvas::{Canvas, text_width};

/// Boxes and letters, readable on skin, hair and walls.
const MARK: Rgb<u8> = Rgb([255, 214, 10]);
/// Behind letters.
const SHADE: Rgb<u8> = Rgb([20, 20, 20]);
/// Height of a line, in points.
const LINE: u32 = 14;

/// The photograph with each box outlined and its lines written under the box, or above the photograph's lower edge.
pub(crate) fn marked_faces(
    photograph: DynamicImage,
    faces: &[(CropBox, Vec<String>)],
) -> DynamicImage {
    // A point is one pixel up to the size of a CK+ image.
    let scale = (photograph.height().min(photograph.width()) / 480).max(1);
    let height = photograph.height() / scale;
    let mut canvas = Canvas::over(photograph, scale);
    let points = |pixels: u32| f64::from(pixels) / f64::from(scale);
    for (crop, lines) in faces {
        let (corner, size) = (
            (points(crop.x), points(crop.y)),
            (points(crop.w), points(crop.h)),
        );
        canvas.outline(corner, size, MARK);
        let needed = LINE * lines.len() as u32;
        let under = ((crop.y + crop.h) / scale).min(height.saturating_sub(needed));
        for (line, n) in lines.iter().zip(0..) {
            let at = (crop.x / scale, under + n * LINE);
            canvas.fill(at, (text_width(line, LINE), LINE), SHADE);
            canvas.text(at, LINE, line, MARK);
        }
    }
    canvas.finish().remove(0)
}
