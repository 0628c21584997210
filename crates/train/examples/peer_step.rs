//! The training step beside PyTorch's, for `benches/peers/train_pair.py`, which starts it:
//! `peer_step INPUT.safetensors OUTPUT.safetensors DROPOUT`.
//!
//! INPUT holds `images` `[n, 1, side, side]`, `labels` `[n]` (f32) and the weights by name. First ten steps of the paper's
//! recipe without dropout: their losses and the first step's gradients go to OUTPUT. Then, from the same weights under
//! dropout, for every number read from the standard input that many steps, and the images per second to the standard
//! output.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use faus_model::{
    GradientMethod, InputSpec, Network, Tally, TensorsByName, TrainBatch, ZeroBiasCnn,
    read_tensors, write_tensors,
};
use faus_train::{CheckedRecipe, Optimizer, Recipe, Workers};
use tch::{Device, Kind, Tensor};

/// Images that one thread learns from, as in `faus train`.
const SHARE: i64 = 16;

/// What was known before the update.
struct Step {
    loss: f64,
    /// Share by share, in parameter order.
    gradients: Vec<Vec<Tensor>>,
}

struct Training {
    images: Tensor,
    labels: Tensor,
    recipe: CheckedRecipe,
    network: Network,
    optimizer: Optimizer,
    workers: Workers,
    steps: u64,
}

impl Training {
    fn new(input: &TensorsByName, dropout: f64) -> Result<Self, Box<dyn Error>> {
        let tensor = |name: &str| input.get(name).ok_or(format!("no tensor {name}"));
        let images = tensor("images")?.shallow_clone();
        let spec = InputSpec {
            side: images.size()[2] as usize,
            classes: tensor("output.bias")?.numel(),
            dropout,
        };
        let network = Network::build(&ZeroBiasCnn::default(), spec, 0, Device::Cpu)?;
        for (name, _) in network.parameters() {
            network.set_parameter(&name, tensor(&name)?)?;
        }
        let recipe = Recipe {
            dropout,
            ..Recipe::default()
        }
        .check()?;
        Ok(Self {
            labels: tensor("labels")?.f_to_kind(Kind::Int64)?,
            images,
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
        let plan = self
            .network
            .plan(GradientMethod::fastest(self.network.device()))?;
        let jobs = (0..n)
            .step_by(SHARE as usize)
            .map(|first| {
                let count = SHARE.min(n - first);
                let batch = TrainBatch {
                    images: self.images.f_narrow(0, first, count)?,
                    labels: self.labels.f_narrow(0, first, count)?,
                    dropout_seeds: (first..first + count)
                        .map(|image| self.steps * n as u64 + image as u64)
                        .collect(),
                    dropout_masks: vec![],
                    weight: 1.0 / n as f64,
                };
                Ok((self.network.replica()?, batch))
            })
            .collect::<Result<Vec<_>, faus_model::Error>>()?;
        let shares = self.workers.map(jobs, |(network, batch)| {
            Ok(network.planned_loss_and_gradients(&batch, &plan)?)
        })?;
        let gradients: Vec<&[Tensor]> = shares.iter().map(|s| &s.gradients[..]).collect();
        let rate = self.recipe.learning_rate_at(self.steps);
        self.optimizer
            .step(&self.network, &gradients, rate, self.steps)?;
        let tallies = Tally::read(shares.iter().map(|share| &share.tally))?;
        let loss = tallies.iter().map(|(loss, _)| loss).sum();
        Ok(Step {
            loss,
            gradients: shares.into_iter().map(|s| s.gradients).collect(),
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, dropout] = &arguments[..] else {
        return Err("usage: peer_step INPUT.safetensors OUTPUT.safetensors DROPOUT".into());
    };
    let (input, _) = read_tensors(Path::new(input))?;
    let mut training = Training::new(&input, 0.0)?;
    let (mut losses, mut gradients) = (Vec::new(), Vec::new());
    for step in 0..10 {
        let done = training.step()?;
        losses.push(done.loss as f32);
        if step == 0 {
            gradients = done.gradients;
        }
    }
    let losses = Tensor::f_from_slice(&losses)?;
    let gradients = (0..training.network.parameters().len())
        .map(|parameter| {
            let of_shares: Vec<&Tensor> = gradients.iter().map(|share| &share[parameter]).collect();
            Ok(Tensor::f_stack(&of_shares, 0)?.f_sum_dim_intlist(0, false, Kind::Float)?)
        })
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let named = training.network.parameters().into_iter();
    let mut found: Vec<(String, &Tensor)> = named.map(|(name, _)| name).zip(&gradients).collect();
    found.push(("losses".to_owned(), &losses));
    write_tensors(&found, HashMap::new(), Path::new(output))?;

    let mut training = Training::new(&input, dropout.parse()?)?;
    training.step()?;
    println!("ready");
    for line in std::io::stdin().lines() {
        let steps: u64 = line?.trim().parse()?;
        let start = Instant::now();
        for _ in 0..steps {
            training.step()?;
        }
        let images = steps as f64 * training.images.size()[0] as f64;
        println!("{}", images / start.elapsed().as_secs_f64());
    }
    Ok(())
}
