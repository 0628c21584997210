//! Forward and backward against PyTorch (golden files) and the kernels against libtorch's automatic differentiation.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Method, batch, golden, network, network_of, numbers, sampled, tally};
use faus_model::{InputSpec, Layer, Network, StepOutput, TrainBatch, ZeroBiasCnn, channels_last};
use tch::{Device, Kind, Tensor};

/// Relative to the largest golden value: float32 sums of up to 150,000 terms in another order.
const TOLERANCE: f64 = 1e-4;

/// The network with every convolution weight in PyTorch's default layout instead of channels-last.
fn in_default_layout(network: &Network) {
    for stage in network.stages() {
        for layer in &stage.layers {
            if let Layer::Conv { weight, .. } = layer {
                let contiguous = weight.contiguous();
                assert!(!weight.is_contiguous() || weight.size()[1] == 1);
                tch::no_grad(|| weight.shallow_clone().set_data(&contiguous));
                assert!(weight.is_contiguous());
            }
        }
    }
}

fn check_golden(file: &str, method: Method, default_layout: bool) {
    let expected = golden(file);
    let (n, side) = (
        expected["n"].as_i64().unwrap(),
        expected["side"].as_i64().unwrap(),
    );
    let network = network_of(side, expected["dropout"].as_f64().unwrap());
    if default_layout {
        in_default_layout(&network);
    }
    let batch = batch(n, side, expected["offset"].as_f64().unwrap());
    if expected["dropout"] == 0.0 {
        let plan = method.plan(&network);
        let logits = network.planned_logits(&batch.images, &plan).unwrap();
        let expected = numbers(&expected["logits"]);
        close("logits", &sampled_all(&logits), &expected, 1.0);
    }
    let output = method.step(&network, &batch);
    close(
        "loss",
        &[tally(&output).0],
        &[expected["loss"].as_f64().unwrap()],
        1.0,
    );
    for ((name, _), gradient) in network.parameters().iter().zip(&output.gradients) {
        let golden = &expected["gradients"][name];
        close(
            name,
            &sampled(gradient),
            &numbers(&golden["sampled"]),
            golden["max"].as_f64().unwrap(),
        );
        let norm = gradient.norm().double_value(&[]);
        close(
            name,
            &[norm],
            &[golden["norm"].as_f64().unwrap()],
            golden["norm"].as_f64().unwrap(),
        );
    }
}

fn sampled_all(t: &Tensor) -> Vec<f64> {
    Vec::<f32>::try_from(t.flatten(0, -1))
        .unwrap()
        .into_iter()
        .map(f64::from)
        .collect()
}

fn close(what: &str, got: &[f64], expected: &[f64], scale: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (got, expected) in got.iter().zip(expected) {
        assert!(
            (got - expected).abs() <= TOLERANCE * scale,
            "{what}: got {got}, PyTorch says {expected}"
        );
    }
}

#[test]
fn channels_last_agrees_with_pytorch() {
    check_golden("forward_backward_48.json", Method::Autograd, false);
    check_golden("forward_backward_96.json", Method::Autograd, false);
    check_golden("forward_backward_48_dropout.json", Method::Autograd, false);
    check_golden("forward_backward_96_dropout.json", Method::Autograd, false);
}

#[test]
fn default_layout_agrees_with_pytorch() {
    check_golden("forward_backward_48.json", Method::Autograd, true);
    check_golden("forward_backward_96.json", Method::Autograd, true);
}

#[test]
fn winograd_kernels_agree_with_pytorch() {
    check_golden("forward_backward_48.json", Method::Winograd, false);
    check_golden("forward_backward_96.json", Method::Winograd, false);
    check_golden("forward_backward_48_dropout.json", Method::Winograd, false);
    check_golden("forward_backward_96_dropout.json", Method::Winograd, false);
    check_golden("forward_backward_48.json", Method::Winograd, true);
}

/// Gradients by automatic differentiation and by `method`, of the same network and images under dropout.
fn both_gradients(method: Method, side: usize) -> (StepOutput, StepOutput) {
    let spec = InputSpec {
        side,
        classes: 5,
        dropout: 0.5,
    };
    let network = Network::build(&ZeroBiasCnn { k: Some(1.0) }, spec, 3, Device::Cpu).unwrap();
    tch::manual_seed(7);
    let batch = TrainBatch {
        images: Tensor::randn([6, 1, side as i64, side as i64], (Kind::Float, Device::Cpu)),
        labels: Tensor::from_slice(&[0i64, 1, 2, 3, 4, 0]),
        dropout_seeds: vec![11, 12, 13, 14, 15, 16],
        dropout_masks: vec![],
        weight: 1.0 / 6.0,
    };
    let gradients = |method: Method| method.step(&network, &batch);
    (gradients(Method::Autograd), gradients(method))
}

