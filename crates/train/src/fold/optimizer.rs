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
        let zeros = || -> Result<Vec<Tensor>, Error> {
            let zeros = parameters.iter().map(|(_, t)| Ok(t.f_zeros_like()?));
            zeros.collect()
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
        let rule = self.rule(learning_rate, step);
        tch::no_grad(|| {
            for (index, (_, parameter)) in network.parameters().into_iter().enumerate() {
                let gradients: Vec<&Tensor> = shares.iter().map(|share| &share[index]).collect();
                if !self.fused(index, parameter, &gradients, &rule) {
                    self.by_libtorch(index, parameter, &sum(&gradients)?, &rule)?;
                }
            }
            Ok(())
        })
    }

    fn rule(&self, learning_rate: f64, step: u64) -> Rule {
        let decay = learning_rate * self.weight_decay;
        match self.kind {
            OptimizerKind::Sgd => Rule::Sgd(Sgd {
                momentum: self.momentum,
                learning_rate,
                decay,
            }),
            OptimizerKind::Adamw => {
                let correction = |beta: f64| 1.0 - beta.powi(step.min(i32::MAX as u64) as i32);
                Rule::Adamw(Adamw {
                    rate: learning_rate / correction(BETAS.0),
                    spread: correction(BETAS.1).sqrt(),
                    keep: 1.0 - decay,
                })
            }
        }
    }

    /// The whole update in one pass over memory, if the tensors allow it: on the CPU they do.
    #[allow(unsafe_code)]
    fn fused(&self, index: usize, parameter: &Tensor, gradients: &[&Tensor], rule: &Rule) -> bool {
        let first = &self.first[index];
        match rule {
            Rule::Sgd(sgd) => {
                let update = |[p, v]: [&mut [f32]; 2], gradients: &[&[f32]]| {
                    for i in 0..p.len() {
                        sgd.update(&mut p[i], &mut v[i], summed(gradients, i));
                    }
                };
                // SAFETY: the closure captures numbers alone; the moments are this optimiser's own, and a step updates the
                // weights when no thread computes with them.
                unsafe { in_memory([parameter, first], gradients, update) }
            }
            Rule::Adamw(adamw) => {
                let moments = [parameter, first, &self.second[index]];
                let update = |[p, m, s]: [&mut [f32]; 3], gradients: &[&[f32]]| {
                    for i in 0..p.len() {
                        adamw.update(&mut p[i], &mut m[i], &mut s[i], summed(gradients, i));
                    }
                };
                // SAFETY: as above.
                unsafe { in_memory(moments, gradients, update) }
            }
        }
    }

    /// [`Sgd::update`] or [`Adamw::update`] by libtorch.
    fn by_libtorch(
        &self,
        index: usize,
        parameter: &Tensor,
        g: &Tensor,
        rule: &Rule,
    ) -> Result<(), Error> {
        let (mut p, mut first) = (parameter.shallow_clone(), self.first[index].shallow_clone());
        match rule {
            Rule::Sgd(sgd) => {
                let _ = first.f_mul_scalar_(sgd.momentum)?;
                let _ = first.f_sub_(&p.f_mul_scalar(sgd.decay)?)?;
                let _ = first.f_sub_(&g.f_mul_scalar(sgd.learning_rate)?)?;
                let _ = p.f_add_(&first)?;
            }
            Rule::Adamw(adamw) => {
                let mut second = self.second[index].shallow_clone();
                let _ = first.f_mul_scalar_(BETAS.0)?;
                let _ = first.f_add_(&g.f_mul_scalar(1.0 - BETAS.0)?)?;
                let _ = second.f_mul_scalar_(BETAS.1)?;
                let _ = second.f_add_(&g.f_square()?.f_mul_scalar_(1.0 - BETAS.1)?)?;
                let mut spread = second.f_sqrt()?;
                let _ = spread.f_div_scalar_(adamw.spread)?;
                let _ = spread.f_add_scalar_(EPSILON)?;
                let _ = p.f_mul_scalar_(adamw.keep)?;
                let _ = p.f_sub_(&first.f_div(&spread)?.f_mul_scalar_(adamw.rate)?)?;
            }
        }
        Ok(())
    }

    /// The moments by name: `first.conv1.weight` …, shaped as the parameters.
    pub fn tensors(&self) -> Vec<(String, &Tensor)> {
        let first = self.names.iter().zip(&self.first);
        let second = self.names.iter().zip(&self.second);
        first
            .map(|(name, tensor)| (format!("first.{name}"), tensor))
            .chain(second.map(|(name, tensor)| (format!("second.{name}"), tensor)))
            .collect()
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
enum Rule {
    Sgd(Sgd),
    Adamw(Adamw),
}

struct Sgd {
    momentum: f64,
    learning_rate: f64,
    /// Weight decay times learning rate.
    decay: f64,
}

impl Sgd {
    /// v ← μ·v − decay·lr·p − lr·g; p ← p + v (the authors' code).
    #[inline(always)]
    fn update(&self, p: &mut f32, v: &mut f32, g: f32) {
        *v = *v * self.momentum as f32 - *p * self.decay as f32 - g * self.learning_rate as f32;
        *p += *v;
    }
}

struct Adamw {
    /// Learning rate over the first moment's bias correction.
    rate: f64,
    /// Root of the second moment's bias correction.
    spread: f64,
    /// Share of a weight that decay leaves.
    keep: f64,
}

impl Adamw {
    /// Loshchilov and Hutter 2019, algorithm 2: weight decay is decoupled from the gradient.
    #[inline(always)]
    fn update(&self, p: &mut f32, m: &mut f32, s: &mut f32, g: f32) {
        *m = *m * BETAS.0 as f32 + g * (1.0 - BETAS.0) as f32;
        *s = *s * BETAS.1 as f32 + g * g * (1.0 - BETAS.1) as f32;
        let spread = s.sqrt() / self.spread as f32 + EPSILON as f32;
        *p = *p * self.keep as f32 - *m / spread * self.rate as f32;
    }
}

/// Value `i` of all, added in their order.
#[inline(always)]
fn summed(gradients: &[&[f32]], i: usize) -> f32 {
    gradients[1..]
        .iter()
        .fold(gradients[0][i], |sum, g| sum + g[i])
}

/// The gradients added in their order.
fn sum(gradients: &[&Tensor]) -> Result<Tensor, Error> {
    let mut all = gradients.iter();
    let first = all.next().map(|g| g.shallow_clone()).unwrap_or_default();
    Ok(all.try_fold(first, |sum, g| sum.f_add(g))?)
}
