use tch::{Device, Tensor};

use crate::kernels::{
    ConvShape, Pooled, Winograd, nhwc_values, pool_relu, sparse_backward, stem_backward,
    stem_forward, stem_suits, values,
};
use crate::{Error, GradientMethod, Layer, Network};

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
        let mut stages = self.kernel_stages().unwrap_or_default();
        for (index, stage) in stages.iter_mut().enumerate().skip(1) {
            let weight = self.conv_weight(index)?;
            if winograd && Winograd::suits(&weight.size()) {
                stage.winograd = Some(stage.transform(weight)?);
            }
        }
        Ok(Plan { stages })
    }

    /// [`Network::logits`] by `plan`, which must be of the weights as they are.
    ///
    /// # Errors
    /// When the images' shape or device does not fit.
    pub fn planned_logits(&self, images: &Tensor, plan: &Plan) -> Result<Tensor, Error> {
        tch::no_grad(|| {
            let n = images.size()[0];
            let grey = images.f_reshape([n, -1])?.f_contiguous()?;
            let mut x = images.shallow_clone();
            for (index, stage) in plan.stages.iter().enumerate() {
                let output =
                    stage.forward(self.conv_weight(index)?, &grey, (index > 0).then_some(&x))?;
                x = output.as_nchw(n)?;
            }
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
    fn kernel_stages(&self) -> Option<Vec<KernelStage>> {
        if self.device() != Device::Cpu {
            return None;
        }
        let mut side = self.spec().side;
        let mut stages = Vec::new();
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
                || (stages.is_empty() && !stem_suits(&weight.size(), *tile, side))
            {
                return None;
            }
            let shape = ConvShape {
                side,
                inputs: weight.size()[1] as usize,
                kernel: kernel as usize,
                tile: *tile as usize,
            };
            stages.push(KernelStage {
                shape,
                winograd: None,
            });
            side /= *tile as usize;
        }
        Some(stages)
    }
}

/// Conv → max pool → ReLU, computed by our kernels.
#[derive(Debug)]
pub(crate) struct KernelStage {
    shape: ConvShape,
    winograd: Option<Winograd>,
}

impl KernelStage {
    /// Whether so few of the gradients at the convolution's output are not zero that leaving out the rest saves more than
    /// Winograd's form does (measured: at tiles of 2 × 2 it does not, at 6 × 6 it does).
    fn is_sparse(&self) -> bool {
        self.shape.tile >= 4
    }

    fn transform(&self, weight: &Tensor) -> Result<Winograd, Error> {
        let channels = (weight.size()[1] as usize, weight.size()[0] as usize);
        let by_output = nhwc_values(weight)?;
        let by_input = weight.f_permute([1, 2, 3, 0])?.f_contiguous()?;
        let backward = (!self.is_sparse())
            .then(|| values(&by_output))
            .transpose()?;
        Ok(Winograd::new(
            self.shape.side,
            channels,
            values(&by_input)?,
            backward,
        ))
    }

    /// `weight` is the stage's; `grey` the images, `input` what the stage before made of them.
    pub(crate) fn forward(
        &self,
        weight: &Tensor,
        grey: &Tensor,
        input: Option<&Tensor>,
    ) -> Result<Pooled, Error> {
        let ConvShape {
            side, kernel, tile, ..
        } = self.shape;
        let Some(input) = input else {
            return Ok(stem_forward(
                values(grey)?,
                side,
                values(&weight.f_contiguous()?)?,
            ));
        };
        if let Some(winograd) = &self.winograd {
            return Ok(winograd.forward(values(&nhwc_values(input)?)?, tile));
        }
        let pad = kernel as i64 / 2;
        let maps =
            tch::no_grad(|| input.f_conv2d::<Tensor>(weight, None, [1, 1], [pad, pad], [1, 1], 1))?;
        let channels = weight.size()[0] as usize;
        Ok(pool_relu(
            values(&nhwc_values(&maps)?)?,
            side,
            channels,
            tile,
        ))
    }

    /// Gradients of the weight and, but for the first stage, of the input, both as `[N or O, C, …]`.
    pub(crate) fn backward(
        &self,
        weight: &Tensor,
        grey: &Tensor,
        input: Option<&Tensor>,
        pooled: &Pooled,
        d_pooled: &Tensor,
    ) -> Result<(Tensor, Option<Tensor>), Error> {
        let d_pooled = values(d_pooled)?;
        let Some(input) = input else {
            let d_weight = stem_backward(values(grey)?, self.shape.side, pooled, d_pooled);
            return Ok((
                Tensor::f_from_slice(&d_weight)?.f_reshape(weight.size())?,
                None,
            ));
        };
        let (input, weight) = (nhwc_values(input)?, nhwc_values(weight)?);
        let (mut d_weight, mut d_input) = (vec![0.0; weight.numel()], vec![0.0; input.numel()]);
        match &self.winograd {
            Some(winograd) if !self.is_sparse() => winograd.backward(
                values(&input)?,
                self.shape.tile,
                pooled,
                d_pooled,
                &mut d_weight,
                &mut d_input,
            ),
            _ => sparse_backward(
                self.shape,
                values(&input)?,
                values(&weight)?,
                pooled,
                d_pooled,
                &mut d_weight,
                &mut d_input,
            ),
        }
        let nchw = |v: &[f32], like: &Tensor| {
            Ok::<_, Error>(
                Tensor::f_from_slice(v)?
                    .f_reshape(like.size())?
                    .f_permute([0, 3, 1, 2])?,
            )
        };
        Ok((nchw(&d_weight, &weight)?, Some(nchw(&d_input, &input)?)))
    }
}

impl Pooled {
    /// The values as a channels-last tensor `[n, channels, side, side]`.
    pub(crate) fn as_nchw(&self, n: i64) -> Result<Tensor, Error> {
        let (side, channels) = (self.side as i64, self.channels as i64);
        Ok(Tensor::f_from_slice(&self.values)?
            .f_reshape([n, side, side, channels])?
            .f_permute([0, 3, 1, 2])?)
    }
}
