//! The initial weights of the zero-bias CNN against the authors' formulas (section 2 of the design).

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

use faus_model::{Error, InputSpec, Network, ZeroBiasCnn};
use tch::Device;

fn build(k: Option<f64>, seed: u64, side: usize) -> Result<Network, Error> {
    let spec = InputSpec {
        side,
        classes: 8,
        dropout: 0.0,
    };
    Network::build(&ZeroBiasCnn { k }, spec, seed, Device::Cpu)
}

#[test]
fn every_layer_is_spread_as_the_authors_spread_it() {
    let k = 0.9;
    let network = build(Some(k), 1, 96).unwrap();
    assert_eq!(network.drawn()["k"], k);
    let spreads = [
        ("conv1.weight", k / 5.0),
        ("conv2.weight", k / 1600f64.sqrt()),
        ("conv3.weight", k / 3200f64.sqrt()),
        ("fc4.weight", k / 256.0),
        ("output.weight", k / 300f64.sqrt()),
    ];
    let parameters = network.parameters();
    for (name, spread) in spreads {
        let weight = parameters.iter().find(|(n, _)| n == name).unwrap().1;
        let (count, std) = (weight.numel() as f64, weight.std(true).double_value(&[]));
        // 2 %, or four standard errors (1/√2n of the spread) where there are too few weights for that.
        let tolerance = (4.0 / (2.0 * count).sqrt()).max(0.02);
        assert!(
            (std / spread - 1.0).abs() < tolerance,
            "{name}: {std}, expected {spread}"
        );
        let mean = weight.mean(tch::Kind::Float).double_value(&[]);
        assert!(
            mean.abs() < 4.0 * spread / count.sqrt(),
            "{name}: mean {mean}"
        );
        // Normal, not uniform: 31.7 % lie beyond one spread, 0.27 % beyond three.
        let beyond = |n: f64| {
            weight
                .abs()
                .gt(n * spread)
                .sum(tch::Kind::Int64)
                .int64_value(&[]) as f64
                / count
        };
        assert!(
            (beyond(1.0) - 0.3173).abs() < 4.0 * (0.3173 * 0.6827 / count).sqrt() + 1e-3,
            "{name}"
        );
        assert!(
            (beyond(3.0) - 0.0027).abs() < 4.0 * (0.0027 / count).sqrt() + 1e-3,
            "{name}"
        );
    }
    let bias = |name: &str| {
        let bias = parameters.iter().find(|(n, _)| n == name).unwrap().1;
        Vec::<f32>::try_from(bias.shallow_clone()).unwrap()
    };
    assert!(bias("fc4.bias").iter().all(|b| *b == 1.0));
    assert!(bias("output.bias").iter().all(|b| *b == 0.0));
    assert!(
        !parameters
            .iter()
            .any(|(n, _)| n.starts_with("conv") && n.ends_with("bias"))
    );
}

#[test]
fn k_is_drawn_from_its_range_and_recorded() {
    let drawn: Vec<f64> = (0..40)
        .map(|seed| build(None, seed, 16).unwrap().drawn()["k"])
        .collect();
    assert!(drawn.iter().all(|k| (0.2..1.2).contains(k)), "{drawn:?}");
    let (least, most) = drawn
        .iter()
        .fold((2.0, 0.0), |(a, b): (f64, f64), k| (a.min(*k), b.max(*k)));
    assert!(least < 0.35 && most > 1.05, "{least} to {most}");
    // The k that is recorded is the one the weights have.
    let network = build(None, 7, 16).unwrap();
    let spread = network.parameters()[2].1.std(true).double_value(&[]) * 3200f64.sqrt();
    assert!((spread / network.drawn()["k"] - 1.0).abs() < 0.02);
}

#[test]
fn a_seed_fixes_the_weights() {
    let [a, b, c] = [3, 3, 4].map(|seed| build(None, seed, 16).unwrap());
    for ((name, a), ((_, b), (_, c))) in a
        .parameters()
        .into_iter()
        .zip(b.parameters().into_iter().zip(c.parameters()))
    {
        assert!(a.equal(b), "{name}");
        assert_eq!(a.equal(c), name.ends_with("bias"), "{name}");
    }
}

#[test]
fn weights_do_not_depend_on_the_image_size() {
    let [a, b] = [16, 96].map(|side| build(None, 3, side).unwrap());
    for ((name, a), (_, b)) in a.parameters().iter().zip(b.parameters()) {
        assert!(a.equal(b), "{name}");
    }
}

#[test]
fn sides_that_do_not_divide_by_8_are_refused() {
    for side in [0, 7, 8, 15, 17, 20, 50, 90, 97] {
        let error = build(None, 1, side).unwrap_err();
        assert!(matches!(error, Error::ImageSide { .. }), "{side}: {error}");
        assert!(error.to_string().contains(&format!("{side}x{side}")));
    }
    for side in [16, 24, 48, 96, 104] {
        build(None, 1, side).unwrap();
    }
}
