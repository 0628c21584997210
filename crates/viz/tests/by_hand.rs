//! Back-projections of a network that is small enough to work them out on paper.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used, dead_code)]

mod common;

use common::{Convolutions, normal, values};
use faus_model::{FieldNet, Region};
use faus_viz::{BackProjection, Error, Explain, UnitRef};
use tch::Tensor;

const METHODS: [BackProjection; 3] = [
    BackProjection::Gradient,
    BackProjection::Deconvnet,
    BackProjection::Guided,
];

/// conv1 (1×1) makes A = x and B = −x; conv2 (1×1) makes 2A + 3B and A − B of what pooling and ReLU leave.
///
/// ```text
/// image          pooled A, from        pooled B, from
///  1 -2 |  3  0    1 (0,0)  3 (0,2)      3 (1,1)  0 (dead)
/// -1 -3 |  0  1
/// -4 -1 |  2  2    0 (dead) 2 (2,2)      5 (3,1)  1 (3,2)
/// -2 -5 | -1  0
/// ```
///
/// A dead tile has no positive value; ReLU leaves four zeros there, and the switch of equals is the first: (2,0) for A,
/// (0,2) for B. Of the two 2s the first, (2,2), is the switch.
const IMAGE: [f32; 16] = [
    1.0, -2.0, 3.0, 0.0, //
    -1.0, -3.0, 0.0, 1.0, //
    -4.0, -1.0, 2.0, 2.0, //
    -2.0, -5.0, -1.0, 0.0,
];

fn network(relu_first: bool) -> faus_model::Network {
    let weights = vec![
        ([2, 1, 1, 1], vec![1.0, -1.0]),
        ([2, 2, 1, 1], vec![2.0, 3.0, 1.0, -1.0]),
    ];
    Convolutions {
        weights,
        relu_first,
    }
    .network(4)
}

/// Projects a unit of conv2 and lists the pixels that are not zero.
fn pixels(
    method: BackProjection,
    (filter, row, column): (usize, usize, usize),
    relu_first: bool,
) -> Vec<((usize, usize), f32)> {
    let image = Tensor::from_slice(&IMAGE).reshape([1, 1, 4, 4]);
    let unit = UnitRef {
        filter,
        row,
        column,
    };
    let network = network(relu_first);
    let map = method.explain(&network, 1, &image, &[unit]).unwrap();
    assert_eq!(map.size(), [1, 1, 4, 4]);
    assert_eq!(
        by_field(&network, method, &IMAGE, 1, unit, Region::unit(row, column)),
        values(&map)
    );
    let of = |(at, value)| ((at / 4, at % 4), value);
    values(&map)
        .into_iter()
        .enumerate()
        .map(of)
        .filter(|(_, v)| *v != 0.0)
        .collect()
}

/// The same projection computed in the units' receptive field alone, put back into an image of zeros.
fn by_field(
    network: &faus_model::Network,
    method: BackProjection,
    image: &[f32],
    stage: usize,
    unit: UnitRef,
    traced: Region,
) -> Vec<f32> {
    let field = FieldNet::new(network, stage).unwrap().unwrap();
    let side = field.image_side();
    let trace = field.trace(image, traced).unwrap();
    let at = (unit.filter, unit.row, unit.column);
    let map = trace.project(at, |b, f| method.passes(b, f)).unwrap();
    let mut whole = vec![0.0; side * side];
    for (row, values) in map.values.chunks_exact(map.region.width).enumerate() {
        let start = (map.region.row + row) * side + map.region.column;
        whole[start..start + values.len()].copy_from_slice(values);
    }
    whole
}

