//! Crops for review: where in the original each face was cut out, and what became of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use image::{GrayImage, Rgb, RgbImage};
use rayon::prelude::*;

use crate::error::Error;
use crate::face::CropMode;
use crate::picture::crop_box::CropBox;
use crate::picture::resize::resize;
use crate::picture::write::GAP;
use crate::prepared::Prepared;
use crate::prepared::sample::Sample;
use crate::read::source::{RawSample, Source};

/// Pixels that an original is shown in: as high as this, or as wide, whichever is reached first.
const HIGH: u32 = 160;
const WIDE: u32 = 240;
/// Originals with their crops to a row of the sheet.
const COLUMNS: u32 = 8;
const WHITE: Rgb<u8> = Rgb([255, 255, 255]);

/// A sheet of originals, the crop drawn on each and shown beside it.
#[derive(Debug, Clone)]
pub struct CropSheet {
    /// Eight to a row. The frame's colour says what placed the crop: [`Placed::colour`].
    pub picture: RgbImage,
    /// The rows of the data set that are shown, in the order of the sheet.
    pub rows: Vec<(usize, Placed)>,
}

/// What placed a crop, the least certain first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placed {
    /// Nothing: the middle of the image was taken.
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

/// At most `count` rows of `set` for review, beside their originals in `source`, which `set` was prepared from. Crops
/// that nothing placed come first, then the detector's, then those by landmarks; within each, every subject once before
/// any a second time. `None` if there is no row to show.
///
/// # Errors
/// [`Error::NotPrepared`] if a row is none of `source`'s images, or its crop does not fit into it: the set was prepared
/// from something else, or with other classes. What [`Source::scan`] and [`Source::fetch`] say.
pub fn crop_sheet(
    source: &dyn Source,
    set: &Prepared,
    count: usize,
) -> Result<Option<CropSheet>, Error> {
    let scan = source.scan()?;
    let originals: HashMap<&str, &RawSample> =
        scan.samples.iter().map(|s| (s.path.as_str(), s)).collect();
    let rows = chosen(set, &originals, count)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let tiles: Vec<RgbImage> = rows
        .par_iter()
        .map(|&(row, placed)| {
            let sample = &set.samples()[row];
            let original = source.fetch(originals[sample.path.as_str()])?.image;
            tile(set, sample, &original, placed)
        })
        .collect::<Result<_, Error>>()?;
    let picture = sheet(&tiles);
    Ok(Some(CropSheet { picture, rows }))
}

/// The rows to show, with what placed their crops.
fn chosen(
    set: &Prepared,
    originals: &HashMap<&str, &RawSample>,
    count: usize,
) -> Result<Vec<(usize, Placed)>, Error> {
    let unusable: BTreeSet<&str> = set.info().skipped.iter().map(|s| s.path.as_str()).collect();
    let mut seen: BTreeMap<(Placed, i64), usize> = BTreeMap::new();
    let mut rows = Vec::new();
    for sample in set.samples() {
        let original = originals.get(sample.path.as_str()).ok_or_else(|| {
            foreign(
                set,
                sample,
                "is no image of the source that is given".into(),
            )
        })?;
        let placed = placed(set.info().crop, sample, original, &unusable);
        let turn = seen.entry((placed, sample.subject)).or_default();
        rows.push((placed, *turn, sample.index));
        *turn += 1;
    }
    rows.sort_unstable();
    rows.truncate(count);
    Ok(rows
        .into_iter()
        .map(|(placed, _, row)| (row, placed))
        .collect())
}

/// `samples.csv` does not say which of the two found a face, but landmarks come first wherever they are usable, and
/// those that are not are among the skipped inputs.
fn placed(
    mode: CropMode,
    sample: &Sample,
    original: &RawSample,
    unusable: &BTreeSet<&str>,
) -> Placed {
    let marks = original.landmarks.as_deref();
    match mode {
        _ if !sample.face_found => Placed::Nowhere,
        CropMode::Landmarks => Placed::Landmarks,
        CropMode::Auto if marks.is_some_and(|path| !unusable.contains(path)) => Placed::Landmarks,
        _ => Placed::Detector,
    }
}

fn foreign(set: &Prepared, sample: &Sample, what: String) -> Error {
    Error::NotPrepared {
        path: set.dir().join("samples.csv"),
        reason: format!("row {}: {} {what}", sample.index, sample.path),
    }
}

