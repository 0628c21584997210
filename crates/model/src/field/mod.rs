//! Carrying one unit of a feature map back to the pixels of its receptive field, and computing no more than that takes.

use crate::kernels::{Buffer, Direct, PANEL, values};
use crate::error::Error;
use crate::network::Network;
use crate::network::layer::Layer;

/// A rectangle of units of a map, or of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First row.
    pub row: usize,
    /// First column.
    pub column: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Region {
    /// One unit.
    pub fn unit(row: usize, column: usize) -> Self {
        Self {
            row,
            column,
            height: 1,
            width: 1,
        }
    }

    /// A whole map of this side.
    pub fn whole(side: usize) -> Self {
        Self {
            row: 0,
            column: 0,
            height: side,
            width: side,
        }
    }

    fn area(self) -> usize {
        self.height * self.width
    }

    /// Whether the rectangle is not empty and lies in a map of this side.
    fn fits(self, side: usize) -> bool {
        let fits = |first: usize, count: usize| count > 0 && first.saturating_add(count) <= side;
        fits(self.row, self.height) && fits(self.column, self.width)
    }
}

/// The way from the pixels to one convolution's feature map, unit by unit: for a unit, only what its receptive field holds is
/// computed, forward and back.
///
/// Sums are literal and in one order wherever they stand, so a unit's projection is the same whether its field alone or the
/// whole image is computed, bit for bit (tested). Ours, in place of whole-image passes through libtorch, since a unit of
/// conv3 sees a ninth of a 96×96 image, and backward only its pooling's winners carry anything.
#[derive(Debug)]
pub struct FieldNet {
    /// Up to, but without, the convolution whose units are looked at.
    ops: Vec<Op>,
    head: Convolution,
    /// Side of the input of each operation, then of the head's, then of its map.
    sides: Vec<usize>,
}

#[derive(Debug)]
enum Op {
    Conv(Convolution),
    Pool {
        tile: usize,
        /// Whether the maximum is taken of rectified values (a ReLU follows, or went before): a tile without a positive value
        /// then has its winner at its first pixel, whichever of the two comes first.
        rectified: bool,
    },
    Relu,
}

#[derive(Debug)]
struct Convolution {
    direct: Direct,
    padding: usize,
}

impl Convolution {
    fn new(weight: &tch::Tensor, bias: Option<&tch::Tensor>, padding: i64) -> Result<Self, Error> {
        let on_cpu = |t: &tch::Tensor| {
            Ok::<_, Error>(
                t.f_detach()?
                    .f_to_device(tch::Device::Cpu)?
                    .f_contiguous()?,
            )
        };
        let (weight, bias) = (on_cpu(weight)?, bias.map(on_cpu).transpose()?);
        let size = weight.size();
        let shape = (size[0] as usize, size[1] as usize, size[3] as usize);
        let bias = bias.as_ref().map(values).transpose()?.unwrap_or_default();
        Ok(Self {
            direct: Direct::new(values(&weight)?, shape, bias),
            padding: padding as usize,
        })
    }

    /// The inputs, of a map of this side, that these outputs see.
    fn sees(&self, outputs: Region, side: usize) -> Region {
        let span = |first: usize, count: usize| {
            let start = first.saturating_sub(self.padding);
            let end = (first + count - 1 + self.direct.kernel).saturating_sub(self.padding);
            (start.min(side), end.min(side))
        };
        let (rows, columns) = (
            span(outputs.row, outputs.height),
            span(outputs.column, outputs.width),
        );
        Region {
            row: rows.0,
            column: columns.0,
            height: rows.1 - rows.0,
            width: columns.1 - columns.0,
        }
    }

    /// Where the first tap of `outputs`' first unit falls in `inputs`.
    fn first_tap(&self, outputs: Region, inputs: Region) -> (isize, isize) {
        let at =
            |output: usize, input: usize| output as isize - self.padding as isize - input as isize;
        (
            at(outputs.row, inputs.row),
            at(outputs.column, inputs.column),
        )
    }

    /// What `outputs` see, with zeros where that leaves the map.
    fn pad(&self, map: &Map, outputs: Region) -> Buffer {
        let (stride, margin) = (self.direct.input_stride, self.direct.kernel - 1);
        let line = (outputs.width + margin) * stride;
        let mut padded = Buffer::zeros((outputs.height + margin) * line);
        let (top, left) = self.first_tap(outputs, map.region);
        let run = map.region.width * stride;
        for (row, values) in map.values.chunks_exact(run).enumerate() {
            let start = (row as isize - top) as usize * line + (-left) as usize * stride;
            padded[start..start + run].copy_from_slice(values);
        }
        padded
    }

