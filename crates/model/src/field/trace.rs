//! The forward and backward path between one image and some units.

use crate::error::Error;
use crate::field::map::{FieldMap, Map, Region};
use crate::field::net::{FieldNet, Op};
use crate::kernels::PANEL;

impl FieldNet {
    /// Computes the receptive field of `units` in `image`, `[side, side]`, normalised.
    ///
    /// # Errors
    /// When the image has another size or the units are outside the map.
    pub fn trace(&self, image: &[f32], units: Region) -> Result<FieldTrace<'_>, Error> {
        let (side, map_side, pixels) = (self.image_side(), self.map_side(), image.len());
        if pixels != side * side || !units.fits(map_side) {
            let what = format!(
                "units {units:?} of a map of side {map_side} in {pixels} pixels of an image of side {side}"
            );
            return Err(tch::TchError::Shape(what).into());
        }
        let regions = self.regions(units);
        let mut pixels = Map::of(regions[0], 1);
        for (row, out) in pixels.values.chunks_exact_mut(regions[0].width).enumerate() {
            let start = (regions[0].row + row) * side + regions[0].column;
            out.copy_from_slice(&image[start..start + regions[0].width]);
        }
        let (mut maps, mut winners) = (vec![pixels], Vec::new());
        for (at, op) in self.ops.iter().enumerate() {
            let (map, region) = (&maps[at], regions[at + 1]);
            let next = match op {
                Op::Conv(conv) => conv.forward(map, region),
                Op::Pool { tile, rectified } => {
                    let (pooled, won) = map.pool(*tile, *rectified, region);
                    winners.push(won);
                    pooled
                }
                Op::Relu => map.rectified(),
            };
            maps.push(next);
        }
        Ok(FieldTrace {
            net: self,
            units,
            maps,
            winners,
        })
    }
}

/// The receptive field of some units in one image, computed.
#[derive(Debug)]
pub struct FieldTrace<'a> {
    net: &'a FieldNet,
    units: Region,
    /// The pixels, then the output of each operation.
    maps: Vec<Map>,
    /// Of each pooling.
    winners: Vec<Vec<u32>>,
}

impl FieldTrace<'_> {
    /// The response of the unit (`filter`, `row`, `column`) before its ReLU, summed literally; `None` if it was not traced.
    pub fn response(&self, filter: usize, row: usize, column: usize) -> Option<f32> {
        let unit = self.unit(filter, row, column)?;
        let head = &self.net.head;
        Some(head.direct.one(&head.pad(self.maps.last()?, unit), filter))
    }

    /// Carries a unit back to its pixels, all other units set to zero; the unit's own value enters as 1.
    /// `passes(backward, forward)` is the backward value after a ReLU, from the backward value before it and the ReLU's
    /// forward output. `None` if the unit was not traced.
    pub fn project(
        &self,
        (filter, row, column): (usize, usize, usize),
        passes: impl Fn(f32, f32) -> f32,
    ) -> Option<FieldMap> {
        let unit = self.unit(filter, row, column)?;
        let head = &self.net.head;
        let mut gradient = Map::of(unit, head.direct.panels() * PANEL);
        gradient.values.fill(0.0);
        gradient.values[filter] = 1.0;
        let mut gradient = head.backward(&gradient, self.maps.last()?.region);
        let mut winners = self.winners.iter().rev();
        for (at, op) in self.net.ops.iter().enumerate().rev() {
            let input = self.maps[at].region;
            match op {
                Op::Conv(conv) => gradient = conv.backward(&gradient, input),
                Op::Pool { tile, .. } => {
                    gradient = gradient.unpool(*tile, winners.next()?, input);
                }
                Op::Relu => {
                    let forward = self.maps[at + 1].values.iter();
                    for (g, &forward) in gradient.values.iter_mut().zip(forward) {
                        *g = passes(*g, forward);
                    }
                }
            }
        }
        Some(FieldMap {
            region: gradient.region,
            values: gradient.values.to_vec(),
        })
    }

    fn unit(&self, filter: usize, row: usize, column: usize) -> Option<Region> {
        let inside = |at: usize, first: usize, count: usize| at >= first && at - first < count;
        let units = self.units;
        (filter < self.net.filters()
            && inside(row, units.row, units.height)
            && inside(column, units.column, units.width))
        .then(|| Region::unit(row, column))
    }
}
