//! Layers, and the named stages that group them.

use tch::{Kind, Tensor};

use crate::error::Error;

/// One operation of a network. All tensors are f32.
#[derive(Debug)]
pub enum Layer {
    /// Convolution of stride 1: `[N, C, H, W]` to `[N, O, H + 2·padding − k + 1, …]`.
    Conv {
        /// `[O, C, k, k]`.
        weight: Tensor,
        /// `[O]`; the zero-bias network has none.
        bias: Option<Tensor>,
        /// Zeros added on every side.
        padding: i64,
    },
    /// Maximum over `side`×`side` tiles that do not overlap; a remainder at the border is dropped.
    MaxPool {
        /// Side of a tile, and the stride.
        side: i64,
    },
    /// max(0, x).
    Relu,
    /// `[N, C, H, W]` to `[N, C·H·W]`.
    Flatten,
    /// Inverted dropout, on in training only.
    Dropout {
        /// Probability that a value is zeroed.
        p: f64,
    },
    /// `[N, I]` to `[N, O]`.
    Linear {
        /// `[O, I]`.
        weight: Tensor,
        /// `[O]`.
        bias: Tensor,
    },
}

impl Layer {
    /// A convolution without bias that keeps height and width (k odd), its weight laid out channels-last.
    ///
    /// # Errors
    /// When the weight's shape is invalid.
    pub fn conv_same(weight: &Tensor) -> Result<Self, Error> {
        let padding = weight.size().last().map_or(0, |k| k / 2);
        Ok(Self::Conv {
            weight: channels_last(weight)?,
            bias: None,
            padding,
        })
    }

    /// Applies the layer as in evaluation (dropout is the identity).
    ///
    /// # Errors
    /// When the input's shape does not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        Ok(match self {
            Self::Conv {
                weight,
                bias,
                padding,
            } => x.f_conv2d(weight, bias.as_ref(), [1, 1], [*padding; 2], [1, 1], 1)?,
            Self::MaxPool { side: s } => x.f_max_pool2d([*s; 2], [*s; 2], [0, 0], [1, 1], false)?,
            Self::Relu => x.f_relu()?,
            // No size in it: a trace for TorchScript would keep the number of images. A channels-last map is copied into C, H, W order.
            Self::Flatten => x.f_flatten(1, -1)?,
            Self::Dropout { .. } => x.shallow_clone(),
            Self::Linear { weight, bias } => x.f_linear(weight, Some(bias))?,
        })
    }

    /// The layer's trainable tensors with PyTorch's names for them.
    pub fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        match self {
            Self::Conv { weight, bias, .. } => {
                let bias = bias.as_ref().map(|bias| ("bias", bias));
                [("weight", weight)].into_iter().chain(bias).collect()
            }
            Self::Linear { weight, bias } => vec![("weight", weight), ("bias", bias)],
            _ => vec![],
        }
    }

    /// The same layer with every tensor replaced by `f(tensor)`.
    pub(crate) fn map(&self, f: &impl Fn(&Tensor) -> Result<Tensor, Error>) -> Result<Self, Error> {
        Ok(match self {
            Self::Conv {
                weight,
                bias,
                padding,
            } => Self::Conv {
                weight: f(weight)?,
                bias: bias.as_ref().map(f).transpose()?,
                padding: *padding,
            },
            Self::Linear { weight, bias } => Self::Linear {
                weight: f(weight)?,
                bias: f(bias)?,
            },
            Self::MaxPool { side } => Self::MaxPool { side: *side },
            Self::Dropout { p } => Self::Dropout { p: *p },
            Self::Relu => Self::Relu,
            Self::Flatten => Self::Flatten,
        })
    }
}

/// A named group of layers; holds at most one with parameters, so that `conv1.weight` is one tensor.
#[derive(Debug)]
pub struct Stage {
    /// `conv1`, `fc4`, `output`: the stable first half of the parameters' names.
    pub name: String,
    /// The layers, in forward order.
    pub layers: Vec<Layer>,
}

impl Stage {
    /// A stage of these layers.
    pub fn new(name: &str, layers: Vec<Layer>) -> Self {
        Self {
            name: name.to_owned(),
            layers,
        }
    }

    /// Convolution, pooling, ReLU: the paper's order is ReLU first, but a maximum commutes with ReLU, and pooling first
    /// leaves fewer values to rectify.
    ///
    /// # Errors
    /// When the weight's shape is invalid.
    pub fn conv_pool_relu(name: &str, weight: &Tensor, pool: i64) -> Result<Self, Error> {
        let (conv, pool) = (Layer::conv_same(weight)?, Layer::MaxPool { side: pool });
        Ok(Self::new(name, vec![conv, pool, Layer::Relu]))
    }

    /// The weights with their names, `conv1.weight`.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let layers = self.layers.iter().flat_map(Layer::parameters);
        layers.map(|(name, tensor)| (format!("{}.{name}", self.name), tensor))
    }

    /// The same stage with every tensor replaced by `f(tensor)`.
    pub(crate) fn map(&self, f: &impl Fn(&Tensor) -> Result<Tensor, Error>) -> Result<Self, Error> {
        let layers = self.layers.iter().map(|layer| layer.map(f));
        Ok(Self::new(&self.name, layers.collect::<Result<_, _>>()?))
    }

    /// Applies all layers as in evaluation.
    ///
    /// # Errors
    /// When the input's shape does not fit.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, Error> {
        let mut layers = self.layers.iter();
        layers.try_fold(x.shallow_clone(), |x, layer| layer.forward(&x))
    }
}

/// The same values stored channels-last (N, H, W, C in memory, shape still `[N, C, H, W]`), with which
/// convolutions are faster on the CPU and on CUDA.
///
/// # Errors
/// When `x` is not four-dimensional.
pub fn channels_last(x: &Tensor) -> Result<Tensor, Error> {
    let nhwc = x.f_to_kind(Kind::Float)?.f_permute([0, 2, 3, 1])?;
    Ok(nhwc.f_contiguous()?.f_permute([0, 3, 1, 2])?)
}
