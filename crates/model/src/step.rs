use tch::{Device, Kind, Reduction, Tensor};

use crate::dropout::DropoutLayer;
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
    /// The masks of [`Network::dropout_layers`], drawn ahead from these seeds and on the network's device, for a GPU that
    /// shall not wait while they are drawn. Empty: the step draws them itself.
    pub dropout_masks: Vec<Tensor>,
    /// Weight of each image in the loss: 1 over the size of the whole batch.
    pub weight: f64,
}

/// Loss and hits of a step or of its part, where they were computed.
///
/// Reading a number of a GPU waits for everything that was queued there before, so a training reads those of many steps
/// at once.
#[derive(Debug)]
pub struct Tally(Tensor);

impl Tally {
    fn new(loss: &Tensor, hits: &Tensor) -> Result<Self, Error> {
        let values = [loss.f_detach()?, hits.shallow_clone()].map(|t| t.f_to_kind(Kind::Double));
        let [loss, hits] = values;
        Ok(Self(Tensor::f_stack(&[loss?, hits?], 0)?))
    }

    /// Loss (cross-entropy of the images times [`TrainBatch::weight`]) and hits (images classified rightly, with dropout
    /// on) of each of `tallies`, which lie on one device; one copy for all.
    ///
    /// # Errors
    /// When the device failed.
    pub fn read<'a>(tallies: impl IntoIterator<Item = &'a Self>) -> Result<Vec<(f64, i64)>, Error> {
        let values: Vec<&Tensor> = tallies.into_iter().map(|tally| &tally.0).collect();
        if values.is_empty() {
            return Ok(vec![]);
        }
        let read = Tensor::f_stack(&values, 0)?.f_to_device(Device::Cpu)?;
        let read: Vec<f64> = Vec::try_from(read.f_view(-1)?)?;
        Ok(read.chunks(2).map(|two| (two[0], two[1] as i64)).collect())
    }
}

/// What a step learned.
#[derive(Debug)]
pub struct StepOutput {
    /// How well it did.
    pub tally: Tally,
    /// Gradient of the loss for each of [`Network::parameters`], in their order and shape.
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
        let (loss, hits) = leaves.loss_from(0, &batch.images, batch)?;
        let parameters: Vec<&Tensor> = leaves.parameters().into_iter().map(|(_, t)| t).collect();
        let gradients = Tensor::f_run_backward(&[&loss], &parameters, false, false)?;
        Ok(StepOutput {
            tally: Tally::new(&loss, &hits)?,
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
        let (tally, d_features, head) = self.head_step(stages.len(), &features, batch)?;
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
        Ok(StepOutput { tally, gradients })
    }

    /// The stages after the convolutions: how well they do, the gradient of their input and those of their parameters.
    fn head_step(
        &self,
        first: usize,
        features: &Tensor,
        batch: &TrainBatch,
    ) -> Result<(Tally, Tensor, Vec<Tensor>), Error> {
        let leaves = self.leaves()?;
        let (loss, hits) = leaves.loss_from(first, features, batch)?;
        let parameters = leaves.parameters();
        let mut wanted = vec![features];
        wanted.extend(parameters.iter().skip(first).map(|(_, t)| *t));
        let mut gradients = Tensor::f_run_backward(&[&loss], &wanted, false, false)?;
        let d_features = gradients.remove(0);
        Ok((Tally::new(&loss, &hits)?, d_features, gradients))
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
    ) -> Result<(Tensor, Tensor), Error> {
        let mut x = x.shallow_clone();
        let mut ahead = batch.dropout_masks.iter();
        for (index, stage) in self.stages().iter().enumerate().skip(first) {
            for layer in &stage.layers {
                x = match layer {
                    Layer::Dropout { p } if *p > 0.0 => match ahead.next() {
                        Some(mask) => x.f_mul(&mask.f_view_as(&x)?)?,
                        None => x.f_mul(
                            &DropoutLayer::of(index, *p, &x)
                                .mask(&batch.dropout_seeds)?
                                .f_reshape(x.size())?
                                .f_to_device(x.device())?,
                        )?,
                    },
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
        Ok((loss.f_mul_scalar(batch.weight)?, hits))
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
