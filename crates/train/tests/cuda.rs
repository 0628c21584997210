//! Training on a GPU against the CPU: `cargo test -p faus-train --test cuda -- --ignored` on a machine with a GPU.

// Test code: a panic is the report.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::{Fold, prepare, table};
use faus_model::{DeviceChoice, InputSpec, Network, Precision, Tally, TrainBatch, ZeroBiasCnn};
use faus_train::{Optimizer, Recipe};
use tch::{Device, Kind, Tensor};

/// The GPU, for one test at a time: the precision is the process's. Every test begins with it, since libtorch starts the
/// threads of its devices at the first backward pass, for those that it knows by then.
fn gpu() -> (MutexGuard<'static, ()>, Device) {
    static ONE: Mutex<()> = Mutex::new(());
    let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    (alone, DeviceChoice::Cuda(0).resolve().unwrap())
}

/// Logits, the first step's gradients and ten losses, all on the CPU.
fn ten_steps(side: usize, images: &Tensor, device: Device) -> (Tensor, Vec<Tensor>, Vec<f64>) {
    let n = images.size()[0];
    let spec = InputSpec {
        side,
        classes: 8,
        dropout: 0.5,
    };
    let network = Network::build(&ZeroBiasCnn::default(), spec, 7, device).unwrap();
    let recipe = Recipe::default().check().unwrap();
    let mut optimizer = Optimizer::new(&recipe, &network).unwrap();
    let labels = Tensor::arange(n, (Kind::Int64, device)).remainder(8);
    let images = images.to_device(device);
    let (mut logits, mut first, mut losses) = (Tensor::new(), Vec::new(), Vec::new());
    for step in 1..=10 {
        let plan = network.plan().unwrap();
        if step == 1 {
            logits = network.planned_logits(&images, &plan).unwrap();
        }
        let batch = TrainBatch {
            images: images.shallow_clone(),
            labels: labels.shallow_clone(),
            dropout_seeds: (0..n as u64).map(|image| step * 100 + image).collect(),
            dropout_masks: vec![],
            weight: 1.0 / n as f64,
        };
        let output = network.loss_and_gradients(&batch, &plan).unwrap();
        losses.push(Tally::read([&output.tally]).unwrap()[0].0);
        let rate = recipe.learning_rate_at(step);
        optimizer
            .step(&network, &[&output.gradients[..]], rate, step)
            .unwrap();
        if step == 1 {
            first = output
                .gradients
                .iter()
                .map(|g| g.to_device(Device::Cpu))
                .collect();
        }
    }
    (logits.to_device(Device::Cpu), first, losses)
}

fn norm(t: &Tensor) -> f64 {
    t.norm().double_value(&[])
}

#[test]
#[ignore = "needs a GPU"]
fn a_gpu_computes_what_the_cpu_does() {
    let (_alone, device) = gpu();
    Precision::Float32.set_up(device).unwrap();
    for side in [48, 96] {
        tch::manual_seed(side as i64);
        let pixels = [16, 1, side as i64, side as i64];
        let images = Tensor::randn(pixels, tch::kind::FLOAT_CPU);
        let cpu = ten_steps(side, &images, Device::Cpu);
        let gpu = ten_steps(side, &images, device);
        let apart = (&gpu.0 - &cpu.0).abs().max() / cpu.0.abs().max();
        assert!(apart.double_value(&[]) < 1e-4, "logits: {apart:?}");
        for (gpu, cpu) in gpu.1.iter().zip(&cpu.1) {
            // By the norm: a maximum decided by rounding sends one gradient another way.
            assert!(norm(&(gpu - cpu)) < 2e-2 * norm(cpu), "{:?}", cpu.size());
        }
        for (gpu, cpu) in gpu.2.iter().zip(&cpu.2) {
            assert!((gpu / cpu - 1.0).abs() < 1e-3, "{gpu} and {cpu}");
        }
    }
}

/// Training losses of a fold, row by row of its metrics.
fn losses(dir: &Path) -> Vec<f64> {
    let rows = table(&dir.join("metrics.csv"), "");
    let loss = rows[0].iter().position(|c| c == "train_loss").unwrap();
    rows[1..].iter().map(|r| r[loss].parse().unwrap()).collect()
}

fn assert_alike(a: &Path, b: &Path) {
    let (a, b) = (losses(a), losses(b));
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(&b) {
        assert!((a / b - 1.0).abs() < 1e-3, "{a} and {b}");
    }
}

#[test]
#[ignore = "needs a GPU"]
fn folds_on_a_gpu_learn_as_on_the_cpu() {
    let (_alone, gpu) = gpu();
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let on = |device, fold, dir: &str| {
        let mut one = Fold::new(&prepared);
        (one.device, one.fold) = (device, fold);
        one.run(&root.path().join(dir)).unwrap();
        root.path().join(dir)
    };
    let cpu = [0, 1].map(|fold| on(Device::Cpu, fold, &format!("cpu{fold}")));
    let on = &on;
    let at_once = std::thread::scope(|scope| {
        [0, 1]
            .map(|fold| scope.spawn(move || on(gpu, fold, &format!("gpu{fold}"))))
            .map(|thread| thread.join().unwrap())
    });
    for (cpu, gpu) in cpu.iter().zip(&at_once) {
        assert_alike(cpu, gpu);
    }
}

#[test]
#[ignore = "needs a GPU"]
fn a_fold_stopped_on_a_gpu_goes_on_there() {
    let (_alone, gpu) = gpu();
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    let mut fold = Fold::new(&prepared);
    fold.device = gpu;
    let [whole, stopped] = ["whole", "stopped"].map(|dir| root.path().join(dir));
    fold.run(&whole).unwrap();
    fold.stop_after = Some(6);
    fold.run(&stopped).unwrap_err();
    (fold.stop_after, fold.resume) = (None, true);
    fold.run(&stopped).unwrap();
    assert_alike(&whole, &stopped);
}

#[test]
#[ignore = "needs a GPU"]
fn lower_precision_learns_the_easy_signal_too() {
    let (_alone, gpu) = gpu();
    let root = tempfile::tempdir().unwrap();
    let prepared = prepare(&root.path().join("set"), 10, 16);
    for precision in [Precision::Tf32, Precision::Bf16] {
        let mut fold = Fold::new(&prepared);
        fold.device = gpu;
        fold.recipe = Recipe {
            steps: 60,
            checkpoint_every: 20,
            validate_every: 20,
            augment: false,
            precision,
            ..fold.recipe
        };
        let result = fold.run(&root.path().join(format!("{precision:?}")));
        let result = result.unwrap();
        assert!(
            result.test_accuracy > 0.8 && !result.at_chance,
            "{precision:?}: {result:?}"
        );
    }
}
