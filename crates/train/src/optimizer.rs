use std::collections::BTreeMap;

use faus_model::Network;
use tch::Tensor;

use crate::{CheckedRecipe, Error, OptimizerKind};

const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// The update rule and what it remembers of earlier steps, one or two tensors a parameter.
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
    /// The recipe's rule for this network's parameters, with nothing remembered.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn new(recipe: &CheckedRecipe, network: &Network) -> Result<Self, Error> {
        let parameters = network.parameters();
        let zeros = || {
            parameters
                .iter()
                .map(|(_, t)| Ok(t.f_zeros_like()?))
                .collect::<Result<Vec<_>, Error>>()
        };
        Ok(Self {
            kind: recipe.optimizer,
            momentum: recipe.momentum,
            weight_decay: recipe.weight_decay,
            names: parameters.iter().map(|(n, _)| n.clone()).collect(),
            first: zeros()?,
            second: if recipe.optimizer == OptimizerKind::Adamw {
                zeros()?
            } else {
                vec![]
            },
        })
    }

    /// Changes the network's weights by one step; `gradients` are in parameter order, `step` counts from 1.
    ///
    /// # Errors
    /// When shapes or devices do not fit.
    pub fn step(
        &mut self,
        network: &Network,
        gradients: &[Tensor],
        learning_rate: f64,
        step: u64,
    ) -> Result<(), Error> {
        tch::no_grad(|| {
            for (index, ((_, parameter), gradient)) in
                network.parameters().into_iter().zip(gradients).enumerate()
            {
                let mut parameter = parameter.shallow_clone();
                match self.kind {
                    OptimizerKind::Sgd => {
                        self.sgd(index, &mut parameter, gradient, learning_rate)?
                    }
                    OptimizerKind::Adamw => {
                        self.adamw(index, &mut parameter, gradient, learning_rate, step)?
                    }
                }
            }
            Ok(())
        })
    }

    /// v ← μ·v − decay·lr·p − lr·g; p ← p + v (the authors' code).
    fn sgd(
        &mut self,
        index: usize,
        parameter: &mut Tensor,
        gradient: &Tensor,
        learning_rate: f64,
    ) -> Result<(), Error> {
        let velocity = &mut self.first[index];
        let _ = velocity.f_mul_scalar_(self.momentum)?;
        let _ = velocity.f_sub_(&parameter.f_mul_scalar(self.weight_decay * learning_rate)?)?;
        let _ = velocity.f_sub_(&gradient.f_mul_scalar(learning_rate)?)?;
        let _ = parameter.f_add_(velocity)?;
        Ok(())
    }

    /// Loshchilov and Hutter 2019, algorithm 2: decay is apart from the gradient.
    fn adamw(
        &mut self,
        index: usize,
        parameter: &mut Tensor,
        gradient: &Tensor,
        learning_rate: f64,
        step: u64,
    ) -> Result<(), Error> {
        let (first, second) = (&mut self.first[index], &mut self.second[index]);
        let _ = first.f_mul_scalar_(BETAS.0)?;
        let _ = first.f_add_(&gradient.f_mul_scalar(1.0 - BETAS.0)?)?;
        let _ = second.f_mul_scalar_(BETAS.1)?;
        let _ = second.f_add_(&gradient.f_square()?.f_mul_scalar_(1.0 - BETAS.1)?)?;
        let correction = |beta: f64| 1.0 - beta.powi(step.min(i32::MAX as u64) as i32);
        let mut spread = second.f_sqrt()?;
        let _ = spread.f_div_scalar_(correction(BETAS.1).sqrt())?;
        let _ = spread.f_add_scalar_(EPSILON)?;
        let _ = parameter.f_mul_scalar_(1.0 - learning_rate * self.weight_decay)?;
        let _ = parameter.f_sub_(
            &first
                .f_div(&spread)?
                .f_mul_scalar_(learning_rate / correction(BETAS.0))?,
        )?;
        Ok(())
    }

    /// What is remembered, by name: `first.conv1.weight` …, shaped as the parameters.
    pub fn tensors(&self) -> Vec<(String, &Tensor)> {
        let named = |prefix: &'static str, tensors: &'_ [Tensor]| -> Vec<String> {
            self.names
                .iter()
                .take(tensors.len())
                .map(|n| format!("{prefix}.{n}"))
                .collect()
        };
        let names = named("first", &self.first)
            .into_iter()
            .chain(named("second", &self.second));
        names.zip(self.first.iter().chain(&self.second)).collect()
    }

    /// Takes over what [`Optimizer::tensors`] gave; the error names what is missing or does not fit.
    pub(crate) fn restore(&mut self, tensors: &BTreeMap<String, Tensor>) -> Result<(), String> {
        for (name, target) in self.tensors() {
            let values = tensors.get(&name).filter(|v| v.size() == target.size());
            let values = values.ok_or_else(|| format!("no fitting tensor `{name}`"))?;
            tch::no_grad(|| target.shallow_clone().f_copy_(values)).map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}
