//! The layout that all pictures share: measures in points, headings, tiles of patches.

use std::collections::BTreeMap;

use image::{GrayImage, Luma};

use crate::explain::patch::{FilterPatches, Patch};
use crate::picture::canvas::{Canvas, INK, MIDDLE, centred, fitted, largest, unit_range};

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

/// Text in the pictures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Captions {
    /// The heading: the layer, the method, the images, and whether they are synthetic.
    pub heading: String,
    /// Labels of some filters, such as their action units.
    pub labels: BTreeMap<usize, String>,
}

/// A canvas with its heading.
pub(crate) fn headed(width: u32, height: u32, scale: u32, heading: &str) -> Canvas {
    let mut canvas = Canvas::new(width, height, scale);
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
    in_field(
        filter,
        patch,
        &centred(map, patch.region.width, largest(map)),
    )
}

/// A crop, placed in the full receptive field.
pub(crate) fn in_field(filter: &FilterPatches, patch: &Patch, crop: &GrayImage) -> GrayImage {
    let field = filter.field.max(1) as u32;
    let mut tile = GrayImage::from_pixel(field, field, Luma([MIDDLE]));
    let (x, y) = patch.inset;
    image::imageops::replace(&mut tile, crop, x as i64, y as i64);
    tile
}

/// A whole image.
pub(crate) fn face(grey: &[u8], side: usize) -> GrayImage {
    let side = side as u32;
    GrayImage::from_fn(side, side, |x, y| Luma([grey[(y * side + x) as usize]]))
}
