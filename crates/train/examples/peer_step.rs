//! The training step beside PyTorch's, for `benches/peers/train_pair.py`, which starts it:
//! `peer_step INPUT.safetensors OUTPUT.safetensors DROPOUT [DEVICE [PRECISION]]`, by default on the CPU in float32.
//!
//! INPUT holds `images` `[n, 1, side, side]`, `labels` `[n]` (f32) and the weights by name. First ten steps of the paper's
//! recipe without dropout: their losses, the first step's gradients and the logits before it go to OUTPUT. Then, from the
//! same weights under dropout, for every number read from the standard input that many steps, and the images per second to
//! the standard output.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use faus_model::{
    DeviceChoice, InputSpec, Network, Precision, Tally, TensorsByName, TrainBatch, ZeroBiasCnn,
    read_tensors, write_tensors,
};
use faus_train::{CheckedRecipe, Optimizer, Recipe, Workers};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// Images that one thread trains on, as in `faus train`.
const SHARE: i64 = 16;
/// Steps whose dropout masks are drawn ahead for a GPU, as in `faus train`.
const AHEAD: usize = 3;

type Masks = Result<Vec<Tensor>, faus_model::Error>;

/// Results from before the update.
struct Step {
    tallies: Vec<Tally>,
    /// Share by share, in parameter order.
    gradients: Vec<Vec<Tensor>>,
}

struct Training {
    images: Tensor,
    labels: Tensor,
    device: Device,
    recipe: CheckedRecipe,
    network: Network,
    optimizer: Optimizer,
    workers: Workers,
    /// Dropout masks of the coming steps, if another thread draws them.
    masks: Option<Receiver<Masks>>,
    steps: u64,
}

/// A seed for each of `n` images of a step.
fn seeds(step: u64, n: i64) -> Vec<u64> {
    let n = n as u64;
    (0..n).map(|image| step * n + image).collect()
}

impl Training {
    fn new(
        input: &TensorsByName,
        dropout: f64,
        device: Device,
        precision: Precision,
    ) -> Result<Self, Box<dyn Error>> {
        let tensor = |name: &str| input.get(name).ok_or(format!("no tensor {name}"));
        let images = tensor("images")?.f_to_device(device)?;
        let spec = InputSpec {
            side: images.size()[2] as usize,
            classes: tensor("output.bias")?.numel(),
            dropout,
        };
        let network = Network::build(&ZeroBiasCnn::default(), spec, 0, device)?;
        for (name, _) in network.parameters() {
            network.set_parameter(&name, tensor(&name)?)?;
        }
        precision.set_up(device)?;
        let recipe = Recipe {
            dropout,
            precision,
            ..Recipe::default()
        }
        .check()?;
        let drawn_ahead = device.is_cuda() && dropout > 0.0;
        Ok(Self {
            labels: tensor("labels")?
                .f_to_kind(Kind::Int64)?
                .f_to_device(device)?,
            masks: drawn_ahead
                .then(|| masks_ahead(&network, images.size()[0]))
                .transpose()?,
            images,
            device,
            optimizer: Optimizer::new(&recipe, &network)?,
            recipe,
            network,
            workers: Workers::new(0)?,
            steps: 0,
        })
    }

    fn step(&mut self) -> Result<Step, Box<dyn Error>> {
        self.steps += 1;
        let n = self.images.size()[0];
        let plan = self.network.plan()?;
        let mut masks = match &self.masks {
            Some(masks) => masks.recv()??,
            None => vec![],
        };
        let share = if self.device.is_cuda() { n } else { SHARE };
        let seeds = seeds(self.steps, n);
        let jobs = (0..n)
            .step_by(share as usize)
            .map(|first| {
                let count = share.min(n - first);
                let batch = TrainBatch {
                    images: self.images.f_narrow(0, first, count)?,
                    labels: self.labels.f_narrow(0, first, count)?,
                    dropout_seeds: seeds[first as usize..][..count as usize].to_vec(),
                    dropout_masks: std::mem::take(&mut masks),
                    weight: 1.0 / n as f64,
                };
                Ok((self.network.replica()?, batch))
            })
            .collect::<Result<Vec<_>, faus_model::Error>>()?;
        let (device, precision) = (self.device, self.recipe.precision);
        let shares = self.workers.map(device, jobs, |(network, batch)| {
            precision.run(device, || Ok(network.loss_and_gradients(&batch, &plan)?))
        })?;
        let gradients: Vec<&[Tensor]> = shares.iter().map(|s| &s.gradients[..]).collect();
        let rate = self.recipe.learning_rate_at(self.steps);
        self.optimizer
            .step(&self.network, &gradients, rate, self.steps)?;
        let (tallies, gradients) = shares.into_iter().map(|s| (s.tally, s.gradients)).unzip();
        Ok(Step { tallies, gradients })
    }
}

