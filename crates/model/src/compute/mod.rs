//! Computing with a network: with our kernels on the CPU, or with libtorch.

pub(crate) mod dropout;
pub(crate) mod elementwise;
pub(crate) mod maxima;
pub(crate) mod plan;
pub(crate) mod step;
