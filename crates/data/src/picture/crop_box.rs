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

    /// Whether it has pixels, all of them in a `width` × `height` image.
    pub(crate) fn is_within(self, width: u32, height: u32) -> bool {
        let right = self.x.checked_add(self.w);
        let bottom = self.y.checked_add(self.h);
        self.w > 0
            && self.h > 0
            && right.is_some_and(|right| right <= width)
            && bottom.is_some_and(|bottom| bottom <= height)
    }
}
