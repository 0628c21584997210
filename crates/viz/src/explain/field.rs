//! Receptive fields: the position of a layer's units on the image.

use faus_model::{Network, Receptive, Region, receptive_field};

use crate::explain::method::UnitRef;

/// The position of a layer's units on the image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// `None` for fully connected layers, whose units see the whole image.
    receptive: Option<Receptive>,
    side: usize,
    /// Side of the full receptive field, in pixels.
    pub field: usize,
}

impl Frame {
    pub fn new(network: &Network, stage: usize, side: usize) -> Self {
        let receptive = receptive_field(network.stages(), stage);
        let field = receptive.map_or(side, |f| f.size as usize);
        Self {
            receptive,
            side,
            field,
        }
    }

    /// Whether units have a position on the image.
    pub fn has_places(&self) -> bool {
        self.receptive.is_some()
    }

    /// A unit's receptive field, clipped to the image, and its first pixel in the full field (column, row).
    pub fn place(&self, unit: UnitRef) -> (Region, (usize, usize)) {
        let (row, height, inset_y) = self.span(unit.row);
        let (column, width, inset_x) = self.span(unit.column);
        let region = Region {
            row,
            column,
            height,
            width,
        };
        (region, (inset_x, inset_y))
    }

    /// First pixel, number of pixels, and pixels cut off before the first.
    fn span(&self, unit: usize) -> (usize, usize, usize) {
        let Some(field) = self.receptive else {
            return (0, self.side, 0);
        };
        let (first, end) = field.span(unit as i64, self.side as i64);
        let cut = first - (unit as i64 * field.stride + field.first);
        (first as usize, (end - first) as usize, cut as usize)
    }

    /// Centre of a unit's field in pixels (column, row), possibly outside the image.
    pub fn centre(&self, row: usize, column: usize) -> (f64, f64) {
        let at = |unit: usize| match self.receptive {
            Some(f) => (unit as i64 * f.stride + f.first) as f64 + (f.size - 1) as f64 / 2.0,
            None => (self.side as f64 - 1.0) / 2.0,
        };
        (at(column), at(row))
    }

    /// Pixels from one unit to the next.
    pub fn stride(&self) -> f64 {
        self.receptive.map_or(self.side as f64, |f| f.stride as f64)
    }
}

/// The values of `image`, `side` pixels wide, within `region`, row by row.
pub(crate) fn crop<T: Copy>(image: &[T], side: usize, region: Region) -> Vec<T> {
    let rows = region.row..region.row + region.height;
    rows.flat_map(|row| &image[row * side + region.column..][..region.width])
        .copied()
        .collect()
}
