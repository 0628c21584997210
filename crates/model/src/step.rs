use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Reduction, Tensor};

use crate::kernels::{Buffer, Pooled, nhwc_values, values};
use crate::plan::{Features, KernelStage};
use crate::{Error, Layer, Network, Plan};

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
    /// The gradients of the convolutions by our kernels, which leave out the products with zero; forward by libtorch. CPU
    /// only, and where the kernels suit the network.
    Sparse,
    /// As [`GradientMethod::Sparse`], with 5×5 convolutions by Winograd's short convolutions, forward and, where the
    /// gradient is not sparse, backward.
    Winograd,
}

impl GradientMethod {
    /// The faster method on `device`.
    pub fn fastest(device: Device) -> Self {
        if device == Device::Cpu {
            Self::Winograd
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
        self.planned_loss_and_gradients(batch, &self.plan(method)?)
    }

    /// [`Network::loss_and_gradients`] with what the threads of a step share. `plan` must be of the weights as they are.
    ///
    /// # Errors
    /// When shapes or devices do not fit.
    pub fn planned_loss_and_gradients(
        &self,
        batch: &TrainBatch,
        plan: &Plan,
    ) -> Result<StepOutput, Error> {
        match plan.stages() {
            [] => self.autograd_step(batch),
            stages => self.kernel_step(batch, stages),
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
    fn kernel_step(&self, batch: &TrainBatch, stages: &[KernelStage]) -> Result<StepOutput, Error> {
        let grey = batch.images.f_contiguous()?;
        let mut pooled: Vec<Pooled> = Vec::new();
        for (index, stage) in stages.iter().enumerate() {
            let input = features_before(index, &grey, &pooled)?;
            pooled.push(stage.forward(self.conv_weight(index)?, input)?);
        }
        let features = match pooled.last() {
            Some(pooled) => pooled.as_nchw(batch.images.size()[0])?,
            None => batch.images.shallow_clone(),
        }
        .set_requires_grad(true);
        let (loss, correct, d_features, head) = self.head_step(stages.len(), &features, batch)?;
        let mut d_pooled = Buffer::copy_of(values(&nhwc_values(&d_features)?)?);
        let mut gradients = Vec::new();
        for (index, stage) in stages.iter().enumerate().rev() {
            let input = features_before(index, &grey, &pooled)?;
            let weight = self.conv_weight(index)?;
            let (d_weight, d_input) = stage.backward(weight, input, &pooled[index], &d_pooled)?;
            gradients.push(d_weight);
            d_pooled = d_input;
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
}

/// What stage `index` works on: the images, or what the stage before it made.
fn features_before<'a>(
    index: usize,
    grey: &'a Tensor,
    pooled: &'a [Pooled],
) -> Result<Features<'a>, Error> {
    Ok(match index.checked_sub(1) {
        None => Features::Grey(values(grey)?),
        Some(before) => Features::Maps(&pooled[before].values),
    })
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
