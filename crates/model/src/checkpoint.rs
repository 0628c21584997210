//! Checkpoints: networks as safetensors files.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::error::Error;
use crate::kernels::values;
use crate::network::Network;
use crate::network::architecture::{Architecture, InputSpec};

/// Largest checkpoint that is read, in bytes; the paper's network takes 4.4 MB.
const MAX_BYTES: u64 = 4 << 30;
/// Key of the metadata that holds [`CheckpointInfo`].
const INFO_KEY: &str = "faus";

/// Tensors by name, f32 on the CPU, contiguous.
pub type TensorsByName = BTreeMap<String, Tensor>;

/// The description of a checkpoint, in its safetensors metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointInfo {
    /// The network's name.
    pub architecture: String,
    /// Names of the classes, in label order.
    pub classes: Vec<String>,
    /// Height and width of the input images, in pixels.
    pub side: usize,
    /// Dropout probability it was trained with.
    pub dropout: f64,
    /// The normalisation its inputs need, as written in the configuration.
    pub normalisation: serde_json::Value,
    /// Training steps so far.
    pub step: u64,
    /// The fold to test it on; `None` if it was trained on everything.
    pub fold: Option<usize>,
    /// The fold protocol, `paper-2017` or `paper-2015`.
    #[serde(default)]
    pub protocol: Option<String>,
    /// Digest of the prepared data set and the split it was trained on: equal digests mean the same people in the same parts.
    #[serde(default)]
    pub split_digest: Option<String>,
    /// Whether it was trained on synthetic faces.
    pub synthetic: bool,
    /// Random choices of the initialisation.
    #[serde(default)]
    pub drawn: BTreeMap<String, f64>,
}

/// A network's weights and their description.
#[derive(Debug)]
pub struct Checkpoint {
    /// Its description.
    pub info: CheckpointInfo,
    /// Its weights.
    pub tensors: TensorsByName,
    /// Where it was read from, for error messages.
    pub path: PathBuf,
}

impl Checkpoint {
    /// Writes `network` to `path`, atomically.
    ///
    /// # Errors
    /// When a write fails.
    pub fn save(network: &Network, info: &CheckpointInfo, path: &Path) -> Result<(), Error> {
        let normalisation = match info.normalisation.as_str() {
            Some(word) => word.to_owned(),
            None => info.normalisation.to_string(),
        };
        let info_text = serde_json::to_string(info).map_err(Error::checkpoint(path))?;
        let metadata = [
            ("format", "pt".to_owned()),
            ("architecture", info.architecture.clone()),
            ("classes", serde_json::json!(info.classes).to_string()),
            ("input_size", info.side.to_string()),
            ("normalisation", normalisation),
            ("step", info.step.to_string()),
            (INFO_KEY, info_text),
        ];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value));
        write_tensors(&network.parameters(), metadata.into(), path)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// When the file is missing, damaged, or not a faus checkpoint.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let (tensors, metadata) = read_tensors(path)?;
        let none = "a safetensors file, but no faus checkpoint (its metadata has no `faus` entry)";
        let text = metadata.get(INFO_KEY);
        let text = text.ok_or_else(|| Error::checkpoint(path)(none))?;
        let damaged = |e| Error::checkpoint(path)(format!("its metadata is damaged: {e}"));
        let info = serde_json::from_str(text).map_err(damaged)?;
        Ok(Self {
            info,
            tensors,
            path: path.to_path_buf(),
        })
    }

    /// The network of this checkpoint, on `device`; `wanted` must be the architecture that wrote it.
    ///
    /// # Errors
    /// When the architecture's name, its parameters or their shapes do not match the checkpoint.
    pub fn network(&self, wanted: &dyn Architecture, device: Device) -> Result<Network, Error> {
        let (is, wants) = (&self.info.architecture, wanted.name());
        if is != wants {
            let reason = format!(
                "written by network `{is}`, this program runs `{wants}`: use the program that wrote it"
            );
            return Err(Error::checkpoint(&self.path)(reason));
        }
        let spec = InputSpec {
            side: self.info.side,
            classes: self.info.classes.len(),
            dropout: self.info.dropout,
        };
        let network = Network::build(wanted, spec, 0, device)?;
        self.copy_into(&network)?;
        Ok(network)
    }

    /// Copies the weights into a network of the same architecture.
    ///
    /// # Errors
    /// When its parameters or their shapes do not match the checkpoint.
    pub fn copy_into(&self, network: &Network) -> Result<(), Error> {
        let wrong = Error::checkpoint(&self.path);
        let is = network.architecture();
        let mut rest: BTreeMap<_, _> = self.tensors.iter().collect();
        for (name, parameter) in &network.parameters() {
            let missing = || wrong(format!("it has no tensor `{name}`"));
            let values = rest.remove(name).ok_or_else(missing)?;
            let (own, needed) = (values.size(), parameter.size());
            if own != needed {
                let reason =
                    format!("tensor `{name}` has shape {own:?}, network `{is}` needs {needed:?}");
                return Err(wrong(reason));
            }
            network.set_parameter(name, values)?;
        }
        let mut extra = rest
            .keys()
            .map(|name| format!("it has a tensor `{name}` that network `{is}` does not"));
        extra.next().map_or(Ok(()), |reason| Err(wrong(reason)))
    }
}

