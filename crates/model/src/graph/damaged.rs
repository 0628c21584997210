//! Damaged files, made from a small good one: each gives one clear error.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use prost::Message;
use tempfile::TempDir;

use crate::graph::input::GraphInput;
use crate::graph::load::OnnxFile;
use crate::graph::messages::{
    Attribute, Dimension, Entry, FLOAT, GraphMessage, INT64, Model, NodeMessage, TensorMessage,
};

/// A small network of `tests/golden/model_onnx.py`.
fn bytes_of(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../viz/tests/golden/onnx");
    std::fs::read(folder.join(name)).unwrap()
}

fn good() -> Model {
    Model::decode(&*bytes_of("plain.onnx")).unwrap()
}

/// The error of building the file at `path`.
fn built(path: &Path) -> Result<(), String> {
    let open = || {
        let file = OnnxFile::read(path)?;
        let example = file.example_input();
        let side = if example.size == 0 { 36 } else { example.size };
        file.graph_for(&GraphInput::example(side, example.channels))
    };
    open()
        .map(drop)
        .map_err(|error: crate::error::Error| error.to_string())
}

fn stored(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Each of `words` stands in the error of the file after `damage`.
fn fails(words: &[&str], damage: impl FnOnce(&mut GraphMessage)) {
    let (mut model, folder) = (good(), tempfile::tempdir().unwrap());
    damage(model.graph.as_mut().unwrap());
    let error = built(&stored(&folder, &model.encode_to_vec())).unwrap_err();
    assert!(
        error.contains("model.onnx: ") && error.len() < 800,
        "{error}"
    );
    for word in words {
        assert!(error.contains(word), "no `{word}` in: {error}");
    }
}

#[test]
fn more_messages_than_any_network_has_are_refused_before_memory_is_taken() {
    let (folder, empty_node) = (tempfile::tempdir().unwrap(), [0x0a, 0x00]);
    let nodes = empty_node.repeat(1 << 20);
    let mut graph = vec![0x3a];
    prost::encoding::encode_varint(nodes.len() as u64, &mut graph);
    let error = built(&stored(&folder, &[graph, nodes].concat())).unwrap_err();
    assert!(
        error.contains("1048578 nodes, names, attributes and weights"),
        "{error}"
    );
}

/// `Reshape` to [1, C, 1, 1] of a weight behind an `Identity`: the 1 is no number of images.
#[test]
fn a_reshaped_weight_keeps_its_size_in_a_file_for_one_image() {
    let (mut model, folder) = (good(), tempfile::tempdir().unwrap());
    let graph = model.graph.as_mut().unwrap();
    image_sizes(graph)[0].size = 1;
    let at = graph.nodes.iter().position(|it| it.op == "Conv").unwrap();
    let of = |graph: &GraphMessage, name: &str| {
        let mut weights = graph.weights.iter();
        weights.find(|it| it.name == name).unwrap().clone()
    };
    let kernel = of(graph, &graph.nodes[at].inputs[1]);
    let weight = |name: &str, kind: i32, dims: Vec<i64>| TensorMessage {
        name: name.to_owned(),
        kind,
        dims,
        ..TensorMessage::default()
    };
    graph.weights.push(TensorMessage {
        floats: vec![2.0; kernel.dims[0] as usize],
        ..weight("factors", FLOAT, vec![kernel.dims[0]])
    });
    graph.weights.push(TensorMessage {
        ints: vec![1, kernel.dims[0], 1, 1],
        ..weight("sizes", INT64, vec![4])
    });
    let own = |op: &str, inputs: [&str; 2], output: &str| NodeMessage {
        op: op.to_owned(),
        inputs: inputs
            .iter()
            .filter(|it| !it.is_empty())
            .map(|it| (*it).to_owned())
            .collect(),
        outputs: vec![output.to_owned()],
        ..NodeMessage::default()
    };
    let output = std::mem::replace(&mut graph.nodes[at].outputs[0], "before".to_owned());
    let further = [
        own("Identity", ["factors", ""], "same"),
        own("Reshape", ["same", "sizes"], "factor"),
        own("Mul", ["before", "factor"], &output),
    ];
    graph.nodes.splice(at + 1..at + 1, further);
    built(&stored(&folder, &model.encode_to_vec())).unwrap();
}

fn node<'a>(graph: &'a mut GraphMessage, op: &str) -> &'a mut NodeMessage {
    graph.nodes.iter_mut().find(|node| node.op == op).unwrap()
}

fn set_ints(node: &mut NodeMessage, name: &str, ints: Vec<i64>) {
    node.attributes.retain(|it| it.name != name);
    let name = name.to_owned();
    node.attributes.push(Attribute {
        name,
        ints,
        ..Attribute::default()
    });
}

fn size(size: i64) -> Dimension {
    Dimension {
        size,
        ..Dimension::default()
    }
}

