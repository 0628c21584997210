//! The picture of the evidence for classes.

use image::{DynamicImage, GrayImage, Rgb, RgbImage};

use crate::atlas::evidence::{EVIDENCE_METHODS, Evidence};
use crate::images::Images;
use crate::picture::canvas::{Canvas, FAINT, INK, centred, fitted, largest, mix};
use crate::picture::layout::{Captions, GAP, MARGIN, TOP, face, headed};

const FACE: u32 = 112;
/// Width of the text beside a face, and height of its lines.
const WORDS: u32 = 118;
const LINE: u32 = 13;
const SPEAKS_FOR: Rgb<u8> = Rgb([215, 25, 28]);
const SPEAKS_AGAINST: Rgb<u8> = Rgb([33, 82, 190]);

/// One row per image: the face, then its maps. Red supports the class, blue contradicts it; guided back-propagation is
/// unsigned here, and grey with zero in the middle. `words` are the lines beside each face.
pub fn evidence_picture(
    all: &[Evidence],
    words: &[Vec<String>],
    images: &dyn Images,
    captions: &Captions,
    scale: u32,
) -> DynamicImage {
    let width = x(1 + EVIDENCE_METHODS.len() as u32) - GAP + MARGIN;
    let first = TOP + LINE + GAP;
    let height = first + all.len().max(1) as u32 * (FACE + GAP) - GAP + MARGIN;
    let mut canvas = headed(width, height, scale, &captions.heading);
    for (n, name) in (0..).zip(["image", "gradient x input", "guided", "occlusion"]) {
        canvas.text((x(n), TOP), LINE, name, INK);
    }
    for ((row, one), words) in (0..).zip(all).zip(words) {
        draw_row(&mut canvas, first + row * (FACE + GAP), one, words, images);
    }
    canvas.finish()
}

fn x(column: u32) -> u32 {
    MARGIN + WORDS + column * (FACE + GAP)
}

fn draw_row(canvas: &mut Canvas, y: u32, one: &Evidence, words: &[String], images: &dyn Images) {
    for (n, line) in (0..).zip(words) {
        let ink = if n == 0 { INK } else { FAINT };
        let line = fitted(line, LINE, WORDS - GAP);
        canvas.text((MARGIN, y + n * LINE), LINE, &line, ink);
    }
    let side = images.side();
    let face = face(images.grey(one.index), side);
    let [gradient_x_input, guided, occlusion] = &one.maps;
    canvas.tile((x(0), y), FACE, face.clone());
    canvas.tile((x(1), y), FACE, over_face(&face, gradient_x_input));
    canvas.tile((x(2), y), FACE, centred(guided, side, largest(guided)));
    canvas.tile((x(3), y), FACE, over_face(&face, occlusion));
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
