//! Crops for review: each face's place in its original, and the crop beside it.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use faus_base::text::composed;
use image::{GrayImage, Rgb, RgbImage};
use rayon::prelude::*;

use crate::error::Error;
use crate::face::CropMode;
use crate::picture::decode::to_grey;
use crate::picture::depth::scaled_alone;
use crate::picture::write::{GAP, grid};
use crate::picture::{CropBox, resize};
use crate::prepared::Prepared;
use crate::prepared::sample::Sample;
use crate::read::source::{RawSample, Source};
use crate::review::inspect::in_turn;

/// Maximum height and width of an original on the sheet, in pixels.
const HIGH: u32 = 160;
const WIDE: u32 = 240;
/// Originals with their crops to a row of the sheet.
const COLUMNS: u32 = 8;
const WHITE: Rgb<u8> = Rgb([255, 255, 255]);

/// A sheet of originals, each with its crop framed and beside it.
#[derive(Debug, Clone)]
pub struct CropSheet {
    /// Eight to a row; the frame's colour shows what placed the crop ([`Placed::colour`]).
    pub picture: RgbImage,
    /// The rows of the data set that are shown, in the order of the sheet.
    pub rows: Vec<(usize, Placed)>,
}

/// The origin of a crop, the least certain first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placed {
    /// None: the middle of the image was used.
    Nowhere,
    /// The face detector.
    Detector,
    /// The image's landmarks.
    Landmarks,
}

impl Placed {
    /// The colour of the crop's frame: red, orange, green.
    pub fn colour(self) -> [u8; 3] {
        match self {
            Self::Nowhere => [220, 30, 30],
            Self::Detector => [255, 150, 0],
            Self::Landmarks => [30, 180, 60],
        }
    }
}

/// At most `count` rows of `set` for review, beside their originals in `source`, which `set` was prepared from.
/// Uncropped images come first, then the detector's, then those by landmarks; within each, every subject once before
/// any appears again. `None` if there is no row to show.
///
/// # Errors
/// [`Error::NotPrepared`] if a row is not one of `source`'s images, or its crop does not fit into it: the set was
/// prepared from something else, or with other classes. Errors of [`Source::scan`] and [`Source::fetch`].
pub fn crop_sheet(
    source: &dyn Source,
    set: &Prepared,
    count: usize,
) -> Result<Option<CropSheet>, Error> {
    let scan = source.scan()?;
    // As the reader of `samples.csv` writes paths.
    let originals = scan.samples.iter().map(|s| (composed(s.path.trim()), s));
    let originals: HashMap<Cow<str>, &RawSample> = originals.collect();
    let rows = chosen(set, &originals, count)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let tiles = rows.par_iter().map(|&(row, placed)| {
        let sample = &set.samples()[row];
        let image = source.fetch(originals[sample.path.as_str()])?.image;
        let original = to_grey(scaled_alone(image));
        tile(set, sample, &original, placed)
    });
    let tiles: Vec<RgbImage> = tiles.collect::<Result<_, Error>>()?;
    let picture = grid(&tiles, COLUMNS, 4 * GAP, WHITE);
    Ok(Some(CropSheet { picture, rows }))
}

/// The rows to show, with what placed their crops.
fn chosen(
    set: &Prepared,
    originals: &HashMap<Cow<str>, &RawSample>,
    count: usize,
) -> Result<Vec<(usize, Placed)>, Error> {
    let unusable: BTreeSet<&str> = set.info().skipped.iter().map(|s| s.path.as_str()).collect();
    let rows = set.samples().iter().map(|sample| {
        let original = originals.get(sample.path.as_str());
        let foreign = || foreign(set, sample, "is not an image of the source given");
        let original = original.ok_or_else(foreign)?;
        Ok((placed(set.info().crop, sample, original, &unusable), sample))
    });
    let rows = in_turn(rows.collect::<Result<Vec<_>, Error>>()?).take(count);
    Ok(rows.map(|(placed, row)| (row, placed)).collect())
}

/// `samples.csv` does not record which of the two found a face, but usable landmarks always come first, and unusable
/// ones are among the skipped inputs.
fn placed(mode: CropMode, sample: &Sample, original: &RawSample, bad: &BTreeSet<&str>) -> Placed {
    let marks = original.landmarks.as_deref();
    match mode {
        _ if !sample.face_found => Placed::Nowhere,
        CropMode::Landmarks => Placed::Landmarks,
        CropMode::Auto if marks.is_some_and(|path| !bad.contains(path)) => Placed::Landmarks,
        _ => Placed::Detector,
    }
}

