//! A canvas measured in points, the layout that all pictures share, text, and tiles of numbers and patches.

use std::collections::BTreeMap;

use image::imageops::{self, FilterType};
use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::explain::patch::{FilterPatches, Patch};

/// The background.
pub(crate) const PAPER: Rgb<u8> = Rgb([255, 255, 255]);
/// Zero in a projection, and the part of a field outside the image.
pub(crate) const MIDDLE: u8 = 128;
/// Captions.
pub(crate) const INK: Rgb<u8> = Rgb([40, 40, 40]);
/// Secondary captions; thin letters lose contrast at their edges.
pub(crate) const FAINT: Rgb<u8> = Rgb([80, 80, 80]);

/// Side of a patch, in points.
pub(crate) const TILE: u32 = 64;
/// Points between tiles.
pub(crate) const GAP: u32 = 3;
/// Points around everything.
pub(crate) const MARGIN: u32 = 12;
/// Height of the heading and of a filter's number.
pub(crate) const HEADING: u32 = 15;
/// First point under the heading.
pub(crate) const TOP: u32 = MARGIN + HEADING + 2 * GAP;
/// Sizes of a picture: pixels per point.
pub(crate) const SCALES: [u32; 2] = [1, 3];

/// A place: points from the left and from the top.
pub(crate) type At = (u32, u32);

/// A picture measured in points, drawn at several scales (pixels per point) at once: the same layout at any size.
pub(crate) struct Canvas(Vec<(u32, RgbImage)>);

impl Canvas {
    pub fn new(width: u32, height: u32, scales: &[u32]) -> Self {
        let blank = |&scale| {
            let picture = RgbImage::from_pixel(width * scale, height * scale, PAPER);
            (scale, picture)
        };
        Self(scales.iter().map(blank).collect())
    }

    /// A picture to draw on, with `scale` pixels per point.
    pub fn over(picture: DynamicImage, scale: u32) -> Self {
        Self(vec![(scale, picture.into_rgb8())])
    }

    /// A rectangle of one colour.
    pub fn fill(&mut self, (x, y): At, (width, height): (u32, u32), ink: Rgb<u8>) {
        for (scale, picture) in &mut self.0 {
            for py in y * *scale..(y + height) * *scale {
                for px in x * *scale..(x + width) * *scale {
                    if let Some(pixel) = picture.get_pixel_mut_checked(px, py) {
                        *pixel = ink;
                    }
                }
            }
        }
    }

    /// The picture at every scale; a grey one without colours.
    pub fn finish(self) -> Vec<DynamicImage> {
        let pictures = self.0.into_iter().map(|(_, picture)| {
            match picture.pixels().all(|p| p.0 == [p.0[0]; 3]) {
                true => DynamicImage::from(picture).into_luma8().into(),
                false => DynamicImage::from(picture),
            }
        });
        pictures.collect()
    }

    /// Pictures beside each other, each enlarged to a square of `size` points, with `pitch` points from one to the next.
    pub fn row<T: Into<DynamicImage>>(
        &mut self,
        (x, y): At,
        (size, pitch): (u32, u32),
        tiles: impl IntoIterator<Item = T>,
    ) {
        for (n, tile) in (0..).zip(tiles) {
            self.place((x + n * pitch, y), size, tile, FilterType::CatmullRom);
        }
    }

    /// A picture, enlarged to a square of `size` points.
    pub fn tile(&mut self, at: At, size: u32, tile: impl Into<DynamicImage>) {
        self.place(at, size, tile, FilterType::CatmullRom);
    }

    /// A picture enlarged without interpolation.
    pub fn blocks(&mut self, at: At, size: u32, tile: impl Into<DynamicImage>) {
        self.place(at, size, tile, FilterType::Nearest);
    }

    fn place(&mut self, (x, y): At, size: u32, tile: impl Into<DynamicImage>, filter: FilterType) {
        let tile = tile.into();
        for (scale, picture) in &mut self.0 {
            let [x, y, pixels] = [x, y, size].map(|points| points * *scale);
            let tile = tile.resize_exact(pixels, pixels, filter).into_rgb8();
            imageops::replace(picture, &tile, i64::from(x), i64::from(y));
        }
    }

