//! Occlusion: the response that a unit loses when a square of the image is covered.

use faus_model::{FieldMap, FieldNet, Graph, Network, Region};
use tch::Tensor;

use crate::error::Result;
use crate::explain::field::Frame;
use crate::explain::method::{Explain, ExplainField, UnitRef};
use crate::images::{as_images, values};

/// Covered images computed together.
const BATCH: usize = 16;

/// The unit's loss when a square of the input is set to zero (Zeiler and Fergus 2014, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occlusion;

impl Explain for Occlusion {
    fn name(&self) -> &str {
        "occlusion"
    }

    /// For fully connected units, and those of a graph within their field; for a convolution's filter of stages it explains the
    /// largest response.
    fn explain(
        &self,
        network: &Network,
        stage: usize,
        images: &Tensor,
        units: &[UnitRef],
    ) -> Result<Tensor> {
        let side = network.spec().side;
        let plan = network.plan()?;
        let frame = Frame::new(network, stage, side);
        let graph = network.graph().filter(|_| frame.has_places);
        let mut maps = Vec::new();
        for (image, unit) in values(images)?.chunks_exact(side * side).zip(units) {
            if let Some(graph) = graph {
                let response = |covered: &[f32]| {
                    let images = as_images(covered, side, network)?;
                    of_unit(graph, stage, *unit, &images)
                };
                let (region, windows) = (frame.place(*unit).0, Windows::of_field(frame.field()));
                let map = occlude(image, side, region, windows, response)?;
                maps.extend(in_image(&map, region, side));
                continue;
            }
            let response = |covered: &[f32]| {
                let maxima = network.maxima(&as_images(covered, side, network)?, stage, &plan)?;
                let responses = maxima.values.into_iter().skip(unit.filter);
                Ok(responses.step_by(maxima.filters).collect())
            };
            let (whole, windows) = (Region::whole(side), Windows::of_field(side));
            maps.extend(occlude(image, side, whole, windows, response)?);
        }
        Ok(Tensor::f_from_slice(&maps)?.f_reshape(images.size())?)
    }

    fn within_field(&self) -> Option<&dyn ExplainField> {
        Some(self)
    }
}

impl ExplainField for Occlusion {
    fn field(&self, net: &FieldNet, size: usize, image: &[f32], unit: UnitRef) -> Result<FieldMap> {
        let (side, traced) = (net.image_side(), Region::unit(unit.row, unit.column));
        let response = |image: &[f32]| {
            let response = net.trace(image, traced)?;
            let response = response.response(unit.filter, unit.row, unit.column);
            response.ok_or_else(|| unit.missing())
        };
        let region = net.receptive(traced);
        let values = occlude(image, side, region, Windows::of_field(size), |covered| {
            covered.chunks_exact(side * side).map(response).collect()
        })?;
        Ok(FieldMap { region, values })
    }
}

/// A unit's response to each image, before its ReLU as in [`ExplainField::field`].
fn of_unit(graph: &Graph, stage: usize, unit: UnitRef, images: &Tensor) -> Result<Vec<f32>> {
    let place = [unit.filter, unit.row, unit.column];
    tch::no_grad(|| {
        let trace = graph.trace(images, stage)?;
        let maps = trace.before_relu().shallow_clone();
        let mut at = place.into_iter();
        values(&at.try_fold(maps, |maps, at| maps.f_select(1, at as i64))?)
    })
}

/// Values of `region` in an image of zeros, `[side, side]`.
fn in_image(map: &[f32], region: Region, side: usize) -> Vec<f32> {
    let mut whole = vec![0.0; side * side];
    for (row, values) in map.chunks_exact(region.width.max(1)).enumerate() {
        let start = (region.row + row) * side + region.column;
        whole[start..start + values.len()].copy_from_slice(values);
    }
    whole
}

/// The squares that are covered in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Side of a square, in pixels.
    pub side: usize,
    /// Pixels from one to the next.
    pub stride: usize,
}

