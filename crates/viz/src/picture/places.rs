//! The places of a filter's responses, drawn over the average face.

use image::{GrayImage, Rgb, RgbImage};

use crate::atlas::Atlas;
use crate::picture::canvas::{greys, mix};

/// The colour of a filter's strongest places.
const HOT: Rgb<u8> = Rgb([255, 70, 0]);

impl Atlas<'_> {
    /// The mean of the images.
    pub(crate) fn average_face(&self) -> GrayImage {
        let grey = |mean: f64| mean.round().clamp(0.0, 255.0) as u8;
        greys(&self.survey.average, self.images.source.side(), grey)
    }

    /// The average face under the filter's places, redder where it responds more. Each place is spread over the pixels between
    /// it and its neighbours.
    pub(crate) fn place_map(&self, filter: usize) -> RgbImage {
        let face = self.average_face();
        let heat = self.heat(filter);
        let most = heat.iter().copied().fold(0.0, f64::max);
        RgbImage::from_fn(face.width(), face.height(), |x, y| {
            let heat = heat[(y * face.width() + x) as usize];
            // The square root keeps rare positions visible.
            let share = match most > 0.0 {
                true => (heat / most).sqrt() * 0.85,
                false => 0.0,
            };
            mix(Rgb([face.get_pixel(x, y).0[0]; 3]), HOT, share)
        })
    }

    /// The filter's places in the feature map as a density over pixels, `[side, side]`.
    fn heat(&self, filter: usize) -> Vec<f64> {
        let (side, columns) = (self.images.source.side(), self.survey.columns.max(1));
        let mut heat = vec![0.0; side * side];
        // A bump as wide as the unit spacing, but wide enough not to fall between pixels.
        let reach = self.frame.stride().max(1.5);
        let tent = |pixel: usize, at: f64| (1.0 - (pixel as f64 - at).abs() / reach).max(0.0);
        let near = |at: f64| (at - reach).ceil() as usize..((at + reach) as usize + 1).min(side);
        let own = self.survey.tops.iter().position(|top| top.filter == filter);
        let positions = own.map_or(&[][..], |own| &self.survey.positions[own]);
        for (at, &weight) in positions.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            let centre = |unit| self.frame.centre(unit).clamp(0.0, side as f64 - 1.0);
            let (x, y) = (centre(at % columns), centre(at / columns));
            for row in near(y) {
                for column in near(x) {
                    heat[row * side + column] += weight * tent(row, y) * tent(column, x);
                }
            }
        }
        heat
    }
}
