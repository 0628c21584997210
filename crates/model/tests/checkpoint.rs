//! Checkpoints: their content, their round trip bit for bit, and a reader that no file makes panic.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use faus_model::{
    Architecture, Blueprint, Checkpoint, CheckpointInfo, Error, InputSpec, Network, ZeroBiasCnn,
    read_tensors, write_tensors,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tch::{Device, Tensor};

fn info(side: usize) -> CheckpointInfo {
    CheckpointInfo {
        architecture: "zero_bias_cnn".to_owned(),
        classes: ["neutral", "anger", "ärger, \"groß\"", "fear"]
            .map(str::to_owned)
            .to_vec(),
        side,
        dropout: 0.5,
        normalisation: json!("subtractive"),
        step: 31_000,
        fold: Some(4),
        protocol: Some("paper-2017".to_owned()),
        split_digest: None,
        synthetic: true,
        drawn: BTreeMap::from([("k".to_owned(), 0.7)]),
    }
}

fn network(side: usize) -> Network {
    let spec = InputSpec {
        side,
        classes: 4,
        dropout: 0.5,
    };
    Network::build(&ZeroBiasCnn { k: Some(0.7) }, spec, 9, Device::Cpu).unwrap()
}

/// A checkpoint on disk, its folder and its bytes.
fn saved(side: usize) -> (tempfile::TempDir, std::path::PathBuf, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("step-031000.safetensors");
    Checkpoint::save(&network(side), &info(side), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (dir, path, bytes)
}

/// The JSON header of a safetensors file.
fn header(bytes: &[u8]) -> Value {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    serde_json::from_slice(&bytes[8..8 + length]).unwrap()
}

/// A safetensors file of this header and that many zero bytes.
fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn comes_back_bit_for_bit() {
    let (_dir, path, _) = saved(96);
    let checkpoint = Checkpoint::load(&path).unwrap();
    assert_eq!(checkpoint.info, info(96));
    let (wrote, read) = (
        network(96),
        checkpoint
            .network(&ZeroBiasCnn::default(), Device::Cpu)
            .unwrap(),
    );
    for ((name, a), (_, b)) in wrote.parameters().iter().zip(read.parameters()) {
        assert!(a.equal(b), "{name}");
    }
    assert_eq!(read.spec(), wrote.spec());
}

#[test]
fn names_and_shapes_are_those_that_pytorch_would_use() {
    let (_dir, path, bytes) = saved(96);
    let expected = [
        ("conv1.weight", vec![64, 1, 5, 5]),
        ("conv2.weight", vec![128, 64, 5, 5]),
        ("conv3.weight", vec![256, 128, 5, 5]),
        ("fc4.bias", vec![300]),
        ("fc4.weight", vec![300, 1024]),
        ("output.bias", vec![4]),
        ("output.weight", vec![4, 300]),
    ];
    let (tensors, metadata) = read_tensors(&path).unwrap();
    let found: Vec<(&str, Vec<i64>)> = tensors
        .iter()
        .map(|(n, t)| (n.as_str(), t.size()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(metadata["architecture"], "zero_bias_cnn");
    assert_eq!(metadata["input_size"], "96");
    assert_eq!(metadata["step"], "31000");
    assert_eq!(metadata["normalisation"], "subtractive");
    // As any reader of the format sees it.
    let header = header(&bytes);
    assert_eq!(header["conv1.weight"]["dtype"], "F32");
    assert_eq!(header["conv1.weight"]["shape"], json!([64, 1, 5, 5]));
    assert!(
        header["__metadata__"]
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_string)
    );
}

#[test]
fn values_lie_in_c_order_though_the_weights_are_channels_last() {
    let network = network(16);
    let (name, weight) = (
        "conv2.weight",
        Tensor::arange(128 * 64 * 25, tch::kind::FLOAT_CPU).reshape([128, 64, 5, 5]),
    );
    network.set_parameter(name, &weight).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.safetensors");
    Checkpoint::save(&network, &info(16), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let (length, offsets) = (
        u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize,
        header(&bytes)[name]["data_offsets"].clone(),
    );
    let start = 8 + length + offsets[0].as_u64().unwrap() as usize;
    for at in [0usize, 1, 24, 25, 70_000, 204_799] {
        let value = bytes[start + 4 * at..][..4].try_into().unwrap();
        assert_eq!(f32::from_le_bytes(value), at as f32);
    }
}

#[test]
fn equal_checkpoints_are_equal_files() {
    let files = [(); 3].map(|()| saved(16).2);
    assert!(files[0] == files[1] && files[0] == files[2]);
}

#[test]
fn a_missing_file_is_named() {
    let error = Checkpoint::load(Path::new("nowhere/best.safetensors")).unwrap_err();
    assert!(
        error.to_string().contains("nowhere/best.safetensors"),
        "{error}"
    );
}

#[test]
fn another_network_is_refused_by_name() {
    struct Other;
    impl Architecture for Other {
        fn name(&self) -> &str {
            "other"
        }
        fn build(&self, spec: &InputSpec, rng: &mut ChaCha8Rng) -> Result<Blueprint, Error> {
            ZeroBiasCnn::default().build(spec, rng)
        }
    }
    let (_dir, path, _) = saved(16);
    let error = Checkpoint::load(&path)
        .unwrap()
        .network(&Other, Device::Cpu)
        .unwrap_err()
        .to_string();
    for word in ["`other`", "`zero_bias_cnn`", "step-031000.safetensors"] {
        assert!(error.contains(word), "{error}");
    }
}

/// The error of a checkpoint whose tensors were changed.
fn changed(change: impl Fn(&mut BTreeMap<String, Tensor>)) -> String {
    let (_dir, path, _) = saved(16);
    let mut checkpoint = Checkpoint::load(&path).unwrap();
    change(&mut checkpoint.tensors);
    let error = checkpoint
        .network(&ZeroBiasCnn::default(), Device::Cpu)
        .unwrap_err()
        .to_string();
    assert!(error.contains("step-031000.safetensors"), "{error}");
    error
}

#[test]
fn missing_extra_and_misshapen_tensors_are_named() {
    let missing = changed(|t| drop(t.remove("fc4.bias")));
    assert!(missing.contains("`fc4.bias`"), "{missing}");
    let extra = changed(|t| drop(t.insert("fc5.bias".into(), Tensor::from(0f32))));
    assert!(extra.contains("`fc5.bias`"), "{extra}");
    let misshapen = changed(|t| {
        let turned = t["fc4.weight"].transpose(0, 1);
        t.insert("fc4.weight".into(), turned);
    });
    for word in ["fc4.weight", "[1024, 300]", "[300, 1024]"] {
        assert!(misshapen.contains(word), "{misshapen}");
    }
}

#[test]
fn foreign_and_odd_safetensors_files_are_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.safetensors");
    let error = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Checkpoint::load(&path).unwrap_err().to_string()
    };
    let foreign = error(&file(
        r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
        8,
    ));
    assert!(foreign.contains("no faus checkpoint"), "{foreign}");
    let half = error(&file(
        r#"{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#,
        4,
    ));
    assert!(half.contains("`w` is F16"), "{half}");
    let damaged = error(&file(r#"{"__metadata__":{"faus":"{\"side\": -3}"}}"#, 0));
    assert!(damaged.contains("metadata is damaged"), "{damaged}");
    // Shapes that overflow i64, in files of a hundred bytes.
    for shape in [
        "[9223372036854775808,0]",
        "[4611686018427387904,2,0]",
        "[18446744073709551615,0]",
    ] {
        let header = format!(r#"{{"w":{{"dtype":"F32","shape":{shape},"data_offsets":[0,0]}}}}"#);
        error(&file(&header, 0));
    }
    for length in [0, 1, 9, 100_000_001, 1 << 40, u64::MAX - 7, u64::MAX] {
        let mut bytes = file("{}", 20);
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        let text = error(&bytes);
        assert!(text.contains("a.safetensors"), "{length}: {text}");
    }
    let deep = "[".repeat(100_000);
    error(&file(&deep, 0));
}

#[test]
fn metadata_that_the_network_cannot_be_built_from_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.safetensors");
    for side in [0, 8, 20, usize::MAX, usize::MAX - 7] {
        Checkpoint::save(&network(16), &info(side), &path).unwrap();
        let built = Checkpoint::load(&path)
            .unwrap()
            .network(&ZeroBiasCnn::default(), Device::Cpu);
        // A side that is a multiple of 8 fits the weights, however large.
        assert_eq!(built.is_err(), side < 16 || side % 8 != 0, "{side}");
    }
    let classes = CheckpointInfo {
        classes: vec!["only".to_owned()],
        ..info(16)
    };
    Checkpoint::save(&network(16), &classes, &path).unwrap();
    let error = Checkpoint::load(&path)
        .unwrap()
        .network(&ZeroBiasCnn::default(), Device::Cpu)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("output.weight") || error.contains("output.bias"),
        "{error}"
    );
}

#[test]
fn a_truncated_checkpoint_is_an_error_at_every_kind_of_place() {
    let (_dir, path, bytes) = saved(16);
    let header_end = 8 + header_length(&bytes);
    for cut in [
        0,
        1,
        7,
        8,
        9,
        100,
        header_end - 1,
        header_end,
        header_end + 1,
        bytes.len() - 1,
    ] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let error = Checkpoint::load(&path).unwrap_err().to_string();
        assert!(error.contains("cut short"), "{cut}: {error}");
    }
}

fn header_length(bytes: &[u8]) -> usize {
    u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize
}

/// A small file that `read_tensors` takes.
fn small() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("small.safetensors");
    let tensors = [
        ("a".to_owned(), Tensor::from_slice(&[1f32, 2.0, 3.0])),
        (
            "b.weight".to_owned(),
            Tensor::from_slice(&[4f32, 5.0]).reshape([2, 1]),
        ),
    ];
    let named: Vec<(String, &Tensor)> = tensors.iter().map(|(n, t)| (n.clone(), t)).collect();
    let metadata = HashMap::from([("faus".to_owned(), serde_json::to_string(&info(16)).unwrap())]);
    write_tensors(&named, metadata, &path).unwrap();
    std::fs::read(&path).unwrap()
}

