use tch::{Device, Tensor};

use crate::kernels::{
    Buffer, ConvShape, Pooled, Stem, Winograd, nhwc_values, sparse_backward, values,
};
use crate::{Error, GradientMethod, Layer, Maxima, Network};

/// How the leading convolutions of a network are computed, with what follows from its weights alone: made once a step,
/// shared by all threads. Holds only for the weights that it was made of.
#[derive(Debug, Default)]
pub struct Plan {
    stages: Vec<KernelStage>,
}

impl Plan {
    /// The stages that our kernels compute; none where libtorch computes everything.
    pub(crate) fn stages(&self) -> &[KernelStage] {
        &self.stages
    }
}

impl Network {
    /// What threads need in common to compute with the present weights by `method`. A network that our kernels do not
    /// suit, or one on another device than the CPU, is left to libtorch.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn plan(&self, method: GradientMethod) -> Result<Plan, Error> {
        let winograd = match method {
            GradientMethod::Autograd => return Ok(Plan::default()),
            GradientMethod::Sparse => false,
            GradientMethod::Winograd => true,
        };
        let shapes = self.kernel_shapes().unwrap_or_default();
        let stage = |(index, shape): (usize, ConvShape)| {
            let weight = self.conv_weight(index)?;
            let form = match index {
                0 => Form::Stem(Stem::new(shape.side, values(&weight.f_contiguous()?)?)),
                _ if winograd && Winograd::suits(&weight.size()) => {
                    Form::Winograd(shape.transform(weight)?)
                }
                _ => Form::Dense,
            };
            Ok(KernelStage { shape, form })
        };
        Ok(Plan {
            stages: shapes
                .into_iter()
                .enumerate()
                .map(stage)
                .collect::<Result<_, Error>>()?,
        })
    }

    /// [`Network::logits`] by `plan`, which must be of the weights as they are.
    ///
    /// # Errors
    /// When the images' shape or device does not fit.
    pub fn planned_logits(&self, images: &Tensor, plan: &Plan) -> Result<Tensor, Error> {
        tch::no_grad(|| {
            let mut pooled: Option<Pooled> = None;
            let grey = images.f_contiguous()?;
            for (index, stage) in plan.stages.iter().enumerate() {
                let input = pooled.as_ref().map_or(Features::Grey(values(&grey)?), |p| {
                    Features::Maps(&p.values)
                });
                pooled = Some(stage.forward(self.conv_weight(index)?, input)?);
            }
            let x = match pooled {
                Some(pooled) => pooled.as_nchw(images.size()[0])?,
                None => images.shallow_clone(),
            };
            let rest = self.stages().iter().skip(plan.stages.len());
            rest.into_iter().try_fold(x, |x, stage| stage.forward(&x))
        })
    }

    /// The weight of a stage that begins with a convolution.
    pub(crate) fn conv_weight(&self, stage: usize) -> Result<&Tensor, Error> {
        match self.stages().get(stage).and_then(|s| s.layers.first()) {
            Some(Layer::Conv { weight, .. }) => Ok(weight),
            _ => Err(Error::NoFeatureMap(format!("#{stage}"))),
        }
    }

    /// The leading stages that our kernels cover, or `None` where they do not cover every convolution.
    fn kernel_shapes(&self) -> Option<Vec<ConvShape>> {
        if self.device() != Device::Cpu {
            return None;
        }
        let mut side = self.spec().side;
        let mut shapes = Vec::new();
        for stage in &self.stages()[..=self.last_convolution()?] {
            let [
                Layer::Conv {
                    weight,
                    bias: None,
                    padding,
                },
                Layer::MaxPool { side: tile },
                Layer::Relu,
            ] = &stage.layers[..]
            else {
                return None;
            };
            let kernel = *weight.size().last()?;
            if kernel % 2 == 0
                || *padding != kernel / 2
                || (shapes.is_empty() && !Stem::suits(&weight.size(), *tile, side))
            {
                return None;
            }
            shapes.push(ConvShape {
                side,
                inputs: weight.size()[1] as usize,
                kernel: kernel as usize,
                tile: *tile as usize,
            });
            side /= *tile as usize;
        }
        Some(shapes)
    }
}

/// Conv → max pool → ReLU, computed by our kernels.
#[derive(Debug)]
pub(crate) struct KernelStage {
    shape: ConvShape,
    form: Form,
}

/// How the convolution is computed.
#[derive(Debug)]
enum Form {
    /// The first one, on grey images.
    Stem(Stem),
    Winograd(Winograd),
    /// By libtorch.
    Dense,
}

