//! Gradient, deconvnet and guided back-propagation: a unit carried back to the pixels.

use faus_model::{FieldMap, FieldNet, Layer, Network, Region};
use tch::{Kind, Tensor};

use crate::error::{Error, Result};
use crate::explain::method::{Explain, ExplainField, UnitRef};

/// The rule at a ReLU, in which alone the three methods differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackProjection {
    /// The gradient: passes where the forward value is positive (Simonyan et al. 2014).
    Gradient,
    /// Passes where the backward value is positive (Zeiler and Fergus 2014, section 2.1); pooling switches are used.
    Deconvnet,
    /// Passes where both are positive (Springenberg et al. 2015, section 3.4).
    Guided,
}

impl BackProjection {
    /// `backward`, the value above a ReLU with the output `forward`, or 0 if it does not pass.
    #[inline]
    pub fn passes(self, backward: f32, forward: f32) -> f32 {
        let passes = match self {
            Self::Gradient => forward > 0.0,
            Self::Deconvnet => backward > 0.0,
            Self::Guided => backward > 0.0 && forward > 0.0,
        };
        if passes { backward } else { 0.0 }
    }

    /// [`passes`](Self::passes) for tensors.
    fn through_relu(self, backward: &Tensor, forward: &Tensor) -> Result<Tensor, tch::TchError> {
        let active = || forward.f_gt(0.0)?.f_to_kind(Kind::Float);
        match self {
            Self::Gradient => backward.f_mul(&active()?),
            Self::Deconvnet => backward.f_relu(),
            Self::Guided => backward.f_relu()?.f_mul(&active()?),
        }
    }
}

impl Explain for BackProjection {
    fn name(&self) -> &str {
        match self {
            Self::Gradient => "gradient",
            Self::Deconvnet => "deconvnet",
            Self::Guided => "guided",
        }
    }

    fn title(&self) -> &str {
        match self {
            Self::Guided => "guided back-propagation",
            _ => self.name(),
        }
    }

    /// Carries each unit back with everything else set to zero; its own value enters as 1.
    ///
    /// libtorch computes the whole images: for fully connected units, for networks that [`FieldNet`] does not support,
    /// among them all graphs, and as the reference for the faster method.
    fn explain(
        &self,
        network: &Network,
        stage: usize,
        images: &Tensor,
        units: &[UnitRef],
    ) -> Result<Tensor> {
        tch::no_grad(|| {
            if let Some(graph) = network.graph() {
                let trace = graph.trace(images, stage)?;
                let seed = seed(trace.output(), units)?;
                let rule =
                    |backward: &Tensor, forward: &Tensor| Ok(self.through_relu(backward, forward)?);
                return Ok(trace.back(seed, rule)?);
            }
            let (way_back, output) = forward(*self, network, stage, images)?;
            let mut layers = way_back.iter().rev();
            Ok(layers.try_fold(seed(&output, units)?, |y, backward| backward(&y))?)
        })
    }

    fn within_field(&self) -> Option<&dyn ExplainField> {
        Some(self)
    }
}

impl ExplainField for BackProjection {
    fn field(&self, net: &FieldNet, _: usize, image: &[f32], unit: UnitRef) -> Result<FieldMap> {
        let trace = net.trace(image, Region::unit(unit.row, unit.column))?;
        let at = (unit.filter, unit.row, unit.column);
        // One closure per method, to avoid branching on every value.
        let map = match self {
            Self::Gradient => trace.project(at, |b, f| Self::Gradient.passes(b, f)),
            Self::Deconvnet => trace.project(at, |b, f| Self::Deconvnet.passes(b, f)),
            Self::Guided => trace.project(at, |b, f| Self::Guided.passes(b, f)),
        };
        map.ok_or_else(|| unit.missing())
    }
}

/// Carries values above a layer back to below it.
type Backward<'a> = Box<dyn Fn(&Tensor) -> Result<Tensor, tch::TchError> + 'a>;

