//! Decodes images to 8-bit grey, with limits.

use std::io::{Cursor, Read};
use std::path::Path;

use flate2::read::ZlibDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::error::Error;
use crate::picture::depth::scaled_alone;
use crate::read::file::{IMAGE_LIMIT, read_bounded};

/// Maximum number of columns or rows of an image; CK+ has 640×490.
pub(crate) const SIDE_LIMIT: u32 = 8192;
/// Memory limit for decoding one image, in bytes.
const DECODE_LIMIT: u64 = 512 << 20;

/// Decodes a PNG, JPEG, BMP or TIFF (its first page) to 8-bit grey, upright by its orientation tag. `path` is used only
/// in the error message.
///
/// # Errors
/// [`Error::Unusable`] for anything but a complete image of at most 8192 columns and rows.
pub fn decode_grey(bytes: &[u8], path: &Path) -> Result<GrayImage, Error> {
    Ok(to_grey(scaled_alone(decode(bytes, path)?)))
}

/// Reads an image file with its colours, see [`decode_grey`]; and whether it is a TIFF with further pages.
pub(crate) fn read_image(path: &Path) -> Result<(DynamicImage, bool), Error> {
    let bytes = read_bounded(path, IMAGE_LIMIT)?;
    let pages = next_page(&bytes).unwrap_or(0);
    Ok((scaled_alone(decode(&bytes, path)?), pages > 0))
}

/// Where the second page of a TIFF begins; 0 without one.
fn next_page(bytes: &[u8]) -> Option<u32> {
    let small_end_first = match bytes.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let number = |at: usize, length: usize| {
        let bytes = bytes.get(at..at.checked_add(length)?)?.iter();
        let add = |sum: u32, byte: &u8| sum << 8 | u32::from(*byte);
        Some(match small_end_first {
            true => bytes.rev().fold(0, add),
            false => bytes.fold(0, add),
        })
    };
    let page = number(4, 4)? as usize;
    let entries = number(page, 2)? as usize;
    number(page + 2 + 12 * entries, 4)
}

/// [`decode_grey`] with the colours left.
pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<DynamicImage, Error> {
    let unreadable = |reason| Error::unusable(path, format!("not a readable image: {reason}"));
    within_limits(bytes).map_err(unreadable)
}

fn within_limits(bytes: &[u8]) -> Result<DynamicImage, String> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_LIMIT);
    limits.max_image_height = Some(SIDE_LIMIT);
    limits.max_alloc = Some(DECODE_LIMIT);
    reader.limits(limits);
    let format = reader.format();
    if format == Some(ImageFormat::Jpeg) && !jpeg_ends(bytes) {
        return Err("the JPEG ends in the middle".to_owned());
    }
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    if decoder.total_bytes() > DECODE_LIMIT {
        return Err(format!("its pixels take more than {DECODE_LIMIT} bytes"));
    }
    let mut tag = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    if format != Some(ImageFormat::Tiff) && tag == Orientation::NoTransforms {
        let exif = decoder.exif_metadata().ok().flatten();
        let mut found = exif.as_deref().and_then(of_exif);
        if format == Some(ImageFormat::Png) {
            found = found.or_else(|| late_orientation(bytes));
        }
        let mut of_editor = || of_xmp(&decoder.xmp_metadata().ok()??);
        tag = found.or_else(&mut of_editor).unwrap_or(tag);
    }
    let image = DynamicImage::from_decoder(decoder);
    let mut image = image.map_err(|error| error.to_string())?;
    image.apply_orientation(tag);
    match (image.width(), image.height()) {
        (0, _) | (_, 0) => Err("it has no pixels".to_owned()),
        _ => Ok(image),
    }
}

/// The orientation in an EXIF block, in 16 bits or, as some programs write it, in 32.
fn of_exif(block: &[u8]) -> Option<Orientation> {
    // A JPEG's mark, which some programs leave there.
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    if let Some(tag) = Orientation::from_exif_chunk(block) {
        return Some(tag);
    }
    let little = block.starts_with(b"II");
    let number = |at: usize, length: usize| {
        let bytes = block.get(at..at.checked_add(length)?)?.iter();
        let add = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
        Some(match little {
            true => bytes.rev().fold(0, add),
            false => bytes.fold(0, add),
        })
    };
    let first = number(4, 4)?;
    let mut entries = (0..number(first, 2)?).map(|at| first + 2 + 12 * at);
    let long = |at: &usize| [number(*at, 2), number(at + 2, 2)] == [Some(0x112), Some(4)];
    let value = number(entries.find(long)? + 8, 4)?;
    Orientation::from_exif(u8::try_from(value).ok()?)
}