/// The original with the crop's frame, and the crop beside it: as high as [`HIGH`].
fn tile(
    set: &Prepared,
    sample: &Sample,
    original: &GrayImage,
    placed: Placed,
) -> Result<RgbImage, Error> {
    let (width, height) = original.dimensions();
    let whole = CropBox {
        x: 0,
        y: 0,
        w: width,
        h: height,
    };
    let crop = sample.crop.unwrap_or(whole);
    let ends = (crop.x.checked_add(crop.w), crop.y.checked_add(crop.h));
    if !matches!(ends, (Some(right), Some(bottom)) if right <= width && bottom <= height && crop.w > 0 && crop.h > 0)
    {
        return Err(foreign(
            set,
            sample,
            format!("is {width}×{height}, which the crop reaches out of"),
        ));
    }
    let scale = f64::from(HIGH) / f64::from(height);
    let scale = scale.min(f64::from(WIDE) / f64::from(width));
    let shown = |pixels: u32| ((f64::from(pixels) * scale).round() as u32).max(1);
    let (wide, high) = (shown(width), shown(height));
    let mut tile = RgbImage::from_pixel(wide + GAP as u32 + HIGH, HIGH, WHITE);
    paint(&mut tile, 0, &resize(original, whole, wide, high), wide);
    let frame = [crop.x, crop.y, crop.x + crop.w, crop.y + crop.h]
        .map(|at| (f64::from(at) * scale).round() as u32);
    draw_frame(&mut tile, frame, (wide, high), Rgb(placed.colour()));
    let side = set.image_size() as u32;
    let face = GrayImage::from_raw(side, side, set.image(sample.index).to_vec());
    let all = CropBox {
        x: 0,
        y: 0,
        w: side,
        h: side,
    };
    if let Some(face) = face {
        paint(
            &mut tile,
            wide + GAP as u32,
            &resize(&face, all, HIGH, HIGH),
            HIGH,
        );
    }
    Ok(tile)
}

/// Grey pixels, row by row, from the column `left` on.
fn paint(tile: &mut RgbImage, left: u32, pixels: &[u8], width: u32) {
    for (y, line) in (0..).zip(pixels.chunks_exact(width as usize)) {
        for (x, &grey) in (left..).zip(line) {
            tile.put_pixel(x, y, Rgb([grey; 3]));
        }
    }
}

/// The outline, two pixels thick, of the pixels from `[left, top]` to before `[right, bottom]`, inside `limits`.
fn draw_frame(
    tile: &mut RgbImage,
    [left, top, right, bottom]: [u32; 4],
    limits: (u32, u32),
    colour: Rgb<u8>,
) {
    const THICK: u32 = 2;
    for y in top..bottom.min(limits.1) {
        for x in left..right.min(limits.0) {
            let inner =
                x >= left + THICK && x + THICK < right && y >= top + THICK && y + THICK < bottom;
            if !inner {
                tile.put_pixel(x, y, colour);
            }
        }
    }
}

/// Tiles on a white sheet, [`COLUMNS`] to a row; columns are as wide as the widest tile.
fn sheet(tiles: &[RgbImage]) -> RgbImage {
    let gap = 4 * GAP as u32;
    let widest = tiles.iter().map(RgbImage::width).max().unwrap_or(1);
    let count = tiles.len() as u32;
    let columns = COLUMNS.min(count);
    let extent = |count: u32, side: u32| count * (side + gap) + gap;
    let (width, height) = (
        extent(columns, widest),
        extent(count.div_ceil(COLUMNS), HIGH),
    );
    let mut sheet = RgbImage::from_pixel(width, height, WHITE);
    for (at, tile) in (0..).zip(tiles) {
        let (x, y) = (extent(at % COLUMNS, widest), extent(at / COLUMNS, HIGH));
        image::imageops::replace(&mut sheet, tile, x.into(), y.into());
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::au::AuCoding;
    use crate::label::role::Role;
    use crate::read::source::RawImage;

    fn original(landmarks: Option<&str>) -> RawSample {
        RawSample {
            image: RawImage::File,
            path: "a.png".to_owned(),
            subject: 1,
            sequence: String::new(),
            frame: 1,
            role: Role::Labelled,
            label: 0,
            aus: AuCoding::NotCoded,
            landmarks: landmarks.map(str::to_owned),
            is_face: false,
            parts: Vec::new(),
        }
    }

    fn row(face_found: bool) -> Sample {
        Sample {
            index: 0,
            subject: 1,
            sequence: String::new(),
            frame: 1,
            role: Role::Labelled,
            label: 0,
            label_name: String::new(),
            fold: 0,
            parts: Vec::new(),
            face_found,
            crop: None,
            path: "a.png".to_owned(),
            aus: AuCoding::NotCoded,
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
