//! Operators that compute each value from those at the same place.

use tch::{Kind, TchError, Tensor};

use crate::graph::messages::NodeMessage;
use crate::graph::op::{Inputs, TRAINING};

#[derive(Debug, PartialEq)]
pub(super) enum Pointwise {
    Relu,
    LeakyRelu {
        slope: f64,
    },
    PRelu,
    Elu {
        alpha: f64,
    },
    Sigmoid,
    HardSigmoid {
        slope: f64,
        offset: f64,
    },
    HardSwish,
    Mish,
    Softplus,
    Sqrt,
    Swish {
        alpha: f64,
    },
    Tanh,
    Clip,
    Add,
    Sub,
    Mul,
    Div,
    BatchNorm {
        epsilon: f64,
    },
    Cast {
        to: Kind,
    },
    /// Also dropout, which is the identity in evaluation.
    Identity,
}

impl Pointwise {
    /// `None` for other operators.
    pub fn read(node: &NodeMessage) -> Result<Option<Self>, String> {
        Ok(Some(match node.op.as_str() {
            "Relu" => Self::Relu,
            "LeakyRelu" => Self::LeakyRelu {
                slope: node.float("alpha", 0.01),
            },
            "PRelu" => Self::PRelu,
            "Elu" => Self::Elu {
                alpha: node.float("alpha", 1.0),
            },
            "Sigmoid" => Self::Sigmoid,
            "HardSigmoid" => Self::HardSigmoid {
                slope: node.float("alpha", 0.2),
                offset: node.float("beta", 0.5),
            },
            "HardSwish" => Self::HardSwish,
            "Mish" => Self::Mish,
            "Softplus" => Self::Softplus,
            "Sqrt" => Self::Sqrt,
            "Swish" => Self::Swish {
                alpha: node.float("alpha", 1.0),
            },
            "Tanh" => Self::Tanh,
            "Clip" => Self::Clip,
            "Add" => Self::Add,
            "Sub" => Self::Sub,
            "Mul" => Self::Mul,
            "Div" => Self::Div,
            // Before opset 14 more than one output says so.
            "BatchNormalization" if node.int("training_mode", 0) != 0 || node.outputs.len() > 1 => {
                return Err(TRAINING.to_owned());
            }
            "BatchNormalization" => Self::BatchNorm {
                epsilon: node.float("epsilon", 1e-5),
            },
            "Cast" => Self::Cast {
                to: match node.int("to", 0) {
                    1 => Kind::Float,
                    6 | 7 => Kind::Int64,
                    other => {
                        return Err(format!(
                            "casts to ONNX data type {other}; only float32 networks are supported"
                        ));
                    }
                },
            },
            "Identity" | "Dropout" => Self::Identity,
            _ => return Ok(None),
        }))
    }

    /// Whether its outputs are responses of filters, as a ReLU's are.
    pub fn is_response(&self) -> bool {
        use Pointwise::*;
        let plain = matches!(
            self,
            Relu | LeakyRelu { .. } | PRelu | Elu { .. } | Clip | Tanh | Softplus
        );
        plain
            || matches!(
                self,
                Sigmoid | HardSigmoid { .. } | HardSwish | Mish | Swish { .. }
            )
    }

    pub fn apply(&self, inputs: &Inputs) -> Result<Tensor, TchError> {
        let x = inputs.get(0)?;
        match self {
            Self::Relu => x.f_relu(),
            Self::LeakyRelu { slope } => negative(x, |low| low.f_mul_scalar(*slope)),
            Self::PRelu => negative(x, |low| low.f_mul(inputs.get(1)?)),
            Self::Elu { alpha } => negative(x, |low| low.f_expm1()?.f_mul_scalar(*alpha)),
            Self::Sigmoid => x.f_sigmoid(),
            Self::HardSigmoid { slope, offset } => x
                .f_mul_scalar(*slope)?
                .f_add_scalar(*offset)?
                .f_clamp(0.0, 1.0),
            Self::HardSwish => x.f_hardswish(),
            Self::Mish => x.f_mish(),
            Self::Softplus => x.f_softplus(),
            Self::Sqrt => x.f_sqrt(),
            Self::Swish { alpha } => x.f_mul(&x.f_mul_scalar(*alpha)?.f_sigmoid()?),
            Self::Tanh => x.f_tanh(),
            Self::Clip => match (inputs.optional(1), inputs.optional(2)) {
                (None, None) => Ok(x.shallow_clone()),
                (low, high) => x.f_clamp_tensor(low, high),
            },
            Self::Add => x.f_add(inputs.get(1)?),
            Self::Sub => x.f_sub(inputs.get(1)?),
            Self::Mul => x.f_mul(inputs.get(1)?),
            // Whole numbers divide to whole numbers: sizes of reshapes.
            Self::Div if x.kind() == Kind::Int64 => {
                let by = inputs.get(1)?;
                // The processor stops at the least number by -1, and no size is divided by less than 1.
                match i64::try_from(by.f_lt(1)?.f_any()?)? {
                    0 => x.f_div_tensor_mode(by, "trunc"),
                    _ => Err(TchError::Shape(
                        "divides whole numbers by less than 1".to_owned(),
                    )),
                }
            }
            Self::Div => x.f_div(inputs.get(1)?),
            Self::BatchNorm { epsilon } => {
                let [scale, bias, mean, variance] = [1, 2, 3, 4].map(|at| inputs.get(at));
                x.f_batch_norm(
                    Some(scale?),
                    Some(bias?),
                    Some(mean?),
                    Some(variance?),
                    false,
                    0.0,
                    *epsilon,
                    false,
                )
            }
            Self::Cast { to } => x.f_to_kind(*to),
            Self::Identity => Ok(x.shallow_clone()),
        }
    }
}

/// x where it is positive, else `f(x)`.
fn negative(
    x: &Tensor,
    f: impl Fn(&Tensor) -> Result<Tensor, TchError>,
) -> Result<Tensor, TchError> {
    x.f_relu()?.f_add(&f(&x.f_clamp_max(0.0)?)?)
}
