use image::{GrayImage, Luma, imageops};

use crate::{FilterPatches, Patch};

/// Pictures are enlarged so that a receptive field is about this many pixels wide.
const TILE: u32 = 64;
/// Pixels between tiles.
const GAP: u32 = 3;
/// Pixels between filters.
const FILTER_GAP: u32 = 12;
/// What a crop shows where its field leaves the image, and a projection where it is zero.
const MIDDLE: Luma<u8> = Luma([128]);
const PAPER: Luma<u8> = Luma([255]);

/// One filter: its input crops above their projections, best first.
pub fn sheet(filter: &FilterPatches) -> GrayImage {
    figure(&[filter])
}

/// The paper's figure: a row of input crops and a row of projections for each filter.
///
/// Projections are centred at zero: middle grey is 0, and each is scaled by its largest absolute value.
pub fn figure(filters: &[&FilterPatches]) -> GrayImage {
    let columns = filters
        .iter()
        .map(|f| f.patches.len())
        .max()
        .unwrap_or(0)
        .max(1) as u32;
    let height = 2 * (TILE + GAP) + FILTER_GAP;
    let size = (
        columns * (TILE + GAP) + GAP,
        filters.len().max(1) as u32 * height + GAP,
    );
    let mut picture = GrayImage::from_pixel(size.0, size.1, PAPER);
    for (row, filter) in filters.iter().enumerate() {
        let top = row as u32 * height + GAP;
        for (column, patch) in filter.patches.iter().enumerate() {
            let left = column as u32 * (TILE + GAP) + GAP;
            let largest = patch
                .projection
                .iter()
                .fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()));
            let tiles = [
                tile(filter, patch, &patch.input, |v| v * 255.0),
                tile(filter, patch, &patch.projection, |v| {
                    128.0 + 127.0 * v / largest
                }),
            ];
            for (below, tile) in tiles.iter().enumerate() {
                let y = top + below as u32 * (TILE + GAP);
                imageops::replace(&mut picture, tile, i64::from(left), i64::from(y));
            }
        }
    }
    picture
}

/// A crop in its place of the full receptive field, enlarged to [`TILE`].
fn tile(
    filter: &FilterPatches,
    patch: &Patch,
    values: &[f32],
    to_grey: impl Fn(f32) -> f32,
) -> GrayImage {
    let field = filter.field.max(1) as u32;
    let mut tile = GrayImage::from_pixel(field, field, MIDDLE);
    for (at, value) in values.iter().enumerate() {
        let (x, y) = (at % patch.w + patch.inset.0, at / patch.w + patch.inset.1);
        tile.put_pixel(
            x as u32,
            y as u32,
            Luma([to_grey(*value).round().clamp(0.0, 255.0) as u8]),
        );
    }
    imageops::resize(&tile, TILE, TILE, imageops::FilterType::CatmullRom)
}
