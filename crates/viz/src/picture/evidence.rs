//! The picture of the evidence for classes.

use image::{DynamicImage, GrayImage, Rgb, RgbImage};

use crate::atlas::evidence::Evidence;
use crate::images::Images;
use crate::picture::canvas::{
    FAINT, GAP, INK, MARGIN, SCALES, TOP, centred, fitted, greys, headed, largest, mix,
};

const FACE: u32 = 112;
/// Points from one face to the next.
const PITCH: u32 = FACE + GAP;
/// Width of the text beside a face, and height of its lines.
const WORDS: u32 = 118;
const LINE: u32 = 13;
/// First point of the faces.
const LEFT: u32 = MARGIN + WORDS;
const SPEAKS_FOR: Rgb<u8> = Rgb([215, 25, 28]);
const SPEAKS_AGAINST: Rgb<u8> = Rgb([33, 82, 190]);

/// One row per image: the face, then its maps. Red supports the class, blue contradicts it; guided back-propagation is
/// unsigned here, and grey with zero in the middle. `words` are the lines beside each face.
pub(crate) fn evidence_picture(
    all: &[Evidence],
    words: &[Vec<String>],
    images: &dyn Images,
    heading: &str,
) -> Vec<DynamicImage> {
    let heads = ["image", "gradient x input", "guided", "occlusion"];
    let width = LEFT + heads.len() as u32 * PITCH - GAP + MARGIN;
    let first = TOP + LINE + GAP;
    let height = first + all.len().max(1) as u32 * PITCH - GAP + MARGIN;
    let mut canvas = headed(width, height, &SCALES, heading);
    for (n, name) in (0..).zip(heads) {
        canvas.text((LEFT + n * PITCH, TOP), LINE, name, INK);
    }
    for ((row, one), words) in (0..).zip(all).zip(words) {
        let (y, side) = (first + row * PITCH, images.side());
        for (n, line) in (0..).zip(words) {
            let ink = if n == 0 { INK } else { FAINT };
            let line = fitted(line, LINE, WORDS - GAP);
            canvas.text((MARGIN, y + n * LINE), LINE, &line, ink);
        }
        let face = greys(images.grey(one.index), side, |v| v);
        let [gradient_x_input, guided, occlusion] = &one.maps;
        let tiles: [DynamicImage; 4] = [
            face.clone().into(),
            over_face(&face, gradient_x_input).into(),
            centred(guided, side, largest(guided)).into(),
            over_face(&face, occlusion).into(),
        ];
        canvas.row((LEFT, y), (FACE, PITCH), tiles);
    }
    canvas.finish()
}

/// The pale face under the map's colours.
fn over_face(face: &GrayImage, map: &[f32]) -> RgbImage {
    let (most, side) = (largest(map), face.width());
    RgbImage::from_fn(side, side, |x, y| {
        let pale = 160 + face.get_pixel(x, y).0[0] / 3;
        let value = map[(y * side + x) as usize];
        let share = f64::from(value.abs() / most);
        let share = if share.is_finite() { share.sqrt() } else { 0.0 };
        let ink = match value > 0.0 {
            true => SPEAKS_FOR,
            false => SPEAKS_AGAINST,
        };
        mix(Rgb([pale; 3]), ink, share)
    })
}
