//! Networks of ONNX files against onnxruntime, PyTorch and captum (golden files of `tests/golden/model_onnx.py`).

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use faus_model::{GraphInput, Network, OnnxFile, Plan};
use faus_viz::{UnitRef, find};
use serde_json::Value;
use tch::{Device, Tensor};

/// Of the largest value: float32 sums in another order.
const TOLERANCE: f64 = 1e-5;
/// Likewise of a map.
const MAP_TOLERANCE: f64 = 1e-4;
/// The golden files hold every seventh pixel of a map.
const STEP: usize = 7;

struct Golden {
    network: Network,
    images: Tensor,
    expected: Value,
}

fn golden(name: &str) -> Golden {
    let file = |ending: &str| -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx");
        folder.join(format!("{name}.{ending}"))
    };
    let expected: Value = serde_json::from_slice(&std::fs::read(file("json")).unwrap()).unwrap();
    let input: GraphInput = serde_json::from_value(expected["input"].clone()).unwrap();
    let onnx = OnnxFile::read(&file("onnx")).unwrap();
    let side = input.size as i64;
    let pixels: Vec<f32> = expected["images"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(numbers)
        .map(|v| v as f32)
        .collect();
    Golden {
        network: Network::from_onnx(&onnx, &input, Device::Cpu).unwrap(),
        images: Tensor::from_slice(&pixels).reshape([-1, 1, side, side]) * 2.0 / 255.0,
        expected,
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

fn close(what: &str, got: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(*got) - expected).abs() <= tolerance,
            "{what}, value {at}: got {got}, expected {expected}"
        );
    }
}

fn values(x: &Tensor) -> Vec<f32> {
    Vec::try_from(x.contiguous().view(-1)).unwrap()
}

fn agrees(name: &str) {
    let Golden {
        network,
        images,
        expected,
    } = golden(name);
    close(
        "logits",
        &values(&network.logits(&images).unwrap()),
        &numbers(&expected["logits"]),
        TOLERANCE,
    );
    for (layer, maxima) in expected["maxima"].as_object().unwrap() {
        let maxima = numbers(maxima);
        // SiLU and its kin stand in one layer.
        let stage = network.stage_index(layer).unwrap();
        let found = network.maxima(&images, stage, &Plan::default()).unwrap();
        let largest = maxima.iter().fold(1.0, |most: f64, v| most.max(v.abs()));
        close(layer, &found.values, &maxima, TOLERANCE * largest);
    }
    let stage = network
        .stage_index(expected["layer"].as_str().unwrap())
        .unwrap();
    let units: Vec<Vec<f64>> = expected["units"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    let rows: Vec<i64> = units.iter().map(|unit| unit[0] as i64).collect();
    let refs = units.iter().map(|unit| UnitRef {
        filter: unit[1] as usize,
        row: unit[2] as usize,
        column: unit[3] as usize,
    });
    let (refs, images) = (
        Vec::from_iter(refs),
        images.index_select(0, &Tensor::from_slice(&rows)),
    );
    for (method, maps) in expected["maps"].as_object().unwrap() {
        let found = find(method, &[])
            .unwrap()
            .explain(&network, stage, &images, &refs)
            .unwrap();
        let (found, largest) = (values(&found), numbers(&expected["largest"][method]));
        let pixels = found.len() / refs.len();
        for (at, map) in maps.as_array().unwrap().iter().enumerate() {
            let own: Vec<f32> = found[at * pixels..][..pixels]
                .iter()
                .copied()
                .step_by(STEP)
                .collect();
            close(
                &format!("{method} of unit {at}"),
                &own,
                &numbers(map),
                MAP_TOLERANCE * largest[at],
            );
        }
    }
}

#[test]
fn strides_dilations_groups_and_poolings_agree() {
    agrees("plain");
}

#[test]
fn sums_concatenations_and_other_responses_agree() {
    agrees("residual");
}

#[test]
fn depthwise_convolutions_and_gates_agree() {
    agrees("mobile");
}

/// The receptive field that is stated is the smallest square outside which no pixel changes a unit.
#[test]
fn nothing_outside_the_receptive_field_reaches_a_unit() {
    for name in ["plain", "residual"] {
        let Golden {
            network, images, ..
        } = golden(name);
        let side = images.size()[3];
        let graph = network.graph().unwrap();
        let image = images.narrow(0, 0, 1);
        for (stage, layer) in graph.layers().iter().enumerate() {
            let Some((field, map_side)) = layer.receptive.zip(layer.side) else {
                continue;
            };
            let middle = map_side / 2;
            let unit = UnitRef {
                filter: 0,
                row: middle,
                column: middle,
            };
            let map = find("gradient", &[])
                .unwrap()
                .explain(&network, stage, &image, &[unit])
                .unwrap();
            let (first, end) = field.span(middle as i64, side);
            let inside = map
                .narrow(2, first, end - first)
                .narrow(3, first, end - first);
            let all = map.abs().sum(tch::Kind::Double).double_value(&[]);
            let within = inside.abs().sum(tch::Kind::Double).double_value(&[]);
            assert!((all - within).abs() <= 1e-9 * all, "{name}, {}", layer.name);
        }
        assert!(
            graph
                .layers()
                .iter()
                .filter(|layer| layer.receptive.is_some())
                .count()
                > 3
        );
    }
}

/// Silencing a filter is the same as running on with its map at 0.
#[test]
fn silenced_filters_change_the_logits_behind_them_alone() {
    let Golden {
        network, images, ..
    } = golden("residual");
    let whole = network.logits(&images).unwrap();
    for (stage, layer) in network.graph().unwrap().layers().iter().enumerate() {
        let halfway = network.until(&images, stage).unwrap();
        let none = Tensor::from_slice::<i64>(&[]);
        let same = network.logits_without(&halfway, &none).unwrap();
        assert_eq!(values(&same), values(&whole), "{}", layer.name);
        let all: Vec<i64> = (0..layer.filters as i64).collect();
        let silent = network
            .logits_without(&halfway, &Tensor::from_slice(&all))
            .unwrap();
        assert_ne!(values(&silent), values(&whole), "{}", layer.name);
    }
}