/// If two candidates of a maximum are equal to rounding, pooling may choose either, and one gradient takes another way: about
/// one such pair in a million. So the gradients of a whole network are compared by their norm. Given the same winners, the
/// kernels' own tests compare number by number, and the golden files contain no such pair.
#[test]
fn winograd_kernels_agree_with_automatic_differentiation_under_dropout() {
    // 40 pixels: tiles of 4 do not divide the 10 × 10 maps of conv3.
    for side in [32, 40, 48, 96] {
        let (oracle, output) = both_gradients(Method::Winograd, side);
        let ((loss, hits), (got, got_hits)) = (tally(&oracle), tally(&output));
        assert!((loss - got).abs() <= 1e-6 * loss);
        assert_eq!(hits, got_hits);
        for (a, b) in oracle.gradients.iter().zip(&output.gradients) {
            let difference = (a - b).norm().double_value(&[]);
            let scale = a.norm().double_value(&[]);
            assert!(
                scale > 0.0 && difference <= 2e-2 * scale,
                "{side} pixels: {difference} of {scale}"
            );
        }
    }
}

#[test]
fn planned_logits_are_those_of_libtorch() {
    for side in [40, 48] {
        let network = network(side);
        let images = batch(5, side as i64, 11.0).images;
        let expected = network.logits(&images).unwrap();
        let plan = network.plan().unwrap();
        let got = network.planned_logits(&images, &plan).unwrap();
        let difference = (&expected - got).abs().max().double_value(&[]);
        assert!(difference <= 5e-5 * expected.abs().max().double_value(&[]));
    }
}

#[test]
fn halves_of_a_batch_sum_to_the_whole() {
    let network = network(48);
    let whole = batch(4, 48, 101.0);
    let halves = [0, 2].map(|start| TrainBatch {
        images: whole.images.narrow(0, start, 2),
        labels: whole.labels.narrow(0, start, 2),
        dropout_seeds: whole.dropout_seeds[start as usize..start as usize + 2].to_vec(),
        dropout_masks: vec![],
        weight: whole.weight,
    });
    let total = Method::Winograd.step(&network, &whole);
    let [a, b] = halves.map(|half| Method::Winograd.step(&network, &half));
    assert!((tally(&total).0 - tally(&a).0 - tally(&b).0).abs() < 1e-6);
    for ((whole, a), b) in total.gradients.iter().zip(&a.gradients).zip(&b.gradients) {
        let difference = (whole - a - b).abs().max().double_value(&[]);
        assert!(difference <= 1e-5 * whole.abs().max().double_value(&[]));
    }
}

#[test]
fn masks_drawn_ahead_are_those_of_the_step() {
    let network = network_of(48, 0.5);
    let mut batch = batch(4, 48, 5.0);
    let step = |batch: &TrainBatch, method: Method| method.step(&network, batch);
    for method in [Method::Autograd, Method::Winograd] {
        batch.dropout_masks.clear();
        let drawn = step(&batch, method);
        let layers = network.dropout_layers().unwrap();
        batch.dropout_masks = layers
            .iter()
            .map(|layer| layer.mask(&batch.dropout_seeds).unwrap())
            .collect();
        assert_eq!(batch.dropout_masks[0].size(), [4, 1024]);
        let ahead = step(&batch, method);
        assert_eq!(tally(&drawn), tally(&ahead));
        assert_eq!(drawn.gradients, ahead.gradients);
        let _ = batch.dropout_masks[0].fill_(0.0);
        assert_ne!(tally(&drawn), tally(&step(&batch, method)), "not used");
    }
    assert!(network_of(48, 0.0).dropout_layers().unwrap().is_empty());
}

#[test]
fn a_diverged_network_shows_a_loss_that_is_not_a_number() {
    let network = network(48);
    let parameters = network.parameters();
    let conv1 = parameters
        .iter()
        .find(|(n, _)| n == "conv1.weight")
        .unwrap()
        .1;
    network
        .set_parameter("conv1.weight", &(conv1.zeros_like() + f64::NAN))
        .unwrap();
    let methods = [Method::Autograd, Method::Winograd];
    let is_nan = |network: &Network, images: &TrainBatch, method: Method| {
        let output = method.step(network, images);
        tally(&output).0.is_nan()
    };
    for method in methods {
        assert!(is_nan(&network, &batch(2, 48, 1.0), method), "{method:?}");
    }
    // One pixel: after two poolings it is somewhere within a tile of the third.
    let network = self::network(48);
    let images = batch(2, 48, 1.0);
    let _ = images.images.get(1).get(0).get(30).get(17).fill_(f64::NAN);
    for method in methods {
        assert!(is_nan(&network, &images, method), "{method:?}");
    }
}

#[test]
fn channels_last_changes_the_strides_and_not_the_values() {
    let x = Tensor::arange(2 * 3 * 4 * 4, (Kind::Float, Device::Cpu)).reshape([2, 3, 4, 4]);
    let y = channels_last(&x).unwrap();
    assert_eq!(y.stride(), [48, 1, 12, 3]);
    assert_eq!(x, y);
}
