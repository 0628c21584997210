//! Operators that move values: reshaping, padding, joining, resizing.

use tch::{Kind, TchError, Tensor};

use crate::graph::field::Field;
use crate::graph::messages::{INT64, NodeMessage};
use crate::graph::op::Inputs;

#[derive(Debug)]
pub(super) enum Rearrange {
    Concat {
        axis: i64,
    },
    Flatten {
        axis: i64,
    },
    /// `batch_of_one`: the file was written for one image, so a 1 in front stands for the number of images.
    Reshape {
        keep_zero: bool,
        batch_of_one: bool,
    },
    Squeeze {
        axes: Option<Vec<i64>>,
    },
    Unsqueeze {
        axes: Option<Vec<i64>>,
    },
    Transpose {
        axes: Vec<i64>,
    },
    Pad {
        mode: &'static str,
    },
    Resize(Resize),
    Shape {
        start: i64,
        end: Option<i64>,
    },
    Gather {
        axis: i64,
    },
    Slice,
    /// A tensor of one value, with the sizes of the input.
    Fill {
        value: f64,
        kind: Kind,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Resize {
    Nearest,
    Linear { align_corners: bool },
}

impl Rearrange {
    /// `None` for other operators.
    pub fn read(node: &NodeMessage, batch_of_one: bool) -> Result<Option<Self>, String> {
        Ok(Some(match node.op.as_str() {
            "Concat" => Self::Concat {
                axis: node.int("axis", 1),
            },
            "Flatten" => Self::Flatten {
                axis: node.int("axis", 1),
            },
            "Reshape" => Self::Reshape {
                keep_zero: node.int("allowzero", 0) != 0,
                batch_of_one,
            },
            "Squeeze" => Self::Squeeze {
                axes: node.ints("axes"),
            },
            "Unsqueeze" => Self::Unsqueeze {
                axes: node.ints("axes"),
            },
            "Transpose" => Self::Transpose {
                axes: node.ints("perm").unwrap_or_default(),
            },
            "Pad" => Self::Pad {
                mode: match node.text("mode") {
                    "" | "constant" => "constant",
                    "reflect" => "reflect",
                    "edge" => "replicate",
                    other => return Err(format!("pads by `{other}`, which is not supported")),
                },
            },
            "Resize" => Self::Resize(resize(node)?),
            "Shape" => Self::Shape {
                start: node.int("start", 0),
                end: node
                    .attributes
                    .iter()
                    .any(|it| it.name == "end")
                    .then(|| node.int("end", 0)),
            },
            "Gather" => Self::Gather {
                axis: node.int("axis", 0),
            },
            "Slice" => Self::Slice,
            "ConstantOfShape" => {
                let value = node.constant().unwrap_or_default();
                let number = value.ints.first().map(|it| *it as f64);
                let raw = <[u8; 8]>::try_from(value.raw.as_ref()).map(i64::from_le_bytes);
                match value.kind {
                    INT64 => Self::Fill {
                        value: number.or(raw.ok().map(|it| it as f64)).unwrap_or(0.0),
                        kind: Kind::Int64,
                    },
                    _ if value.raw.iter().all(|byte| *byte == 0) && value.floats.is_empty() => {
                        Self::Fill {
                            value: 0.0,
                            kind: Kind::Float,
                        }
                    }
                    _ => return Err("fills a tensor with other numbers than 0".to_owned()),
                }
            }
            _ => return Ok(None),
        }))
    }

    pub fn apply(&self, inputs: &Inputs) -> Result<Tensor, TchError> {
        let x = inputs.get(0)?;
        match self {
            Self::Concat { axis } => Tensor::f_cat(&inputs.all(), *axis),
            // No size in it: see `Layer::Flatten`.
            Self::Flatten { axis: 1 } if x.dim() > 1 => x.f_flatten(1, -1),
            Self::Flatten { axis } => {
                let rows = x
                    .size()
                    .iter()
                    .take(from_front(*axis, x.dim())?)
                    .product::<i64>();
                x.f_reshape([rows, -1])
            }
            Self::Reshape {
                keep_zero,
                batch_of_one,
            } => {
                let wanted = reshaped(&x.size(), inputs.ints(1)?, *keep_zero, *batch_of_one);
                x.f_reshape(wanted)
            }
            Self::Squeeze { axes } => match self::axes(axes, inputs)? {
                Some(axes) => {
                    let axes = sorted(axes, x.dim())?;
                    axes.into_iter()
                        .rev()
                        .try_fold(x.shallow_clone(), |x, axis| x.f_squeeze_dim(axis))
                }
                None => x.f_squeeze(),
            },
            Self::Unsqueeze { axes } => {
                let axes = self::axes(axes, inputs)?.unwrap_or_default();
                let dims = x.dim() + axes.len();
                let axes = sorted(axes, dims)?;
                axes.into_iter()
                    .try_fold(x.shallow_clone(), |x, axis| x.f_unsqueeze(axis))
            }
            Self::Transpose { axes } if axes.is_empty() => {
                x.f_permute((0..x.dim() as i64).rev().collect::<Vec<_>>())
            }
            Self::Transpose { axes } => x.f_permute(axes.as_slice()),
            Self::Pad { mode } => pad(x, inputs, mode),
            Self::Resize(kind) => {
                let (size, scales) = target(x, inputs)?;
                match kind {
                    Resize::Nearest => x.f_upsample_nearest2d(size, scales[0], scales[1]),
                    Resize::Linear { align_corners } => {
                        x.f_upsample_bilinear2d(size, *align_corners, scales[0], scales[1])
                    }
                }
            }
            Self::Shape { start, end } => {
                let size = x.size();
                let dims = size.len() as i64;
                let place = |at: i64| (if at < 0 { at + dims } else { at }).clamp(0, dims) as usize;
                let (start, end) = (place(*start), place(end.unwrap_or(dims)));
                Tensor::f_from_slice(size.get(start..end).unwrap_or_default())
            }
            Self::Gather { axis } => gather(x, inputs.get(1)?, from_front(*axis, x.dim())?),
            Self::Slice => slice(x, inputs),
            Self::Fill { value, kind } => {
                Tensor::f_full(inputs.ints(0)?, *value, (*kind, x.device()))
            }
        }
    }

    pub fn elements(&self, inputs: &Inputs) -> Result<i128, TchError> {
        let x = inputs.get(0)?;
        let product = |dims: Vec<i128>| dims.into_iter().fold(1i128, i128::saturating_mul);
        match self {
            Self::Pad { .. } => {
                let pads = pads(x, inputs)?;
                let padded = x
                    .size()
                    .into_iter()
                    .zip(pads)
                    .map(|(size, [a, b])| i128::from(size) + i128::from(a) + i128::from(b));
                Ok(product(padded.collect()))
            }
            Self::Resize(_) => {
                let (size, _) = target(x, inputs)?;
                let channels = x.size().into_iter().take(2);
                Ok(product(channels.chain(size).map(i128::from).collect()))
            }
            Self::Gather { .. } => Ok(x.numel() as i128 * inputs.get(1)?.numel() as i128),
            Self::Fill { .. } => Ok(product(
                inputs.ints(0)?.into_iter().map(i128::from).collect(),
            )),
            Self::Concat { .. } => Ok(inputs.all().iter().map(|x| x.numel() as i128).sum()),
            _ => Ok(0),
        }
    }

    pub fn field(&self, inputs: &Inputs, field: &Field) -> Field {
        match (self, field) {
            (_, Field::Whole) | (Self::Shape { .. }, _) => Field::Whole,
            // Channels first and channels last.
            (Self::Transpose { axes }, _) if *axes == [0, 3, 1, 2] || *axes == [0, 2, 3, 1] => {
                *field
            }
            (Self::Pad { .. }, _) => {
                let pads = inputs
                    .get(0)
                    .and_then(|x| pads(x, inputs))
                    .unwrap_or_default();
                let before = |axis: usize| pads.get(2 + axis).map_or(0, |[before, _]| *before);
                field.map(|axis, mut seen| {
                    seen.first -= before(axis) * seen.stride;
                    seen
                })
            }
            (Self::Resize(_) | Self::Slice | Self::Gather { .. }, _) => Field::Unknown,
            _ => Field::Whole,
        }
    }
}

/// Axes of an attribute, or of the second input.
fn axes(given: &Option<Vec<i64>>, inputs: &Inputs) -> Result<Option<Vec<i64>>, TchError> {
    match (given, inputs.optional(1)) {
        (Some(axes), _) => Ok(Some(axes.clone())),
        (None, Some(_)) => inputs.ints(1).map(Some),
        (None, None) => Ok(None),
    }
}

/// An axis counted from the front, where a negative one counts from the end; `dims` itself is allowed, as `Flatten` does.
fn from_front(axis: i64, dims: usize) -> Result<usize, TchError> {
    let front = if axis < 0 {
        axis.saturating_add(dims as i64)
    } else {
        axis
    };
    let valid = usize::try_from(front).ok().filter(|front| *front <= dims);
    valid.ok_or_else(|| TchError::Shape(format!("axis {axis} of {dims}")))
}

/// Axes counted from the front, ascending.
fn sorted(axes: Vec<i64>, dims: usize) -> Result<Vec<i64>, TchError> {
    let axes = axes
        .into_iter()
        .map(|axis| Ok(from_front(axis, dims)? as i64));
    let mut axes = axes.collect::<Result<Vec<i64>, TchError>>()?;
    axes.sort_unstable();
    Ok(axes)
}

/// The sizes of a reshaped tensor of `size`: 0 keeps a size, and so does a 1 in front of a file for one image.
fn reshaped(size: &[i64], mut wanted: Vec<i64>, keep_zero: bool, batch_of_one: bool) -> Vec<i64> {
    for (at, (dim, own)) in wanted.iter_mut().zip(size).enumerate() {
        if (*dim == 0 && !keep_zero) || (*dim == 1 && at == 0 && batch_of_one) {
            *dim = *own;
        }
    }
    wanted
}

fn pad(x: &Tensor, inputs: &Inputs, mode: &str) -> Result<Tensor, TchError> {
    let value = match inputs.optional(2) {
        Some(value) if value.numel() == 1 => f64::try_from(value)?,
        _ => 0.0,
    };
    // libtorch counts axes from the last.
    let around: Vec<i64> = pads(x, inputs)?.into_iter().rev().flatten().collect();
    // The other modes take the last two axes alone, and fail where more are to be padded.
    let only_maps = around.iter().skip(4).all(|pad| *pad == 0);
    match mode {
        "constant" => x.f_pad(around, mode, value),
        _ if only_maps => x.f_pad(&around[..around.len().min(4)], mode, None),
        _ => x.f_pad(around, mode, None),
    }
}

/// The slices of `x` along `axis` that `index` names; negative numbers count from the end.
fn gather(x: &Tensor, index: &Tensor, axis: usize) -> Result<Tensor, TchError> {
    let mut size = x.size();
    let length = size.get(axis).copied().unwrap_or(0);
    let flat = index.f_to_device(x.device())?.f_reshape([-1])?;
    let below = flat.f_lt(0)?.f_to_kind(Kind::Int64)?.f_mul_scalar(length)?;
    let picked = x.f_index_select(axis as i64, &flat.f_add(&below)?)?;
    size.splice(axis..(axis + 1).min(size.len()), index.size());
    picked.f_reshape(size)
}

/// Padding before and after each axis.
fn pads(x: &Tensor, inputs: &Inputs) -> Result<Vec<[i64; 2]>, TchError> {
    let given = inputs.ints(1)?;
    let (before, after) = given.split_at(given.len() / 2);
    let mut pads = vec![[0; 2]; x.dim()];
    let axes = match inputs.optional(3) {
        Some(_) => inputs.ints(3)?,
        None => (0..before.len() as i64).collect(),
    };
    for (axis, (&before, &after)) in axes.into_iter().zip(before.iter().zip(after)) {
        let axis = from_front(axis, x.dim())?;
        if let Some(pad) = pads.get_mut(axis) {
            *pad = [before, after];
        }
    }
    Ok(pads)
}

fn resize(node: &NodeMessage) -> Result<Resize, String> {
    let place = node.text("coordinate_transformation_mode");
    let rounding = node.text("nearest_mode");
    if node.int("antialias", 0) != 0 || node.int("exclude_outside", 0) != 0 {
        return Err("resizes with antialias or exclude_outside, which is not supported".to_owned());
    }
    Ok(match (node.text("mode"), place) {
        ("" | "nearest", "asymmetric") if rounding == "floor" => Resize::Nearest,
        ("linear", "" | "half_pixel" | "pytorch_half_pixel") => Resize::Linear {
            align_corners: false,
        },
        ("linear", "align_corners") => Resize::Linear {
            align_corners: true,
        },
        (mode, _) => {
            return Err(format!(
                "resizes by mode `{mode}`, coordinates `{place}`, rounding `{rounding}`; supported are nearest (asymmetric, floor) and linear (half_pixel, align_corners), as PyTorch exports them"
            ));
        }
    })
}

/// Rows and columns after resizing, and their factors where the file gives them.
fn target(x: &Tensor, inputs: &Inputs) -> Result<([i64; 2], [Option<f64>; 2]), TchError> {
    let [_, _, rows, columns] = x.size()[..] else {
        return Err(TchError::Shape(format!(
            "needs maps to resize, got {:?}",
            x.size()
        )));
    };
    let wrong = |what: &str| {
        TchError::Shape(format!(
            "resizes other than rows and columns, or has {what}"
        ))
    };
    if let Some(scales) = inputs.optional(2).filter(|scales| scales.numel() > 0) {
        // As written: 1.7 in float32 is a little more, which would move pixels.
        let scales = Vec::<f32>::try_from(scales.f_to_kind(Kind::Float)?)?;
        let scales: Vec<f64> = scales
            .iter()
            .map(|scale| scale.to_string().parse().unwrap_or(f64::NAN))
            .collect();
        let [1.0, 1.0, down, across] = scales[..] else {
            return Err(wrong("no four factors"));
        };
        let size = [
            (rows as f64 * down).floor() as i64,
            (columns as f64 * across).floor() as i64,
        ];
        return Ok((size, [Some(down), Some(across)]));
    }
    match inputs.ints(3)?[..] {
        [_, _, rows, columns] => Ok(([rows, columns], [None, None])),
        _ => Err(wrong("no four sizes")),
    }
}

fn slice(x: &Tensor, inputs: &Inputs) -> Result<Tensor, TchError> {
    let (starts, ends) = (inputs.ints(1)?, inputs.ints(2)?);
    let axes = match inputs.optional(3) {
        Some(_) => inputs.ints(3)?,
        None => (0..starts.len() as i64).collect(),
    };
    let steps = match inputs.optional(4) {
        Some(_) => inputs.ints(4)?,
        None => vec![1; starts.len()],
    };
    let cuts = axes
        .into_iter()
        .zip(steps)
        .zip(starts.into_iter().zip(ends));
    cuts.into_iter().try_fold(
        x.shallow_clone(),
        |x, ((axis, step), (start, end))| match step < 0 {
            true => backwards(&x, from_front(axis, x.dim())?, start, end, step),
            false => x.f_slice(axis, start, end, step),
        },
    )
}

/// A slice from `start` down to before `end`, which libtorch does not have.
fn backwards(x: &Tensor, axis: usize, start: i64, end: i64, step: i64) -> Result<Tensor, TchError> {
    let length = x.size().get(axis).copied().unwrap_or(0);
    let place = |at: i64| {
        if at < 0 {
            at.saturating_add(length)
        } else {
            at
        }
        .clamp(-1, length - 1)
    };
    let picked = (place(end) + 1..=place(start)).rev();
    let picked: Vec<i64> = picked.step_by(step.unsigned_abs() as usize).collect();
    x.f_index_select(
        axis as i64,
        &Tensor::f_from_slice(&picked)?.f_to_device(x.device())?,
    )
}
