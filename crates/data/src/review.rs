//! What was cut out of the original images, on one sheet, so that a person can review it (`faus data prepare --review`).

use std::collections::{BTreeMap, HashMap};

use image::{GrayImage, Luma};

use crate::grey::resize;
use crate::{CropBox, Error, Prepared, RawSample, Source};

/// Height of an original on the sheet, and side of the crop beside it, in pixels.
const HEIGHT: u32 = 120;
/// Pixels between tiles.
const GAP: u32 = 6;
/// Tiles to a row.
const COLUMNS: usize = 5;
/// Widest original, in heights; wider ones are cut off.
const WIDEST: u32 = 2;

/// At most `count` original images with the crop drawn on them, each with the prepared face beside it; one of every subject
/// before a second of any. `None` if no image of the set can be fetched from `source` any more.
///
/// # Errors
/// When the source cannot be listed.
pub fn crop_sheet(
    source: &dyn Source,
    set: &Prepared,
    count: usize,
) -> Result<Option<GrayImage>, Error> {
    let scan = source.scan()?;
    let raw: HashMap<&str, &RawSample> = scan
        .samples
        .iter()
        .map(|sample| (sample.path.as_str(), sample))
        .collect();
    let tiles: Vec<GrayImage> = rows(set)
        .into_iter()
        .filter_map(|row| tile(source, raw.get(set.samples()[row].path.as_str())?, set, row))
        .take(count)
        .collect();
    Ok((!tiles.is_empty()).then(|| sheet(&tiles)))
}

/// Rows in the order of showing.
fn rows(set: &Prepared) -> Vec<usize> {
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    let turn = |subject: i64| {
        let turn = seen.entry(subject).or_default();
        *turn += 1;
        *turn
    };
    let turns: Vec<usize> = set.samples().iter().map(|s| s.subject).map(turn).collect();
    let mut rows: Vec<usize> = (0..set.len()).collect();
    rows.sort_by_key(|&row| turns[row]);
    rows
}

/// The original with its crop drawn on it, and the prepared face.
fn tile(source: &dyn Source, raw: &RawSample, set: &Prepared, row: usize) -> Option<GrayImage> {
    let image = source.fetch(raw).ok()?.image;
    let (width, height) = image.dimensions();
    let scale = f64::from(HEIGHT) / f64::from(height);
    let scaled = |side: u32| (f64::from(side) * scale).round() as u32;
    let shown = scaled(width).clamp(1, WIDEST * HEIGHT);
    let mut tile = GrayImage::from_pixel(shown + HEIGHT, HEIGHT, Luma([255]));
    let whole = CropBox {
        x: 0,
        y: 0,
        w: width,
        h: height,
    };
    paste(
        &mut tile,
        0,
        &resize(&image, whole, scaled(width).max(1), HEIGHT),
        scaled(width).max(1),
        shown,
    );
    if let Some(crop) = set.samples()[row].crop {
        let corner = (scaled(crop.x), scaled(crop.y));
        let opposite = (
            scaled(crop.x + crop.w).max(1) - 1,
            scaled(crop.y + crop.h).max(1) - 1,
        );
        draw(&mut tile, corner, opposite, shown);
    }
    let side = set.image_size() as u32;
    let face = GrayImage::from_raw(side, side, set.image(row).to_vec())?;
    let whole = CropBox {
        x: 0,
        y: 0,
        w: side,
        h: side,
    };
    paste(
        &mut tile,
        shown,
        &resize(&face, whole, HEIGHT, HEIGHT),
        HEIGHT,
        HEIGHT,
    );
    Some(tile)
}

/// Puts rows of `width` pixels at column `left`, `shown` pixels of each.
fn paste(tile: &mut GrayImage, left: u32, pixels: &[u8], width: u32, shown: u32) {
    for (y, row) in (0..).zip(pixels.chunks_exact(width as usize)) {
        for (x, &grey) in (left..).zip(&row[..shown as usize]) {
            tile.put_pixel(x, y, Luma([grey]));
        }
    }
}

/// A rectangle of white and black dashes, seen on any face.
fn draw(tile: &mut GrayImage, (left, top): (u32, u32), (right, bottom): (u32, u32), shown: u32) {
    let mut put = |x: u32, y: u32| {
        if x < shown && y < HEIGHT {
            let grey = if ((x + y) / 4).is_multiple_of(2) {
                255
            } else {
                0
            };
            tile.put_pixel(x, y, Luma([grey]));
        }
    };
    for x in left..=right {
        put(x, top);
        put(x, bottom);
    }
    for y in top..=bottom {
        put(left, y);
        put(right, y);
    }
}

fn sheet(tiles: &[GrayImage]) -> GrayImage {
    let widest = tiles.iter().map(GrayImage::width).max().unwrap_or(1);
    let (columns, rows) = (COLUMNS.min(tiles.len()), tiles.len().div_ceil(COLUMNS));
    let extent = |count: usize, side: u32| count as u32 * (side + GAP) + GAP;
    let mut sheet =
        GrayImage::from_pixel(extent(columns, widest), extent(rows, HEIGHT), Luma([200]));
    for (at, tile) in tiles.iter().enumerate() {
        let left = GAP + (at % COLUMNS) as u32 * (widest + GAP);
        let top = GAP + (at / COLUMNS) as u32 * (HEIGHT + GAP);
        for (x, y, pixel) in tile.enumerate_pixels() {
            sheet.put_pixel(left + x, top + y, *pixel);
        }
    }
    sheet
}
