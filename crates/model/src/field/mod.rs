//! Carries one unit of a feature map back to the pixels of its receptive field, and computes no more than necessary.

mod convolution;
pub(crate) mod map;
pub(crate) mod net;
pub(crate) mod trace;
