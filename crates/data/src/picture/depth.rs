//! 16-bit files whose values use fewer bits: many cameras and scanners store 8 to 14 bits without scaling them.

use std::collections::BTreeMap;

use image::{DynamicImage, ImageBuffer, Pixel};

/// The depths that are recognised. Our choice: a scaled image below 14 bits would have 63 of 255 grey values at most.
const DEPTHS: [u32; 5] = [8, 10, 12, 14, 16];

/// The bits that the values of a 16-bit image use if they were stored unscaled: the first of 8, 10, 12, 14 and 16 that is
/// enough for the largest. `None` for other images and for black ones.
pub(crate) fn bits(image: &DynamicImage) -> Option<u32> {
    let largest = match image {
        DynamicImage::ImageLuma16(image) => largest(image),
        DynamicImage::ImageLumaA16(image) => largest(image),
        DynamicImage::ImageRgb16(image) => largest(image),
        DynamicImage::ImageRgba16(image) => largest(image),
        _ => 0,
    };
    let fits = |bits: &u32| u32::from(largest) >> bits == 0;
    DEPTHS.into_iter().find(fits).filter(|_| largest > 0)
}

fn largest<P: Pixel<Subpixel = u16>>(image: &ImageBuffer<P, Vec<u16>>) -> u16 {
    let colours = |pixel: &P| pixel.to_rgb().0.into_iter().max();
    image.pixels().filter_map(colours).max().unwrap_or(0)
}

/// The number of bits that four of five files of a folder use, by the numbers of files: many others are of another camera.
pub(crate) fn usual_depth(files: &BTreeMap<u32, usize>) -> Option<u32> {
    let all: usize = files.values().sum();
    let usual = files.iter().find(|(_, count)| 5 * **count >= 4 * all);
    usual.map(|(bits, _)| *bits)
}

/// The bits that a file's values are read as, where most of its folder have a `usual` number: one that uses fewer is a dark frame of the
/// same camera. Our choice: down to a sixteenth of the range, below which a frame shows nothing and another camera is likelier.
pub(crate) fn read_as(bits: u32, usual: Option<u32>) -> u32 {
    let usual = usual.filter(|usual| (bits..=bits + 4).contains(usual));
    usual.unwrap_or(bits)
}

/// An image that is read alone, by its own depth.
pub(crate) fn scaled_alone(image: DynamicImage) -> DynamicImage {
    let bits = bits(&image);
    scaled(image, bits)
}

/// The image with values of this many bits stretched to 16; one of 8 bits is left as it is.
pub(crate) fn scaled(mut image: DynamicImage, bits: Option<u32>) -> DynamicImage {
    let Some(bits) = bits.filter(|bits| *bits < 16) else {
        return image;
    };
    match &mut image {
        DynamicImage::ImageLuma16(image) => stretch(image, bits),
        DynamicImage::ImageLumaA16(image) => stretch(image, bits),
        DynamicImage::ImageRgb16(image) => stretch(image, bits),
        DynamicImage::ImageRgba16(image) => stretch(image, bits),
        _ => {}
    }
    image
}

/// `v · 65535 / (2^bits − 1)`, rounded: the largest value of the depth becomes white. Alpha is dropped later anyway.
fn stretch<P: Pixel<Subpixel = u16>>(image: &mut ImageBuffer<P, Vec<u16>>, bits: u32) {
    let white = (1 << bits) - 1;
    for value in image.iter_mut() {
        let full = (u32::from(*value) * 65_535 + white / 2) / white;
        *value = full.min(65_535) as u16;
    }
}

/// Whether a pixel is not opaque.
pub(crate) fn transparent(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageLumaA8(image) => image.pixels().any(|pixel| pixel.0[1] < u8::MAX),
        DynamicImage::ImageRgba8(image) => image.pixels().any(|pixel| pixel.0[3] < u8::MAX),
        DynamicImage::ImageLumaA16(image) => image.pixels().any(|pixel| pixel.0[1] < u16::MAX),
        DynamicImage::ImageRgba16(image) => image.pixels().any(|pixel| pixel.0[3] < u16::MAX),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, Luma, LumaA, Rgb};

    fn grey(image: DynamicImage) -> Vec<u8> {
        scaled_alone(image).into_luma8().into_raw()
    }

    #[test]
    fn values_are_stretched_by_the_depth_that_they_use() {
        for (values, bits, expected) in [
            (vec![0u16, 7, 255], Some(8), vec![0u8, 7, 255]),
            (vec![0, 512, 1023], Some(10), vec![0, 128, 255]),
            (vec![1024, 2048, 4095], Some(12), vec![64, 128, 255]),
            (vec![0, 8192, 16_383], Some(14), vec![0, 128, 255]),
            (vec![0, 4096, 65_535], Some(16), vec![0, 16, 255]),
            (vec![0, 0, 0], None, vec![0, 0, 0]),
        ] {
            let image: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_raw(3, 1, values).unwrap();
            let image = DynamicImage::ImageLuma16(image);
            assert_eq!(super::bits(&image), bits);
            assert_eq!(grey(image), expected);
        }
    }

    #[test]
    fn a_dark_frame_is_read_like_most_of_its_folder() {
        let folder = |files: &[(u32, usize)]| usual_depth(&files.iter().copied().collect());
        assert_eq!(folder(&[(8, 1), (12, 4)]), Some(12));
        assert_eq!(folder(&[(8, 2), (12, 3)]), None);
        assert_eq!(folder(&[(8, 1), (10, 1), (12, 1), (16, 1)]), None);
        assert_eq!(folder(&[(12, 2), (16, 2)]), None);
        for (bits, usual, read) in [
            (8, 12, 12),
            (10, 12, 12),
            (12, 16, 16),
            (8, 14, 8),
            (16, 12, 16),
        ] {
            assert_eq!(read_as(bits, Some(usual)), read);
        }
        assert_eq!(read_as(10, None), 10);
    }

    #[test]
    fn colours_count_and_alpha_does_not() {
        let rgb: ImageBuffer<Rgb<u16>, _> =
            ImageBuffer::from_raw(1, 1, vec![9u16, 9, 900]).unwrap();
        assert_eq!(bits(&DynamicImage::ImageRgb16(rgb)), Some(10));
        let alpha: ImageBuffer<LumaA<u16>, _> =
            ImageBuffer::from_raw(1, 1, vec![200u16, 60_000]).unwrap();
        let alpha = DynamicImage::ImageLumaA16(alpha);
        assert!(bits(&alpha) == Some(8) && transparent(&alpha));
        assert_eq!(grey(alpha), [200]);
    }
}