    fn forward(&self, map: &Map, outputs: Region) -> Map {
        let mut out = Map::of(outputs, self.direct.panels() * PANEL);
        let padded = self.pad(map, outputs);
        self.direct
            .forward(&padded, outputs.width, out.values.rows_mut());
        out
    }

    fn backward(&self, gradient: &Map, inputs: Region) -> Map {
        let mut d_input = Map::of(inputs, self.direct.input_stride);
        d_input.values.fill(0.0);
        self.direct.backward(
            &gradient.values,
            gradient.region.width,
            self.first_tap(gradient.region, inputs),
            &mut d_input.values,
            inputs.width,
        );
        d_input
    }
}

/// Values of a rectangle of units, `[height, width, channels]`.
#[derive(Debug)]
struct Map {
    region: Region,
    channels: usize,
    values: Buffer,
}

impl Map {
    /// Room, not cleared.
    fn of(region: Region, channels: usize) -> Self {
        Self {
            region,
            channels,
            values: Buffer::of(region.area() * channels),
        }
    }

    /// Max pooling over tiles, with the winners' places in their tiles; the first of equals wins.
    fn pool(&self, tile: usize, rectified: bool, outputs: Region) -> (Map, Vec<u32>) {
        let mut out = Map::of(outputs, self.channels);
        let mut winners = vec![0; out.values.len()];
        let floor = if rectified { 0.0 } else { f32::NEG_INFINITY };
        let (width, channels) = (self.region.width, self.channels);
        let units = out.values.chunks_exact_mut(channels);
        for (unit, (best, winners)) in units.zip(winners.chunks_exact_mut(channels)).enumerate() {
            let corner = unit / outputs.width * tile * width + unit % outputs.width * tile;
            best.fill(floor);
            for place in 0..tile * tile {
                let pixel = corner + place / tile * width + place % tile;
                let candidates = &self.values[pixel * channels..][..channels];
                for ((best, winner), &x) in best.iter_mut().zip(winners.iter_mut()).zip(candidates)
                {
                    let better = x > *best;
                    *best = if better { x } else { *best };
                    *winner = if better { place as u32 } else { *winner };
                }
            }
        }
        (out, winners)
    }

    /// The gradient at the winners of [`Map::pool`], zero elsewhere.
    fn unpool(&self, tile: usize, winners: &[u32], inputs: Region) -> Map {
        let mut out = Map::of(inputs, self.channels);
        out.values.fill(0.0);
        for (at, (&value, &winner)) in self.values.iter().zip(winners).enumerate() {
            let (unit, channel) = (at / self.channels, at % self.channels);
            let row = unit / self.region.width * tile + winner as usize / tile;
            let column = unit % self.region.width * tile + winner as usize % tile;
            out.values[(row * inputs.width + column) * self.channels + channel] = value;
        }
        out
    }
}

impl FieldNet {
    /// The way to the convolution of stage `stage`; `None` where a layer on the way has no spatial position (flattening,
    /// fully connected) or the stage has no convolution.
    ///
    /// The weights are copied: later changes to the network do not show. Works for a network on any device.
    ///
    /// # Errors
    /// When a GPU does not hand over its weights.
    pub fn new(network: &Network, stage: usize) -> Result<Option<Self>, Error> {
        let Some((own, before)) = network.stages().get(..=stage).and_then(|s| s.split_last())
        else {
            return Ok(None);
        };
        let mut ops = Vec::new();
        let mut sides = vec![network.spec().side];
        let mut layers = before.iter().flat_map(|s| &s.layers).peekable();
        let mut rectified = false;
        while let Some(layer) = layers.next() {
            let side = sides.last().copied().unwrap_or_default();
            match layer {
                Layer::Conv {
                    weight,
                    bias,
                    padding,
                } => {
                    let conv = Convolution::new(weight, bias.as_ref(), *padding)?;
                    sides.push((side + 2 * conv.padding + 1).saturating_sub(conv.direct.kernel));
                    ops.push(Op::Conv(conv));
                    rectified = false;
                }
                Layer::MaxPool { side: tile } => {
                    let tile = *tile as usize;
                    let rectified = rectified || matches!(layers.peek(), Some(Layer::Relu));
                    sides.push(side / tile.max(1));
                    ops.push(Op::Pool { tile, rectified });
                }
                Layer::Relu => {
                    sides.push(side);
                    ops.push(Op::Relu);
                    rectified = true;
                }
                Layer::Dropout { .. } => {}
                Layer::Flatten | Layer::Linear { .. } => return Ok(None),
            }
        }
        let Some(Layer::Conv {
            weight,
            bias,
            padding,
        }) = own.layers.first()
        else {
            return Ok(None);
        };
        let head = Convolution::new(weight, bias.as_ref(), *padding)?;
        let side = sides.last().copied().unwrap_or_default();
        sides.push((side + 2 * head.padding + 1).saturating_sub(head.direct.kernel));
        Ok(Some(Self { ops, head, sides }))
    }

