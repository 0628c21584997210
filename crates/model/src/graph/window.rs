//! Operators over windows: convolution, maximum and average pooling.

use tch::{TchError, Tensor};

use crate::graph::field::Field;
use crate::graph::messages::NodeMessage;
use crate::graph::op::Inputs;
use crate::network::receptive::Receptive;

#[derive(Debug)]
pub(super) struct Window {
    kind: Kind,
    /// Rows, columns; likewise below.
    kernel: [i64; 2],
    stride: [i64; 2],
    dilation: [i64; 2],
    pads: Pads,
    /// Whether a window that reaches beyond the end counts.
    ceil: bool,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Convolution { groups: i64 },
    Maximum,
    Average { with_padding: bool },
}

#[derive(Debug)]
enum Pads {
    /// Before and after the rows, and the columns.
    Explicit([[i64; 2]; 2]),
    /// As many as keep size / stride; the odd one comes last, or first.
    Same { last: bool },
}

/// Limit of every number of a window (our choice), so that sums of them are numbers.
const LIMIT: i64 = 1 << 16;

/// Products that take about as long as storing a value, as a power of two (our choice).
const PRODUCTS_PER_VALUE: u32 = 9;

impl Window {
    /// `None` for other operators.
    pub fn read(node: &NodeMessage, weight: Option<Vec<i64>>) -> Result<Option<Self>, String> {
        let kind = match node.op.as_str() {
            "Conv" => Kind::Convolution {
                groups: node.int("group", 1),
            },
            "MaxPool" => Kind::Maximum,
            "AveragePool" => Kind::Average {
                with_padding: node.int("count_include_pad", 0) != 0,
            },
            _ => return Ok(None),
        };
        let of_weight = weight.and_then(|dims| Some(dims.get(2..)?.to_vec()));
        let given = node.ints("kernel_shape").or(of_weight);
        let kernel = pair("kernel_shape", given.unwrap_or_default(), 1)?;
        let [stride, dilation] = ["strides", "dilations"]
            .map(|name| pair(name, node.ints(name).unwrap_or(vec![1, 1]), 1));
        let pads = match node.text("auto_pad") {
            "" | "NOTSET" => {
                let pads = node.ints("pads").unwrap_or(vec![0; 4]);
                let first = pair("pads", pads.iter().copied().take(2).collect(), 0)?;
                let last = pair("pads", pads.into_iter().skip(2).collect(), 0)?;
                Pads::Explicit([[first[0], last[0]], [first[1], last[1]]])
            }
            "VALID" => Pads::Explicit([[0; 2]; 2]),
            "SAME_UPPER" => Pads::Same { last: true },
            "SAME_LOWER" => Pads::Same { last: false },
            other => return Err(format!("has unknown padding `{other}`")),
        };
        let (stride, dilation) = (stride?, dilation?);
        if matches!(kind, Kind::Average { .. }) && dilation != [1, 1] {
            return Err("has dilations, which average pooling does not support".to_owned());
        }
        let ceil = node.int("ceil_mode", 0) != 0;
        Ok(Some(Self {
            kind,
            kernel,
            stride,
            dilation,
            pads,
            ceil,
        }))
    }

    pub fn is_convolution(&self) -> bool {
        matches!(self.kind, Kind::Convolution { .. })
    }

    /// Pixels from a window's first to its last.
    fn span(&self, axis: usize) -> i64 {
        (self.kernel[axis] - 1) * self.dilation[axis] + 1
    }

    /// Padding before and after the rows, and the columns, of a map of these sizes.
    fn padding(&self, sizes: [i64; 2]) -> [[i64; 2]; 2] {
        match self.pads {
            Pads::Explicit(pads) => pads,
            Pads::Same { last } => [0, 1].map(|axis| {
                let (size, stride) = (sizes[axis], self.stride[axis]);
                let outputs = (size + stride - 1) / stride;
                let all = ((outputs - 1) * stride + self.span(axis) - size).max(0);
                let (less, more) = (all / 2, all - all / 2);
                if last { [less, more] } else { [more, less] }
            }),
        }
    }

