//! Carries units of a graph's layer back to the image, node by node.

use tch::{Kind, Tensor};

use crate::error::Error;
use crate::graph::{Graph, Node, Values};

/// A forward pass up to a layer, with all its values.
#[derive(Debug)]
pub struct GraphTrace<'a> {
    graph: &'a Graph,
    values: Values,
    node: usize,
    output: Tensor,
}

impl Graph {
    /// Runs `[N, 1, side, side]` images up to layer `layer`.
    ///
    /// # Errors
    /// When the layer does not exist or the images do not fit.
    pub fn trace(&self, images: &Tensor, layer: usize) -> Result<GraphTrace<'_>, Error> {
        let node = self.layer(layer)?.node;
        let mut values = self.begin(images)?;
        self.run(&mut values, 0..node + 1, false)?;
        Ok(GraphTrace {
            graph: self,
            output: self.outputs_of(&values, layer)?,
            values,
            node,
        })
    }
}

impl GraphTrace<'_> {
    /// The layer's outputs, `[N, filters, rows, columns]` or `[N, units]`.
    pub fn output(&self) -> &Tensor {
        &self.output
    }

    /// The values that the layer rectifies; its outputs where it is no ReLU.
    pub fn before_relu(&self) -> &Tensor {
        let node = self.graph.plan.nodes.get(self.node);
        let input = node.filter(|node| node.op.is_relu());
        let input = input.and_then(|node| *node.inputs.first()?);
        let value = input.and_then(|at| self.values.get(at)?.as_ref());
        value.unwrap_or(&self.output)
    }

    /// Carries `seed`, of the outputs' shape, back to the images. `rule(backward, forward)` acts at every ReLU; all other
    /// nodes pass their derivative, so pooling passes to its winners and a sum to all its terms.
    ///
    /// # Errors
    /// When libtorch fails.
    pub fn back(
        &self,
        seed: Tensor,
        rule: impl Fn(&Tensor, &Tensor) -> Result<Tensor, Error>,
    ) -> Result<Tensor, Error> {
        let plan = &self.graph.plan;
        let mut gradients: Values = Vec::new();
        gradients.resize_with(self.values.len(), || None);
        let nodes = plan.nodes.get(..=self.node).unwrap_or_default();
        if let Some(node) = nodes.last() {
            add(&mut gradients, node.output, seed)?;
        }
        for node in nodes.iter().rev() {
            let Some(gradient) = gradients.get_mut(node.output).and_then(Option::take) else {
                continue;
            };
            match (
                node.op.is_relu(),
                self.values.get(node.output),
                node.inputs.first(),
            ) {
                (true, Some(Some(forward)), Some(Some(input))) => {
                    add(&mut gradients, *input, rule(&gradient, forward)?)?
                }
                _ => {
                    for (input, gradient) in self.derivative(node, &gradient)? {
                        add(&mut gradients, input, gradient)?;
                    }
                }
            }
        }
        let image = gradients.get_mut(plan.image).and_then(Option::take);
        let image = image.ok_or_else(|| Error::no_feature_map(self.node))?;
        let image = if plan.channels_last {
            image.f_permute([0, 3, 1, 2])?
        } else {
            image
        };
        let scaled = image.f_mul(&self.graph.factor)?;
        Ok(scaled.f_sum_dim_intlist([1_i64].as_slice(), true, Kind::Float)?)
    }

    /// The gradient of each input of `node` that depends on the image, from that of its output.
    fn derivative(&self, node: &Node, gradient: &Tensor) -> Result<Vec<(usize, Tensor)>, Error> {
        let active = |at: usize| self.graph.plan.active.get(at) == Some(&true);
        let mut inputs = self.graph.inputs(node, &self.values);
        let mut leaves = Vec::new();
        for (&slot, value) in node.inputs.iter().zip(&inputs.0) {
            if let (Some(slot), Some(value)) = (slot.filter(|slot| active(*slot)), value) {
                leaves.push((slot, value.f_detach()?.set_requires_grad(true)));
            }
        }
        // A value that is used twice by one node, as in x · x, has two leaves.
        let mut of_leaf = leaves.iter();
        for (slot, value) in node.inputs.iter().zip(inputs.0.iter_mut()) {
            if slot.is_some_and(active) && value.is_some() {
                *value = of_leaf.next().map(|(_, leaf)| leaf);
            }
        }
        let wanted: Vec<&Tensor> = leaves.iter().map(|(_, leaf)| leaf).collect();
        let gradients = tch::with_grad(|| {
            let output = node.op.apply(&inputs)?;
            Tensor::f_run_backward(
                &[output.f_mul(gradient)?.f_sum(Kind::Float)?],
                &wanted,
                false,
                false,
            )
        })?;
        let slots = leaves.iter().map(|(slot, _)| *slot);
        Ok(slots.zip(gradients).collect())
    }
}

/// Adds to the gradient of a value, which several nodes may use.
fn add(gradients: &mut Values, at: usize, gradient: Tensor) -> Result<(), Error> {
    if let Some(slot) = gradients.get_mut(at) {
        *slot = Some(match slot.take() {
            Some(before) => before.f_add(&gradient)?,
            None => gradient,
        });
    }
    Ok(())
}
