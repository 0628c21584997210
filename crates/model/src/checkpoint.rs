use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::{Architecture, Error, InputSpec, Network};

/// Largest checkpoint that is read, in bytes; the paper's network takes 4.4 MB.
const MAX_BYTES: u64 = 4 << 30;
/// Key of the metadata that holds [`CheckpointInfo`].
const INFO_KEY: &str = "faus";

/// Tensors by name, f32 on the CPU, contiguous.
pub type TensorsByName = BTreeMap<String, Tensor>;

/// What a checkpoint says about itself, in its safetensors metadata.
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
    /// Training steps behind it.
    pub step: u64,
    /// The test fold it must be judged on; `None` when it was trained on everything.
    pub fold: Option<usize>,
    /// The protocol that dealt the folds, `paper-2017` or `paper-2015`.
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

/// A network's weights and what they are.
#[derive(Debug)]
pub struct Checkpoint {
    /// What it is.
    pub info: CheckpointInfo,
    /// Its weights.
    pub tensors: TensorsByName,
    /// Where it was read from, for error messages.
    path: PathBuf,
}

impl Checkpoint {
    /// Writes `network` to `path`, atomically.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save(network: &Network, info: &CheckpointInfo, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string(info).map_err(|e| Error::checkpoint(path, e))?;
        let metadata = HashMap::from([
            ("format".to_owned(), "pt".to_owned()),
            ("architecture".to_owned(), info.architecture.clone()),
            (
                "classes".to_owned(),
                serde_json::json!(info.classes).to_string(),
            ),
            ("input_size".to_owned(), info.side.to_string()),
            ("normalisation".to_owned(), plain(&info.normalisation)),
            ("step".to_owned(), info.step.to_string()),
            (INFO_KEY.to_owned(), text),
        ]);
        write_tensors(&network.parameters(), metadata, path)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// When the file is missing, is no checkpoint of ours, or is damaged.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let (tensors, metadata) = read_tensors(path)?;
        let text = metadata.get(INFO_KEY).ok_or_else(|| {
            Error::checkpoint(
                path,
                "a safetensors file, but no faus checkpoint (its metadata has no `faus` entry)",
            )
        })?;
        let info = serde_json::from_str(text)
            .map_err(|e| Error::checkpoint(path, format!("its metadata is damaged: {e}")))?;
        Ok(Self {
            info,
            tensors,
            path: path.to_path_buf(),
        })
    }

    /// The network of this checkpoint, on `device`; `architecture` must be the one it was written by.
    ///
    /// # Errors
    /// When the architecture's name, its parameters or their shapes are not the checkpoint's.
    pub fn network(
        &self,
        architecture: &dyn Architecture,
        device: Device,
    ) -> Result<Network, Error> {
        let wrong = |reason: String| Error::checkpoint(&self.path, reason);
        if architecture.name() != self.info.architecture {
            let (is, wants) = (&self.info.architecture, architecture.name());
            return Err(wrong(format!(
                "written by network `{is}`, this program runs `{wants}`: use the program that wrote it"
            )));
        }
        let spec = InputSpec {
            side: self.info.side,
            classes: self.info.classes.len(),
            dropout: self.info.dropout,
        };
        let network = Network::build(architecture, spec, 0, device)?;
        let names: Vec<String> = network.parameters().into_iter().map(|(n, _)| n).collect();
        if let Some(missing) = names.iter().find(|n| !self.tensors.contains_key(*n)) {
            return Err(wrong(format!("it has no tensor `{missing}`")));
        }
        if let Some(extra) = self.tensors.keys().find(|n| !names.contains(n)) {
            return Err(wrong(format!(
                "it has a tensor `{extra}` that network `{}` does not",
                self.info.architecture
            )));
        }
        for (name, parameter) in network.parameters() {
            let values = &self.tensors[&name];
            if values.size() != parameter.size() {
                return Err(wrong(format!(
                    "tensor `{name}` has shape {:?}, network `{}` needs {:?}",
                    values.size(),
                    self.info.architecture,
                    parameter.size()
                )));
            }
            network.set_parameter(&name, values)?;
        }
        Ok(network)
    }
}

/// A value as a person writes it: text without quotes.
fn plain(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Writes named tensors as safetensors, f32 in C order, atomically.
///
/// # Errors
/// When the disk refuses.
pub fn write_tensors(
    tensors: &[(String, &Tensor)],
    metadata: HashMap<String, String>,
    path: &Path,
) -> Result<(), Error> {
    let raw: Vec<(&str, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, t)| {
            let values = t
                .f_detach()?
                .f_to_device(Device::Cpu)?
                .f_to_kind(Kind::Float)?
                .f_contiguous()?;
            let mut bytes = vec![0; values.numel() * 4];
            values.f_copy_data_u8(&mut bytes, values.numel())?;
            Ok((
                name.as_str(),
                t.size().iter().map(|&s| s as usize).collect(),
                bytes,
            ))
        })
        .collect::<Result<_, Error>>()?;
    let views = raw
        .iter()
        .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| Error::checkpoint(path, e))?;
    let mut bytes =
        safetensors::serialize(views, Some(metadata)).map_err(|e| Error::checkpoint(path, e))?;
    sort_metadata(&mut bytes).map_err(|e| Error::checkpoint(path, e))?;
    let mut file = AtomicWriteFile::open(path).map_err(Error::io(path))?;
    file.write_all(&bytes).map_err(Error::io(path))?;
    file.commit().map_err(Error::io(path))
}

/// Orders the metadata of a safetensors file by key, in place: `serialize` takes a `HashMap` and writes it in another order
/// each time, and equal checkpoints shall be equal files.
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

/// Reads a safetensors file of f32 tensors, with its metadata.
///
/// # Errors
/// When the file is missing, damaged, larger than 4 GiB, or holds other kinds than f32.
pub fn read_tensors(path: &Path) -> Result<(TensorsByName, HashMap<String, String>), Error> {
    let length = std::fs::metadata(path).map_err(Error::io(path))?.len();
    if length > MAX_BYTES {
        return Err(Error::checkpoint(
            path,
            format!("{length} bytes are more than a checkpoint may have"),
        ));
    }
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let damaged = |e: safetensors::SafeTensorError| {
        Error::checkpoint(
            path,
            format!("not a readable safetensors file ({e}); it may be cut short, take another"),
        )
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    let file = SafeTensors::deserialize(&bytes).map_err(damaged)?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(Error::checkpoint(
                path,
                format!("tensor `{name}` is {:?}, expected F32", view.dtype()),
            ));
        }
        let shape: Vec<i64> = view.shape().iter().map(|&s| s as i64).collect();
        tensors.insert(
            name,
            Tensor::f_from_data_size(view.data(), &shape, Kind::Float)?,
        );
    }
    Ok((tensors, header.metadata().clone().unwrap_or_default()))
}
