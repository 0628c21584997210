//! A unit's receptive field from the layers alone, against the effect of changed pixels.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use faus_model::{
    Architecture, Blueprint, Error, InputSpec, Network, Receptive, Stage, ZeroBiasCnn,
};
use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

fn paper(side: usize) -> Network {
    let spec = InputSpec {
        side,
        classes: 8,
        dropout: 0.0,
    };
    Network::build(&ZeroBiasCnn { k: Some(1.0) }, spec, 1, Device::Cpu).unwrap()
}

#[test]
fn units_of_the_papers_network_see_5_14_and_32_pixels() {
    for side in [48, 96] {
        let network = paper(side);
        let fields = [0, 1, 2].map(|stage| network.receptive(stage).unwrap());
        let expected =
            [(5, 1, -2), (14, 2, -6), (32, 4, -14)].map(|(size, stride, first)| Receptive {
                size,
                stride,
                first,
            });
        assert_eq!(fields, expected);
        assert!(network.receptive(3).is_none());
        assert!(network.receptive(9).is_none());
    }
}

#[test]
fn fields_are_clipped_to_the_image() {
    let field = Receptive {
        size: 32,
        stride: 4,
        first: -14,
    };
    assert_eq!(field.span(0, 96), (0, 18));
    assert_eq!(field.span(10, 96), (26, 58));
    assert_eq!(field.span(23, 96), (78, 96));
    assert_eq!(field.span(5, 24), (6, 24));
}

/// Convolutions without bias, all weights positive: `(side of the filters, side of the pooling)` a stage. A pixel that
/// becomes brighter makes every unit that sees it larger, whatever pooling and ReLU do.
struct Positive(Vec<(i64, i64)>);

impl Architecture for Positive {
    fn name(&self) -> &str {
        "positive"
    }

    fn build(&self, _: &InputSpec, rng: &mut ChaCha8Rng) -> Result<Blueprint, Error> {
        let mut inputs = 1;
        let mut stages = Vec::new();
        for (n, &(kernel, pool)) in self.0.iter().enumerate() {
            let values: Vec<f32> = (0..3 * inputs * kernel * kernel)
                .map(|_| rng.random_range(0.5..1.0))
                .collect();
            let weight = Tensor::from_slice(&values).reshape([3, inputs, kernel, kernel]);
            stages.push(Stage::conv_pool_relu(&format!("conv{n}"), &weight, pool)?);
            inputs = 3;
        }
        Ok(Blueprint {
            stages,
            drawn: BTreeMap::new(),
        })
    }
}

/// The unit's value in an image of ones, and where the pixel at (row, column) is brighter.
fn with_brighter_pixel(
    network: &Network,
    stage: usize,
    unit: (i64, i64),
    side: i64,
    pixel: (i64, i64),
) -> [f64; 2] {
    let images = Tensor::ones([2, 1, side, side], tch::kind::FLOAT_CPU);
    let _ = images.get(1).get(0).get(pixel.0).get(pixel.1).fill_(1e3);
    let maps = network.feature_maps(&images, stage).unwrap();
    [0, 1].map(|image| maps.double_value(&[image, 0, unit.0, unit.1]))
}

/// Pixels of 0..side at and beside both ends of the span, and in it.
fn probes((start, end): (i64, i64), side: i64) -> Vec<i64> {
    let all = [
        0,
        start - 1,
        start,
        (start + end) / 2,
        end - 1,
        end,
        side - 1,
    ];
    all.into_iter().filter(|p| (0..side).contains(p)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_unit_sees_its_span_and_nothing_else(
        layers in proptest::collection::vec((prop_oneof![Just(1i64), Just(3), Just(5)], 1i64..4), 1..4),
        units in 3i64..9, seed in any::<u64>(), unit in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let stage = layers.len() - 1;
        // Poolings that leave no rest: what they drop at the border would be seen by no unit.
        let side = units * layers[..stage].iter().map(|(_, pool)| pool).product::<i64>();
        let spec = InputSpec { side: side as usize, classes: 3, dropout: 0.0 };
        let network = Network::build(&Positive(layers), spec, seed, Device::Cpu).unwrap();
        let plain = Tensor::ones([1, 1, side, side], tch::kind::FLOAT_CPU);
        let size = network.feature_maps(&plain, stage).unwrap().size();
        let unit = (unit.0.index(size[2] as usize) as i64, unit.1.index(size[3] as usize) as i64);
        let field = network.receptive(stage).unwrap();
        let (rows, columns) = (field.span(unit.0, side), field.span(unit.1, side));
        for row in probes(rows, side) {
            for column in probes(columns, side) {
                let [before, after] = with_brighter_pixel(&network, stage, unit, side, (row, column));
                let inside = (rows.0..rows.1).contains(&row) && (columns.0..columns.1).contains(&column);
                prop_assert_eq!(after > before, inside, "pixel ({}, {}) of unit {:?}", row, column, unit);
                prop_assert!(inside || after == before);
            }
        }
    }
}
