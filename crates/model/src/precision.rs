//! Numeric precision of training on a GPU.

use serde::{Deserialize, Serialize};
use tch::{Cuda, Device};

use crate::error::Error;

/// The precision of a GPU's products in training. Weights, moments and losses are float32 throughout, and so are
/// evaluations of a finished checkpoint ([`Precision::for_looking`]); evaluations during training in TF32 or bfloat16
/// multiply in TF32, since libtorch has one setting for the process. The CPU has float32 alone.
///
/// The default stays float32 until measurements on a GPU show that the others do not reduce accuracy. libtorch by
/// itself allows TF32 in cuDNN's convolutions, so "float32" in other programs is often [`Tf32`](Self::Tf32).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Products of 24 bits.
    #[default]
    Float32,
    /// Products of 11 bits, sums of 24, in convolutions and matrix products; for GPUs since 2020.
    Tf32,
    /// As [`Tf32`](Self::Tf32), and forward and backward pass in bfloat16, 8 bits, where libtorch's autocast considers
    /// it safe (not in the loss).
    Bf16,
}

impl Precision {
    /// Sets libtorch up for training on `device`: the precision of its products, and cuDNN's autotuning, which pays
    /// since all batches have one shape. Applies to the whole process.
    ///
    /// # Errors
    /// When `device` or this libtorch does not have this precision.
    pub fn set_up(self, device: Device) -> Result<(), Error> {
        match (device.is_cuda(), self) {
            (true, _) => {
                libtorch::allow_tf32(self != Self::Float32).map_err(|e| self.refused(e))?;
                Cuda::cudnn_set_benchmark(true);
                Ok(())
            }
            (false, Self::Float32) => Ok(()),
            (false, _) => Err(self.refused("the CPU computes in float32".to_owned())),
        }
    }

    /// Sets libtorch up for evaluating a finished network on `device`, whatever its precision in training: products of
    /// 24 bits and no autotuning, since batches have many shapes. Applies to the whole process.
    ///
    /// # Errors
    /// When this libtorch has no such setting.
    pub fn for_looking(device: Device) -> Result<(), Error> {
        Self::Float32.set_up(device)?;
        if device.is_cuda() {
            Cuda::cudnn_set_benchmark(false);
        }
        Ok(())
    }

    /// Runs a training step's passes in this precision, on the calling thread.
    ///
    /// # Errors
    /// Errors from `f`, and when this libtorch has no bfloat16 autocast.
    pub fn run<T, E: From<Error>>(
        self,
        device: Device,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if self != Self::Bf16 || !device.is_cuda() {
            return f();
        }
        // Entered again each time, since libtorch keeps it per thread.
        let _autocast = libtorch::Autocast::to_bfloat16().map_err(|e| self.refused(e))?;
        f()
    }

    fn refused(self, reason: String) -> Error {
        let wanted = format!("{self:?}").to_lowercase();
        Error::Precision { wanted, reason }
    }
}

/// libtorch settings that tch does not bind, or binds to deprecated functions that warn at each call. They are found at
/// run time by their names in the Itanium C++ ABI (Linux, macOS): with a libtorch that lacks them the binary still
/// starts.
#[allow(unsafe_code)]
mod libtorch {
    use std::ffi::{c_char, c_int, c_void};

    use libloading::os::unix::{Library, Symbol};

    type Context = *mut c_void;

    /// `c10::DeviceType::CUDA`.
    const CUDA: c_char = 1;
    /// `c10::ScalarType::BFloat16`.
    const BFLOAT16: c_char = 15;

    /// `T` must be the function's type.
    unsafe fn function<T>(name: &str) -> Result<Symbol<T>, String> {
        let missing = |_| format!("this libtorch has no {name}");
        // SAFETY: the caller guarantees the symbol's type.
        unsafe { Library::this().get(name.as_bytes()) }.map_err(missing)
    }

    fn context() -> Result<Context, String> {
        // SAFETY: `at::Context& at::globalContext()`; a reference is returned as a pointer.
        let get = unsafe { function::<extern "C" fn() -> Context>("_ZN2at13globalContextEv") }?;
        Ok(get())
    }

    pub fn allow_tf32(allowed: bool) -> Result<(), String> {
        let context = context()?;
        for name in [
            "_ZN2at7Context17setAllowTF32CuDNNEb",
            "_ZN2at7Context18setAllowTF32CuBLASEb",
        ] {
            // SAFETY: `void at::Context::setAllowTF32…(bool)`; `this` is the first argument.
            let set = unsafe { function::<extern "C" fn(Context, bool)>(name) }?;
            set(context, allowed);
        }
        Ok(())
    }

