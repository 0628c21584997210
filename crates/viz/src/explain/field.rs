//! Receptive fields: the position of a layer's units on the image.

use faus_model::{Network, Receptive, Region};

use crate::explain::method::UnitRef;

/// The position of a layer's units on the image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// Of a fully connected layer the whole image.
    receptive: Receptive,
    side: usize,
    /// Whether units have a position on the image: not in a fully connected layer.
    pub has_places: bool,
}

impl Frame {
    pub fn new(network: &Network, stage: usize, side: usize) -> Self {
        let receptive = network.receptive(stage);
        Self {
            receptive: receptive.unwrap_or(Receptive {
                size: side as i64,
                stride: side as i64,
                first: 0,
            }),
            side,
            has_places: receptive.is_some(),
        }
    }

    /// Side of the full receptive field, in pixels.
    pub fn field(&self) -> usize {
        self.receptive.size as usize
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
        let (field, unit) = (self.receptive, unit as i64);
        let (first, end) = field.span(unit, self.side as i64);
        let cut = first - (unit * field.stride + field.first);
        (first as usize, (end - first) as usize, cut as usize)
    }

    /// Centre of a unit's field along rows or columns, in pixels, possibly outside the image.
    pub fn centre(&self, unit: usize) -> f64 {
        let field = self.receptive;
        (unit as i64 * field.stride + field.first) as f64 + (field.size - 1) as f64 / 2.0
    }

    /// Pixels from one unit to the next.
    pub fn stride(&self) -> f64 {
        self.receptive.stride as f64
    }
}

/// The values of `image`, `side` pixels wide, within `region`, row by row.
pub(crate) fn crop<T: Copy>(image: &[T], side: usize, region: Region) -> Vec<T> {
    let rows = region.row..region.row + region.height;
    rows.flat_map(|row| &image[row * side + region.column..][..region.width])
        .copied()
        .collect()
}
