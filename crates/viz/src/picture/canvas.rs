//! A canvas measured in points, text, and tiles of numbers.

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// The background.
pub(crate) const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
/// Zero in a projection, and the part of a field outside the image.
pub(crate) const MIDDLE: u8 = 128;
/// Captions.
pub(crate) const INK: Rgb<u8> = Rgb([40, 40, 40]);
/// Secondary captions.
pub(crate) const FAINT: Rgb<u8> = Rgb([120, 120, 120]);

/// A picture measured in points, drawn with `scale` pixels to each: the same layout at any size.
pub(crate) struct Canvas {
    picture: RgbImage,
    scale: u32,
}

impl Canvas {
    pub fn new(width: u32, height: u32, scale: u32) -> Self {
        Self {
            picture: RgbImage::from_pixel(width * scale, height * scale, PAPER),
            scale,
        }
    }

    /// The picture; a grey one without colours.
    pub fn finish(self) -> DynamicImage {
        let grey = self
            .picture
            .pixels()
            .all(|p| p.0[0] == p.0[1] && p.0[1] == p.0[2]);
        let picture = DynamicImage::ImageRgb8(self.picture);
        match grey {
            true => DynamicImage::ImageLuma8(picture.into_luma8()),
            false => picture,
        }
    }

    /// A picture, enlarged to a square of `size` points.
    pub fn tile(&mut self, at: (u32, u32), size: u32, tile: impl Into<DynamicImage>) {
        self.place(at, size, &tile.into(), FilterType::CatmullRom);
    }

    /// A picture enlarged without interpolation.
    pub fn blocks(&mut self, at: (u32, u32), size: u32, tile: impl Into<DynamicImage>) {
        self.place(at, size, &tile.into(), FilterType::Nearest);
    }

    fn place(&mut self, (x, y): (u32, u32), size: u32, tile: &DynamicImage, filter: FilterType) {
        let pixels = size * self.scale;
        let tile = tile.resize_exact(pixels, pixels, filter).into_rgb8();
        let (x, y) = (i64::from(x * self.scale), i64::from(y * self.scale));
        imageops::replace(&mut self.picture, &tile, x, y);
    }

    /// The outline of a rectangle, a point thick, inside it; sizes in fractions of a point.
    pub fn outline(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), ink: Rgb<u8>) {
        let pixel = |points: f64| (points * f64::from(self.scale)).round().max(0.0) as u32;
        let (left, top) = (pixel(x), pixel(y));
        let (right, bottom) = (pixel(x + width), pixel(y + height));
        let line = self.scale;
        for py in top..bottom.min(self.picture.height()) {
            for px in left..right.min(self.picture.width()) {
                let inner = |at, first, end| at >= first + line && at + line < end;
                if !(inner(px, left, right) && inner(py, top, bottom)) {
                    self.picture.put_pixel(px, py, ink);
                }
            }
        }
    }

    /// One line of text, `size` points high from top to bottom of its letters' box; `?` for characters missing from the
    /// font.
    pub fn text(&mut self, (x, y): (u32, u32), size: u32, text: &str, ink: Rgb<u8>) {
        let (width, height) = (letter_width(size, self.scale), size * self.scale);
        for (n, letter) in text.chars().enumerate() {
            let left = (f64::from(x * self.scale) + n as f64 * width).round() as u32;
            let mask = imageops::resize(
                &letter_mask(letter),
                width.round().max(1.0) as u32,
                height,
                FilterType::Triangle,
            );
            for (px, py, Luma([cover])) in mask.enumerate_pixels() {
                let (px, py) = (left + px, y * self.scale + py);
                if px < self.picture.width() && py < self.picture.height() {
                    let pixel = self.picture.get_pixel_mut(px, py);
                    *pixel = mix(*pixel, ink, f64::from(*cover) / 255.0);
                }
            }
        }
    }
}

/// Width of a line of text, in points.
pub(crate) fn text_width(text: &str, size: u32) -> u32 {
    (text.chars().count() as f64 * letter_width(size, 1)).ceil() as u32
}

