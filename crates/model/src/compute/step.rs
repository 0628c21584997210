//! One training step: the loss and its gradients.

use tch::{Device, Kind, Reduction, Tensor};

use crate::compute::dropout::DropoutLayer;
use crate::compute::plan::Plan;
use crate::error::Error;
use crate::kernels::{Buffer, nhwc_values, values};
use crate::network::Network;
use crate::network::layer::{Layer, Stage};

/// The images of one training step, or the share of one thread.
#[derive(Debug)]
pub struct TrainBatch {
    /// `[n, 1, side, side]` f32, normalised, on the network's device.
    pub images: Tensor,
    /// `[n]` i64 in 0..classes, on the network's device.
    pub labels: Tensor,
    /// A seed per image for its dropout masks, so that they do not depend on the thread that computes the image.
    pub dropout_seeds: Vec<u64>,
    /// The masks of [`Network::dropout_layers`], drawn ahead from these seeds and on the network's device, so that a GPU does
    /// not wait for them. Empty: the step draws them itself.
    pub dropout_masks: Vec<Tensor>,
    /// Weight of each image in the loss: 1 over the size of the whole batch.
    pub weight: f64,
}

/// Loss and hits of a step or of its part, on the device that computed them.
///
/// Reading a number from a GPU waits for its whole queue, so training reads the losses of many steps at once.
#[derive(Debug)]
pub struct Tally(Tensor);

impl Tally {
    /// Loss (cross-entropy of the images times [`TrainBatch::weight`]) and hits (images classified correctly, with
    /// dropout on) of each of `tallies`, all on one device; one copy for all.
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

/// The result of a step.
#[derive(Debug)]
pub struct StepOutput {
    /// Loss and hits.
    pub tally: Tally,
    /// Gradient of the loss for each of [`Network::parameters`], in their order and shape.
    pub gradients: Vec<Tensor>,
}

impl Network {
    /// One forward and backward pass by `plan`, which the threads of a step share, on the calling thread; dropout is on.
    ///
    /// # Errors
    /// When shapes or devices do not fit.
    pub fn loss_and_gradients(&self, batch: &TrainBatch, plan: &Plan) -> Result<StepOutput, Error> {
        let Some(stem) = &plan.stem else {
            return self.autograd(0, &batch.images, batch);
        };
        // Forward and backward with our kernels for the leading convolutions.
        let grey = batch.images.f_contiguous()?;
        let pooled = plan.forward(&grey, plan.len())?;
        let features = pooled[plan.len() - 1].as_nchw(batch.images.size()[0])?;
        let features = features.set_requires_grad(true);
        let mut output = self.autograd(plan.len(), &features, batch)?;
        let mut d_pooled = Buffer::copy_of(values(&nhwc_values(&output.gradients[0])?)?);
        let mut gradients = Vec::new();
        for (index, convolution) in plan.convolutions.iter().enumerate().rev() {
            let (weight, input) = (self.weight(index + 1)?, &pooled[index].values);
            let maps = &pooled[index + 1];
            let (d_weight, d_input) = convolution.backward(weight, input, maps, &d_pooled)?;
            gradients.push(d_weight);
            d_pooled = d_input;
        }
        let d_stem = Tensor::f_from_slice(&stem.backward(values(&grey)?, &pooled[0], &d_pooled))?;
        gradients.push(d_stem.f_reshape(self.weight(0)?.size())?);
        output.gradients.splice(..1, gradients.into_iter().rev());
        Ok(output)
    }

    /// The stages from `first` on by automatic differentiation, on leaves of a new graph that share the weights. The
    /// gradients are that of their input `x`, if it requires one, and those of their parameters.
    fn autograd(&self, first: usize, x: &Tensor, batch: &TrainBatch) -> Result<StepOutput, Error> {
        let leaf = |t: &Tensor| Ok(t.f_detach()?.set_requires_grad(true));
        let leaves = self.map(self.device(), &leaf)?;
        let (logits, labels) = (leaves.logits_from(first, x, batch)?, &batch.labels);
        let hits = logits.f_argmax(1, false)?.f_eq_tensor(labels)?;
        let loss =
            logits.f_cross_entropy_loss::<Tensor>(labels, None, Reduction::Sum, -100, 0.0)?;
        let loss = loss.f_mul_scalar(batch.weight)?;
        let parameters = leaves.stages()[first..].iter().flat_map(Stage::parameters);
        let input = x.requires_grad().then_some(x).into_iter();
        let wanted: Vec<&Tensor> = input.chain(parameters.map(|(_, t)| t)).collect();
        let gradients = Tensor::f_run_backward(&[&loss], &wanted, false, false)?;
        let loss = loss.f_detach()?.f_to_kind(Kind::Double)?;
        let tally = Tally(Tensor::f_stack(&[loss, hits.f_sum(Kind::Double)?], 0)?);
        Ok(StepOutput { tally, gradients })
    }

    /// Logits from the input of stage `first` on, with dropout.
    fn logits_from(&self, first: usize, x: &Tensor, batch: &TrainBatch) -> Result<Tensor, Error> {
        let (mut x, mut ahead) = (x.shallow_clone(), batch.dropout_masks.iter());
        for (index, stage) in self.stages().iter().enumerate().skip(first) {
            for layer in &stage.layers {
                x = match layer {
                    Layer::Dropout { p } if *p > 0.0 => {
                        let mask = match ahead.next() {
                            Some(mask) => mask.shallow_clone(),
                            None => DropoutLayer::of(index, *p, &x).mask(&batch.dropout_seeds)?,
                        };
                        x.f_mul(&mask.f_view_as(&x)?.f_to_device(x.device())?)?
                    }
                    other => other.forward(&x)?,
                };
            }
        }
        Ok(x)
    }
}
