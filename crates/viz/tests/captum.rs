//! Back-projections of the zero-bias CNN against captum (golden file of `tests/golden/viz_projections.py`).

// Test code: a panic is the report.
#![allow(clippy::unwrap_used, dead_code)]

#[path = "../../model/tests/common/mod.rs"]
mod common;

use common::{golden, network, numbers, wave};
use faus_model::FieldNet;
use faus_viz::{Explain, UnitRef, find};

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
        let method = find(entry["method"].as_str().unwrap(), &[]).unwrap();
        let [filter, row, column] = [0, 1, 2].map(|i| entry["unit"][i].as_u64().unwrap() as usize);
        let unit = UnitRef {
            filter,
            row,
            column,
        };
        let map = method.explain(&network, stage, &image, &[unit]).unwrap();
        agrees_in_its_field(&network, stage, method, &image, unit, &map);
        let (largest, norm) = (
            entry["largest"].as_f64().unwrap(),
            entry["norm"].as_f64().unwrap(),
        );
        let got = common_values(&map);
        for (at, expected) in numbers(&entry["sampled"]).into_iter().enumerate() {
            let got = got[23 * at];
            assert!(
                (got - expected).abs() <= TOLERANCE * largest,
                "{} of {unit:?}, pixel {}: got {got}, captum says {expected}",
                method.name(),
                23 * at
            );
        }
        assert!((map.norm().double_value(&[]) - norm).abs() <= TOLERANCE * norm);
        assert!((map.abs().max().double_value(&[]) - largest).abs() <= TOLERANCE * largest);
    }
}

/// What is computed in the receptive field alone is libtorch's map of the whole image.
fn agrees_in_its_field(
    network: &faus_model::Network,
    stage: usize,
    method: &dyn Explain,
    image: &tch::Tensor,
    unit: UnitRef,
    map: &tch::Tensor,
) {
    let field = FieldNet::new(network, stage).unwrap().unwrap();
    let pixels = Vec::<f32>::try_from(image.flatten(0, -1)).unwrap();
    let way = method.within_field().unwrap();
    let cut = way.field(&field, 32, &pixels, unit).unwrap();
    let (whole, side) = (common_values(map), field.image_side());
    let most = whole.iter().fold(0f64, |m, v| m.max(v.abs()));
    for (n, got) in cut.values.iter().enumerate() {
        let (row, column) = (n / cut.region.width, n % cut.region.width);
        let expected = whole[(cut.region.row + row) * side + cut.region.column + column];
        assert!(
            (f64::from(*got) - expected).abs() <= TOLERANCE * most,
            "{} of {unit:?}",
            method.name()
        );
    }
    let inside: f64 = cut.values.iter().map(|v| f64::from(v.abs())).sum();
    let everywhere: f64 = whole.iter().map(|v| v.abs()).sum();
    assert!(
        (inside - everywhere).abs() <= TOLERANCE * everywhere,
        "nothing lies outside the field"
    );
}

fn common_values(map: &tch::Tensor) -> Vec<f64> {
    let values = Vec::<f32>::try_from(map.contiguous().flatten(0, -1)).unwrap();
    values.into_iter().map(f64::from).collect()
}
