//! Gradients of convolution and pooling that skip products with zero.

use multiversion::multiversion;

use super::buffer::Buffer;
use super::pool::Pooled;
use super::{FILTER_SIDE, PAD, axpy};

/// A 5×5 convolution of stride 1 that keeps its side, followed by pooling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvShape {
    /// Height and width of input and output.
    pub side: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Side of a pooling tile.
    pub tile: usize,
}

impl ConvShape {
    /// Whether the gradients at the convolution's output are so sparse that skipping zeros saves more than Winograd's
    /// form (measured: at tiles of 2 × 2 it does not, at 6 × 6 it does).
    pub fn is_sparse(self) -> bool {
        self.tile >= 4
    }
}

/// Gradients of conv → max pool → ReLU for its weight and input.
///
/// The gradient at the convolution's output is zero except at the winners of the pooling, so only those contribute:
/// with 12×12 pooling 1/144 of the dense work. `input` and its gradient are `[n, side, side, inputs]`, `weight` and its
/// gradient `[outputs, kernel, kernel, inputs]`, `d_pooled` has the shape of `pooled.values`.
pub(crate) fn sparse_backward(
    shape: ConvShape,
    input: &[f32],
    weight: &[f32],
    pooled: &Pooled,
    d_pooled: &[f32],
) -> (Buffer, Buffer) {
    let mut d_weight = Buffer::zeros(weight.len());
    let mut d_input = Buffer::zeros(input.len());
    let image_len = shape.side * shape.side * shape.inputs;
    let units = pooled.side * pooled.side;
    let filter_len = FILTER_SIDE * FILTER_SIDE * shape.inputs;
    let winners = pooled.winners();
    let mut gradients = Vec::with_capacity(units);
    for image in 0..input.len() / image_len {
        let x = &input[image * image_len..][..image_len];
        let dx = &mut d_input[image * image_len..][..image_len];
        for output in 0..pooled.channels {
            gradients.clear();
            gradients.extend((0..units).filter_map(|unit| {
                let at = (image * units + unit) * pooled.channels + output;
                let g = d_pooled[at];
                (pooled.values[at] > 0.0 && g != 0.0).then(|| {
                    let winner = winners[at] as usize;
                    let row = unit / pooled.side * shape.tile + winner / shape.tile;
                    let column = unit % pooled.side * shape.tile + winner % shape.tile;
                    (row, column, g)
                })
            }));
            let w = &weight[output * filter_len..][..filter_len];
            let dw = &mut d_weight[output * filter_len..][..filter_len];
            filter_backward(shape, &gradients, x, w, dw, dx);
        }
    }
    (d_weight, d_input)
}

/// One filter on one image: `gradients` are (row, column, value) at the convolution's output.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn filter_backward(
    shape: ConvShape,
    gradients: &[(usize, usize, f32)],
    x: &[f32],
    w: &[f32],
    dw: &mut [f32],
    dx: &mut [f32],
) {
    let (side, inputs) = (shape.side, shape.inputs);
    for &(row, column, g) in gradients {
        // The filter's columns that lie inside the image; the same for each of its rows.
        let first = PAD.saturating_sub(column);
        let last = FILTER_SIDE.min(side + PAD - column);
        let run = (last - first) * inputs;
        for k in PAD.saturating_sub(row)..FILTER_SIDE.min(side + PAD - row) {
            let at_x = ((row + k - PAD) * side + column + first - PAD) * inputs;
            let at_w = (k * FILTER_SIDE + first) * inputs;
            axpy(g, &x[at_x..at_x + run], &mut dw[at_w..at_w + run]);
            axpy(g, &w[at_w..at_w + run], &mut dx[at_x..at_x + run]);
        }
    }
}
