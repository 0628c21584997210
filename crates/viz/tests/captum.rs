//! Back-projections of the zero-bias CNN against captum (golden file of `tests/golden/viz_projections.py`).

// Test code: a panic is the report.
#![allow(clippy::unwrap_used, dead_code)]

#[path = "../../model/tests/common/mod.rs"]
mod common;

use common::{golden, network, numbers, wave};
use faus_viz::{Method, UnitRef, project};

/// Of the projection's largest value: float32 sums of up to 6400 terms in another order.
const TOLERANCE: f64 = 1e-4;

#[test]
fn projections_of_conv3_agree_with_captum() {
    let expected = golden("projections.json");
    let side = expected["side"].as_i64().unwrap();
    let network = network(side as usize);
    let image = wave(
        &[1, 1, side, side],
        expected["offset"].as_f64().unwrap(),
        1.0,
        0.0,
    );
    let stage = network.stage_index("conv3").unwrap();
    for entry in expected["projections"].as_array().unwrap() {
        let method: Method = entry["method"].as_str().unwrap().parse().unwrap();
        let [filter, row, column] = [0, 1, 2].map(|i| entry["unit"][i].as_u64().unwrap() as usize);
        let unit = UnitRef {
            filter,
            row,
            column,
        };
        let map = project(&network, stage, method, &image, &[unit]).unwrap();
        let (largest, norm) = (
            entry["largest"].as_f64().unwrap(),
            entry["norm"].as_f64().unwrap(),
        );
        let got = common_values(&map);
        for (at, expected) in numbers(&entry["sampled"]).into_iter().enumerate() {
            let got = got[23 * at];
            assert!(
                (got - expected).abs() <= TOLERANCE * largest,
                "{method} of {unit:?}, pixel {}: got {got}, captum says {expected}",
                23 * at
            );
        }
        assert!((map.norm().double_value(&[]) - norm).abs() <= TOLERANCE * norm);
        assert!((map.abs().max().double_value(&[]) - largest).abs() <= TOLERANCE * largest);
    }
}

fn common_values(map: &tch::Tensor) -> Vec<f64> {
    let values = Vec::<f32>::try_from(map.contiguous().flatten(0, -1)).unwrap();
    values.into_iter().map(f64::from).collect()
}