    pub fn apply(&self, inputs: &Inputs) -> Result<Tensor, TchError> {
        let x = inputs.get(0)?;
        let [rows, columns] = self.padding(sizes(x)?);
        // libtorch pads both ends alike, for pooling by half a window at most.
        let fits = |[first, last]: [i64; 2], axis: usize| {
            first == last && (self.is_convolution() || 2 * first <= self.kernel[axis])
        };
        if fits(rows, 0) && fits(columns, 1) {
            return self.padded(x, [rows[0], columns[0]], inputs);
        }
        let around = [columns[0], columns[1], rows[0], rows[1]];
        let pad = |x: &Tensor, value: f64| x.f_pad(around, "constant", value);
        match self.kind {
            Kind::Convolution { .. } => self.padded(&pad(x, 0.0)?, [0, 0], inputs),
            Kind::Maximum => self.padded(&pad(x, f64::NEG_INFINITY)?, [0, 0], inputs),
            Kind::Average { with_padding } => {
                let mean = self.padded(&pad(x, 0.0)?, [0, 0], inputs)?;
                if with_padding {
                    return Ok(mean);
                }
                let inside = self.padded(&pad(&x.f_ones_like()?, 0.0)?, [0, 0], inputs)?;
                mean.f_div(&inside)
            }
        }
    }

    fn padded(&self, x: &Tensor, padding: [i64; 2], inputs: &Inputs) -> Result<Tensor, TchError> {
        match self.kind {
            Kind::Convolution { groups } => {
                let (weight, bias) = (inputs.get(1)?, inputs.optional(2));
                x.f_conv2d(weight, bias, self.stride, padding, self.dilation, groups)
            }
            Kind::Maximum => {
                x.f_max_pool2d(self.kernel, self.stride, padding, self.dilation, self.ceil)
            }
            Kind::Average { with_padding } => x.f_avg_pool2d(
                self.kernel,
                self.stride,
                padding,
                self.ceil,
                with_padding,
                None,
            ),
        }
    }

    /// How many values the output will have, or the padded input, or as many as take the time of its products.
    pub fn elements(&self, inputs: &Inputs) -> Result<i128, TchError> {
        let x = inputs.get(0)?;
        let (size, pads) = (sizes(x)?, self.padding(sizes(x)?));
        let padded = [0, 1].map(|axis| i128::from(size[axis] + pads[axis][0] + pads[axis][1]));
        let units = [0, 1].map(|axis| (padded[axis] / i128::from(self.stride[axis])).max(1));
        let [images, channels] = [x.size()[0], x.size()[1]].map(i128::from);
        let (outputs, products) = match self.kind {
            Kind::Convolution { .. } => {
                let weight = inputs.get(1)?;
                let outputs = weight.size().first().copied().unwrap_or(0).max(1);
                (i128::from(outputs), weight.numel() as i128)
            }
            _ => (
                channels,
                channels * i128::from(self.kernel[0] * self.kernel[1]),
            ),
        };
        let places = images * units[0] * units[1];
        let work = (places * products) >> PRODUCTS_PER_VALUE;
        Ok((images * channels * padded[0] * padded[1])
            .max(places * outputs)
            .max(work))
    }

    pub fn field(&self, inputs: &Inputs, field: &Field) -> Field {
        let size = inputs.get(0).and_then(sizes).unwrap_or([1, 1]);
        let pads = self.padding(size);
        field.map(|axis, seen| Receptive {
            size: seen.size + (self.span(axis) - 1) * seen.stride,
            stride: seen.stride * self.stride[axis],
            first: seen.first - pads[axis][0] * seen.stride,
        })
    }
}

/// Rows and columns of maps.
fn sizes(x: &Tensor) -> Result<[i64; 2], TchError> {
    match x.size()[..] {
        [_, _, rows, columns] => Ok([rows, columns]),
        ref other => Err(TchError::Shape(format!(
            "needs maps [images, channels, rows, columns], got {other:?}"
        ))),
    }
}

/// Two numbers of at least `least`.
fn pair(name: &str, values: Vec<i64>, least: i64) -> Result<[i64; 2], String> {
    match values[..] {
        [rows, columns]
            if (least..=LIMIT).contains(&rows) && (least..=LIMIT).contains(&columns) =>
        {
            Ok([rows, columns])
        }
        _ => Err(format!(
            "has {name} {values:?}; two-dimensional windows alone are supported, with numbers from {least} to {LIMIT}"
        )),
    }
}
