//! Devices: the CPU, CUDA, or the reason why it is unavailable.

use std::str::FromStr;
use std::sync::OnceLock;

use serde::Serialize;
use tch::{Cuda, Device};

use crate::error::Error;

/// The device of a network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first CUDA device if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA device of this index.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let index = || text.strip_prefix("cuda:")?.parse().ok();
        let choice = match text {
            "auto" => Some(Self::Auto),
            "cpu" => Some(Self::Cpu),
            "cuda" => Some(Self::Cuda(0)),
            _ => index().map(Self::Cuda),
        };
        choice.ok_or_else(|| Error::DeviceName(text.to_owned()))
    }
}

impl DeviceChoice {
    /// The device to use.
    ///
    /// # Errors
    /// When a named CUDA device is not available, with the reason.
    pub fn resolve(self) -> Result<Device, Error> {
        let index = match self {
            Self::Cpu => return Ok(Device::Cpu),
            Self::Auto if cuda_status().devices == 0 => return Ok(Device::Cpu),
            Self::Auto => 0,
            Self::Cuda(index) => index,
        };
        let status = cuda_status();
        if index < status.devices {
            return Ok(Device::Cuda(index));
        }
        let some = || format!("there are {} CUDA devices", status.devices);
        Err(Error::Device {
            wanted: format!("cuda:{index}"),
            reason: status.why_not.clone().unwrap_or_else(some),
        })
    }
}

/// The devices of a training job: one, or several GPUs in parallel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceList(Vec<DeviceChoice>);

impl FromStr for DeviceList {
    type Err = Error;

    /// `auto`, `cpu`, `cuda`, `cuda:1` or several GPUs as `cuda:0,1`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::DeviceName(text.to_owned());
        let Some((first, others)) = text.split_once(',') else {
            return Ok(Self(vec![text.parse()?]));
        };
        let mut all: Vec<DeviceChoice> = vec![first.parse().map_err(|_| wrong())?];
        for index in others.split(',') {
            let index = index.strip_prefix("cuda:").unwrap_or(index);
            let next = DeviceChoice::Cuda(index.parse().map_err(|_| wrong())?);
            if all.contains(&next) {
                return Err(wrong());
            }
            all.push(next);
        }
        let only_gpus = all.iter().all(|d| matches!(d, DeviceChoice::Cuda(_)));
        only_gpus.then_some(Self(all)).ok_or_else(wrong)
    }
}

impl DeviceList {
    /// The devices, at least one.
    ///
    /// # Errors
    /// When a named CUDA device is not available, with the reason.
    pub fn resolve(&self) -> Result<Vec<Device>, Error> {
        self.0.iter().map(|choice| choice.resolve()).collect()
    }
}

/// A device as the command line writes it: `cpu`, `cuda:0`.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(index) => format!("cuda:{index}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// The state of CUDA in this process.
#[derive(Debug, Clone, Serialize)]
pub struct CudaStatus {
    /// CUDA devices that can be used.
    pub devices: usize,
    /// Why there are none; `None` if there is one.
    pub why_not: Option<String>,
}

/// Loads libtorch's CUDA half once and counts the devices.
///
/// The linker drops libtorch_cuda from the binary, since our code uses none of its symbols; without it libtorch finds
/// no CUDA. So it is opened here, by the same search path as libtorch itself.
pub fn cuda_status() -> &'static CudaStatus {
    static STATUS: OnceLock<CudaStatus> = OnceLock::new();
    STATUS.get_or_init(|| {
        let loaded = load_cuda_library();
        let devices = match Cuda::is_available() {
            true => Cuda::device_count().max(0) as usize,
            false => 0,
        };
        let why_not = (devices == 0).then(|| match loaded {
            Err(reason) => format!("this libtorch has no CUDA half ({reason})"),
            Ok(()) => {
                "libtorch's CUDA half is loaded but finds no usable driver or device".to_owned()
            }
        });
        CudaStatus { devices, why_not }
    })
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn load_cuda_library() -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: libtorch_cuda's initialisers register its kernels and are made to be run by the dynamic loader at any time.
    let library = unsafe { Library::open(Some("libtorch_cuda.so"), RTLD_NOW | RTLD_GLOBAL) };
    // Unloading would invalidate the registered kernels.
    library.map(std::mem::forget).map_err(|e| e.to_string())
}

#[cfg(not(target_os = "linux"))]
fn load_cuda_library() -> Result<(), String> {
    Err("CUDA is looked for on Linux only".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_are_read() {
        for (name, choice) in [
            ("auto", DeviceChoice::Auto),
            ("cpu", DeviceChoice::Cpu),
            ("cuda", DeviceChoice::Cuda(0)),
            ("cuda:3", DeviceChoice::Cuda(3)),
        ] {
            assert_eq!(name.parse::<DeviceChoice>().unwrap(), choice);
        }
        for wrong in ["", "gpu", "cuda:", "cuda:-1", "cuda:x"] {
            assert!(wrong.parse::<DeviceChoice>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn several_gpus_are_a_list_and_nothing_else_is() {
        let list = |text: &str| text.parse::<DeviceList>().map(|list| list.0);
        let gpus = vec![DeviceChoice::Cuda(0), DeviceChoice::Cuda(2)];
        assert_eq!(list("cuda:0,2").unwrap(), gpus);
        assert_eq!(list("cuda:0,cuda:2").unwrap(), gpus);
        assert_eq!(list("cpu").unwrap(), [DeviceChoice::Cpu]);
        assert_eq!(list("auto").unwrap(), [DeviceChoice::Auto]);
        for wrong in [
            "cpu,cuda:0",
            "cuda:0,0",
            "cuda:0,",
            "0,1",
            "auto,1",
            "cuda:0,x",
        ] {
            assert!(list(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_refused_with_the_reason() {
        let error = DeviceChoice::Cuda(99).resolve().unwrap_err().to_string();
        assert!(
            error.contains("cuda:99") && error.contains("--device cpu"),
            "{error}"
        );
    }

    #[test]
    fn cuda_is_either_there_or_explained() {
        let status = cuda_status();
        assert_eq!(status.devices == 0, status.why_not.is_some());
    }
}
