//! Decodes images to 8-bit grey, with limits.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, GrayImage, ImageFormat, ImageReader, Limits};

use crate::error::Error;

/// Maximum number of columns or rows of an image; CK+ has 640×490.
const SIDE_LIMIT: u32 = 8192;
/// Memory limit for decoding one image, in bytes.
const DECODE_LIMIT: u64 = 512 << 20;

/// Decodes a PNG or JPEG to 8-bit grey. `path` is used only in the error message.
///
/// # Errors
/// [`Error::Unusable`] for anything but a complete PNG or JPEG of at most 8192 columns and rows.
pub fn decode_grey(bytes: &[u8], path: &Path) -> Result<GrayImage, Error> {
    decode(bytes).map_err(|reason| Error::unusable(path, format!("not a readable image: {reason}")))
}

fn decode(bytes: &[u8]) -> Result<GrayImage, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(DECODE_LIMIT);
    reader.limits(limits);
    if reader.format() == Some(ImageFormat::Jpeg) && !jpeg_ends(bytes) {
        return Err("the JPEG ends in the middle".to_owned());
    }
    let grey = to_grey(reader.decode().map_err(|error| error.to_string())?);
    match grey.dimensions() {
        (0, _) | (_, 0) => Err("it has no pixels".to_owned()),
        _ => Ok(grey),
    }
}

/// Whether a JPEG's image data reaches its end marker; the decoder fills missing data with grey.
fn jpeg_ends(bytes: &[u8]) -> bool {
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    // Up to the first scan, segments carry their length, and one may hold a thumbnail with another end marker.
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk())
    {
        at += match marker {
            // Fill before a marker.
            0xff => 1,
            _ => 2 + usize::from(u16::from_be_bytes([high, low])),
        };
        if marker == SCAN {
            let data = bytes.get(at..).unwrap_or_default();
            return data.windows(2).any(|two| two == [0xff, END]);
        }
    }
    false
}

/// Grey by Rec. 601, 0.299 R + 0.587 G + 0.114 B, the weights of OpenCV and Pillow (our choice; the authors' code and
/// `image` weigh by Rec. 709). Transparency is dropped.
fn to_grey(image: DynamicImage) -> GrayImage {
    if !image.color().has_color() {
        return image.into_luma8();
    }
    let rgb = image.into_rgb8();
    GrayImage::from_fn(rgb.width(), rgb.height(), |x, y| {
        let [r, g, b] = rgb.get_pixel(x, y).0.map(u32::from);
        image::Luma([((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_half_a_jpeg_and_takes_a_whole_one_with_something_behind() {
        let picture = GrayImage::from_fn(48, 48, |x, y| image::Luma([(x * y) as u8]));
        let mut whole = Vec::new();
        picture
            .write_to(&mut Cursor::new(&mut whole), ImageFormat::Jpeg)
            .unwrap();
        let path = Path::new("face.jpg");
        for length in [whole.len() / 2, whole.len() - 2] {
            let error = decode_grey(&whole[..length], path).unwrap_err().to_string();
            assert!(
                error.contains("face.jpg") && error.contains("middle"),
                "{error}"
            );
        }
        // A thumbnail before it, a camera's trailer after it.
        let thumbnail = [&[0xff, 0xe1, 0, 6], &[0xff, 0xd8, 0xff, 0xd9][..]].concat();
        let odd = [&whole[..2], &thumbnail, &whole[2..], b"trailer"].concat();
        let grey = decode_grey(&odd, path).unwrap();
        assert_eq!(grey, decode_grey(&whole, path).unwrap());
        let cut = [&whole[..2], &thumbnail, &whole[2..whole.len() / 2]].concat();
        assert!(decode_grey(&cut, path).is_err());
    }

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