/// The orientation that an editor wrote into XMP alone, as an attribute or an element.
fn of_xmp(xmp: &[u8]) -> Option<Orientation> {
    let text = String::from_utf8_lossy(xmp);
    let (_, rest) = text.split_once("tiff:Orientation")?;
    let value = rest
        .trim_start_matches(['=', '"', '\'', '>', ' '])
        .chars()
        .next()?;
    Orientation::from_exif(value.to_digit(9)? as u8)
}

/// The orientation in a PNG's `eXIf` chunk wherever it is: the decoder finds those before the pixels, some editors write it
/// behind them.
fn late_orientation(bytes: &[u8]) -> Option<Orientation> {
    let mut rest = bytes.get(8..)?;
    loop {
        let (length, after) = rest.split_first_chunk()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let exif = match kind {
            b"eXIf" => Some(after.get(..length)?.to_vec()),
            b"tEXt" | b"zTXt" => raw_profile(after.get(..length)?, kind == b"zTXt"),
            _ => None,
        };
        if let Some(exif) = exif {
            return of_exif(&exif);
        }
        // Contents and checksum.
        rest = after.get(length.checked_add(4)?..)?;
    }
}

/// The EXIF block in a text chunk, as ImageMagick wrote it before PNG had `eXIf`: its name, its length and its bytes in
/// hexadecimal digits, one below the other.
fn raw_profile(chunk: &[u8], compressed: bool) -> Option<Vec<u8>> {
    /// A JPEG's EXIF block has at most 64 kB.
    const LIMIT: u64 = 1 << 18;
    let names = [&b"Raw profile type exif\0"[..], b"Raw profile type APP1\0"];
    let rest = names.iter().find_map(|name| chunk.strip_prefix(*name))?;
    let mut text = String::new();
    match compressed {
        // Behind the byte that names the method.
        true => ZlibDecoder::new(rest.get(1..)?)
            .take(LIMIT)
            .read_to_string(&mut text),
        false => rest.take(LIMIT).read_to_string(&mut text),
    }
    .ok()?;
    let digits: String = text.split_whitespace().skip(2).collect();
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
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

/// Grey by Rec. 601, 0.299 R + 0.587 G + 0.114 B, the weights of OpenCV and Pillow (our choice; the authors
/// weigh by Rec. 709, as [`CropMode::Authors`](crate::CropMode::Authors) does). Transparency is dropped. Unscaled
/// values of 16-bit files must be [`scaled`](crate::picture::depth::scaled) before.
pub(crate) fn to_grey(image: DynamicImage) -> GrayImage {
    weighted(image, |[r, g, b]| {
        (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16
    })
}

/// Grey by a weighting of the colours, where there are any.
pub(crate) fn weighted(image: DynamicImage, weigh: impl Fn([u32; 3]) -> u32) -> GrayImage {
    if !image.color().has_color() {
        return image.into_luma8();
    }
    let rgb = image.into_rgb8();
    let grey = |x, y| weigh(rgb.get_pixel(x, y).0.map(u32::from)) as u8;
    GrayImage::from_fn(rgb.width(), rgb.height(), |x, y| image::Luma([grey(x, y)]))
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

    /// A small EXIF block with one entry, the orientation.
    fn exif(orientation: u8) -> Vec<u8> {
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        exif
    }

    fn encoded(image: &GrayImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// A PNG with a chunk that starts `before` bytes before its end.
    fn with_chunk(image: &GrayImage, kind: &[u8], data: &[u8], before: usize) -> Vec<u8> {
        let png = encoded(image, ImageFormat::Png);
        let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
        chunk.extend([kind, data].concat());
        let mut check = flate2::Crc::new();
        check.update(&chunk[4..]);
        chunk.extend(check.sum().to_be_bytes());
        let (head, tail) = png.split_at(png.len() - before);
        [head, &chunk, tail].concat()
    }

    fn tagged_png(image: &GrayImage, orientation: u8, before: usize) -> Vec<u8> {
        with_chunk(image, b"eXIf", &exif(orientation), before)
    }

    #[test]
    fn orientation_is_found_as_older_programs_wrote_it() {
        let image = GrayImage::from_fn(8, 16, |x, y| image::Luma([(x * 20 + y * 3) as u8]));
        let turned = image::imageops::rotate90(&image);
        let marked = [&b"Exif\0\0"[..], &exif(6)].concat();
        let digits: String = marked.iter().map(|byte| format!("{byte:02x}")).collect();
        let (first, rest) = digits.split_at(20);
        let text = format!("\nexif\n{:8}\n{first}\n{rest}\n", marked.len());
        let mut packed =
            flate2::read::ZlibEncoder::new(text.as_bytes(), flate2::Compression::fast());
        let mut zipped = b"Raw profile type exif\0\0".to_vec();
        packed.read_to_end(&mut zipped).unwrap();
        let plain = [&b"Raw profile type exif\0"[..], text.as_bytes()].concat();
        for (kind, data) in [(b"eXIf", &marked), (b"zTXt", &zipped), (b"tEXt", &plain)] {
            let png = with_chunk(&image, kind, data, 12);
            assert_eq!(decode_grey(&png, Path::new("x.png")).unwrap(), turned);
        }
        let mut long = exif(6);
        long[12] = 4;
        let png = with_chunk(&image, b"eXIf", &long, 12);
        assert_eq!(decode_grey(&png, Path::new("x.png")).unwrap(), turned);
        let before = encoded(&image, ImageFormat::Png).len() - 33;
        for xmp in [
            "<x tiff:Orientation=\"6\"/>",
            "<tiff:Orientation>6</tiff:Orientation>",
        ] {
            let data = [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], xmp.as_bytes()].concat();
            let png = with_chunk(&image, b"iTXt", &data, before);
            assert_eq!(decode_grey(&png, Path::new("x.png")).unwrap(), turned);
        }
        let other = with_chunk(&image, b"tEXt", b"Comment\0hello", 12);
        assert_eq!(decode_grey(&other, Path::new("x.png")).unwrap(), image);
    }

    #[test]
    fn orientation_tags_are_applied() {
        let image = GrayImage::from_fn(8, 16, |x, y| image::Luma([(x * 20 + y * 3) as u8]));
        let all = encoded(&image, ImageFormat::Png).len();
        let turned = image::imageops::rotate90(&image);
        let path = Path::new("face.png");
        // Behind the signature and the header's chunk (33 bytes), and before the end's (12).
        for before in [all - 33, 12] {
            let read = |tag| decode_grey(&tagged_png(&image, tag, before), path).unwrap();
            assert!(read(1) == image && read(6) == turned);
            assert_eq!(read(8), image::imageops::rotate270(&image));
            assert_eq!(read(2), image::imageops::flip_horizontal(&image));
        }
        let jpeg = encoded(&image, ImageFormat::Jpeg);
        let plain = decode_grey(&jpeg, path).unwrap();
        let block = [&b"Exif\0\0"[..], &exif(6)].concat();
        let length = (block.len() as u16 + 2).to_be_bytes();
        let tagged = [&jpeg[..2], &[0xff, 0xe1], &length, &block, &jpeg[2..]].concat();
        assert_eq!(
            decode_grey(&tagged, path).unwrap(),
            image::imageops::rotate90(&plain)
        );
    }

    #[test]
    fn tiff_and_bmp_are_read_and_half_of_one_is_not() {
        let image = GrayImage::from_fn(48, 48, |x, y| image::Luma([(x * 5 + y) as u8]));
        for format in [ImageFormat::Tiff, ImageFormat::Bmp] {
            let bytes = encoded(&image, format);
            let read = |bytes: &[u8]| decode_grey(bytes, Path::new("face"));
            assert_eq!(read(&bytes).unwrap(), image, "{format:?}");
            assert!(read(&bytes[..bytes.len() / 2]).is_err(), "{format:?}");
        }
    }

    #[test]
    fn further_pages_of_a_tiff_are_seen() {
        let image = GrayImage::from_fn(48, 48, |x, y| image::Luma([(x * 5 + y) as u8]));
        let mut bytes = encoded(&image, ImageFormat::Tiff);
        assert_eq!(next_page(&bytes), Some(0));
        let page = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let entries = u16::from_le_bytes(bytes[page..page + 2].try_into().unwrap());
        bytes[page + 2 + 12 * usize::from(entries)] = 8;
        assert_eq!(next_page(&bytes), Some(8));
        for length in 0..bytes.len() {
            next_page(&bytes[..length]);
        }
        assert_eq!(next_page(b"MM\0*\0\0\0\x08\0\0\0\0\x01\0"), Some(256));
        assert_eq!(next_page(b"\x89PNG\r\n\x1a\n"), None);
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