fn image_sizes(graph: &mut GraphMessage) -> &mut Vec<Dimension> {
    let kind = graph.inputs[0].kind.as_mut().unwrap();
    let tensor = kind.tensor.as_mut().unwrap();
    &mut tensor.shape.as_mut().unwrap().dims
}

#[test]
fn the_good_file_is_good() {
    let folder = tempfile::tempdir().unwrap();
    built(&stored(&folder, &good().encode_to_vec())).unwrap();
}

#[test]
fn files_cut_short_or_of_another_kind_are_refused() {
    let (bytes, folder) = (good().encode_to_vec(), tempfile::tempdir().unwrap());
    for length in [0, 1, 7, bytes.len() / 3, bytes.len() - 1] {
        let error = built(&stored(&folder, &bytes[..length])).unwrap_err();
        assert!(error.contains("export it again"), "{length}: {error}");
    }
    for (start, words) in [
        (&b"PK\x03\x04"[..], "torch.onnx.export(network"),
        (b"\x80\x02}q", "dynamic_axes"),
        (b"\x89HDF\r\n\x1a\n", "tf2onnx"),
        (b"<html>", "not an ONNX file"),
    ] {
        let error = built(&stored(&folder, start)).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let missing = built(&folder.path().join("none.onnx")).unwrap_err();
    assert!(missing.contains("none.onnx"), "{missing}");
}

#[test]
fn unknown_operators_are_named_with_their_node() {
    fails(
        &["`NonMaxSuppression`", "/relu1/Relu", "supported"],
        |graph| {
            node(graph, "Relu").op = "NonMaxSuppression".to_owned();
        },
    );
    fails(&["`Conv` of `com.microsoft`"], |graph| {
        node(graph, "Conv").domain = "com.microsoft".to_owned()
    });
    fails(&["average", "/conv1/Conv"], |graph| {
        let pool = node(graph, "Conv");
        (pool.op, pool.inputs) = ("AveragePool".to_owned(), pool.inputs[..1].to_vec());
        set_ints(pool, "dilations", vec![2, 2]);
    });
}

#[test]
fn cycles_and_missing_values_are_named() {
    fails(&["cycle"], |graph| {
        let last = graph
            .nodes
            .iter()
            .rev()
            .find(|node| node.op == "Relu")
            .unwrap()
            .outputs[0]
            .clone();
        node(graph, "Relu").inputs[0] = last;
    });
    fails(&["cycle"], |graph| {
        let own = node(graph, "Relu").outputs[0].clone();
        node(graph, "Relu").inputs[0] = own;
    });
    fails(&["conv2.weight", "missing"], |graph| {
        graph.weights.retain(|it| it.name != "conv2.weight")
    });
    fails(&["second time"], |graph| {
        let twice = graph
            .weights
            .iter()
            .find(|it| it.name == "conv2.weight")
            .unwrap()
            .clone();
        graph.weights.push(twice);
    });
    fails(&["no output"], |graph| graph.outputs.clear());
    fails(&["0 inputs"], |graph| graph.inputs.clear());
    fails(&["missing"], |graph| graph.nodes.clear());
}

#[test]
fn impossible_sizes_are_refused_before_memory_is_taken() {
    let weight = |graph: &mut GraphMessage, dims: Vec<i64>| {
        let it = graph
            .weights
            .iter_mut()
            .find(|it| it.name == "conv2.weight")
            .unwrap();
        it.dims = dims;
    };
    fails(&["impossible dimensions"], |graph| {
        weight(graph, vec![i64::MAX, i64::MAX])
    });
    fails(&["impossible dimensions"], |graph| {
        weight(graph, vec![-1, 2, 3, 3])
    });
    fails(&["conv2.weight", "needs", "bytes"], |graph| {
        weight(graph, vec![1 << 20, 2, 3, 3])
    });
    fails(&["conv2.weight", "bytes"], |graph| weight(graph, vec![]));
    fails(&["from 0 to 65536"], |graph| {
        set_ints(node(graph, "Conv"), "pads", vec![1 << 40; 4])
    });
    fails(&["would give"], |graph| {
        set_ints(node(graph, "Conv"), "pads", vec![1 << 16; 4])
    });
    fails(&["from 1 to 65536"], |graph| {
        set_ints(node(graph, "Conv"), "strides", vec![0, 0])
    });
    fails(&["kernel_shape"], |graph| {
        set_ints(node(graph, "MaxPool"), "kernel_shape", vec![3])
    });
    fails(&["cannot be computed"], |graph| {
        set_ints(node(graph, "Conv"), "dilations", vec![1 << 15; 2])
    });
    fails(&["`size` must be at most"], |graph| {
        image_sizes(graph)[2..].fill(size(1 << 30));
    });
    fails(&["36x48"], |graph| {
        image_sizes(graph)[3] = size(48);
    });
    // A sum of a row and a column has the product of their sizes.
    fails(&["would give"], |graph| {
        let long = |name: &str, dims: Vec<i64>| TensorMessage {
            name: name.to_owned(),
            kind: FLOAT,
            raw: vec![0; 4 << 16].into(),
            dims,
            ..TensorMessage::default()
        };
        graph.weights.extend([
            long("row", vec![1, 1, 1, 1 << 16]),
            long("column", vec![1, 1, 1 << 16, 1]),
        ]);
        let relu = node(graph, "Relu");
        (relu.op, relu.inputs) = (
            "Add".to_owned(),
            vec!["row".to_owned(), "column".to_owned()],
        );
    });
}

#[test]
fn other_number_formats_and_old_operators_are_refused() {
    fails(&["float32"], |graph| {
        graph.weights.iter_mut().for_each(|it| it.kind = 10)
    });
    let (mut model, folder) = (good(), tempfile::tempdir().unwrap());
    model.opsets[0].version = 9;
    let error = built(&stored(&folder, &model.encode_to_vec())).unwrap_err();
    assert!(
        error.contains("opset 9") && error.contains("opset_version"),
        "{error}"
    );
    model.opsets.clear();
    assert!(built(&stored(&folder, &model.encode_to_vec())).is_err());
    fails(&["eval()"], |graph| {
        let relu = node(graph, "Relu");
        relu.op = "BatchNormalization".to_owned();
        relu.attributes.push(Attribute {
            name: "training_mode".to_owned(),
            int: 1,
            ..Attribute::default()
        });
    });
}

/// A weight in a file of its own is read from the model's folder and nowhere else.
#[test]
fn external_weights_stay_in_the_folder() {
    let place = |graph: &mut GraphMessage, location: &str, offset: &str| {
        let it = graph
            .weights
            .iter_mut()
            .find(|it| it.name == "conv2.weight")
            .unwrap();
        let entry = |key: &str, value: &str| Entry {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        it.external = vec![entry("location", location), entry("offset", offset)];
        it.location = 1;
        std::mem::take(&mut it.raw)
    };
    for outside in ["../outside.bin", "/etc/passwd", "/dev/zero", "", "."] {
        fails(&["conv2.weight"], |graph| drop(place(graph, outside, "0")));
    }
    fails(&["offset"], |graph| drop(place(graph, "weights.bin", "-1")));
    let (mut model, folder) = (good(), tempfile::tempdir().unwrap());
    let weight = place(model.graph.as_mut().unwrap(), "weights.bin", "8");
    let path = stored(&folder, &model.encode_to_vec());
    let mut file = vec![0; 8];
    file.extend(&weight);
    std::fs::write(folder.path().join("weights.bin"), &file).unwrap();
    built(&path).unwrap();
    std::fs::write(folder.path().join("weights.bin"), &file[..file.len() - 1]).unwrap();
    assert!(built(&path).unwrap_err().contains("ends beyond"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changed_bytes_are_read_or_refused(changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..6)) {
        let (mut bytes, folder) = (bytes_of("mobile.onnx"), tempfile::tempdir().unwrap());
        for (at, byte) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        let _ = built(&stored(&folder, &bytes));
    }

    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        prop_assert!(built(&stored(&folder, &bytes)).is_err());
    }
}

#[test]
fn what_would_be_wrong_without_a_word_is_refused() {
    fails(&["2 outputs", "only one"], |graph| {
        graph.outputs.push(graph.outputs[0].clone());
    });
    fails(&["beside other images"], |graph| {
        let logits = graph.outputs[0].name.clone();
        let last = graph.nodes.iter_mut().rfind(|it| it.outputs[0] == logits);
        last.unwrap().outputs[0] = "raw".to_owned();
        let node = |op: &str, inputs: &[&str], output: &str| NodeMessage {
            op: op.to_owned(),
            inputs: inputs.iter().map(|it| (*it).to_owned()).collect(),
            outputs: vec![output.to_owned()],
            ..NodeMessage::default()
        };
        let mut mean = node("ReduceMean", &["raw"], "mean");
        set_ints(&mut mean, "axes", vec![0]);
        let apart = node("Sub", &["raw", "mean"], &logits);
        graph.nodes.extend([mean, apart]);
    });
    fails(&["Dropout", "network.eval()"], |graph| {
        let relu = node(graph, "Relu");
        relu.op = "Dropout".to_owned();
        relu.inputs.extend([String::new(), "training".to_owned()]);
        graph.weights.push(TensorMessage {
            name: "training".to_owned(),
            kind: FLOAT,
            floats: vec![1.0],
            ..TensorMessage::default()
        });
    });
    let (mut model, folder) = (good(), tempfile::tempdir().unwrap());
    model.opsets[0].version = 99;
    let error = built(&stored(&folder, &model.encode_to_vec())).unwrap_err();
    assert!(error.contains("opset 99 is newer"), "{error}");
}

#[test]
fn names_cannot_steer_a_terminal() {
    fails(&["`red?[31m`"], |graph| {
        let relu = node(graph, "Relu");
        (relu.op, relu.name) = ("NonZero".to_owned(), "red\u{1b}[31m".to_owned());
    });
}
