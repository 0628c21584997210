//! The convolutions of a network that our kernels compute, with the coefficients of their filters.

use tch::{Device, Tensor};

use crate::error::Error;
use crate::kernels::{
    Buffer, ConvShape, Pooled, Stem, Winograd, nhwc_values, sparse_backward, values,
};
use crate::network::layer::Layer;
use crate::network::{Network, forward};

/// The leading convolutions that our kernels compute, prepared from the weights once per step and shared by all
/// threads. Valid only for these weights. The default has none: libtorch computes everything, the reference with which
/// the kernels agree to rounding.
#[derive(Debug, Default)]
pub struct Plan {
    /// The first convolution; `None` if libtorch computes everything.
    pub(crate) stem: Option<Stem>,
    /// The convolutions after it.
    pub(crate) convolutions: Vec<Convolution>,
}

/// Convolution, max pooling and ReLU.
#[derive(Debug)]
pub(crate) struct Convolution {
    pub shape: ConvShape,
    pub winograd: Winograd,
}

impl Network {
    /// Prepares the current weights for the fastest method. Our kernels compute the convolutions on the CPU, if they
    /// support the network: 5×5 filters without bias, each followed by pooling and ReLU, in multiples of 32. libtorch
    /// computes other networks, and those on other devices.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn plan(&self) -> Result<Plan, Error> {
        let shapes = self.kernel_shapes().unwrap_or_default();
        let Some((first, others)) = shapes.split_first() else {
            return Ok(Plan::default());
        };
        let stem = Stem::new(first.side, values(&self.weight(0)?.f_contiguous()?)?);
        let convolutions = (1..).zip(others);
        let convolutions =
            convolutions.map(|(at, shape)| Convolution::new(*shape, self.weight(at)?));
        Ok(Plan {
            stem: Some(stem),
            convolutions: convolutions.collect::<Result<_, _>>()?,
        })
    }

    /// [`Network::logits`] by `plan`.
    ///
    /// # Errors
    /// When the images' shape or device does not fit.
    pub fn planned_logits(&self, images: &Tensor, plan: &Plan) -> Result<Tensor, Error> {
        if self.graph().is_some() {
            return self.logits(images);
        }
        tch::no_grad(|| forward(&self.stages()[plan.len()..], &plan.features(images)?))
    }

    /// The stages up to the last convolution, or `None` if our kernels do not support them all on this device.
    fn kernel_shapes(&self) -> Option<Vec<ConvShape>> {
        if self.device() != Device::Cpu {
            return None;
        }
        let (mut side, mut shapes) = (self.spec().side, Vec::new());
        for stage in &self.stages()[..=self.last_convolution()?] {
            let [
                Layer::Conv {
                    weight,
                    bias: None,
                    padding: 2,
                },
                Layer::MaxPool { side: tile },
                Layer::Relu,
            ] = &stage.layers[..]
            else {
                return None;
            };
            let suits = match shapes.is_empty() {
                true => Stem::suits(&weight.size(), *tile, side),
                false => Winograd::suits(&weight.size()),
            };
            shapes.push(suits.then(|| ConvShape {
                side,
                inputs: weight.size()[1] as usize,
                tile: *tile as usize,
            })?);
            side /= *tile as usize;
        }
        Some(shapes)
    }
}

impl Plan {
    /// How many stages our kernels compute.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.stem.is_some()) + self.convolutions.len()
    }

    /// The pooled maps of the first `count` stages, of contiguous images.
    pub(crate) fn forward(&self, images: &Tensor, count: usize) -> Result<Vec<Pooled>, Error> {
        let Some(stem) = self.stem.as_ref().filter(|_| count > 0) else {
            return Ok(vec![]);
        };
        let mut pooled = vec![stem.forward(values(images)?)];
        for (index, next) in self.convolutions[..count - 1].iter().enumerate() {
            let input = &pooled[index].values;
            pooled.push(next.winograd.forward(input, next.shape.tile));
        }
        Ok(pooled)
    }

    /// The maps of all stages of the plan as `[n, channels, side, side]`; the images if it has none.
    pub(crate) fn features(&self, images: &Tensor) -> Result<Tensor, Error> {
        match self.forward(&images.f_contiguous()?, self.len())?.last() {
            Some(pooled) => pooled.as_nchw(images.size()[0]),
            None => Ok(images.shallow_clone()),
        }
    }
}

impl Convolution {
    fn new(shape: ConvShape, weight: &Tensor) -> Result<Self, Error> {
        let channels = (weight.size()[1] as usize, weight.size()[0] as usize);
        let by_output = nhwc_values(weight)?;
        let by_input = weight.f_permute([1, 2, 3, 0])?.f_contiguous()?;
        let by_output = Some(values(&by_output)?).filter(|_| !shape.is_sparse());
        let winograd = Winograd::new(shape.side, channels, values(&by_input)?, by_output);
        Ok(Self { shape, winograd })
    }

    /// Gradients of the weight, as `[O, C, …]`, and of the input; `weight` is the stage's.
    pub(crate) fn backward(
        &self,
        weight: &Tensor,
        input: &Buffer,
        pooled: &Pooled,
        d_pooled: &[f32],
    ) -> Result<(Tensor, Buffer), Error> {
        let weight = nhwc_values(weight)?;
        let (d_weight, d_input) = match self.shape.is_sparse() {
            false => self.winograd.backward(input, pooled, d_pooled),
            true => sparse_backward(self.shape, input, values(&weight)?, pooled, d_pooled),
        };
        Ok((nchw(&d_weight, &weight.size())?, d_input))
    }
}

/// `[n, row, column, channel]` values as a channels-last tensor `[n, channel, row, column]`.
fn nchw(nhwc: &[f32], size: &[i64]) -> Result<Tensor, Error> {
    let nhwc = Tensor::f_from_slice(nhwc)?.f_reshape(size)?;
    Ok(nhwc.f_permute([0, 3, 1, 2])?)
}

impl Pooled {
    /// The values as a channels-last tensor `[n, channels, side, side]`.
    pub(crate) fn as_nchw(&self, n: i64) -> Result<Tensor, Error> {
        let (side, channels) = (self.side as i64, self.channels as i64);
        nchw(&self.values, &[n, side, side, channels])
    }
}
