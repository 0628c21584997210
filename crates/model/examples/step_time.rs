//! Times one training step: `cargo run --release -p faus-model --example step_time -- SIDE IMAGES`.

use std::time::Instant;

use faus_model::{InputSpec, Network, Plan, TrainBatch, ZeroBiasCnn};
use tch::{Device, Kind, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<i64>());
    let side = arguments.next().transpose()?.unwrap_or(48);
    let images = arguments.next().transpose()?.unwrap_or(32);
    tch::set_num_threads(1);
    let spec = InputSpec {
        side: side as usize,
        classes: 8,
        dropout: 0.5,
    };
    let network = Network::build(&ZeroBiasCnn { k: Some(1.0) }, spec, 1, Device::Cpu)?;
    let batch = TrainBatch {
        images: Tensor::randn([images, 1, side, side], (Kind::Float, Device::Cpu)),
        labels: Tensor::arange(images, (Kind::Int64, Device::Cpu)).remainder(8),
        dropout_seeds: (0..images as u64).collect(),
        dropout_masks: vec![],
        weight: 1.0 / images as f64,
    };
    for (method, kernels) in [("Autograd", false), ("Winograd", true)] {
        let times: Vec<f64> = (0..6)
            .map(|_| {
                let start = Instant::now();
                let plan = match kernels {
                    true => network.plan()?,
                    false => Plan::default(),
                };
                let step = network.loss_and_gradients(&batch, &plan);
                step.map(|_| start.elapsed().as_secs_f64())
            })
            .collect::<Result<_, _>>()?;
        println!(
            "{method}: {:.1} ms for {images} images on one thread",
            1e3 * times.into_iter().fold(f64::MAX, f64::min)
        );
    }
    Ok(())
}