#[test]
fn a_field_alone_gives_the_bits_of_the_whole_image() {
    for relu_first in [false, true] {
        let network = Convolutions::random(12, relu_first).network(24);
        for (seed, stage) in [(21, 0), (22, 1), (23, 2)] {
            let image = normal(seed, 24 * 24);
            let tensor = Tensor::from_slice(&image).reshape([1, 1, 24, 24]);
            let last = 24 / (1 << stage) - 1;
            for (row, column) in [(0, 0), (last / 2, last / 3), (last, 1), (last, last)] {
                let unit = UnitRef {
                    filter: stage + 2,
                    row,
                    column,
                };
                for method in METHODS {
                    let whole = by_field(
                        &network,
                        method,
                        &image,
                        stage,
                        unit,
                        Region::whole(last + 1),
                    );
                    let alone = by_field(
                        &network,
                        method,
                        &image,
                        stage,
                        unit,
                        Region::unit(row, column),
                    );
                    let bits = |map: &[f32]| {
                        map.iter()
                            .map(|v| v.to_bits() & !(1 << 31) | u32::from(*v < 0.0) << 31)
                            .collect::<Vec<_>>()
                    };
                    assert_eq!(bits(&alone), bits(&whole), "{method:?} at stage {stage}");
                    let libtorch =
                        values(&method.explain(&network, stage, &tensor, &[unit]).unwrap());
                    let most = libtorch.iter().fold(0f32, |m, v| m.max(v.abs()));
                    assert!(most > 0.0);
                    for (a, b) in alone.iter().zip(&libtorch) {
                        assert!(
                            (a - b).abs() <= 1e-5 * most,
                            "{method:?} at stage {stage}: {a} {b}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn responses_are_those_of_the_feature_map() {
    let network = Convolutions::random(12, true).network(24);
    let image = normal(31, 24 * 24);
    let tensor = Tensor::from_slice(&image).reshape([1, 1, 24, 24]);
    let maps = values(&network.feature_maps(&tensor, 2).unwrap());
    let field = FieldNet::new(&network, 2).unwrap().unwrap();
    assert_eq!((field.map_side(), field.filters()), (6, 5));
    for (filter, row, column) in [(0, 0, 0), (4, 5, 2), (2, 3, 3)] {
        let trace = field.trace(&image, Region::unit(row, column)).unwrap();
        let response = trace.response(filter, row, column).unwrap().max(0.0);
        assert!((response - maps[(filter * 6 + row) * 6 + column]).abs() < 1e-4);
        assert_eq!(trace.response(filter, row, (column + 1) % 6), None);
    }
    assert!(field.trace(&image, Region::unit(6, 0)).is_err());
    assert!(field.trace(&image[1..], Region::unit(0, 0)).is_err());
}

#[test]
fn what_a_unit_sees_is_where_its_gradient_can_be() {
    // Weights without a zero: the gradient of a unit reaches every pixel of its field and no other.
    let network = Convolutions {
        weights: vec![
            ([1, 1, 5, 5], vec![1.0; 25]),
            ([1, 1, 5, 5], vec![1.0; 25]),
            ([1, 1, 3, 3], vec![1.0; 9]),
        ],
        relu_first: true,
    }
    .network(32);
    let field = FieldNet::new(&network, 2).unwrap().unwrap();
    for (row, column) in [(0, 0), (3, 4), (7, 2)] {
        let seen = field.receptive(Region::unit(row, column));
        let span = |unit: usize| {
            (
                (4 * unit as i64 - 10).max(0),
                (4 * unit as i64 + 14).min(32),
            )
        };
        let ((top, bottom), (left, right)) = (span(row), span(column));
        assert_eq!([seen.row as i64, seen.column as i64], [top, left]);
        assert_eq!(
            [seen.height as i64, seen.width as i64],
            [bottom - top, right - left]
        );
    }
}

#[test]
fn maps_are_those_worked_out_by_hand() {
    use BackProjection::{Deconvnet, Gradient, Guided};
    // Filter 0 sends 2 back to A and 3 to B. Conv1 passes A on as it is and turns B's sign.
    let both_alive = vec![((0, 0), 2.0), ((1, 1), -3.0)];
    // A's tile is dead there: the gradient and guided back-propagation stop at its ReLU, the deconvnet does not ask.
    let a_dead = vec![((3, 1), -3.0)];
    let a_dead_deconvnet = vec![((2, 0), 2.0), ((3, 1), -3.0)];
    let b_dead = vec![((0, 2), 2.0)];
    // Filter 1 sends 1 to A and −1 to B: what is negative passes in the gradient alone. −1 · −1 = 1 at B's pixel.
    let minus = vec![((0, 0), 1.0), ((1, 1), 1.0)];
    let minus_cut = vec![((0, 0), 1.0)];
    let worked_out = [
        ((0, 0, 0), Gradient, both_alive.clone()),
        ((0, 0, 0), Deconvnet, both_alive.clone()),
        ((0, 0, 0), Guided, both_alive),
        ((0, 1, 0), Gradient, a_dead.clone()),
        ((0, 1, 0), Deconvnet, a_dead_deconvnet),
        ((0, 1, 0), Guided, a_dead),
        ((0, 0, 1), Gradient, b_dead.clone()),
        // Both switches fall on (0,2): 2 from A and −3 from B.
        ((0, 0, 1), Deconvnet, vec![((0, 2), -1.0)]),
        ((0, 0, 1), Guided, b_dead),
        ((1, 0, 0), Gradient, minus),
        ((1, 0, 0), Deconvnet, minus_cut.clone()),
        ((1, 0, 0), Guided, minus_cut),
        ((0, 1, 1), Guided, vec![((2, 2), 2.0), ((3, 2), -3.0)]),
    ];
    for (unit, method, expected) in worked_out {
        for relu_first in [false, true] {
            let got = pixels(method, unit, relu_first);
            assert_eq!(
                got, expected,
                "{method:?} of {unit:?}, ReLU first: {relu_first}"
            );
        }
    }
}

#[test]
fn a_unit_of_the_first_convolution_is_its_filter() {
    let weights: Vec<f32> = (1..=9).map(|v| v as f32 - 4.0).collect();
    let network = Convolutions {
        weights: vec![([1, 1, 3, 3], weights.clone())],
        relu_first: false,
    }
    .network(6);
    let image = Tensor::from_slice(&normal(1, 36)).reshape([1, 1, 6, 6]);
    let project_unit = |row, column| {
        let unit = UnitRef {
            filter: 0,
            row,
            column,
        };
        METHODS.map(|m| values(&m.explain(&network, 0, &image, &[unit]).unwrap()))
    };
    for map in project_unit(2, 3) {
        // Rows 1 to 3, columns 2 to 4.
        let cut: Vec<f32> = (0..9).map(|i| map[(1 + i / 3) * 6 + 2 + i % 3]).collect();
        assert_eq!(cut, weights);
        assert_eq!(map.iter().filter(|v| **v != 0.0).count(), 8);
    }
    for map in project_unit(0, 0) {
        // The upper row and left column of the filter lie in the padding.
        assert_eq!([map[0], map[1], map[6], map[7]], [1.0, 2.0, 4.0, 5.0]);
        assert_eq!(map.iter().filter(|v| **v != 0.0).count(), 4);
    }
}

#[test]
fn the_order_of_relu_and_pooling_changes_no_map() {
    let images = Tensor::from_slice(&normal(3, 3 * 24 * 24)).reshape([3, 1, 24, 24]);
    let [ours, papers] = [false, true].map(|first| Convolutions::random(2, first).network(24));
    for stage in 0..3 {
        let last = 24 / (1 << stage) - 1;
        let units = [(0, 0), (last, last / 2), (1, last)].map(|(row, column)| UnitRef {
            filter: stage + 1,
            row,
            column,
        });
        for method in METHODS {
            let [a, b] =
                [&ours, &papers].map(|n| method.explain(n, stage, &images, &units).unwrap());
            assert!(a.equal(&b), "{method:?} at stage {stage}");
            assert!(a.abs().max().double_value(&[]) > 0.0);
        }
    }
}

#[test]
fn the_gradient_is_that_of_automatic_differentiation() {
    let network = Convolutions::random(4, false).network(24);
    let image = Tensor::from_slice(&normal(5, 24 * 24)).reshape([1, 1, 24, 24]);
    let unit = UnitRef {
        filter: 3,
        row: 2,
        column: 4,
    };
    let ours = BackProjection::Gradient
        .explain(&network, 2, &image, &[unit])
        .unwrap();
    let leaf = image.set_requires_grad(true);
    let mut x = leaf.shallow_clone();
    for stage in &network.stages()[..2] {
        x = stage.forward(&x).unwrap();
    }
    let map = network.stages()[2].layers[0].forward(&x).unwrap();
    let value = map.get(0).get(3).get(2).get(4);
    let gradient = Tensor::run_backward(&[&value], &[&leaf], false, false).remove(0);
    let difference = (&ours - &gradient).abs().max().double_value(&[]);
    assert!(
        difference <= 1e-6 * gradient.abs().max().double_value(&[]),
        "{difference}"
    );
}

#[test]
fn every_image_has_its_own_unit_and_batching_changes_nothing() {
    let network = Convolutions::random(6, false).network(16);
    let images = Tensor::from_slice(&normal(7, 4 * 256)).reshape([4, 1, 16, 16]);
    let units: Vec<UnitRef> = (0..4)
        .map(|n| UnitRef {
            filter: n,
            row: n % 3,
            column: 3 - n,
        })
        .collect();
    for method in METHODS {
        let together = method.explain(&network, 2, &images, &units).unwrap();
        for n in 0..4 {
            let alone = method.explain(&network, 2, &images.narrow(0, n, 1), &[units[n as usize]]);
            let difference = (together.narrow(0, n, 1) - alone.unwrap()).abs().max();
            let largest = together.abs().max().double_value(&[]);
            assert!(difference.double_value(&[]) <= 1e-5 * largest, "{method:?}");
        }
    }
}

#[test]
fn units_that_are_not_there_are_refused() {
    let network = network(false);
    let image = Tensor::from_slice(&IMAGE).reshape([1, 1, 4, 4]);
    let good = UnitRef {
        filter: 1,
        row: 1,
        column: 1,
    };
    for wrong in [
        UnitRef { filter: 2, ..good },
        UnitRef { row: 2, ..good },
        UnitRef { column: 2, ..good },
    ] {
        let error = BackProjection::Guided
            .explain(&network, 1, &image, &[wrong])
            .unwrap_err();
        assert!(matches!(error, Error::Unknown { .. }), "{error}");
    }
    assert!(
        BackProjection::Guided
            .explain(&network, 1, &image, &[good, good])
            .is_err()
    );
    assert!(
        BackProjection::Guided
            .explain(&network, 2, &image, &[good])
            .is_err()
    );
}
