use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Reduction, Tensor};

use crate::kernels::{
    ConvShape, Pooled, nhwc_values, pool_relu, sparse_backward, stem_backward, stem_forward,
    stem_suits, values,
};
use crate::{Error, Layer, Network};

/// Images to learn from in one step, or the part of them that one thread takes.
#[derive(Debug)]
pub struct TrainBatch {
    /// `[n, 1, side, side]` f32, normalised, on the network's device.
    pub images: Tensor,
    /// `[n]` i64 in 0..classes, on the network's device.
    pub labels: Tensor,
    /// A seed per image for its dropout masks, so that they do not depend on who computes the image.
    pub dropout_seeds: Vec<u64>,
    /// Weight of each image in the loss: 1 over the size of the whole batch.
    pub weight: f64,
}

/// What a step learned.
#[derive(Debug)]
pub struct StepOutput {
    /// Cross-entropy of these images times [`TrainBatch::weight`].
    pub loss: f64,
    /// How many of them were classified rightly (with dropout on).
    pub correct: i64,
    /// Gradient of `loss` for each of [`Network::parameters`], in their order and shape.
    pub gradients: Vec<Tensor>,
}

/// How gradients are computed; the results agree to rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GradientMethod {
    /// libtorch's automatic differentiation throughout: the oracle, and what CUDA uses.
    Autograd,
    /// Our kernels for the convolutions where they suit the network, automatic differentiation for the rest; CPU only.
    Sparse,
}

impl GradientMethod {
    /// The faster method on `device`.
    pub fn fastest(device: Device) -> Self {
        if device == Device::Cpu {
            Self::Sparse
        } else {
            Self::Autograd
        }
    }
}

impl Network {
    /// One forward and backward pass, on the calling thread; dropout is on.
    ///
    /// # Errors
    /// When shapes or devices do not fit.
    pub fn loss_and_gradients(
        &self,
        batch: &TrainBatch,
        method: GradientMethod,
    ) -> Result<StepOutput, Error> {
        let kernel_stages = match method {
            GradientMethod::Sparse => self.kernel_stages(),
            GradientMethod::Autograd => None,
        };
        match kernel_stages {
            Some(stages) => self.sparse_step(batch, &stages),
            None => self.autograd_step(batch),
        }
    }

    fn autograd_step(&self, batch: &TrainBatch) -> Result<StepOutput, Error> {
        let leaves = self.leaves()?;
        let (loss, correct) = leaves.loss_from(0, &batch.images, batch)?;
        let parameters: Vec<&Tensor> = leaves.parameters().into_iter().map(|(_, t)| t).collect();
        let gradients = Tensor::f_run_backward(&[&loss], &parameters, false, false)?;
        Ok(StepOutput {
            loss: loss.f_double_value(&[])?,
            correct,
            gradients,
        })
    }

    /// Forward and backward with our kernels for the leading convolutional stages.
    fn sparse_step(&self, batch: &TrainBatch, stages: &[KernelStage]) -> Result<StepOutput, Error> {
        let n = batch.images.size()[0];
        let grey = batch.images.f_reshape([n, -1])?.f_contiguous()?;
        let (mut inputs, mut pooled) = (Vec::new(), Vec::new());
        for (index, stage) in stages.iter().enumerate() {
            let output = stage.forward(index, &grey, inputs.last())?;
            inputs.push(output.as_nchw(n)?);
            pooled.push(output);
        }
        let features = inputs
            .pop()
            .unwrap_or_else(|| batch.images.shallow_clone())
            .set_requires_grad(true);
        let (loss, correct, mut d_features, head) =
            self.head_step(stages.len(), &features, batch)?;
        let mut gradients = Vec::new();
        for (index, stage) in stages.iter().enumerate().rev() {
            let d_pooled = nhwc_values(&d_features)?;
            let (d_weight, d_input) = stage.backward(
                &grey,
                index.checked_sub(1).map(|i| &inputs[i]),
                &pooled[index],
                &d_pooled,
            )?;
            gradients.push(d_weight);
            if let Some(d_input) = d_input {
                d_features = d_input;
            }
        }
        gradients.reverse();
        gradients.extend(head);
        Ok(StepOutput {
            loss,
            correct,
            gradients,
        })
    }

    /// The stages after the convolutions: loss, hits, the gradient of their input and those of their parameters.
    fn head_step(
        &self,
        first: usize,
        features: &Tensor,
        batch: &TrainBatch,
    ) -> Result<(f64, i64, Tensor, Vec<Tensor>), Error> {
        let leaves = self.leaves()?;
        let (loss, correct) = leaves.loss_from(first, features, batch)?;
        let parameters = leaves.parameters();
        let mut wanted = vec![features];
        wanted.extend(parameters.iter().skip(first).map(|(_, t)| *t));
        let mut gradients = Tensor::f_run_backward(&[&loss], &wanted, false, false)?;
        let d_features = gradients.remove(0);
        Ok((loss.f_double_value(&[])?, correct, d_features, gradients))
    }