/// Runs up to the units of stage `stage`, its convolution's output or all of a fully connected stage. Returns the
/// backward pass of each layer, and the units.
fn forward<'a>(
    method: BackProjection,
    network: &'a Network,
    stage: usize,
    images: &Tensor,
) -> Result<(Vec<Backward<'a>>, Tensor)> {
    let stages = network.stages();
    let missing = || faus_model::Error::NoFeatureMap(format!("#{stage}"));
    let own = &stages.get(stage).ok_or_else(missing)?.layers;
    let convolution = own.iter().position(|l| matches!(l, Layer::Conv { .. }));
    let own = &own[..convolution.map_or(own.len(), |at| at + 1)];
    let before = stages[..stage].iter().flat_map(|s| &s.layers);
    let mut layers = before.chain(own).peekable();
    let (mut way_back, mut x) = (Vec::new(), images.shallow_clone());
    while let Some(layer) = layers.next() {
        let relu_follows = matches!(layers.peek(), Some(Layer::Relu));
        let (backward, y) = through(layer, method, x, relu_follows)?;
        way_back.push(backward);
        x = y;
    }
    Ok((way_back, x))
}

/// The backward pass of a layer, and its output for `x`.
fn through(
    layer: &Layer,
    method: BackProjection,
    x: Tensor,
    relu_follows: bool,
) -> Result<(Backward<'_>, Tensor)> {
    let size = x.size();
    let backward: Backward = match layer {
        Layer::Conv {
            weight, padding, ..
        } => Box::new(|y| {
            let padding = [*padding; 2];
            y.f_conv_transpose2d::<Tensor>(weight, None, [1, 1], padding, [0, 0], 1, [1, 1])
        }),
        Layer::Linear { weight, .. } => Box::new(|y| y.f_matmul(weight)),
        Layer::Flatten => Box::new(move |y| y.f_reshape(size.as_slice())),
        Layer::Dropout { .. } => return Ok((Box::new(|y| Ok(y.shallow_clone())), x)),
        Layer::Relu => {
            let output = layer.forward(&x)?;
            let kept = output.shallow_clone();
            return Ok((Box::new(move |y| method.through_relu(y, &kept)), output));
        }
        Layer::MaxPool { side } => {
            // Pooling before its ReLU keeps the switches of the paper's order: a tile without a positive value has its switch
            // at its first pixel. (Deconvnet passes such tiles.) Switches number pixels row by row for contiguous maps only.
            let rectified = if relu_follows { x.f_relu()? } else { x }.f_contiguous()?;
            let tile = [*side; 2];
            let (y, winners) =
                rectified.f_max_pool2d_with_indices(tile, tile, [0, 0], [1, 1], false)?;
            return Ok((Box::new(move |y| y.f_max_unpool2d(&winners, &size[2..])), y));
        }
    };
    Ok((backward, layer.forward(&x)?))
}

/// Zeros, except for a 1 at each image's unit.
fn seed(output: &Tensor, units: &[UnitRef]) -> Result<Tensor> {
    let mut size: Vec<usize> = output.size().iter().map(|&s| s as usize).collect();
    size.resize(4, 1);
    if units.len() != size[0] {
        return Err(Error::Count("units".to_owned(), units.len(), size[0]));
    }
    let mut values = vec![0f32; size.iter().product()];
    for (image, &unit) in units.iter().enumerate() {
        let at = [image, unit.filter, unit.row, unit.column];
        if at.iter().zip(&size).any(|(at, size)| at >= size) {
            return Err(unit.missing());
        }
        let place = at
            .iter()
            .zip(&size)
            .fold(0, |place, (at, size)| place * size + at);
        values[place] = 1.0;
    }
    Ok(Tensor::f_from_slice(&values)?
        .f_reshape(output.size())?
        .f_to_device(output.device())?)
}