/// What a stage works on.
#[derive(Clone, Copy)]
pub(crate) enum Features<'a> {
    /// `[n, side, side]`.
    Grey(&'a [f32]),
    /// `[n, side, side, channels]`.
    Maps(&'a Buffer),
}

impl ConvShape {
    /// Whether so few of the gradients at the convolution's output are not zero that leaving out the rest saves more than
    /// Winograd's form does (measured: at tiles of 2 × 2 it does not, at 6 × 6 it does).
    fn is_sparse(self) -> bool {
        self.tile >= 4
    }

    fn transform(self, weight: &Tensor) -> Result<Winograd, Error> {
        let channels = (weight.size()[1] as usize, weight.size()[0] as usize);
        let by_output = nhwc_values(weight)?;
        let by_input = weight.f_permute([1, 2, 3, 0])?.f_contiguous()?;
        let backward = (!self.is_sparse())
            .then(|| values(&by_output))
            .transpose()?;
        Ok(Winograd::new(
            self.side,
            channels,
            values(&by_input)?,
            backward,
        ))
    }
}

impl KernelStage {
    /// `weight` is the stage's.
    pub(crate) fn forward(&self, weight: &Tensor, input: Features) -> Result<Pooled, Error> {
        let tile = self.shape.tile;
        match (&self.form, input) {
            (Form::Stem(stem), Features::Grey(grey)) => Ok(stem.forward(grey)),
            (Form::Winograd(winograd), Features::Maps(maps)) => Ok(winograd.forward(maps, tile)),
            (_, Features::Grey(input)) => self.dense_forward(weight, input),
            (_, Features::Maps(input)) => self.dense_forward(weight, input),
        }
    }

    /// The largest response of every filter, found by pooling over the whole map.
    pub(crate) fn maxima(&self, weight: &Tensor, input: Features) -> Result<Maxima, Error> {
        let side = self.shape.side;
        let pooled = match (&self.form, input) {
            (Form::Stem(stem), Features::Grey(grey)) => stem.forward(grey),
            (Form::Winograd(winograd), Features::Maps(maps)) => winograd.forward(maps, side),
            (_, Features::Grey(input)) => self.dense_pooled(weight, input, side)?,
            (_, Features::Maps(input)) => self.dense_pooled(weight, input, side)?,
        };
        Ok(pooled.maxima(side))
    }

    fn dense_forward(&self, weight: &Tensor, input: &[f32]) -> Result<Pooled, Error> {
        self.dense_pooled(weight, input, self.shape.tile)
    }

    fn dense_pooled(&self, weight: &Tensor, input: &[f32], tile: usize) -> Result<Pooled, Error> {
        let ConvShape {
            side,
            inputs,
            kernel,
            ..
        } = self.shape;
        let pad = kernel as i64 / 2;
        let images = nchw(input, &[-1, side as i64, side as i64, inputs as i64])?;
        let maps = tch::no_grad(|| {
            images.f_conv2d::<Tensor>(weight, None, [1, 1], [pad, pad], [1, 1], 1)
        })?;
        let (n, channels) = (maps.size()[0] as usize, maps.size()[1] as usize);
        let mut pooled = Pooled::new(n, side / tile, channels, tile);
        pooled.fill(0, values(&nhwc_values(&maps)?)?, side);
        Ok(pooled)
    }

    /// Gradients of the weight, as `[O, C, …]`, and, but for the first stage, of the input.
    pub(crate) fn backward(
        &self,
        weight: &Tensor,
        input: Features,
        pooled: &Pooled,
        d_pooled: &[f32],
    ) -> Result<(Tensor, Buffer), Error> {
        let by_output = nhwc_values(weight)?;
        match (&self.form, input) {
            (Form::Stem(stem), Features::Grey(grey)) => {
                let d_weight = stem.backward(grey, pooled, d_pooled);
                let d_weight = Tensor::f_from_slice(&d_weight)?.f_reshape(weight.size())?;
                Ok((d_weight, Buffer::default()))
            }
            (Form::Winograd(winograd), Features::Maps(maps)) if !self.shape.is_sparse() => {
                let (d_weight, d_input) = winograd.backward(maps, pooled, d_pooled);
                Ok((nchw(&d_weight, &by_output.size())?, d_input))
            }
            (_, Features::Grey(input)) => self.sparse_backward(&by_output, input, pooled, d_pooled),
            (_, Features::Maps(input)) => self.sparse_backward(&by_output, input, pooled, d_pooled),
        }
    }

    /// `weight` is `[O, k, k, C]`.
    fn sparse_backward(
        &self,
        weight: &Tensor,
        input: &[f32],
        pooled: &Pooled,
        d_pooled: &[f32],
    ) -> Result<(Tensor, Buffer), Error> {
        let mut d_weight = Buffer::zeros(weight.numel());
        let mut d_input = Buffer::zeros(input.len());
        sparse_backward(
            self.shape,
            input,
            values(weight)?,
            pooled,
            d_pooled,
            &mut d_weight,
            &mut d_input,
        );
        Ok((nchw(&d_weight, &weight.size())?, d_input))
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