impl Windows {
    /// Squares of a quarter of the field's side, half overlapping (our choice: fine enough to separate an eye from its
    /// brow in a field of 32 pixels, coarse enough to cover either completely).
    pub fn of_field(field: usize) -> Self {
        Self::half_overlapping(field / 4)
    }

    /// For whole faces: an eighth of the side (our choice: about an eye), half overlapping.
    pub fn of_face(side: usize) -> Self {
        Self::half_overlapping(side / 8)
    }

    fn half_overlapping(side: usize) -> Self {
        let side = side.max(1);
        let stride = side.div_ceil(2);
        Self { side, stride }
    }

    /// First pixels of the squares along `length` pixels; the last may reach beyond the end.
    fn starts(self, length: usize) -> impl Iterator<Item = usize> + Clone {
        let last = length.saturating_sub(self.side).div_ceil(self.stride);
        (0..=last).map(move |n| n * self.stride)
    }
}

/// The loss of `response` when a square of `region` is set to zero, `[height, width]` of the region: each pixel gets
/// the mean over the squares that cover it, as captum's `Occlusion` does. Zero in a subtractively normalised image has
/// the brightness of the surroundings.
///
/// `image` is `[side, side]`; `response` takes some covered images and returns a number for each.
pub(crate) fn occlude(
    image: &[f32],
    side: usize,
    region: Region,
    windows: Windows,
    mut response: impl FnMut(&[f32]) -> Result<Vec<f32>>,
) -> Result<Vec<f32>> {
    let whole = response(image)?.first().copied().unwrap_or_default();
    let columns = windows.starts(region.width);
    let squares: Vec<(usize, usize)> = windows
        .starts(region.height)
        .flat_map(|row| columns.clone().map(move |column| (row, column)))
        .collect();
    let pixels = |(row, column): (usize, usize)| {
        let rows = row..(row + windows.side).min(region.height);
        let columns = column..(column + windows.side).min(region.width);
        rows.flat_map(move |row| columns.clone().map(move |column| (row, column)))
    };
    let mut lost = vec![0f64; region.height * region.width];
    let mut covered_by = vec![0u32; lost.len()];
    for squares in squares.chunks(BATCH) {
        let mut covered = image.repeat(squares.len());
        for (&square, image) in squares.iter().zip(covered.chunks_exact_mut(side * side)) {
            for (row, column) in pixels(square) {
                image[(region.row + row) * side + region.column + column] = 0.0;
            }
        }
        for (&square, left) in squares.iter().zip(response(&covered)?) {
            for (row, column) in pixels(square) {
                lost[row * region.width + column] += f64::from(whole) - f64::from(left);
                covered_by[row * region.width + column] += 1;
            }
        }
    }
    let mean = |(lost, &count): (f64, &u32)| (lost / f64::from(count.max(1))) as f32;
    Ok(lost.into_iter().zip(&covered_by).map(mean).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_loses_what_is_covered() {
        let image: Vec<f32> = (0..36).map(|v| v as f32).collect();
        let region = Region {
            row: 1,
            column: 2,
            height: 4,
            width: 3,
        };
        let windows = Windows { side: 2, stride: 2 };
        let map = occlude(&image, 6, region, windows, |images| {
            Ok(images.chunks_exact(36).map(|i| i.iter().sum()).collect())
        })
        .unwrap();
        // Squares of 2 × 2, at the right border 2 × 1: each pixel is given its square's sum.
        let of = |row: usize, columns: [usize; 2]| -> f32 {
            columns
                .map(|c| image[row * 6 + c] + image[(row + 1) * 6 + c])
                .iter()
                .sum()
        };
        let (upper, lower) = (of(1, [2, 3]), of(3, [2, 3]));
        let right = |row: usize| image[row * 6 + 4] + image[(row + 1) * 6 + 4];
        assert_eq!(map[..3], [upper, upper, right(1)]);
        assert_eq!(map[9..], [lower, lower, right(3)]);
    }
}
