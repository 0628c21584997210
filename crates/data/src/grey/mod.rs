//! 8-bit grey images: decoding with limits and resizing.

mod png;
mod resize;

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageReader, Limits};

use crate::Error;

pub use resize::resize;

/// Most columns or rows of an image; CK+ has 640×490.
const SIDE_LIMIT: u32 = 8192;
/// Most bytes that decoding one image may take.
const DECODE_LIMIT: u64 = 512 << 20;

/// Decodes a PNG or JPEG to 8-bit grey. `path` is for the message alone.
///
/// # Errors
/// [`Error::Image`] for anything that is no whole PNG or JPEG, or has more than 8192 columns or rows.
pub fn decode_grey(bytes: &[u8], path: &Path) -> Result<GrayImage, Error> {
    match png::decode(bytes) {
        Some(grey) => Ok(grey),
        None => decode_any(bytes, path),
    }
}

/// By the `image` crate, whatever it is.
fn decode_any(bytes: &[u8], path: &Path) -> Result<GrayImage, Error> {
    let bad = |reason: String| Error::Image {
        path: path.to_path_buf(),
        reason,
    };
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| bad(e.to_string()))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(DECODE_LIMIT);
    reader.limits(limits);
    let grey = to_grey(reader.decode().map_err(|e| bad(e.to_string()))?);
    if grey.width() == 0 || grey.height() == 0 {
        return Err(bad("it has no pixels".to_owned()));
    }
    Ok(grey)
}

/// Panics unless what [`png::decode`] takes is what the `image` crate reads: for the fuzz target.
pub(crate) fn agree(bytes: &[u8]) {
    let general = decode_any(bytes, Path::new("fuzz"));
    if let Some(fast) = png::decode(bytes) {
        assert!(
            general.is_ok_and(|general| general == fast),
            "another image"
        );
    }
}

/// Grey by Rec. 601, 0.299 R + 0.587 G + 0.114 B, as OpenCV and Pillow weigh colours (the authors read with OpenCV);
/// `image` itself would use Rec. 709. Transparency is dropped.
fn to_grey(image: DynamicImage) -> GrayImage {
    match image {
        DynamicImage::ImageLuma8(grey) => grey,
        grey @ (DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageLumaA16(_)) => grey.into_luma8(),
        colour => {
            let rgb = colour.into_rgb8();
            GrayImage::from_fn(rgb.width(), rgb.height(), |x, y| {
                let [r, g, b] = rgb.get_pixel(x, y).0.map(u32::from);
                image::Luma([((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8])
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_image() {
        let path = Path::new("broken.png");
        assert!(decode_grey(b"", path).is_err());
        assert!(
            decode_grey(b"\x89PNG\r\n\x1a\nrubbish", path)
                .unwrap_err()
                .to_string()
                .contains("broken.png")
        );
    }
}
