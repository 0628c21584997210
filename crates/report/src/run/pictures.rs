//! Single images of `dataset/images.npy`, and grey pictures made from them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Mutex;

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use npyz::NpyHeader;

use super::folder::{Gap, Part, RunFolder};
use super::remedy::PREPARE;

const FILE: &str = "dataset/images.npy";
/// Largest side of an image that is shown.
const MOST_PIXELS: u64 = 1 << 10;

/// `images.npy`, u8 `[N, 1, side, side]`, open: a data set may be larger than memory.
pub(crate) struct Images {
    file: Mutex<File>,
    start: u64,
    pub count: u64,
    pub side: usize,
}

impl Images {
    pub fn open(folder: &RunFolder) -> Part<Self> {
        let mut file = folder.file(FILE, PREPARE)?;
        let wrong = |error: std::io::Error| Gap::damaged(FILE, error, PREPARE);
        let header = NpyHeader::from_reader(&mut file).map_err(wrong)?;
        let start = file.stream_position().map_err(wrong)?;
        let (kind, shape) = (header.dtype().descr(), header.shape());
        match *shape {
            [count, 1, side, width]
                if kind == "'|u1'" && side == width && (1..=MOST_PIXELS).contains(&side) =>
            {
                Ok(Self {
                    file: Mutex::new(file),
                    start,
                    count,
                    side: side as usize,
                })
            }
            _ => {
                let reason = format!(
                    "it holds {kind} of shape {shape:?}, not bytes of shape [N, 1, side, side]"
                );
                Err(Gap::damaged(FILE, reason, PREPARE))
            }
        }
    }

    /// An image, row by row; `None` if there is none.
    pub fn get(&self, index: u64) -> Option<Grey> {
        let pixels = (self.side * self.side) as u64;
        let at = (index < self.count).then(|| self.start + index * pixels)?;
        let mut file = self.file.lock().ok()?;
        let mut grey = Grey::new(self.side, self.side, 0);
        file.seek(SeekFrom::Start(at)).ok()?;
        file.read_exact(&mut grey.pixels).ok()?;
        Some(grey)
    }
}

/// A grey picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grey {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

impl Grey {
    pub fn new(width: usize, height: usize, value: u8) -> Self {
        Self {
            width,
            height,
            pixels: vec![value; width * height],
        }
    }

    /// Pictures of one size in rows of `columns`, with `gap` pixels of `ground` between them.
    pub fn sheet(pictures: &[Grey], columns: usize, gap: usize, ground: u8) -> Option<Self> {
        let first = pictures.first()?;
        let columns = columns.clamp(1, pictures.len());
        let rows = pictures.len().div_ceil(columns);
        let (width, height) = (first.width + gap, first.height + gap);
        let mut sheet = Self::new(columns * width - gap, rows * height - gap, ground);
        for (at, picture) in pictures.iter().enumerate() {
            let (x, y) = (at % columns * width, at / columns * height);
            for (row, pixels) in picture.pixels.chunks_exact(picture.width).enumerate() {
                let start = (y + row) * sheet.width + x;
                sheet.pixels[start..start + picture.width].copy_from_slice(pixels);
            }
        }
        Some(sheet)
    }

    /// As PNG.
    pub fn png(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let [width, height] = [self.width, self.height].map(u32::try_from);
        let encoder = PngEncoder::new(&mut bytes);
        let written = encoder.write_image(
            &self.pixels,
            width.ok()?,
            height.ok()?,
            ExtendedColorType::L8,
        );
        written.ok().map(|()| bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_puts_pictures_side_by_side() {
        let pictures = [1, 2, 3].map(|value| Grey::new(2, 1, value));
        let sheet = Grey::sheet(&pictures, 2, 1, 9).unwrap();
        assert_eq!((sheet.width, sheet.height), (5, 3));
        assert_eq!(sheet.pixels, [1, 1, 9, 2, 2, 9, 9, 9, 9, 9, 3, 3, 9, 9, 9]);
        let png = image::load_from_memory(&sheet.png().unwrap()).unwrap();
        assert_eq!(png.to_luma8().into_raw(), sheet.pixels);
    }
}
