//! Tiles on a sheet, as PNG.

use std::path::Path;

use image::{ImageBuffer, ImageFormat, PixelWithColorType};

use crate::error::Error;

/// Pixels between tiles.
pub(crate) const GAP: u32 = 2;

/// Tiles on a `white` sheet, at most `columns` to a row and `gap` pixels apart; columns are as wide as the widest tile, rows
/// as high as the highest.
pub(crate) fn grid<P: PixelWithColorType<Subpixel = u8>>(
    tiles: &[ImageBuffer<P, Vec<u8>>],
    columns: u32,
    gap: u32,
    white: P,
) -> ImageBuffer<P, Vec<u8>> {
    let count = tiles.len() as u32;
    let columns = columns.min(count).max(1);
    let widest = tiles.iter().map(|tile| tile.width()).max().unwrap_or(1);
    let highest = tiles.iter().map(|tile| tile.height()).max().unwrap_or(1);
    let x = |column: u32| column * (widest + gap) + gap;
    let y = |row: u32| row * (highest + gap) + gap;
    let mut sheet = ImageBuffer::from_pixel(x(columns), y(count.div_ceil(columns)), white);
    for (at, tile) in (0..).zip(tiles) {
        let (left, top) = (x(at % columns), y(at / columns));
        image::imageops::replace(&mut sheet, tile, left.into(), top.into());
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
