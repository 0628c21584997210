//! CPU kernels for what libtorch does slowly in this kind of network, on plain `[n, row, column, channel]` arrays.
//!
//! All compute the convolution itself, to rounding: they leave out products with zero, or share products between outputs. Each has a literal libtorch version as its test oracle in
//! `tests/gradients.rs`. They run on the calling thread; callers share a batch out over threads.

mod pool;
mod raw;
mod sparse;
mod stem;
mod winograd;

pub(crate) use pool::{Pooled, pool_relu};
pub(crate) use raw::{nhwc_values, values};
pub(crate) use sparse::{ConvShape, sparse_backward};
pub(crate) use stem::{stem_backward, stem_forward, stem_suits};
pub(crate) use winograd::Winograd;

/// `y += a · x`, the inner loop of every backward kernel here.
#[inline(always)]
fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}