fn load(bytes: &[u8]) -> Result<Checkpoint, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("any.safetensors");
    std::fs::write(&path, bytes).unwrap();
    Checkpoint::load(&path)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = load(&bytes);
    }

    #[test]
    fn any_header_text_is_read_or_refused(text in "[\\[\\]{}\":,a-z0-9_ .-]{0,200}", data in 0usize..40) {
        let _ = load(&file(&text, data));
    }

    #[test]
    fn any_shape_and_offsets_are_read_or_refused(
        shape in proptest::collection::vec(prop_oneof![0u64..5, any::<u64>(), Just(1 << 32), Just(1 << 62)], 0..5),
        offsets in (0u64..40, 0u64..40), data in 0usize..40,
    ) {
        let header = json!({"w": {"dtype": "F32", "shape": shape, "data_offsets": [offsets.0, offsets.1]}});
        let _ = load(&file(&header.to_string(), data));
    }

    #[test]
    fn any_truncation_is_an_error(cut in 0.0f64..1.0) {
        let bytes = small();
        prop_assert!(load(&bytes[..(cut * bytes.len() as f64) as usize]).is_err());
    }

    #[test]
    fn any_changed_byte_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = small();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(checkpoint) = load(&bytes) {
            prop_assert!(checkpoint.network(&ZeroBiasCnn::default(), Device::Cpu).is_err());
        }
    }
}
