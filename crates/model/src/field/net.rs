//! The path from the pixels to a convolution's feature map.

use crate::error::Error;
use crate::field::convolution::Convolution;
use crate::field::map::Region;
use crate::network::Network;
use crate::network::layer::Layer;

/// The path from the pixels to one convolution's feature map, unit by unit: for a unit, only its receptive field is
/// computed, forward and back.
///
/// Sums are literal and in one order everywhere, so a unit's projection is bit-identical whether only its field or the
/// whole image is computed (tested). Ours, in place of whole-image passes through libtorch, since a unit of conv3 sees
/// a ninth of a 96×96 image, and in the backward pass only the winners of its pooling are non-zero.
#[derive(Debug)]
pub struct FieldNet {
    /// The operations before the convolution whose units are projected.
    pub(super) ops: Vec<Op>,
    pub(super) head: Convolution,
    image_side: usize,
}

#[derive(Debug)]
pub(super) enum Op {
    Conv(Convolution),
    Pool {
        tile: usize,
        /// Whether the maximum is taken of rectified values (a ReLU comes before or after): a tile without a positive
        /// value then has its winner at its first pixel, whichever of the two comes first.
        rectified: bool,
    },
    Relu,
}

impl FieldNet {
    /// The path to the convolution of stage `stage`; `None` if a layer on the path has no spatial position (flattening,
    /// fully connected) or the stage has no convolution.
    ///
    /// The weights are copied: later changes to the network have no effect. Works for a network on any device.
    ///
    /// # Errors
    /// When the weights cannot be copied from the GPU.
    pub fn new(network: &Network, stage: usize) -> Result<Option<Self>, Error> {
        let stages = network.stages().get(..=stage);
        let Some((own, before)) = stages.and_then(|stages| stages.split_last()) else {
            return Ok(None);
        };
        let Some(head @ Layer::Conv { .. }) = own.layers.first() else {
            return Ok(None);
        };
        let image_side = network.spec().side;
        let (mut ops, mut side, mut rectified) = (Vec::new(), image_side, false);
        let before = before.iter().flat_map(|s| &s.layers);
        let mut layers = before.chain([head]).peekable();
        while let Some(layer) = layers.next() {
            match layer {
                Layer::Conv {
                    weight,
                    bias,
                    padding,
                } => {
                    let conv = Convolution::new((weight, bias, *padding), side)?;
                    (side, rectified) = (conv.output_side(), false);
                    ops.push(Op::Conv(conv));
                }
                Layer::MaxPool { side: tile } => {
                    let tile = *tile as usize;
                    let rectified = rectified || matches!(layers.peek(), Some(Layer::Relu));
                    side /= tile.max(1);
                    ops.push(Op::Pool { tile, rectified });
                }
                Layer::Relu => {
                    rectified = true;
                    ops.push(Op::Relu);
                }
                Layer::Dropout { .. } => {}
                Layer::Flatten | Layer::Linear { .. } => return Ok(None),
            }
        }
        let Some(Op::Conv(head)) = ops.pop() else {
            return Ok(None);
        };
        Ok(Some(Self {
            ops,
            head,
            image_side,
        }))
    }

    /// Side of the feature map.
    pub fn map_side(&self) -> usize {
        self.head.output_side()
    }

    /// Filters of the feature map.
    pub fn filters(&self) -> usize {
        self.head.direct.outputs
    }

    /// Side of the images.
    pub fn image_side(&self) -> usize {
        self.image_side
    }

    /// The receptive field of these units, clipped to the image.
    pub fn receptive(&self, units: Region) -> Region {
        self.regions(units)[0]
    }

    /// The input of each operation from which these units follow: the pixels first, the head's input last.
    pub(super) fn regions(&self, units: Region) -> Vec<Region> {
        let mut region = self.head.sees(units);
        let mut regions = vec![region];
        for op in self.ops.iter().rev() {
            region = match op {
                Op::Conv(conv) => conv.sees(region),
                Op::Pool { tile, .. } => region.map(|first, count| (first * tile, count * tile)),
                Op::Relu => region,
            };
            regions.push(region);
        }
        regions.reverse();
        regions
    }
}