/// `text`, cut to fit into this many points.
pub(crate) fn fitted(text: &str, size: u32, points: u32) -> String {
    let most = (f64::from(points) / letter_width(size, 1)).floor() as usize;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept = text.chars().take(most.saturating_sub(2));
    kept.chain("..".chars()).collect()
}

fn letter_width(size: u32, scale: u32) -> f64 {
    let drawn = get_raster_width(FontWeight::Regular, RasterHeight::Size32) as f64;
    drawn / 32.0 * f64::from(size * scale)
}

/// Coverage of each pixel by a letter 32 pixels high.
fn letter_mask(letter: char) -> GrayImage {
    let raster = |c| get_raster(c, FontWeight::Regular, RasterHeight::Size32);
    let Some(raster) = raster(letter).or_else(|| raster('?')) else {
        return GrayImage::new(1, 1);
    };
    GrayImage::from_fn(raster.width() as u32, raster.height() as u32, |x, y| {
        Luma([raster.pixel(x as usize, y as usize).unwrap_or(0)])
    })
}

/// `share` of `over`, the rest of `under`.
pub(crate) fn mix(under: Rgb<u8>, over: Rgb<u8>, share: f64) -> Rgb<u8> {
    let channel = |n: usize| {
        let (a, b) = (f64::from(under.0[n]), f64::from(over.0[n]));
        (a + (b - a) * share).round().clamp(0.0, 255.0) as u8
    };
    Rgb([channel(0), channel(1), channel(2)])
}

/// Values `[height, width]` as greys: middle grey is 0, black and white are −`largest` and `largest`. NaN and infinity are middle
/// grey.
pub(crate) fn centred(values: &[f32], width: usize, largest: f32) -> GrayImage {
    let scale = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let grey = |v: f32| match v.is_finite() {
        true => (f32::from(MIDDLE) + scale * v).round().clamp(0.0, 255.0) as u8,
        false => MIDDLE,
    };
    from_values(values, width, grey)
}

/// Values `[height, width]` in [0, 1] as greys from black to white.
pub(crate) fn unit_range(values: &[f32], width: usize) -> GrayImage {
    from_values(values, width, |v| {
        (v * 255.0).round().clamp(0.0, 255.0) as u8
    })
}

fn from_values(values: &[f32], width: usize, grey: impl Fn(f32) -> u8) -> GrayImage {
    let height = values.len() / width.max(1);
    GrayImage::from_fn(width as u32, height as u32, |x, y| {
        Luma([grey(values[y as usize * width + x as usize])])
    })
}

/// Largest absolute value.
pub(crate) fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |m, v| m.max(v.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_middle_grey_and_nothing_is_no_picture_of_nans() {
        let tile = centred(&[0.0, 1.0, -1.0, f32::NAN], 2, 1.0);
        assert_eq!(tile.as_raw(), &[128, 255, 1, 128]);
        assert!(centred(&[0.0; 4], 2, 0.0).pixels().all(|p| p.0 == [128]));
    }

    #[test]
    fn three_times_the_scale_is_three_times_the_size() {
        for scale in [1, 3] {
            let mut canvas = Canvas::new(20, 10, scale);
            canvas.text((1, 1), 8, "AU 12", INK);
            let picture = canvas.finish();
            assert_eq!(
                (picture.width(), picture.height()),
                (20 * scale, 10 * scale)
            );
            assert!(
                picture.to_luma8().pixels().any(|p| p.0[0] < 200),
                "letters are drawn"
            );
            assert!(matches!(picture, image::DynamicImage::ImageLuma8(_)));
        }
    }

    #[test]
    fn text_is_cut_to_its_place() {
        assert_eq!(fitted("filter 17", 12, 1000), "filter 17");
        let cut = fitted("a rather long name", 12, 60);
        assert!(cut.ends_with("..") && text_width(&cut, 12) <= 60, "{cut}");
    }
}