/// Draws the masks step by step in another thread and sends them to the network's device.
fn masks_ahead(network: &Network, n: i64) -> Result<Receiver<Masks>, Box<dyn Error>> {
    let (layers, device) = (network.dropout_layers()?, network.device());
    let (sender, receiver) = sync_channel(AHEAD);
    std::thread::spawn(move || {
        for step in 1.. {
            let seeds = seeds(step, n);
            let masks = layers.iter().map(|layer| {
                let mask = layer.mask(&seeds)?.f_internal_pin_memory(device)?;
                Ok(mask.f_to_device_(device, Kind::Float, true, false)?)
            });
            if sender.send(masks.collect()).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Loss of a step; waits for the device.
fn loss(step: &Step) -> Result<f64, Box<dyn Error>> {
    let tallies = Tally::read(&step.tallies)?;
    Ok(tallies.iter().map(|(loss, _)| loss).sum())
}

/// Ten steps without dropout, on which both sides must agree.
fn check(mut training: Training, output: &Path) -> Result<(), Box<dyn Error>> {
    let (network, device) = (&training.network, training.device);
    let plan = network.plan()?;
    let logits = training
        .recipe
        .precision
        .run(device, || network.planned_logits(&training.images, &plan))?;
    let logits = logits
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)?
        .f_contiguous()?;
    let (mut losses, mut gradients) = (Vec::new(), Vec::new());
    for step in 0..10 {
        let done = training.step()?;
        losses.push(loss(&done)? as f32);
        if step == 0 {
            gradients = done.gradients;
        }
    }
    let losses = Tensor::f_from_slice(&losses)?;
    let gradients = (0..training.network.parameters().len())
        .map(|parameter| {
            let of_shares: Vec<&Tensor> = gradients.iter().map(|share| &share[parameter]).collect();
            let all = Tensor::f_stack(&of_shares, 0)?;
            Ok(all
                .f_sum_dim_intlist(0, false, Kind::Float)?
                .f_to_device(Device::Cpu)?)
        })
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let named = training.network.parameters().into_iter();
    let mut found: Vec<(String, &Tensor)> = named.map(|(name, _)| name).zip(&gradients).collect();
    found.push(("losses".to_owned(), &losses));
    found.push(("logits".to_owned(), &logits));
    Ok(write_tensors(&found, HashMap::new(), output)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, dropout, more @ ..] = &arguments[..] else {
        return Err(
            "usage: peer_step INPUT.safetensors OUTPUT.safetensors DROPOUT [DEVICE [PRECISION]]"
                .into(),
        );
    };
    let device: DeviceChoice = more.first().map_or("cpu", String::as_str).parse()?;
    let device = device.resolve()?;
    let precision = more.get(1).map_or("float32", String::as_str);
    let precision: Precision = serde_json::from_value(Value::from(precision))?;
    let (input, _) = read_tensors(Path::new(input))?;
    check(
        Training::new(&input, 0.0, device, precision)?,
        Path::new(output),
    )?;

    let mut training = Training::new(&input, dropout.parse()?, device, precision)?;
    loss(&training.step()?)?;
    println!("ready");
    for line in std::io::stdin().lines() {
        let steps: u64 = line?.trim().parse()?;
        let start = Instant::now();
        let mut last = None;
        for _ in 0..steps {
            last = Some(training.step()?);
        }
        last.as_ref().map(loss).transpose()?;
        let images = steps as f64 * training.images.size()[0] as f64;
        println!("{}", images / start.elapsed().as_secs_f64());
    }
    Ok(())
}
