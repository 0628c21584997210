//! The convolutions of a network that our kernels compute, with the coefficients of their filters.

use tch::{Device, Tensor};

use crate::error::Error;
use crate::kernels::{
    Buffer, ConvShape, Pooled, Stem, Winograd, nhwc_values, sparse_backward, values,
};
use crate::network::Network;
use crate::network::layer::Layer;

/// How gradients are computed; the results agree to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GradientMethod {
    /// libtorch's automatic differentiation throughout: the reference, and the method on CUDA.
    Autograd,
    /// The convolutions by our kernels, on the CPU, if the kernels support the network: 5×5 filters without bias, each
    /// followed by pooling and ReLU, in multiples of 32.
    Winograd,
}

impl GradientMethod {
    /// The faster method on `device`.
    pub fn fastest(device: Device) -> Self {
        match device {
            Device::Cpu => Self::Winograd,
            _ => Self::Autograd,
        }
    }
}

/// The leading convolutions that our kernels compute, prepared from the weights once per step and shared by all
/// threads. Valid only for these weights.
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
    shape: ConvShape,
    winograd: Winograd,
}

impl Network {
    /// Prepares the current weights for `method`. libtorch computes networks that our kernels do not support, and those
    /// on other devices than the CPU.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn plan(&self, method: GradientMethod) -> Result<Plan, Error> {
        let suits = method == GradientMethod::Winograd && self.device() == Device::Cpu;
        let shapes = match suits {
            true => self.kernel_shapes().unwrap_or_default(),
            false => vec![],
        };
        let Some((first, others)) = shapes.split_first() else {
            return Ok(Plan::default());
        };
        let stem = Stem::new(first.side, values(&self.conv_weight(0)?.f_contiguous()?)?);
        let convolution = |(index, shape): (usize, &ConvShape)| {
            Convolution::new(*shape, self.conv_weight(index + 1)?)
        };
        let convolutions = others.iter().enumerate().map(convolution);
        Ok(Plan {
            stem: Some(stem),
            convolutions: convolutions.collect::<Result<_, Error>>()?,
        })
    }

    /// [`Network::logits`] by `plan`.
    ///
    /// # Errors
    /// When the images' shape or device does not fit.
    pub fn planned_logits(&self, images: &Tensor, plan: &Plan) -> Result<Tensor, Error> {
        tch::no_grad(|| {
            let x = plan.features(images)?;
            let mut rest = self.stages().iter().skip(plan.len());
            rest.try_fold(x, |x, stage| stage.forward(&x))
        })
    }

    /// The weight of a stage that begins with a convolution.
    pub(crate) fn conv_weight(&self, stage: usize) -> Result<&Tensor, Error> {
        match self.stages().get(stage).and_then(|s| s.layers.first()) {
            Some(Layer::Conv { weight, .. }) => Ok(weight),
            _ => Err(Error::NoFeatureMap(format!("#{stage}"))),
        }
    }

    /// The stages up to the last convolution, or `None` if our kernels do not support them all.
    fn kernel_shapes(&self) -> Option<Vec<ConvShape>> {
        let mut side = self.spec().side;
        let mut shapes = Vec::new();
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
                kernel: weight.size()[3] as usize,
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
        match self.stem {
            Some(_) => 1 + self.convolutions.len(),
            None => 0,
        }
    }

    /// The pooled maps of the first `count` stages, of contiguous images.
    pub(crate) fn forward(&self, images: &Tensor, count: usize) -> Result<Vec<Pooled>, Error> {
        let Some(stem) = self.stem.as_ref().filter(|_| count > 0) else {
            return Ok(vec![]);
        };
        let mut pooled = vec![stem.forward(values(images)?)];
        for (index, convolution) in self.convolutions.iter().enumerate().take(count - 1) {
            let tile = convolution.shape.tile;
            pooled.push(convolution.forward(&pooled[index], tile));
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
        let backward = match shape.is_sparse() {
            true => None,
            false => Some(values(&by_output)?),
        };
        let winograd = Winograd::new(shape.side, channels, values(&by_input)?, backward);
        Ok(Self { shape, winograd })
    }

    /// Side of the map before pooling.
    pub(crate) fn side(&self) -> usize {
        self.shape.side
    }

    /// The maps of `input`, pooled over tiles of `tile` × `tile`.
    pub(crate) fn forward(&self, input: &Pooled, tile: usize) -> Pooled {
        self.winograd.forward(&input.values, tile)
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

impl ConvShape {
    /// Whether the gradients at the convolution's output are so sparse that skipping zeros saves more than Winograd's
    /// form (measured: at tiles of 2 × 2 it does not, at 6 × 6 it does).
    fn is_sparse(self) -> bool {
        self.tile >= 4
    }
}

/// `[n, row, column, channel]` values as a channels-last tensor `[n, channel, row, column]`.
fn nchw(nhwc: &[f32], size: &[i64]) -> Result<Tensor, Error> {
    Ok(Tensor::f_from_slice(nhwc)?
        .f_reshape(size)?
        .f_permute([0, 3, 1, 2])?)
}

impl Pooled {
    /// The values as a channels-last tensor `[n, channels, side, side]`.
    pub(crate) fn as_nchw(&self, n: i64) -> Result<Tensor, Error> {
        let (side, channels) = (self.side as i64, self.channels as i64);
        nchw(&self.values, &[n, side, side, channels])
    }
}
