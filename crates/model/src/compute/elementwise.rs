//! Elementwise updates of tensors on the CPU, in one pass over their memory.

use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

/// Numbers that one thread works on at a time.
const STRETCH: usize = 16_384;

/// Calls `f` on matching slices of f32 CPU tensors, on rayon's threads, in any order: slices of `changed`, to be
/// written, and slices of `read`. One pass over memory instead of one for each tensor operation.
///
/// Returns `false` and changes nothing if the tensors are not on the CPU, differ in shape or layout, have gaps or overlap.
///
/// # Safety
/// Until it returns, nothing else on any thread, `f` included, may access the memory of these tensors except through
/// the slices passed to `f`.
#[allow(unsafe_code)]
pub unsafe fn in_memory<const N: usize>(
    changed: [&Tensor; N],
    read: &[&Tensor],
    f: impl Fn([&mut [f32]; N], &[&[f32]]) + Sync,
) -> bool {
    let all = || changed.iter().chain(read).copied();
    let Some(len) = common_length(all()) else {
        return false;
    };
    let starts: Vec<usize> = all().map(|t| t.data_ptr() as usize).collect();
    let apart = |a: usize, b: usize| a.abs_diff(b) >= len * size_of::<f32>();
    let alone = |i: usize| starts[i + 1..].iter().all(|&other| apart(starts[i], other));
    if len > 0 && !(0..N).all(alone) {
        return false;
    }
    (0..len.div_ceil(STRETCH))
        .into_par_iter()
        .for_each(|stretch| {
            let first = stretch * STRETCH;
            let count = STRETCH.min(len - first);
            // SAFETY: kind, device and density were checked, so every start points to `len` f32 values, and the
            // borrowed tensors keep them there; the changed ones do not overlap, and each of their slices is passed to
            // exactly one call.
            let changed = std::array::from_fn(|i| unsafe {
                std::slice::from_raw_parts_mut((starts[i] as *mut f32).add(first), count)
            });
            let read = starts[N..].iter().map(|&start| unsafe {
                std::slice::from_raw_parts((start as *const f32).add(first), count)
            });
            let read: Vec<&[f32]> = read.collect();
            f(changed, &read);
        });
    true
}

/// The number of values of each tensor, if all are f32 on the CPU, without gaps, and equal in shape and layout.
fn common_length<'a>(mut all: impl Iterator<Item = &'a Tensor>) -> Option<usize> {
    let first = all.next()?;
    let dense = |t: &Tensor| {
        t.is_contiguous()
            || (t.dim() == 4
                && t.f_permute([0, 2, 3, 1])
                    .is_ok_and(|nhwc| nhwc.is_contiguous()))
    };
    let plain = |t: &Tensor| t.kind() == Kind::Float && t.device() == Device::Cpu && dense(t);
    let alike = |t: &Tensor| t.size() == first.size() && t.stride() == first.stride();
    (plain(first) && all.all(|t| plain(t) && alike(t))).then(|| first.numel())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::layer::channels_last;

    #[allow(unsafe_code)]
    fn add(to: &Tensor, from: &Tensor) -> bool {
        let add = |[to]: [&mut [f32]; 1], from: &[&[f32]]| {
            for (to, from) in to.iter_mut().zip(from[0]) {
                *to += from;
            }
        };
        // SAFETY: the closure captures nothing, and the test's tensors are known to this thread alone.
        unsafe { in_memory([to], &[from], add) }
    }

    #[test]
    fn every_value_is_visited_once() {
        let options = (Kind::Float, Device::Cpu);
        for shape in [vec![3], vec![50_000], vec![64, 20, 5, 7]] {
            let (a, b) = (
                Tensor::randn(&shape, options),
                Tensor::randn(&shape, options),
            );
            let sum = &a + &b;
            assert!(add(&a, &b));
            assert_eq!(a, sum);
        }
    }

    #[test]
    fn what_does_not_match_is_left_alone() {
        let x = Tensor::ones([4, 3, 5, 5], (Kind::Float, Device::Cpu));
        let nhwc = channels_last(&x).unwrap();
        assert!(add(&nhwc, &nhwc.copy()), "both channels-last");
        let others = [
            nhwc,
            x.to_kind(Kind::Double),
            x.narrow(3, 0, 4),
            x.shallow_clone(),
            x.transpose(2, 3),
        ];
        for other in others {
            assert!(!add(&x, &other), "{other:?}");
        }
        assert_eq!(x.sum(Kind::Float).double_value(&[]), 300.0);
    }
}
