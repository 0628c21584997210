//! Tiles on a sheet, as PNG.

use std::io::{BufWriter, Write};
use std::path::Path;

use atomic_write_file::AtomicWriteFile;
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
        let (left, top) = (
            GAP + at % columns * (side + GAP),
            GAP + at / columns * (side + GAP),
        );
        for (pixel, &value) in tile.iter().enumerate() {
            sheet.put_pixel(
                (left + pixel % side) as u32,
                (top + pixel / side) as u32,
                Luma([value]),
            );
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
    picture
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| Error::io(path)(std::io::Error::other(error)))?;
    let mut file = BufWriter::new(AtomicWriteFile::open(path).map_err(Error::io(path))?);
    file.write_all(bytes.get_ref()).map_err(Error::io(path))?;
    let file = file
        .into_inner()
        .map_err(|error| Error::io(path)(error.into_error()))?;
    file.commit().map_err(Error::io(path))
}