/// Writes named tensors as safetensors, f32 in C order, atomically.
///
/// # Errors
/// When a write fails.
pub fn write_tensors(
    tensors: &[(String, &Tensor)],
    metadata: HashMap<String, String>,
    path: &Path,
) -> Result<(), Error> {
    let wrong = Error::checkpoint(path);
    let all = tensors.iter().map(|(_, tensor)| bytes(tensor));
    let all = all.collect::<Result<Vec<_>, Error>>()?;
    let views = tensors.iter().zip(&all).map(|((name, tensor), bytes)| {
        let shape = tensor.size().iter().map(|&s| s as usize).collect();
        Ok((name, TensorView::new(Dtype::F32, shape, bytes)?))
    });
    let views = views
        .collect::<Result<Vec<_>, SafeTensorError>>()
        .map_err(&wrong)?;
    let mut file = safetensors::serialize(views, Some(metadata)).map_err(wrong)?;
    sort_metadata(&mut file).map_err(Error::checkpoint(path))?;
    faus_base::file::write(path, &file).map_err(Error::checkpoint(path))
}

/// The values of any tensor as f32 in C order.
pub(crate) fn bytes(tensor: &Tensor) -> Result<Vec<u8>, Error> {
    let tensor = tensor.f_detach()?.f_to_device(Device::Cpu)?;
    let tensor = tensor.f_to_kind(Kind::Float)?.f_contiguous()?;
    Ok(bytemuck::cast_slice(values(&tensor)?).to_vec())
}

/// Orders the metadata of a safetensors file by key, in place: `serialize` writes its `HashMap` in a random order, but
/// equal checkpoints must be identical files.
fn sort_metadata(file: &mut [u8]) -> Result<(), serde_json::Error> {
    let (length, rest) = file.split_at_mut(8);
    let length = length.iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
    let header = &mut rest[..length];
    let mut entries: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(header)?;
    if let Some(serde_json::Value::Object(metadata)) = entries.get_mut("__metadata__") {
        metadata.sort_keys();
    }
    let mut sorted = serde_json::to_vec(&entries)?;
    sorted.resize(length, b' ');
    header.copy_from_slice(&sorted);
    Ok(())
}

/// Whether a file is a pickle or an archive, as `torch.save` and `torch.jit.save` write.
pub(crate) fn is_pytorch(bytes: &[u8]) -> bool {
    let pickle = matches!(bytes, [0x80, 2..=5, ..]);
    pickle || bytes.starts_with(b"PK\x03\x04") || bytes.get(257..262) == Some(b"ustar")
}

/// The format of a file that is no safetensors file, and the way out.
fn other_format(bytes: &[u8]) -> Option<String> {
    // A safetensors file begins with the length of its header, which can look like any other mark.
    if let [.., 0, 0, 0, 0, b'{'] = bytes.get(..9).unwrap_or_default() {
        return None;
    }
    if is_pytorch(bytes) {
        return Some(
            "a PyTorch or pickle file (torch.save), which is never loaded: faus reads the checkpoints of `faus train` \
             and `faus run` (.safetensors); test the activations of another network with `faus correlate`"
                .to_owned(),
        );
    }
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
        let keras = "an HDF5 file, as Keras writes: test its activations with `faus correlate`";
        return Some(keras.to_owned());
    }
    let start = &bytes[..bytes.len().min(8)];
    let text = start.iter().all(|b| (b' '..=b'~').contains(b));
    let other = text.then(|| faus_base::text::other_kind(bytes)).flatten();
    other.map(str::to_owned)
}

/// Reads a safetensors file of f32 tensors, with its metadata.
///
/// # Errors
/// When the file is missing, damaged, larger than 4 GiB, or contains tensors other than f32.
pub fn read_tensors(path: &Path) -> Result<(TensorsByName, HashMap<String, String>), Error> {
    let wrong = Error::checkpoint(path);
    let found = std::fs::metadata(path).map_err(Error::checkpoint(path))?;
    let length = found.len();
    if length > MAX_BYTES {
        let reason = format!("{length} bytes are more than a checkpoint may have");
        return Err(wrong(reason));
    }
    let bytes = std::fs::read(path).map_err(Error::checkpoint(path))?;
    if let Some(other) = other_format(&bytes) {
        return Err(wrong(other));
    }
    let damaged = |e: SafeTensorError| {
        let reason = "it may be cut short; use another";
        wrong(format!("not a readable safetensors file ({e}); {reason}"))
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let file = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        let kind = view.dtype();
        if kind != Dtype::F32 {
            return Err(wrong(format!("tensor `{name}` is {kind:?}, expected F32")));
        }
        let shape: Vec<i64> = view.shape().iter().map(|&s| s as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, Kind::Float)?;
        tensors.insert(name, tensor);
    }
    Ok((tensors, header.metadata().clone().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_any_length_is_no_other_format() {
        for length in (8..70_000_u64).step_by(8) {
            let start = [&length.to_le_bytes()[..], b"{\"a\""].concat();
            assert_eq!(other_format(&start), None, "{length}");
        }
        for other in [
            &b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j"[..],
            b"PK\x03\x04\0\0\0\0\0",
        ] {
            assert!(other_format(other).unwrap().contains("torch.save"));
        }
    }
}
