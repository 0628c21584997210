//! An operator with its attributes: what it computes, and the part of the image that its outputs see.

use tch::{Kind, TchError, Tensor};

use crate::graph::field::Field;
use crate::graph::messages::NodeMessage;
use crate::graph::pointwise::Pointwise;
use crate::graph::shape::Rearrange;
use crate::graph::window::Window;

/// The values that a node is applied to; an optional one may be missing.
pub(super) struct Inputs<'a>(pub Vec<Option<&'a Tensor>>);

impl<'a> Inputs<'a> {
    pub fn optional(&self, at: usize) -> Option<&'a Tensor> {
        self.0.get(at).copied().flatten()
    }

    pub fn get(&self, at: usize) -> Result<&'a Tensor, TchError> {
        let missing = || TchError::Shape(format!("input {at} is missing"));
        self.optional(at).ok_or_else(missing)
    }

    /// The whole numbers of an input.
    pub fn ints(&self, at: usize) -> Result<Vec<i64>, TchError> {
        let values = self.get(at)?.f_to_kind(Kind::Int64)?;
        Vec::try_from(
            values
                .f_to_device(tch::Device::Cpu)?
                .f_contiguous()?
                .f_view(-1)?,
        )
    }

    pub fn all(&self) -> Vec<&'a Tensor> {
        self.0.iter().copied().flatten().collect()
    }
}

#[derive(Debug)]
pub(super) enum Op {
    Window(Window),
    Pointwise(Pointwise),
    Rearrange(Rearrange),
    Dense(Dense),
}

/// Operators that mix all positions or all units.
#[derive(Debug)]
pub(super) enum Dense {
    Gemm {
        alpha: f64,
        beta: f64,
        flip: [bool; 2],
    },
    MatMul,
    GlobalAverage,
    GlobalMax,
    /// `None`: the axes are an input, or all.
    Mean {
        axes: Option<Vec<i64>>,
        keep: bool,
    },
    /// `flat`: over all axes from this one on.
    Softmax {
        axis: i64,
        flat: bool,
    },
}

/// What is wrong with a node that works as in training.
pub(super) const TRAINING: &str = "works as in training; call network.eval() before the export";

/// The operators that are read, for messages.
const KNOWN: &str = "Add, AveragePool, BatchNormalization, Cast, Clip, Concat, Constant, ConstantOfShape, Conv, Div, Dropout, Elu, Flatten, Gather, Gemm, GlobalAveragePool, GlobalMaxPool, HardSigmoid, HardSwish, Identity, LeakyRelu, MatMul, MaxPool, Mish, Mul, PRelu, Pad, ReduceMean, Relu, Reshape, Resize, Shape, Sigmoid, Slice, Softmax, Softplus, Sqrt, Squeeze, Sub, Swish, Tanh, Transpose, Unsqueeze";

