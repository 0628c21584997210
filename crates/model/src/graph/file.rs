//! Reads an ONNX file and its weights, whose sizes are checked before memory is taken.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use prost::Message;
use prost::bytes::Bytes;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use tch::{Kind, Tensor};

use crate::checkpoint::is_pytorch;
use crate::error::Error;
use crate::graph::messages::{DOUBLE, FLOAT, INT32, INT64, Model, TensorMessage};

/// What a protobuf message may have at most.
pub(super) const MAX_BYTES: u64 = 2 << 30;

/// What a graph may consist of: an empty message takes two bytes in the file, and a hundred times as many in memory.
const MAX_MESSAGES: usize = 1 << 18;

/// Way out for a checkpoint in place of an ONNX file.
const EXPORT: &str = "a PyTorch file (torch.save), which is never loaded: it holds code or weights alone. In Python, where the network is, write an ONNX file:
    import torch
    network.eval()
    image = torch.zeros(1, 1, 48, 48)  # images, channels, height, width
    torch.onnx.export(network, image, \"model.onnx\", input_names=[\"image\"],
                      dynamic_axes={\"image\": {0: \"n\"}}, dynamo=False)
Then, with its images described in input.json (docs/your-network.md):
    faus analyse model.onnx --input input.json --data DATA --out mine";

/// Reads the messages of the file at `path`.
///
/// # Errors
/// When it is missing, too large, damaged or of another format.
pub(super) fn read(path: &Path) -> Result<Model, Error> {
    let wrong = Error::checkpoint::<String>(path);
    let length = std::fs::metadata(path)
        .map_err(Error::checkpoint(path))?
        .len();
    if length > MAX_BYTES {
        return Err(wrong(format!(
            "{length} bytes are more than an ONNX file may have (2 GiB); export with external data"
        )));
    }
    let bytes = std::fs::read(path).map_err(Error::checkpoint(path))?;
    if is_pytorch(&bytes) {
        return Err(wrong(EXPORT.to_owned()));
    }
    if bytes.starts_with(b"\x89HDF\r\n\x1a\n") {
        let keras =
            "an HDF5 file, as Keras writes: convert it with tf2onnx (python -m tf2onnx.convert)";
        return Err(wrong(keras.to_owned()));
    }
    let damaged = "damaged, or not an ONNX file";
    let many =
        messages(&bytes, "model").ok_or_else(|| wrong(format!("{damaged}; export it again")))?;
    if many > MAX_MESSAGES {
        return Err(wrong(format!(
            "{damaged}: {many} nodes, names, attributes and weights are more than {MAX_MESSAGES}"
        )));
    }
    let model = Model::decode(Bytes::from(bytes));
    model.map_err(|error| wrong(format!("{damaged}: {error}; export it again")))
}

/// Number of messages and words that the bytes of a message of this kind hold, counted before memory is taken for them;
/// `None` where they are damaged.
fn messages(mut bytes: &[u8], kind: &str) -> Option<usize> {
    let mut many = 1;
    while !bytes.is_empty() {
        let (tag, wire) = decode_key(&mut bytes).ok()?;
        let inner = match (kind, tag) {
            ("model", 7) => "graph",
            ("graph", 1) => "node",
            ("graph", 5) | ("attribute", 5) => "tensor",
            ("graph", 11 | 12) => "value",
            ("node", 5) => "attribute",
            ("node", 1 | 2) | ("tensor", 13) | ("model", 8 | 14) | ("shape", 1) => "word",
            ("value", 2) => "type",
            ("type", 1) => "of tensor",
            ("of tensor", 2) => "shape",
            _ => "",
        };
        if inner.is_empty() || wire != WireType::LengthDelimited {
            skip_field(wire, tag, &mut bytes, DecodeContext::default()).ok()?;
            continue;
        }
        let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
        let (own, rest) = bytes.split_at_checked(length)?;
        many += match inner {
            "word" => 1,
            inner => messages(own, inner)?,
        };
        bytes = rest;
    }
    Some(many)
}

/// A tensor of the file: f32, or i64 for whole numbers. `folder` is the model's, for weights in files of their own.
pub(super) fn tensor(message: &TensorMessage, folder: &Path) -> Result<Tensor, String> {
    let (kind, raw) = numbers(message, folder)?;
    let read = Tensor::f_from_data_size(&raw, &message.dims, kind);
    let wide = if kind == Kind::Int || kind == Kind::Int64 {
        Kind::Int64
    } else {
        Kind::Float
    };
    let read = read.and_then(|tensor| tensor.f_to_kind(wide));
    read.map_err(|error| format!("weight `{}` cannot be read: {error}", message.name))
}

/// The message with its numbers in it, wherever they were.
pub(super) fn inlined(message: &TensorMessage, folder: &Path) -> Result<TensorMessage, String> {
    let (_, raw) = numbers(message, folder)?;
    Ok(TensorMessage {
        dims: message.dims.clone(),
        kind: message.kind,
        name: message.name.clone(),
        raw,
        ..TensorMessage::default()
    })
}

/// The type and the bytes of a tensor's numbers, as many as its dimensions need.
fn numbers(message: &TensorMessage, folder: &Path) -> Result<(Kind, Bytes), String> {
    let name = &message.name;
    let wrong = |what: String| format!("weight `{name}` {what}");
    let (kind, bytes_each) = match message.kind {
        FLOAT => (Kind::Float, 4),
        INT32 => (Kind::Int, 4),
        INT64 => (Kind::Int64, 8),
        DOUBLE => (Kind::Double, 8),
        other => {
            return Err(wrong(format!(
                "has ONNX data type {other}; only float32 networks are read: export the network in float32"
            )));
        }
    };
    let dims = &message.dims;
    let count = dims
        .iter()
        .try_fold(1u64, |all, &dim| all.checked_mul(u64::try_from(dim).ok()?));
    let bytes = count
        .and_then(|count| count.checked_mul(bytes_each))
        .filter(|bytes| *bytes <= MAX_BYTES);
    let bytes = bytes.ok_or_else(|| wrong(format!("has impossible dimensions {dims:?}")))?;
    let raw = match message.location {
        0 => raw_of(message),
        _ => external(message, folder, bytes).map_err(wrong)?,
    };
    match raw.len() as u64 == bytes {
        true => Ok((kind, raw)),
        false => Err(wrong(format!(
            "of dimensions {dims:?} needs {bytes} bytes and has {}: the file is damaged; export it again",
            raw.len()
        ))),
    }
}

/// The name of the file beside the model that holds a weight; `None` for one within the model.
pub(super) fn location(message: &TensorMessage) -> Option<&str> {
    let mut entries = message.external.iter();
    let entry = entries.find(|it| it.key == "location")?;
    (message.location != 0).then_some(entry.value.as_str())
}

/// The bytes within the message, from whichever field carries them.
fn raw_of(message: &TensorMessage) -> Bytes {
    if !message.raw.is_empty() {
        return message.raw.clone();
    }
    let bytes: Vec<u8> = match message.kind {
        FLOAT => message
            .floats
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect(),
        DOUBLE => message
            .doubles
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect(),
        INT32 => message
            .int32s
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect(),
        _ => message.ints.iter().flat_map(|v| v.to_le_bytes()).collect(),
    };
    bytes.into()
}

/// The `bytes` bytes of a weight in another file, which must lie inside `folder`.
fn external(message: &TensorMessage, folder: &Path, bytes: u64) -> Result<Bytes, String> {
    let entry = |key: &str| {
        let mut entries = message.external.iter();
        entries.find(|it| it.key == key).map(|it| it.value.as_str())
    };
    let location = location(message).unwrap_or_default();
    let offset = entry("offset").unwrap_or("0").parse();
    let offset: u64 = offset.map_err(|_| format!("has no readable offset in {location}"))?;
    let path = inside(folder, location)?;
    let wrong =
        |error: std::io::Error| format!("is in {}, which cannot be read: {error}", path.display());
    let mut file = File::open(&path).map_err(wrong)?;
    let length = file.metadata().map_err(wrong)?.len();
    if offset.checked_add(bytes).is_none_or(|end| end > length) {
        return Err(format!(
            "ends beyond {}, which has {length} bytes: copy it again",
            path.display()
        ));
    }
    file.seek(SeekFrom::Start(offset)).map_err(wrong)?;
    let mut read = vec![0; bytes as usize];
    file.read_exact(&mut read).map_err(wrong)?;
    Ok(read.into())
}

/// The file `location` of `folder`; links and `..` that leave the folder are refused.
fn inside(folder: &Path, location: &str) -> Result<PathBuf, String> {
    let missing = |error: std::io::Error| {
        format!(
            "is in the file `{location}` beside the model, which cannot be opened: {error}; copy it there"
        )
    };
    let folder = folder.canonicalize().map_err(missing)?;
    let path = folder.join(location).canonicalize().map_err(missing)?;
    match path.starts_with(&folder) && path.is_file() {
        true => Ok(path),
        false => Err(format!(
            "is in `{location}`, outside the model's folder, where nothing is read: move it there and export again"
        )),
    }
}
