//! Receptive fields, from the layers alone.

use crate::network::layer::{Layer, Stage};

/// The receptive field of a unit of a feature map, the same along rows and columns: unit `u` sees the pixels
/// `u·stride + first ..= u·stride + first + size − 1`, clipped to the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receptive {
    /// Side of the field, in pixels.
    pub size: i64,
    /// Pixels from one unit to the next.
    pub stride: i64,
    /// First pixel of unit 0's field; negative where it starts in the padding.
    pub first: i64,
}

impl Receptive {
    /// The pixels `start..end` that unit `unit` sees in an image of `side` pixels. Includes pixels that a pooling drops at
    /// the border because its tile does not divide the side.
    pub fn span(&self, unit: i64, side: i64) -> (i64, i64) {
        let start = unit * self.stride + self.first;
        (start.clamp(0, side), (start + self.size).clamp(0, side))
    }
}

/// Receptive field of the units in the feature map of stage `stage` (before its pooling), from the layers alone.
///
/// For the zero-bias CNN: 5, 14 and 32 pixels at conv1, conv2 and conv3. `None` if a layer on the path has no spatial
/// position (flattening, fully connected).
pub fn receptive_field(stages: &[Stage], stage: usize) -> Option<Receptive> {
    let before = stages.get(..stage)?.iter().flat_map(|s| &s.layers);
    let own = stages.get(stage)?.layers.iter();
    let own = own.take_while(|layer| !matches!(layer, Layer::MaxPool { .. }));
    let mut field = Receptive {
        size: 1,
        stride: 1,
        first: 0,
    };
    for layer in before.chain(own) {
        match layer {
            Layer::Conv {
                weight, padding, ..
            } => {
                field.size += (weight.size().last()? - 1) * field.stride;
                field.first -= padding * field.stride;
            }
            Layer::MaxPool { side } => {
                field.size += (side - 1) * field.stride;
                field.stride *= side;
            }
            Layer::Relu | Layer::Dropout { .. } => {}
            Layer::Flatten | Layer::Linear { .. } => return None,
        }
    }
    Some(field)
}