fn foreign(set: &Prepared, sample: &Sample, what: &str) -> Error {
    let reason = format!("row {}: {} {what}", sample.index, sample.path);
    Error::not_prepared(&set.dir().join("samples.csv"), reason)
}

/// The original with the crop's frame, and the crop beside it: as high as [`HIGH`].
fn tile(
    set: &Prepared,
    sample: &Sample,
    original: &GrayImage,
    placed: Placed,
) -> Result<RgbImage, Error> {
    let (width, height) = original.dimensions();
    let whole = CropBox::whole(original);
    let crop = sample.crop.unwrap_or(whole);
    if !crop.is_within(width, height) {
        let what = format!("is {width}×{height}, which the crop reaches out of");
        return Err(foreign(set, sample, &what));
    }
    let scale = f64::from(HIGH) / f64::from(height);
    let scale = scale.min(f64::from(WIDE) / f64::from(width));
    let scaled = |pixels: u32| (f64::from(pixels) * scale).round() as u32;
    let (wide, high) = (scaled(width).max(1), scaled(height).max(1));
    let mut tile = RgbImage::from_pixel(wide + GAP + HIGH, HIGH, WHITE);
    paint(&mut tile, 0, &resize(original, whole, wide, high), wide);
    let frame = [crop.x, crop.y, crop.x + crop.w, crop.y + crop.h].map(scaled);
    draw_frame(&mut tile, frame, (wide, high), Rgb(placed.colour()));
    let face = set.picture(sample.index);
    let face = resize(&face, CropBox::whole(&face), HIGH, HIGH);
    paint(&mut tile, wide + GAP, &face, HIGH);
    Ok(tile)
}

/// Grey pixels, row by row, starting at column `left`.
fn paint(tile: &mut RgbImage, left: u32, pixels: &[u8], width: u32) {
    for (y, line) in (0..).zip(pixels.chunks_exact(width as usize)) {
        for (x, &grey) in (left..).zip(line) {
            tile.put_pixel(x, y, Rgb([grey; 3]));
        }
    }
}

/// The outline, two pixels thick, of the pixels from `[left, top]` to before `[right, bottom]`, inside `limits`.
fn draw_frame(tile: &mut RgbImage, frame: [u32; 4], limits: (u32, u32), colour: Rgb<u8>) {
    const THICK: u32 = 2;
    let [left, top, right, bottom] = frame;
    let inner = |at, from, to| at >= from + THICK && at + THICK < to;
    for y in top..bottom.min(limits.1) {
        for x in left..right.min(limits.0) {
            if !(inner(x, left, right) && inner(y, top, bottom)) {
                tile.put_pixel(x, y, colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn original(landmarks: Option<&str>) -> RawSample {
        RawSample {
            landmarks: landmarks.map(str::to_owned),
            ..RawSample::labelled("a.png", 0)
        }
    }

    fn row(face_found: bool) -> Sample {
        Sample {
            face_found,
            ..Sample::default()
        }
    }

    #[test]
    fn tells_what_placed_a_crop() {
        let unusable = BTreeSet::from(["bad.txt"]);
        for (mode, found, landmarks, want) in [
            (CropMode::Auto, true, Some("good.txt"), Placed::Landmarks),
            (CropMode::Auto, true, Some("bad.txt"), Placed::Detector),
            (CropMode::Auto, true, None, Placed::Detector),
            (CropMode::Auto, false, None, Placed::Nowhere),
            (
                CropMode::Landmarks,
                true,
                Some("good.txt"),
                Placed::Landmarks,
            ),
            (CropMode::Detector, true, Some("good.txt"), Placed::Detector),
            (CropMode::None, false, Some("good.txt"), Placed::Nowhere),
        ] {
            let got = placed(mode, &row(found), &original(landmarks), &unusable);
            assert_eq!(got, want, "{mode}, {landmarks:?}");
        }
    }

    #[test]
    fn a_frame_at_the_edge_stays_inside() {
        let mut tile = RgbImage::from_pixel(20, 10, WHITE);
        let red = Rgb([255, 0, 0]);
        draw_frame(&mut tile, [0, 3, 11, 9], (10, 8), red);
        let coloured = |x, y| *tile.get_pixel(x, y) == red;
        assert!(coloured(0, 3) && coloured(1, 7) && coloured(9, 4) && !coloured(2, 5));
        assert!(!coloured(0, 2) && !coloured(10, 4) && !coloured(5, 8));
    }
}
