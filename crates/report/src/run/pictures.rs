//! Single images of `dataset/images.npy`, and grey pictures made from them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{GrayImage, Luma};
use npyz::NpyHeader;

use super::Run;
use super::folder::{Gap, PREPARE, Part, RunFolder};
use super::viz::Patch;

/// Grey where a picture has no pixel.
pub(crate) const EMPTY: Luma<u8> = Luma([128]);
const FILE: &str = "dataset/images.npy";
/// Largest side of an image that is shown.
const MOST_PIXELS: u64 = 1 << 10;

/// `images.npy`, u8 `[N, 1, side, side]`, open: a data set may be larger than memory.
pub(crate) struct Images {
    file: File,
    start: u64,
    pub count: u64,
    pub side: u32,
}

impl Images {
    pub fn open(folder: &RunFolder) -> Part<Self> {
        let unread = |error| Gap::unread(FILE, error, PREPARE);
        let wrong = |error| Gap::damaged(FILE, error, PREPARE);
        let mut file = File::open(folder.path(FILE)).map_err(unread)?;
        let header = NpyHeader::from_reader(&mut file).map_err(wrong)?;
        let start = file.stream_position().map_err(wrong)?;
        let (kind, shape) = (header.dtype().descr(), header.shape());
        let square = shape.len() == 4 && shape[1] == 1 && shape[2] == shape[3];
        if kind != "'|u1'" || !square || !(1..=MOST_PIXELS).contains(&shape[3]) {
            let reason = format!(
                "it holds {kind} of shape {shape:?}, not bytes of shape [N, 1, side, side]"
            );
            return Err(Gap::damaged(FILE, reason, PREPARE));
        }
        Ok(Self {
            file,
            start,
            count: shape[0],
            side: shape[3] as u32,
        })
    }

    /// An image; `None` if there is none. Not for two threads at once: they would share the file's position.
    pub fn get(&self, index: u64) -> Option<GrayImage> {
        let mut image = GrayImage::new(self.side, self.side);
        let at = (index < self.count).then(|| self.start + index * image.len() as u64)?;
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at)).ok()?;
        file.read_exact(&mut image).ok()?;
        Some(image)
    }
}

/// Pictures of one size in rows of `columns`, with `gap` pixels of `ground` between them.
pub(crate) fn sheet(
    pictures: &[GrayImage],
    columns: u32,
    gap: u32,
    ground: u8,
) -> Option<GrayImage> {
    let (first, all) = (pictures.first()?, pictures.len() as u32);
    let (width, height) = (first.width() + gap, first.height() + gap);
    let columns = columns.clamp(1, all);
    let size = (columns * width - gap, all.div_ceil(columns) * height - gap);
    let mut sheet = GrayImage::from_pixel(size.0, size.1, Luma([ground]));
    for (at, picture) in (0..).zip(pictures) {
        let (x, y) = (at % columns * width, at / columns * height);
        imageops::replace(&mut sheet, picture, x.into(), y.into());
    }
    Some(sheet)
}

/// A patch in its whole receptive field, as a square of `side` pixels.
pub(crate) fn of_patch(run: &Run, patch: &Patch, side: u32) -> Option<GrayImage> {
    let (field, images) = (run.analysed()?.filters.field, run.images.as_ref().ok()?);
    let area = patch.whole(field.unwrap_or(0), images.side)?;
    let crop = crop(&images.get(patch.index?)?, area);
    Some(imageops::resize(&crop, side, side, FilterType::Triangle))
}

/// An area of a picture, grey beyond the border.
fn crop(image: &GrayImage, area: [f64; 4]) -> GrayImage {
    let [x, y, w, h] = area.map(|side| side as i64);
    GrayImage::from_fn(w.max(1) as u32, h.max(1) as u32, |column, row| {
        let at = [x + i64::from(column), y + i64::from(row)].map(u32::try_from);
        let pixel = match at {
            [Ok(column), Ok(row)] => image.get_pixel_checked(column, row),
            _ => None,
        };
        *pixel.unwrap_or(&EMPTY)
    })
}

/// A picture as PNG.
pub(crate) fn png(picture: &GrayImage) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    picture.write_with_encoder(encoder).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_at_the_border_keeps_its_place_in_the_field() {
        let patch = |x, w| Patch {
            index: Some(0),
            x: Some(x),
            y: Some(10.0),
            w: Some(w),
            h: Some(20.0),
        };
        let whole = |x, w| patch(x, w).whole(20, 48).unwrap();
        assert_eq!(whole(0.0, 15.0), [-5.0, 10.0, 20.0, 20.0]);
        assert_eq!(whole(33.0, 15.0), [33.0, 10.0, 20.0, 20.0]);
        assert_eq!(patch(0.0, 48.0).whole(90, 48).unwrap()[0], 0.0);
        let image = GrayImage::from_pixel(48, 48, Luma([7]));
        let row = |area| crop(&image, area).into_raw()[..20].to_vec();
        assert_eq!(
            row(whole(0.0, 15.0)),
            [[128; 5].as_slice(), &[7; 15]].concat()
        );
        assert_eq!(
            row(whole(33.0, 15.0)),
            [[7; 15].as_slice(), &[128; 5]].concat()
        );
    }

    #[test]
    fn a_sheet_puts_pictures_side_by_side() {
        let pictures = [1, 2, 3].map(|value| GrayImage::from_pixel(2, 1, Luma([value])));
        let sheet = sheet(&pictures, 2, 1, 9).unwrap();
        assert_eq!(sheet.dimensions(), (5, 3));
        let pixels = [1, 1, 9, 2, 2, 9, 9, 9, 9, 9, 3, 3, 9, 9, 9];
        assert_eq!(*sheet.as_raw(), pixels);
        let png = image::load_from_memory(&png(&sheet).unwrap()).unwrap();
        assert_eq!(png.to_luma8(), sheet);
    }
}
