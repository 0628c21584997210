//! The update rules: SGD with momentum and AdamW.

use std::collections::BTreeMap;

use faus_model::{Network, in_memory};
use tch::Tensor;

use crate::error::Error;
use crate::recipe::check::CheckedRecipe;
use crate::recipe::settings::OptimizerKind;

const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// The update rule and its moments, one or two tensors a parameter.
#[derive(Debug)]
pub struct Optimizer {
    kind: OptimizerKind,
    momentum: f64,
    weight_decay: f64,
    names: Vec<String>,
    /// Velocity (SGD) or first moment (AdamW), in parameter order.
    first: Vec<Tensor>,
    /// Second moment; empty for SGD.
    second: Vec<Tensor>,
}

impl Optimizer {
    /// The recipe's rule for this network's parameters, with moments of zero.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn new(recipe: &CheckedRecipe, network: &Network) -> Result<Self, Error> {
        let parameters = network.parameters();
        let zeros = || {
            let zeros = parameters.iter().map(|(_, t)| t.f_zeros_like());
            zeros.collect::<Result<Vec<Tensor>, _>>()
        };
        Ok(Self {
            kind: recipe.optimizer,
            momentum: recipe.momentum,
            weight_decay: recipe.weight_decay,
            names: parameters.iter().map(|(n, _)| n.clone()).collect(),
            first: zeros()?,
            second: match recipe.optimizer {
                OptimizerKind::Adamw => zeros()?,
                OptimizerKind::Sgd => vec![],
            },
        })
    }

    /// Updates the network's weights by step number `step`, counted from 1. `shares` are the gradients of the parts of
    /// a batch, each in parameter order; they are added in their order.
    ///
    /// # Errors
    /// When shapes or devices do not fit.
    pub fn step(
        &mut self,
        network: &Network,
        shares: &[&[Tensor]],
        learning_rate: f64,
        step: u64,
    ) -> Result<(), Error> {
        let numbers = self.numbers(learning_rate, step);
        tch::no_grad(|| {
            for (index, (_, parameter)) in network.parameters().into_iter().enumerate() {
                let gradients: Vec<&Tensor> = shares.iter().map(|share| &share[index]).collect();
                if !self.fused(index, parameter, &gradients, &numbers) {
                    self.by_libtorch(index, parameter, &sum(&gradients)?, &numbers)?;
                }
            }
            Ok(())
        })
    }

    fn numbers(&self, learning_rate: f64, step: u64) -> Numbers {
        let correction = |beta: f64| match self.kind {
            OptimizerKind::Sgd => 1.0,
            OptimizerKind::Adamw => 1.0 - beta.powi(step.min(i32::MAX as u64) as i32),
        };
        Numbers {
            rate: learning_rate / correction(BETAS.0),
            decay: learning_rate * self.weight_decay,
            spread: correction(BETAS.1).sqrt(),
        }
    }

    /// The whole update in one pass over memory, if the tensors allow it: on the CPU they do.
    #[allow(unsafe_code)]
    fn fused(&self, index: usize, parameter: &Tensor, gradients: &[&Tensor], n: &Numbers) -> bool {
        let first = &self.first[index];
        match self.kind {
            OptimizerKind::Sgd => {
                let momentum = self.momentum as f32;
                let (decay, rate) = (n.decay as f32, n.rate as f32);
                // v ← μ·v − decay·lr·p − lr·g; p ← p + v (the authors' code).
                let update = |[p, v]: [&mut [f32]; 2], gradients: &[&[f32]]| {
                    for i in 0..p.len() {
                        v[i] = v[i] * momentum - p[i] * decay - summed(gradients, i) * rate;
                        p[i] += v[i];
                    }
                };
                // SAFETY: the closure captures numbers alone; the moments are this optimiser's own, and a step updates the
                // weights when no thread computes with them.
                unsafe { in_memory([parameter, first], gradients, update) }
            }
            OptimizerKind::Adamw => {
                let moments = [parameter, first, &self.second[index]];
                let [b1, b2] = [BETAS.0, BETAS.1].map(|beta| (beta as f32, (1.0 - beta) as f32));
                let (keep, rate, spread) = ((1.0 - n.decay) as f32, n.rate as f32, n.spread as f32);
                // Loshchilov and Hutter 2019, algorithm 2: weight decay is decoupled from the gradient.
                let update = |[p, m, s]: [&mut [f32]; 3], gradients: &[&[f32]]| {
                    for i in 0..p.len() {
                        let g = summed(gradients, i);
                        m[i] = m[i] * b1.0 + g * b1.1;
                        s[i] = s[i] * b2.0 + g * g * b2.1;
                        p[i] = p[i] * keep - m[i] / (s[i].sqrt() / spread + EPSILON as f32) * rate;
                    }
                };
                // SAFETY: as above.
                unsafe { in_memory(moments, gradients, update) }
            }
        }
    }

    /// The update of [`Optimizer::fused`] by libtorch.
    fn by_libtorch(&self, index: usize, p: &Tensor, g: &Tensor, n: &Numbers) -> Result<(), Error> {
        let (mut p, mut first) = (p.shallow_clone(), self.first[index].shallow_clone());
        match self.kind {
            OptimizerKind::Sgd => {
                let _ = first.f_mul_scalar_(self.momentum)?;
                let _ = first.f_sub_(&p.f_mul_scalar(n.decay)?)?;
                let _ = first.f_sub_(&g.f_mul_scalar(n.rate)?)?;
                let _ = p.f_add_(&first)?;
            }
            OptimizerKind::Adamw => {
                let mut second = self.second[index].shallow_clone();
                let _ = first.f_mul_scalar_(BETAS.0)?;
                let _ = first.f_add_(&g.f_mul_scalar(1.0 - BETAS.0)?)?;
                let _ = second.f_mul_scalar_(BETAS.1)?;
                let _ = second.f_add_(&g.f_square()?.f_mul_scalar_(1.0 - BETAS.1)?)?;
                let mut spread = second.f_sqrt()?;
                let _ = spread.f_div_scalar_(n.spread)?;
                let _ = spread.f_add_scalar_(EPSILON)?;
                let _ = p.f_mul_scalar_(1.0 - n.decay)?;
                let _ = p.f_sub_(&first.f_div(&spread)?.f_mul_scalar_(n.rate)?)?;
            }
        }
        Ok(())
    }

    /// The moments by name: `first.conv1.weight` …, shaped as the parameters.
    pub fn tensors(&self) -> Vec<(String, &Tensor)> {
        let moments = [("first", &self.first), ("second", &self.second)];
        let named = moments.into_iter().flat_map(|(moment, tensors)| {
            let named = self.names.iter().zip(tensors);
            named.map(move |(name, tensor)| (format!("{moment}.{name}"), tensor))
        });
        named.collect()
    }

    /// Restores the moments of [`Optimizer::tensors`]; the error names the missing or mismatched tensor.
    pub(crate) fn restore(&mut self, tensors: &BTreeMap<String, Tensor>) -> Result<(), String> {
        for (name, target) in self.tensors() {
            let values = tensors.get(&name).filter(|v| v.size() == target.size());
            let values = values.ok_or_else(|| format!("no fitting tensor `{name}`"))?;
            tch::no_grad(|| target.shallow_clone().f_copy_(values)).map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

/// The numbers of one step.
struct Numbers {
    /// Learning rate; for AdamW over the first moment's bias correction.
    rate: f64,
    /// Weight decay times learning rate.
    decay: f64,
    /// Root of the second moment's bias correction.
    spread: f64,
}

/// Value `i` of all, added in their order.
#[inline(always)]
fn summed(gradients: &[&[f32]], i: usize) -> f32 {
    let rest = gradients[1..].iter();
    rest.fold(gradients[0][i], |sum, g| sum + g[i])
}

/// The gradients added in their order.
fn sum(gradients: &[&Tensor]) -> Result<Tensor, Error> {
    let mut all = gradients.iter();
    let first = all.next().map(|g| g.shallow_clone()).unwrap_or_default();
    Ok(all.try_fold(first, |sum, g| sum.f_add(g))?)
}
