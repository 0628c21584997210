//! Tiles on a sheet, as PNG.

use std::path::Path;

use image::{GrayImage, ImageBuffer, ImageFormat, Luma, PixelWithColorType};

use crate::error::Error;

/// Pixels between tiles.
pub(crate) const GAP: usize = 2;

/// Square tiles of `side` pixels on a white sheet, `columns` to a row.
pub(crate) fn grid(tiles: &[&[u8]], side: usize, columns: usize) -> GrayImage {
    let columns = columns.clamp(1, tiles.len().max(1));
    let rows = tiles.len().div_ceil(columns).max(1);
    let extent = |count: usize| (count * (side + GAP) + GAP) as u32;
    let mut sheet = GrayImage::from_pixel(extent(columns), extent(rows), Luma([255]));
    for (at, tile) in tiles.iter().enumerate() {
        let (left, top) = (extent(at % columns), extent(at / columns));
        for (pixel, &value) in (0..).zip(*tile) {
            let (x, y) = (pixel % side as u32, pixel / side as u32);
            sheet.put_pixel(left + x, top + y, Luma([value]));
        }
    }
    sheet
}

/// Writes a PNG, grey or in colour, atomically.
///
/// # Errors
/// [`Error::Io`].
pub fn write_png<P>(path: &Path, picture: &ImageBuffer<P, Vec<u8>>) -> Result<(), Error>
where
    P: PixelWithColorType<Subpixel = u8>,
{
    let mut bytes = std::io::Cursor::new(Vec::new());
    let written = picture.write_to(&mut bytes, ImageFormat::Png);
    written.map_err(|error| Error::io(path)(std::io::Error::other(error)))?;
    faus_base::file::write(path, bytes.get_ref()).map_err(Error::io(path))
}