    /// Side of the feature map.
    pub fn map_side(&self) -> usize {
        self.sides.last().copied().unwrap_or_default()
    }

    /// Filters of the feature map.
    pub fn filters(&self) -> usize {
        self.head.direct.outputs
    }

    /// Side of the images.
    pub fn image_side(&self) -> usize {
        self.sides[0]
    }

    /// The pixels that these units see, clipped to the image.
    pub fn receptive(&self, units: Region) -> Region {
        self.regions(units)[0]
    }

    /// What each operation works on so that these units come out: the pixels first, the head's input last.
    fn regions(&self, units: Region) -> Vec<Region> {
        let last = self.ops.len();
        let mut region = self.head.sees(units, self.sides[last]);
        let mut regions = vec![region];
        for (op, &side) in self.ops.iter().zip(&self.sides).rev() {
            region = match op {
                Op::Conv(conv) => conv.sees(region, side),
                Op::Pool { tile, .. } => Region {
                    row: region.row * tile,
                    column: region.column * tile,
                    height: region.height * tile,
                    width: region.width * tile,
                },
                Op::Relu => region,
            };
            regions.push(region);
        }
        regions.reverse();
        regions
    }

    /// Computes what `units` of the feature map see of `image`, `[side, side]`, normalised.
    ///
    /// # Errors
    /// When the image has another size or the units lie outside the map.
    pub fn trace(&self, image: &[f32], units: Region) -> Result<FieldTrace<'_>, Error> {
        let side = self.image_side();
        if image.len() != side * side || !units.fits(self.map_side()) {
            let what = format!(
                "units {units:?} of a map of side {} in {} pixels of an image of side {side}",
                self.map_side(),
                image.len()
            );
            return Err(tch::TchError::Shape(what).into());
        }
        let regions = self.regions(units);
        let mut pixels = Map::of(regions[0], 1);
        for (row, out) in pixels.values.chunks_exact_mut(regions[0].width).enumerate() {
            let start = (regions[0].row + row) * side + regions[0].column;
            out.copy_from_slice(&image[start..start + regions[0].width]);
        }
        let mut maps = vec![pixels];
        let mut winners = Vec::new();
        for (at, op) in self.ops.iter().enumerate() {
            let (map, region) = (&maps[at], regions[at + 1]);
            let next = match op {
                Op::Conv(conv) => conv.forward(map, region),
                Op::Pool { tile, rectified } => {
                    let (pooled, won) = map.pool(*tile, *rectified, region);
                    winners.push(won);
                    pooled
                }
                Op::Relu => {
                    let mut out = Map::of(region, map.channels);
                    for (out, &x) in out.values.iter_mut().zip(map.values.iter()) {
                        *out = if x < 0.0 { 0.0 } else { x };
                    }
                    out
                }
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

/// What some units of a feature map see of one image, computed.
#[derive(Debug)]
pub struct FieldTrace<'a> {
    net: &'a FieldNet,
    units: Region,
    /// The pixels, then what each operation made of them.
    maps: Vec<Map>,
    /// Of each pooling.
    winners: Vec<Vec<u32>>,
}

impl FieldTrace<'_> {
    /// The response of the unit (`filter`, `row`, `column`) before its ReLU, summed literally; `None` if it was not traced.
    pub fn response(&self, filter: usize, row: usize, column: usize) -> Option<f32> {
        let unit = self.unit(filter, row, column)?;
        let input = self.maps.last()?;
        let seen = self.net.head.sees(unit, self.net.sides[self.net.ops.len()]);
        let mut cut = Map::of(seen, input.channels);
        let run = seen.width * input.channels;
        for (line, out) in cut.values.chunks_exact_mut(run).enumerate() {
            let row = seen.row - input.region.row + line;
            let start = row * input.region.width + seen.column - input.region.column;
            out.copy_from_slice(&input.values[start * input.channels..][..run]);
        }
        Some(
            self.net
                .head
                .direct
                .one(&self.net.head.pad(&cut, unit), filter),
        )
    }

    /// Carries a unit back to the pixels it sees, everything else set to zero; the unit's own value enters as 1. At every ReLU
    /// `passes(backward, forward)` is what goes on of the value that arrives from above, `forward` being the ReLU's output.
    /// `None` if the unit was not traced.
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

/// A projection onto the pixels of [`FieldMap::region`].
#[derive(Debug, Clone, PartialEq)]
pub struct FieldMap {
    /// The pixels.
    pub region: Region,
    /// `[height, width]`, any range.
    pub values: Vec<f32>,
}