impl Op {
    /// The operator of a node; `kernel` are the sizes of its weight, `batch_of_one` says that the file was written for one image at a time.
    pub fn read(
        node: &NodeMessage,
        opset: i64,
        kernel: Option<Vec<i64>>,
        batch_of_one: bool,
    ) -> Result<Self, String> {
        let op = node.op.as_str();
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Err(format!(
                "operator `{op}` of `{}` is not supported; export with ONNX's own operators ({KNOWN})",
                node.domain
            ));
        }
        if let Some(window) = Window::read(node, kernel)? {
            return Ok(Self::Window(window));
        }
        if let Some(pointwise) = Pointwise::read(node)? {
            return Ok(Self::Pointwise(pointwise));
        }
        if let Some(rearrange) = Rearrange::read(node, batch_of_one)? {
            return Ok(Self::Rearrange(rearrange));
        }
        Ok(Self::Dense(match op {
            "Gemm" => Dense::Gemm {
                alpha: node.float("alpha", 1.0),
                beta: node.float("beta", 1.0),
                flip: [node.int("transA", 0) != 0, node.int("transB", 0) != 0],
            },
            "MatMul" => Dense::MatMul,
            "GlobalAveragePool" => Dense::GlobalAverage,
            "GlobalMaxPool" => Dense::GlobalMax,
            "ReduceMean" => Dense::Mean {
                axes: node.ints("axes"),
                keep: node.int("keepdims", 1) != 0,
            },
            "Softmax" => Dense::Softmax {
                axis: node.int("axis", if opset < 13 { 1 } else { -1 }),
                flat: opset < 13,
            },
            _ => {
                return Err(format!(
                    "operator `{op}` is not supported; supported are {KNOWN}"
                ));
            }
        }))
    }

    pub fn apply(&self, inputs: &Inputs) -> Result<Tensor, TchError> {
        match self {
            Self::Window(window) => window.apply(inputs),
            Self::Pointwise(pointwise) => pointwise.apply(inputs),
            Self::Rearrange(rearrange) => rearrange.apply(inputs),
            Self::Dense(dense) => dense.apply(inputs),
        }
    }

    /// Whether its second input is a weight.
    pub fn has_weight(&self) -> bool {
        match self {
            Self::Window(window) => window.is_convolution(),
            Self::Dense(dense) => matches!(dense, Dense::Gemm { .. } | Dense::MatMul),
            _ => false,
        }
    }

    /// Whether the rules of deconvnet and guided back-propagation act here.
    pub fn is_relu(&self) -> bool {
        matches!(self, Self::Pointwise(Pointwise::Relu))
    }

    /// How many values the output will have, where it may have far more than the inputs.
    pub fn elements(&self, inputs: &Inputs) -> Result<i128, TchError> {
        match self {
            Self::Window(window) => window.elements(inputs),
            Self::Rearrange(rearrange) => rearrange.elements(inputs),
            Self::Dense(Dense::Gemm { .. } | Dense::MatMul) => {
                let turned = matches!(
                    self,
                    Self::Dense(Dense::Gemm {
                        flip: [true, _],
                        ..
                    })
                );
                let size = inputs.get(0)?.size();
                let inner = if turned { size.first() } else { size.last() };
                let inner = i128::from(inner.copied().unwrap_or(1).max(1));
                let outer = [inputs.get(0)?, inputs.get(1)?].map(|x| x.numel() as i128 / inner);
                Ok(outer[0].saturating_mul(outer[1]))
            }
            Self::Dense(_) => Ok(0),
            Self::Pointwise(_) => Ok(broadcast(&inputs.all())),
        }
    }

    /// What the outputs see, from what the inputs see.
    pub fn field(&self, inputs: &Inputs, fields: &[Field]) -> Field {
        match self {
            Self::Window(window) => fields
                .first()
                .map_or(Field::Whole, |field| window.field(inputs, field)),
            Self::Pointwise(_) | Self::Rearrange(Rearrange::Concat { axis: 1 }) => {
                Field::merge(fields)
            }
            Self::Rearrange(rearrange) => fields
                .first()
                .map_or(Field::Whole, |field| rearrange.field(inputs, field)),
            Self::Dense(_) => Field::Whole,
        }
    }
}

/// Number of values of tensors broadcast together.
fn broadcast(all: &[&Tensor]) -> i128 {
    let sizes: Vec<Vec<i64>> = all.iter().map(|x| x.size()).collect();
    let dims = sizes.iter().map(Vec::len).max().unwrap_or(0);
    let largest = |back: usize| {
        let sizes = sizes.iter().filter_map(|size| size.iter().rev().nth(back));
        i128::from(sizes.copied().max().unwrap_or(1))
    };
    (0..dims).fold(1i128, |all, back| all.saturating_mul(largest(back)))
}