    /// Autocast of CUDA's operations to bfloat16 on the calling thread, until this is dropped there.
    pub struct Autocast {
        before: bool,
        enable: Symbol<extern "C" fn(c_char, bool)>,
        leave: Symbol<extern "C" fn() -> c_int>,
        clear_cache: Symbol<extern "C" fn()>,
    }

    impl Autocast {
        pub fn to_bfloat16() -> Result<Self, String> {
            let name = "_ZN2at8autocast18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE";
            // SAFETY: `void at::autocast::set_autocast_dtype(DeviceType, ScalarType)`, both enums of eight bits.
            let set_kind = unsafe { function::<extern "C" fn(c_char, c_char)>(name) }?;
            let name = "_ZN2at8autocast17increment_nestingEv";
            // SAFETY: `int at::autocast::increment_nesting()`.
            let enter = unsafe { function::<extern "C" fn() -> c_int>(name) }?;
            let name = "_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb";
            let entered = Self {
                before: autocast_is_on()?,
                // SAFETY: `void at::autocast::set_autocast_enabled(DeviceType, bool)`.
                enable: unsafe { function(name) }?,
                // SAFETY: `int at::autocast::decrement_nesting()`.
                leave: unsafe { function("_ZN2at8autocast17decrement_nestingEv") }?,
                // SAFETY: `void at::autocast::clear_cache()`.
                clear_cache: unsafe { function("_ZN2at8autocast11clear_cacheEv") }?,
            };
            // All symbols were found, so every later change is reverted. libtorch's own choice is float16, which
            // overflows.
            set_kind(CUDA, BFLOAT16);
            enter();
            (entered.enable)(CUDA, true);
            Ok(entered)
        }
    }

    impl Drop for Autocast {
        fn drop(&mut self) {
            (self.enable)(CUDA, self.before);
            // The outermost one drops the weights that were cast within it: they are about to change.
            if (self.leave)() == 0 {
                (self.clear_cache)();
            }
        }
    }

    pub fn autocast_is_on() -> Result<bool, String> {
        let name = "_ZN2at8autocast19is_autocast_enabledEN3c1010DeviceTypeE";
        // SAFETY: `bool at::autocast::is_autocast_enabled(DeviceType)`.
        let get = unsafe { function::<extern "C" fn(c_char) -> bool>(name) }?;
        Ok(get(CUDA))
    }

    #[cfg(test)]
    pub fn tf32_in_products() -> Result<bool, String> {
        let name = "_ZNK2at7Context15allowTF32CuBLASEv";
        // SAFETY: `bool at::Context::allowTF32CuBLAS() const`.
        let get = unsafe { function::<extern "C" fn(Context) -> bool>(name) }?;
        Ok(get(context()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_has_float32_alone() {
        assert!(Precision::Float32.set_up(Device::Cpu).is_ok());
        assert!(Precision::for_looking(Device::Cpu).is_ok());
        for (precision, name) in [(Precision::Tf32, "tf32"), (Precision::Bf16, "bf16")] {
            let error = precision.set_up(Device::Cpu).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("CPU"), "{error}");
            assert_eq!(serde_json::to_value(precision).unwrap(), name);
        }
        let run: Result<i32, Error> = Precision::Bf16.run(Device::Cpu, || Ok(3));
        assert_eq!(run.unwrap(), 3);
    }

    /// The settings live in libtorch's CPU half, so they also exist without a GPU.
    #[test]
    fn libtorch_knows_the_settings() {
        for allowed in [true, false] {
            libtorch::allow_tf32(allowed).unwrap();
            assert_eq!(libtorch::tf32_in_products(), Ok(allowed));
        }
        let gpu = Device::Cuda(0);
        let on = || libtorch::autocast_is_on().unwrap();
        let inside: Result<_, Error> = Precision::Bf16.run(gpu, || {
            let nested: Result<_, Error> = Precision::Bf16.run(gpu, || Ok(on()));
            Ok((nested?, on()))
        });
        assert_eq!(inside.unwrap(), (true, true));
        assert!(!on());
    }

    #[test]
    fn autocast_ends_with_an_error_and_with_a_panic() {
        let gpu = Device::Cuda(0);
        let on = || libtorch::autocast_is_on().unwrap();
        let failed = Precision::Bf16.run(gpu, || match on() {
            true => Err(Error::NoFeatureMap("x".to_owned())),
            false => Ok(()),
        });
        assert!(failed.is_err() && !on());
        let panicked = std::panic::catch_unwind(|| {
            Precision::Bf16.run::<(), Error>(gpu, || panic!("on purpose"))
        });
        assert!(panicked.is_err() && !on());
    }
}
