//! CPU kernels for the operations of this kind of network that are slow in libtorch, on plain `[n, row, column, channel]` arrays.
//!
//! They skip products with zero or share products between outputs; results agree to rounding. Each is tested against a
//! literal version, here or in `tests/gradients.rs`. They run on the calling thread; callers divide a batch over
//! threads.

mod buffer;
mod direct;
mod pool;
mod raw;
mod sparse;
mod stem;
mod winograd;

pub(crate) use buffer::{Buffer, PANEL};
pub(crate) use direct::{Direct, Place};
pub(crate) use pool::Pooled;
pub(crate) use raw::{nhwc_values, values};
pub(crate) use sparse::{ConvShape, sparse_backward};
pub(crate) use stem::Stem;
pub(crate) use winograd::Winograd;

/// Side of the filters that [`Stem`] and [`Winograd`] are for.
const FILTER_SIDE: usize = 5;
/// Zero padding on every side that preserves the image size under this filter.
const PAD: usize = FILTER_SIDE / 2;

/// `y += a · x`, the inner loop of every backward kernel here.
#[inline(always)]
fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}