impl Dense {
    fn apply(&self, inputs: &Inputs) -> Result<Tensor, TchError> {
        let x = inputs.get(0)?;
        match self {
            Self::Gemm { alpha, beta, flip } => {
                let side = |at: usize| match flip[at] {
                    true => inputs.get(at)?.f_transpose(0, 1),
                    false => Ok(inputs.get(at)?.shallow_clone()),
                };
                let product = scaled(side(0)?.f_matmul(&side(1)?)?, *alpha)?;
                match inputs.optional(2) {
                    Some(bias) => product.f_add(&scaled(bias.shallow_clone(), *beta)?),
                    None => Ok(product),
                }
            }
            Self::MatMul => x.f_matmul(inputs.get(1)?),
            Self::GlobalAverage => x.f_mean_dim(positions(x).as_slice(), true, Kind::Float),
            Self::GlobalMax => x.f_amax(positions(x), true),
            Self::Mean { axes, keep } => {
                let axes = match (axes, inputs.optional(1)) {
                    (Some(axes), _) => axes.clone(),
                    (None, Some(_)) => inputs.ints(1)?,
                    (None, None) => (0..x.dim() as i64).collect(),
                };
                x.f_mean_dim(axes.as_slice(), *keep, Kind::Float)
            }
            Self::Softmax { axis, flat: false } => x.f_softmax(*axis, Kind::Float),
            Self::Softmax { axis, flat: true } => {
                let from = if *axis < 0 {
                    axis + x.dim() as i64
                } else {
                    *axis
                };
                let flat = x.f_flatten(from, -1)?.f_softmax(from, Kind::Float)?;
                flat.f_reshape(x.size())
            }
        }
    }
}

fn scaled(x: Tensor, factor: f64) -> Result<Tensor, TchError> {
    if factor == 1.0 {
        Ok(x)
    } else {
        x.f_mul_scalar(factor)
    }
}

/// All axes after images and channels.
fn positions(x: &Tensor) -> Vec<i64> {
    (2..x.dim() as i64).collect()
}

#[cfg(test)]
mod tests {
    // Test code: a panic is the report.
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn whole_numbers_are_not_divided_by_what_stops_the_processor() {
        let least = Tensor::from_slice(&[i64::MIN]);
        let by = |by: i64| Pointwise::Div.apply(&Inputs(vec![Some(&least), Some(&by.into())]));
        assert!(by(-1).is_err() && by(0).is_err());
        assert_eq!(i64::try_from(by(2).unwrap()).unwrap(), i64::MIN / 2);
    }

    #[test]
    fn before_opset_13_a_softmax_is_over_all_axes_from_its_own_on() {
        let x = Tensor::randn([2, 3, 4, 4], (Kind::Float, tch::Device::Cpu));
        let flat = Dense::Softmax {
            axis: 1,
            flat: true,
        };
        let sums = flat.apply(&Inputs(vec![Some(&x)])).unwrap();
        assert_eq!(sums.size(), x.size());
        let sums = sums
            .flatten(1, -1)
            .sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
        assert!(sums.allclose(
            &Tensor::ones([2], (Kind::Float, tch::Device::Cpu)),
            1e-5,
            1e-6,
            false
        ));
    }

    /// As numpy's x[3:0:-2] and x[::-1].
    #[test]
    fn slices_go_backwards() {
        let x = Tensor::arange(5, (Kind::Int64, tch::Device::Cpu));
        let ints = |it: i64| Tensor::from_slice(&[it]);
        let slice = |start, end, step| {
            let [start, end, axis, step] = [start, end, 0, step].map(ints);
            let inputs = vec![Some(&x), Some(&start), Some(&end), Some(&axis), Some(&step)];
            Vec::<i64>::try_from(Rearrange::Slice.apply(&Inputs(inputs)).unwrap()).unwrap()
        };
        assert_eq!(slice(3, 0, -2), [3, 1]);
        assert_eq!(slice(-1, i64::MIN + 1, -1), [4, 3, 2, 1, 0]);
        assert_eq!(slice(9, 2, -1), [4, 3]);
    }

    /// As PyTorch's `interpolate` does: pixel 17 of the larger map is pixel 17 / 1.7 = 10.
    #[test]
    fn factors_of_a_resize_are_as_they_were_written() {
        let x = Tensor::arange(20, (Kind::Float, tch::Device::Cpu)).reshape([1, 1, 1, 20]);
        let scales = Tensor::from_slice(&[1f32, 1.0, 1.0, 1.7]);
        let resize = Rearrange::Resize(crate::graph::shape::Resize::Nearest);
        let larger = resize
            .apply(&Inputs(vec![Some(&x), None, Some(&scales)]))
            .unwrap();
        assert_eq!(larger.size(), [1, 1, 1, 34]);
        assert_eq!(larger.double_value(&[0, 0, 0, 17]), 10.0);
    }
}
