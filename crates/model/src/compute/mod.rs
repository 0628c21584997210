//! Computing with a network: by our kernels on the CPU, or by libtorch.

pub(crate) mod dropout;
pub(crate) mod elementwise;
pub(crate) mod maxima;
pub(crate) mod plan;
pub(crate) mod step;
