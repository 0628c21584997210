//! The place of a crop in its original image.

use image::GrayImage;

/// The part of the original image that was kept, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CropBox {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Columns, at least 1.
    pub w: u32,
    /// Rows, at least 1.
    pub h: u32,
}

impl CropBox {
    /// The whole image.
    pub(crate) fn whole(image: &GrayImage) -> Self {
        let (w, h) = image.dimensions();
        Self { x: 0, y: 0, w, h }
    }

    /// A square.
    pub(crate) fn square(x: u32, y: u32, side: u32) -> Self {
        let (w, h) = (side, side);
        Self { x, y, w, h }
    }

    /// Whether the two share more than a quarter of the smaller one: two boxes of one face.
    pub(crate) fn overlaps(self, other: Self) -> bool {
        let shared = |a: u32, own: u32, b: u32, others: u32| {
            (a + own).min(b + others).saturating_sub(a.max(b)) as u64
        };
        let both =
            shared(self.x, self.w, other.x, other.w) * shared(self.y, self.h, other.y, other.h);
        let area = |of: Self| u64::from(of.w) * u64::from(of.h);
        4 * both > area(self).min(area(other))
    }

    /// Whether it has pixels, all of them in a `width` × `height` image.
    pub(crate) fn is_within(self, width: u32, height: u32) -> bool {
        let inside = |start: u32, length: u32, limit: u32| {
            let end = start.checked_add(length);
            length > 0 && end.is_some_and(|end| end <= limit)
        };
        inside(self.x, self.w, width) && inside(self.y, self.h, height)
    }
}