    /// The outline of a rectangle, a point thick, inside it; sizes in fractions of a point.
    pub fn outline(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), ink: Rgb<u8>) {
        for (line, picture) in &mut self.0 {
            let [left, top, right, bottom] = [x, y, x + width, y + height]
                .map(|points| (points * f64::from(*line)).round() as u32);
            let inner = |at, first, end| at >= first + *line && at + *line < end;
            for py in top..bottom.min(picture.height()) {
                for px in left..right.min(picture.width()) {
                    if !(inner(px, left, right) && inner(py, top, bottom)) {
                        picture.put_pixel(px, py, ink);
                    }
                }
            }
        }
    }

    /// Lines of text, `size` points high from top to bottom of their letters' box, with `pitch` points from one to the
    /// next; `?` for characters missing from the font.
    pub fn lines(
        &mut self,
        (x, y): At,
        (size, pitch): (u32, u32),
        lines: impl IntoIterator<Item = impl AsRef<str>>,
        ink: Rgb<u8>,
    ) {
        for (n, line) in (0..).zip(lines) {
            self.text((x, y + n * pitch), size, line.as_ref(), ink);
        }
    }

    /// One line of text; see [`Canvas::lines`].
    pub fn text(&mut self, (x, y): At, size: u32, text: &str, ink: Rgb<u8>) {
        for (scale, picture) in &mut self.0 {
            let (width, height) = (letter_width(size, *scale), size * *scale);
            for (n, letter) in text.chars().enumerate() {
                let left = (f64::from(x * *scale) + n as f64 * width).round() as u32;
                let columns = width.round().max(1.0) as u32;
                let mask = letter_mask(letter);
                let mask = imageops::resize(&mask, columns, height, FilterType::Triangle);
                for (px, py, Luma([cover])) in mask.enumerate_pixels() {
                    let at = (left + px, y * *scale + py);
                    if let Some(pixel) = picture.get_pixel_mut_checked(at.0, at.1) {
                        *pixel = mix(*pixel, ink, f64::from(*cover) / 255.0);
                    }
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

/// `text` in lines of at most this many points, broken between words; a longer word is cut.
pub(crate) fn wrapped(text: &str, size: u32, points: u32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), size) <= points => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fitted(word, size, points)),
        }
    }
    lines
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
    greys(values, width, grey)
}

/// Values `[height, width]` in [0, 1] as greys from black to white.
pub(crate) fn unit_range(values: &[f32], width: usize) -> GrayImage {
    let grey = |v: f32| (v * 255.0).round().clamp(0.0, 255.0) as u8;
    greys(values, width, grey)
}

/// The picture of `values`, row by row.
pub(crate) fn greys<T: Copy>(values: &[T], width: usize, grey: impl Fn(T) -> u8) -> GrayImage {
    let height = values.len() / width.max(1);
    GrayImage::from_fn(width as u32, height as u32, |x, y| {
        Luma([grey(values[y as usize * width + x as usize])])
    })
}

/// Largest absolute value.
pub(crate) fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |m, v| m.max(v.abs()))
}

/// Text in the pictures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Captions {
    /// The heading: the layer, the method, the images, and whether they are synthetic.
    pub heading: String,
    /// Labels of some filters, such as their action units.
    pub labels: BTreeMap<usize, String>,
}

/// A canvas with its heading.
pub(crate) fn headed(width: u32, height: u32, scales: &[u32], heading: &str) -> Canvas {
    let mut canvas = Canvas::new(width, height, scales);
    let heading = fitted(heading, HEADING, width - 2 * MARGIN);
    canvas.text((MARGIN, MARGIN), HEADING, &heading, INK);
    canvas
}

/// A patch of the face in its receptive field.
pub(crate) fn input_tile(filter: &FilterPatches, patch: &Patch) -> GrayImage {
    in_field(filter, patch, &unit_range(&patch.input, patch.region.width))
}

/// A map of a patch's pixels, `[h, w]`, in its receptive field: middle grey is 0, scaled by the largest absolute value.
pub(crate) fn map_tile(filter: &FilterPatches, patch: &Patch, map: &[f32]) -> GrayImage {
    let map = centred(map, patch.region.width, largest(map));
    in_field(filter, patch, &map)
}

/// A crop, placed in the full receptive field.
pub(crate) fn in_field(filter: &FilterPatches, patch: &Patch, crop: &GrayImage) -> GrayImage {
    let field = filter.field.max(1) as u32;
    let mut tile = GrayImage::from_pixel(field, field, Luma([MIDDLE]));
    let (x, y) = patch.inset;
    imageops::replace(&mut tile, crop, x as i64, y as i64);
    tile
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
        let mut canvas = Canvas::new(20, 10, &SCALES);
        canvas.text((1, 1), 8, "AU 12", INK);
        for (scale, picture) in SCALES.into_iter().zip(canvas.finish()) {
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
        assert_eq!(wrapped("filter 17", 12, 1000), ["filter 17"]);
        let lines = wrapped("AU15 Lip corner depressor", 12, 121);
        assert_eq!(lines.join(" "), "AU15 Lip corner depressor");
        assert!(lines.len() == 2 && lines.iter().all(|line| text_width(line, 12) <= 121));
    }
}