    /// The same network over leaves of a new graph that share its weights.
    fn leaves(&self) -> Result<Network, Error> {
        self.map(self.device(), &|t| {
            Ok(t.f_detach()?.set_requires_grad(true))
        })
    }

    /// Weighted cross-entropy and hits from the input of stage `first` on, with dropout.
    fn loss_from(
        &self,
        first: usize,
        x: &Tensor,
        batch: &TrainBatch,
    ) -> Result<(Tensor, i64), Error> {
        let mut x = x.shallow_clone();
        for (index, stage) in self.stages().iter().enumerate().skip(first) {
            for layer in &stage.layers {
                x = match layer {
                    Layer::Dropout { p } if *p > 0.0 => {
                        x.f_mul(&dropout_mask(&x, *p, index as u64, &batch.dropout_seeds)?)?
                    }
                    other => other.forward(&x)?,
                };
            }
        }
        let loss =
            x.f_cross_entropy_loss::<Tensor>(&batch.labels, None, Reduction::Sum, -100, 0.0)?;
        let hits = x
            .f_argmax(1, false)?
            .f_eq_tensor(&batch.labels)?
            .f_sum(Kind::Int64)?;
        Ok((loss.f_mul_scalar(batch.weight)?, hits.f_int64_value(&[])?))
    }

    /// The leading stages that our kernels cover, or `None` where they do not cover every convolution.
    fn kernel_stages(&self) -> Option<Vec<KernelStage<'_>>> {
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
            stages.push(KernelStage { weight, shape });
            side /= *tile as usize;
        }
        Some(stages)
    }
}

/// Conv → max pool → ReLU, computed by our kernels.
struct KernelStage<'a> {
    weight: &'a Tensor,
    shape: ConvShape,
}

impl KernelStage<'_> {
    fn forward(
        &self,
        index: usize,
        grey: &Tensor,
        input: Option<&Tensor>,
    ) -> Result<Pooled, Error> {
        let ConvShape {
            side, kernel, tile, ..
        } = self.shape;
        let Some(input) = input.filter(|_| index > 0) else {
            return Ok(stem_forward(
                values(grey)?,
                side,
                values(&self.weight.f_contiguous()?)?,
            ));
        };
        let pad = kernel as i64 / 2;
        let maps = tch::no_grad(|| {
            input.f_conv2d::<Tensor>(self.weight, None, [1, 1], [pad, pad], [1, 1], 1)
        })?;
        let channels = self.weight.size()[0] as usize;
        Ok(pool_relu(
            values(&nhwc_values(&maps)?)?,
            side,
            channels,
            tile,
        ))
    }

    /// Gradients of the weight and, but for the first stage, of the input, both as `[N or O, C, …]`.
    fn backward(
        &self,
        grey: &Tensor,
        input: Option<&Tensor>,
        pooled: &Pooled,
        d_pooled: &Tensor,
    ) -> Result<(Tensor, Option<Tensor>), Error> {
        let d_pooled = values(d_pooled)?;
        let Some(input) = input else {
            let d_weight = stem_backward(values(grey)?, self.shape.side, pooled, d_pooled);
            return Ok((
                Tensor::f_from_slice(&d_weight)?.f_reshape(self.weight.size())?,
                None,
            ));
        };
        let (input, weight) = (nhwc_values(input)?, nhwc_values(self.weight)?);
        let (mut d_weight, mut d_input) = (vec![0.0; weight.numel()], vec![0.0; input.numel()]);
        sparse_backward(
            self.shape,
            values(&input)?,
            values(&weight)?,
            pooled,
            d_pooled,
            &mut d_weight,
            &mut d_input,
        );
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
    fn as_nchw(&self, n: i64) -> Result<Tensor, Error> {
        let (side, channels) = (self.side as i64, self.channels as i64);
        Ok(Tensor::f_from_slice(&self.values)?
            .f_reshape([n, side, side, channels])?
            .f_permute([0, 3, 1, 2])?)
    }
}

/// Inverted dropout: `[n, features]` of 0 and 1/(1 − p), row i drawn from `seeds[i]` alone.
fn dropout_mask(like: &Tensor, p: f64, stage: u64, seeds: &[u64]) -> Result<Tensor, Error> {
    let rows = like.size()[0] as usize;
    if rows != seeds.len() {
        let what = format!("{} dropout seeds for {rows} images", seeds.len());
        return Err(tch::TchError::Shape(what).into());
    }
    let features = like.numel() / rows.max(1);
    let keep = (1.0 / (1.0 - p)) as f32;
    let mut mask = Vec::with_capacity(like.numel());
    for seed in seeds {
        let mut rng = ChaCha8Rng::seed_from_u64(*seed);
        rng.set_stream(stage);
        mask.extend((0..features).map(|_| {
            if rng.random::<f32>() < p as f32 {
                0.0
            } else {
                keep
            }
        }));
    }
    Ok(Tensor::f_from_slice(&mask)?
        .f_reshape(like.size())?
        .f_to_device(like.device())?)
}
