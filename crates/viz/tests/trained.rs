//! Trained weights and class maps against captum (golden files of `tests/golden/viz_trained.py`).

// Test code: a panic is the report.
#![allow(clippy::unwrap_used, dead_code)]

mod common;
#[path = "../../model/tests/common/mod.rs"]
mod model_common;

use common::{Convolutions, Pictures};
use faus_model::Network;
use faus_viz::{FilterTop, TopUnit, UnitRef, cut_patches, evidence, find};
use serde_json::Value;
use tch::Tensor;

/// Of a map's largest value: float32 sums in another order.
const TOLERANCE: f64 = 1e-4;

fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(list: &Value) -> Vec<f32> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap() as f32)
        .collect()
}

fn trained(golden: &Value, relu_first: bool) -> Network {
    let weight = |name: &str| {
        let entry = &golden["weights"][name];
        let shape: Vec<i64> = entry["shape"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_i64().unwrap())
            .collect();
        (shape.try_into().unwrap(), numbers(&entry["values"]))
    };
    Convolutions {
        weights: ["conv1.weight", "conv2.weight", "conv3.weight"]
            .map(weight)
            .to_vec(),
        relu_first,
    }
    .network(golden["side"].as_u64().unwrap() as usize)
}

/// One image.
fn picture(image: &[f32], side: usize) -> Pictures {
    Pictures {
        side,
        values: image.to_vec(),
        grey: vec![0; side * side],
        subjects: vec![1],
    }
}

#[test]
fn maps_of_trained_units_agree_with_captum_in_either_order_of_relu_and_pooling() {
    let golden = golden("trained.json");
    let image = numbers(&golden["image"]);
    for relu_first in [true, false] {
        let network = trained(&golden, relu_first);
        for entry in golden["maps"].as_array().unwrap() {
            let method = find(entry["method"].as_str().unwrap(), &[]).unwrap();
            let [filter, row, column] =
                [0, 1, 2].map(|i| entry["unit"][i].as_u64().unwrap() as usize);
            let unit = UnitRef {
                filter,
                row,
                column,
            };
            let expected = numbers(&entry["map"]);
            let top = FilterTop {
                filter,
                units: vec![TopUnit {
                    index: 0,
                    subject: 1,
                    group: 1,
                    unit,
                    activation: 1.0,
                }],
            };
            let picture = picture(&image, 32);
            let cut = cut_patches(&network, 2, method, &[top], &picture.set(&[0], &[])).unwrap();
            let got = &cut[0].patches[0].projection;
            assert_eq!(got.len(), expected.len(), "{} of {unit:?}", method.name());
            let most = expected.iter().fold(0f32, |m, v| m.max(v.abs()));
            for (a, b) in got.iter().zip(&expected) {
                assert!(
                    f64::from((a - b).abs()) <= TOLERANCE * f64::from(most),
                    "{} of {unit:?}: {a}, captum says {b}",
                    method.name()
                );
            }
        }
    }
}

#[test]
fn class_maps_agree_with_captum() {
    let golden = golden("evidence.json");
    let network = model_common::network(48);
    let image = model_common::wave(
        &[1, 1, 48, 48],
        golden["offset"].as_f64().unwrap(),
        1.0,
        0.0,
    );
    let pixels = Vec::<f32>::try_from(image.flatten(0, -1)).unwrap();
    let picture = picture(&pixels, 48);
    for entry in golden["classes"].as_array().unwrap() {
        let class = entry["class"].as_u64().unwrap() as usize;
        let set = picture.set(&[0], &[]);
        let found = evidence(&network, Some(class), &set).unwrap().remove(0);
        let logits = numbers(&entry["logits"]);
        let score = logits.iter().fold(0f32, |m, v| m.max(v.abs()));
        for (a, b) in found.logits.iter().zip(&logits) {
            assert!((a - b).abs() <= 1e-4 * score, "{a} {b}");
        }
        for (name, map) in faus_viz::EVIDENCE_METHODS.iter().zip(&found.maps) {
            let (sampled, largest) = (
                numbers(&entry["maps"][*name]["sampled"]),
                entry["maps"][*name]["largest"].as_f64().unwrap(),
            );
            // Occlusion is a small difference of scores and no more exact than they are.
            let scale = if *name == "occlusion" {
                f64::from(score)
            } else {
                largest
            };
            for (n, expected) in sampled.iter().enumerate() {
                let apart = f64::from((map[23 * n] - expected).abs());
                assert!(
                    apart <= TOLERANCE * scale,
                    "{name} for class {class}: {} {expected}",
                    map[23 * n]
                );
            }
        }
    }
    let wrong = evidence(&network, Some(8), &picture.set(&[0], &[])).unwrap_err();
    assert!(wrong.to_string().contains("0 to 7"), "{wrong}");
}

#[test]
fn the_predicted_class_speaks_unless_another_is_asked_for() {
    let network = model_common::network(48);
    let image = model_common::wave(&[1, 1, 48, 48], 305.0, 1.0, 0.0);
    let pixels = Vec::<f32>::try_from(image.flatten(0, -1)).unwrap();
    let picture = picture(&pixels, 48);
    let found = evidence(&network, None, &picture.set(&[0], &[]))
        .unwrap()
        .remove(0);
    assert_eq!(found.class, found.predicted());
    let softmax = Tensor::from_slice(&found.logits).softmax(0, tch::Kind::Double);
    assert!((found.probability() - softmax.double_value(&[found.class as i64])).abs() < 1e-6);
}
