//! The memory of tensors as slices.

use tch::{Device, Kind, Tensor};

use crate::error::Error;

/// The values of a contiguous f32 CPU tensor, without a copy.
#[allow(unsafe_code)]
pub(crate) fn values(x: &Tensor) -> Result<&[f32], Error> {
    let (kind, device) = (x.kind(), x.device());
    if kind != Kind::Float || device != Device::Cpu || !x.is_contiguous() {
        let what = format!("expected contiguous f32 values on the CPU, got {kind:?} on {device:?}");
        return Err(tch::TchError::Kind(what).into());
    }
    if x.numel() == 0 {
        return Ok(&[]);
    }
    // SAFETY: kind, device and contiguity were checked, so `data_ptr` points to `numel` f32 values; the borrow of `x`
    // keeps the storage alive, and no caller writes to a tensor while it reads it.
    Ok(unsafe { std::slice::from_raw_parts(x.data_ptr().cast::<f32>(), x.numel()) })
}

/// A `[N, C, H, W]` tensor as one whose memory order N, H, W, C is its logical order; free if it is channels-last.
pub(crate) fn nhwc_values(x: &Tensor) -> Result<Tensor, Error> {
    Ok(x.f_permute([0, 2, 3, 1])?.f_contiguous()?)
}
