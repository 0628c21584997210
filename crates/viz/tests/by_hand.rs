//! Back-projections of a network that is small enough to work them out on paper.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Convolutions, normal, values};
use faus_viz::{Error, Method, UnitRef, project};
use tch::Tensor;

const METHODS: [Method; 3] = [Method::Gradient, Method::Deconvnet, Method::Guided];

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
    method: Method,
    (filter, row, column): (usize, usize, usize),
    relu_first: bool,
) -> Vec<((usize, usize), f32)> {
    let image = Tensor::from_slice(&IMAGE).reshape([1, 1, 4, 4]);
    let unit = UnitRef {
        filter,
        row,
        column,
    };
    let map = project(&network(relu_first), 1, method, &image, &[unit]).unwrap();
    assert_eq!(map.size(), [1, 1, 4, 4]);
    let of = |(at, value)| ((at / 4, at % 4), value);
    values(&map)
        .into_iter()
        .enumerate()
        .map(of)
        .filter(|(_, v)| *v != 0.0)
        .collect()
}

#[test]
fn maps_are_those_worked_out_by_hand() {
    use Method::{Deconvnet, Gradient, Guided};
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
                "{method} of {unit:?}, ReLU first: {relu_first}"
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
        METHODS.map(|m| values(&project(&network, 0, m, &image, &[unit]).unwrap()))
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
                [&ours, &papers].map(|n| project(n, stage, method, &images, &units).unwrap());
            assert!(a.equal(&b), "{method} at stage {stage}");
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
    let ours = project(&network, 2, Method::Gradient, &image, &[unit]).unwrap();
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
        let together = project(&network, 2, method, &images, &units).unwrap();
        for n in 0..4 {
            let alone = project(
                &network,
                2,
                method,
                &images.narrow(0, n, 1),
                &[units[n as usize]],
            );
            let difference = (together.narrow(0, n, 1) - alone.unwrap()).abs().max();
            let largest = together.abs().max().double_value(&[]);
            assert!(difference.double_value(&[]) <= 1e-5 * largest, "{method}");
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
        let error = project(&network, 1, Method::Guided, &image, &[wrong]).unwrap_err();
        assert!(matches!(error, Error::NoUnit { .. }) && error.to_string().contains("conv2"));
    }
    assert!(project(&network, 1, Method::Guided, &image, &[good, good]).is_err());
    assert!(project(&network, 2, Method::Guided, &image, &[good]).is_err());
}
