use faus_model::{Layer, Network};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{Error, Method};

/// One unit of a feature map, or one of a fully connected layer (row and column 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UnitRef {
    /// Feature map, or unit of a fully connected layer.
    pub filter: usize,
    /// Row in the feature map, before pooling.
    pub row: usize,
    /// Column in the feature map, before pooling.
    pub column: usize,
}

/// What the backward pass needs of a layer's forward pass.
enum Trace<'a> {
    Conv { weight: &'a Tensor, padding: i64 },
    Linear { weight: &'a Tensor },
    Pool { winners: Tensor, size: Vec<i64> },
    Relu { output: Tensor },
    Flatten { size: Vec<i64> },
    Nothing,
}

/// Carries `units[i]` of image `i` back to pixels, everything else set to zero: `[N, 1, side, side]` f32.
///
/// The whole images are computed, by libtorch: for fully connected units, for networks that [`faus_model::FieldNet`] does not
/// cover, and as what that is tested against.
///
/// `images` is `[N, 1, side, side]`, normalised, on the network's device; the units lie in the feature map of stage
/// `stage`. The unit's own value enters as 1, so only the relative size of pixels has a meaning.
///
/// # Errors
/// When there is no such stage or unit, the images do not fit, or the method is occlusion, which carries nothing back.
pub fn project(
    network: &Network,
    stage: usize,
    method: Method,
    images: &Tensor,
    units: &[UnitRef],
) -> Result<Tensor, Error> {
    if method == Method::Occlusion {
        return Err(Error::MethodName(method.to_string()));
    }
    tch::no_grad(|| {
        let (traces, output) = forward(network, stage, images)?;
        let mut backward = seed(&output, units, &network.stages()[stage].name)?;
        for trace in traces.iter().rev() {
            backward = match trace {
                Trace::Conv { weight, padding } => backward.f_conv_transpose2d::<Tensor>(
                    weight,
                    None,
                    [1, 1],
                    [*padding; 2],
                    [0, 0],
                    1,
                    [1, 1],
                )?,
                Trace::Linear { weight } => backward.f_matmul(weight)?,
                Trace::Pool { winners, size } => backward.f_max_unpool2d(winners, &size[2..])?,
                Trace::Relu { output } => method.through_relu(&backward, output)?,
                Trace::Flatten { size } => backward.f_reshape(size.as_slice())?,
                Trace::Nothing => backward,
            };
        }
        Ok(backward)
    })
}

/// Runs up to the units of stage `stage`: its convolution's output, or all of a fully connected stage.
fn forward<'a>(
    network: &'a Network,
    stage: usize,
    images: &Tensor,
) -> Result<(Vec<Trace<'a>>, Tensor), Error> {
    let stages = network
        .stages()
        .get(..=stage)
        .ok_or_else(|| faus_model::Error::NoFeatureMap(format!("#{stage}")))?;
    let (own, before) = stages
        .split_last()
        .ok_or_else(|| faus_model::Error::NoFeatureMap(format!("#{stage}")))?;
    let own = match own
        .layers
        .iter()
        .position(|l| matches!(l, Layer::Conv { .. }))
    {
        Some(conv) => &own.layers[..=conv],
        None => &own.layers[..],
    };
    let mut x = images.shallow_clone();
    let mut traces = Vec::new();
    let mut layers = before.iter().flat_map(|s| &s.layers).chain(own).peekable();
    while let Some(layer) = layers.next() {
        let size = x.size();
        let (trace, y) = match layer {
            Layer::Conv {
                weight, padding, ..
            } => (
                Trace::Conv {
                    weight,
                    padding: *padding,
                },
                layer.forward(&x)?,
            ),
            Layer::Linear { weight, .. } => (Trace::Linear { weight }, layer.forward(&x)?),
            Layer::MaxPool { side } => {
                // Where pooling comes before its ReLU, the switches are still those of the paper's order: a tile without a
                // positive value has its switch at its first pixel. (Deconvnet passes such tiles.)
                let rectified = match layers.peek() {
                    Some(Layer::Relu) => x.f_relu()?,
                    _ => x,
                };
                // The switches must number pixels row by row, which libtorch does for contiguous maps.
                let (y, winners) = rectified.f_contiguous()?.f_max_pool2d_with_indices(
                    [*side; 2],
                    [*side; 2],
                    [0, 0],
                    [1, 1],
                    false,
                )?;
                (Trace::Pool { winners, size }, y)
            }
            Layer::Relu => {
                let output = layer.forward(&x)?;
                (
                    Trace::Relu {
                        output: output.shallow_clone(),
                    },
                    output,
                )
            }
            Layer::Flatten => (Trace::Flatten { size }, layer.forward(&x)?),
            Layer::Dropout { .. } => (Trace::Nothing, x),
        };
        traces.push(trace);
        x = y;
    }
    Ok((traces, x))
}

/// Zeros but for a 1 at each image's unit.
fn seed(output: &Tensor, units: &[UnitRef], layer: &str) -> Result<Tensor, Error> {
    let size: Vec<usize> = output.size().iter().map(|&s| s as usize).collect();
    let (filters, rows, columns) = (
        size[1],
        size.get(2).copied().unwrap_or(1),
        size.get(3).copied().unwrap_or(1),
    );
    if units.len() != size[0] {
        return Err(Error::Images(format!(
            "{} units for {} images",
            units.len(),
            size[0]
        )));
    }
    let mut values = vec![0f32; size.iter().product()];
    for (image, unit) in units.iter().enumerate() {
        let UnitRef {
            filter,
            row,
            column,
        } = *unit;
        if filter >= filters || row >= rows || column >= columns {
            return Err(Error::NoUnit {
                layer: layer.to_owned(),
                filter,
                row,
                column,
            });
        }
        values[((image * filters + filter) * rows + row) * columns + column] = 1.0;
    }
    Ok(Tensor::f_from_slice(&values)?
        .f_reshape(output.size())?
        .f_to_device(output.device())?)
}
